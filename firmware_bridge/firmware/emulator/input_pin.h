/* A pin that something outside the processor drives. */
#ifndef AMR_EMULATOR_INPUT_PIN_H
#define AMR_EMULATOR_INPUT_PIN_H

#include <stdbool.h>

#include "avr_ioport.h"
#include "boards.h"

typedef struct {
    avr_irq_t *irq;
    avr_ioport_t *port;
    uint8_t mask;
} input_pin;

/* Ends the process if the chip has no such pin. */
input_pin input_pin_of(avr_t *avr, const pin *where);

/* To be done after each reset: pin interrupts forward changes only, and a reset forgets the pins. */
void input_pin_connect(input_pin *input);

void input_pin_drive(input_pin *input, bool high);

#endif
