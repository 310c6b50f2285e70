/* What is wired to the pins of each board, as boards/<board>/pins.h says. Register addresses are those of the data space. */
#ifndef AMR_EMULATOR_BOARDS_H
#define AMR_EMULATOR_BOARDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char port;
    uint8_t bit;
    uint16_t address; /* of PORTx; DDRx is one below */
} pin;

/* One compare output of a 16-bit timer. */
typedef struct {
    uint16_t tccra; /* TCCRnB is one above */
    uint16_t icr;
    uint16_t ocr;
    uint8_t com_shift; /* of its COM bits in TCCRnA */
    pin output;
} pwm_output;

/* One side of the robot; as wired, see is_enabled in bridges.c.
 * BTS7960: `forward` and `reverse` input, both low = brake; enable low = coast.
 * TB6612: `forward` is its one PWM; direction inputs both high = brake, both low or standby low = coast. */
typedef struct {
    pin encoder_a;
    pin encoder_b;
    pin enable;
    pwm_output forward;
    pwm_output reverse;
    pin direction[2]; /* forward, reverse */
} motor_side;

typedef struct {
    const char *name;
    const char *mcu;
    bool is_tb6612;
    motor_side side[2]; /* left, right */
    pin estop;
    uint8_t external_interrupts; /* bit n = INTn is used */
    uint8_t interrupt_entry_cycles;
} board;

/* NULL if there is none of this name. */
const board *board_named(const char *name);

#endif
