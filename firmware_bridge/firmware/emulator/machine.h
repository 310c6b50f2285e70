/* The board and all that is wired to it, in lockstep with the host: it runs from the time of one request to the next. */
#ifndef AMR_EMULATOR_MACHINE_H
#define AMR_EMULATOR_MACHINE_H

#include "boards.h"
#include "encoders.h"
#include "input_pin.h"
#include "mpu6050.h"
#include "processor.h"
#include "protocol.h"
#include "timing.h"
#include "uart_line.h"

/* A reset that holds the processor for a while. */
typedef struct {
    bool active;
    avr_cycle_count_t until;
    uint8_t cause; /* RESET_ */
} hold;

typedef struct {
    const board *wiring;
    processor cpu;
    uart_line line;
    encoders wheels;
    input_pin estop;
    avr_irq_t *battery;
    mpu6050 imu;
    request asked; /* the newest */
    stretch now;
    hold held;
    avr_cycle_count_t unsupplied_until; /* the bridges' logic has no 5 V */
    uint32_t watchdog_resets;
} machine;

/* At power-up; `all` is zero, and stays where it is in memory. Ends the process when the firmware cannot be loaded. */
void machine_build(machine *all, const board *wiring, const char *elf, uint32_t host_baud, uint32_t boots);

/* Its time comes after that of the request before, and its bytes are no more than fit. */
bool machine_can_serve(const machine *all, const request *asked);

/* Runs until the time of the request. `received`: the bytes that follow it. `sent`: room for QUEUE_BYTES bytes, those that
 * follow the answer. */
void machine_serve(machine *all, const request *asked, const uint8_t *received, answer *reply, uint8_t *sent);

#endif
