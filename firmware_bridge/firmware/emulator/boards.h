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

/* One side of the robot; as wired, see is_enabled.
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

#define PORTA_AT 0x22U
#define PORTB_AT 0x25U
#define PORTC_AT 0x28U
#define PORTD_AT 0x2BU
#define PORTE_AT 0x2EU
#define PORTG_AT 0x34U
#define PORTH_AT 0x102U

static const board boards[] = {
    {"mega2560", "atmega2560", false,
     {{{'E', 4, PORTE_AT}, {'E', 5, PORTE_AT}, {'A', 0, PORTA_AT},
       {0x80, 0x86, 0x88, 6, {'B', 5, PORTB_AT}}, {0x80, 0x86, 0x8A, 4, {'B', 6, PORTB_AT}}},
      {{'D', 2, PORTD_AT}, {'D', 3, PORTD_AT}, {'A', 1, PORTA_AT},
       {0xA0, 0xA6, 0xA8, 6, {'H', 3, PORTH_AT}}, {0xA0, 0xA6, 0xAA, 4, {'H', 4, PORTH_AT}}}},
     {'G', 5, PORTG_AT}, 0x3C, 5},
    {"uno", "atmega328p", true,
     {{{'D', 2, PORTD_AT}, {'D', 3, PORTD_AT}, {'D', 6, PORTD_AT},
       {0x80, 0x86, 0x88, 6, {'B', 1, PORTB_AT}}, {0}, {{'D', 7, PORTD_AT}, {'B', 0, PORTB_AT}}},
      {{'D', 4, PORTD_AT}, {'D', 5, PORTD_AT}, {'D', 6, PORTD_AT},
       {0x80, 0x86, 0x8A, 4, {'B', 2, PORTB_AT}}, {0}, {{'B', 3, PORTB_AT}, {'B', 4, PORTB_AT}}}},
     {'C', 1, PORTC_AT}, 0x03, 4},
};

/* UART 0 */
#define UCSR0A_AT 0xC0U
#define UBRR0_AT 0xC4U
#define U2X_BIT 1U
#define MCUSR_AT 0x54U
#define SPL_AT 0x5DU

#endif
