/* The AVR with its firmware, and what simavr leaves out of it: time to enter an interrupt, sleep without waiting, noise in
 * RAM, settings that a reset must not forget. */
#ifndef AMR_EMULATOR_PROCESSOR_H
#define AMR_EMULATOR_PROCESSOR_H

#include <stdbool.h>

#include "boards.h"
#include "sim_avr.h"

typedef struct {
    avr_t *avr;
    const board *wiring;
    void (*core_reset)(avr_t *); /* simavr's */
    bool was_reset;              /* since `processor_settle` */
    uint32_t data_end;           /* the stack grows down to it */
    uint64_t asleep_cycles;      /* of `answer` */
    uint32_t stack_unused;       /* of `answer` */
} processor;

/* At power-up, with this count of boots in its EEPROM. Ends the process when the firmware cannot be loaded. The processor
 * must stay where it is in memory. */
void processor_load(processor *cpu, const board *wiring, const char *elf, uint32_t boots);

/* Settings of simavr; to be done after each reset. */
void processor_settle(processor *cpu);

/* Runs for a while: to the next timer, or less. Ends the process when the firmware has crashed. */
void processor_run(processor *cpu);

/* Starts anew, with this cause in MCUSR. */
void processor_restart(processor *cpu, uint8_t cause);

/* RAM after power-up holds anything. */
void processor_lose_memory(processor *cpu);

/* The main loop stands, interrupts go on. */
void processor_hang(processor *cpu);

#endif
