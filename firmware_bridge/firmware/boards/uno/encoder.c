#include "encoder.h"

#include <avr/interrupt.h>

#include "pins.h"
#include "quadrature.h"

static inline uint8_t left_pins(void) { return (uint8_t)(PIND >> PD2) & 3U; }

static inline uint8_t right_pins(void) { return (uint8_t)(PIND >> PD4) & 3U; }

ISR(INT0_vect) { on_edge(&left, left_pins()); }
ISR(INT1_vect, ISR_ALIASOF(INT0_vect));
ISR(PCINT2_vect) { on_edge(&right, right_pins()); }

void encoder_init(void) {
    PORTD |= BIT(PD2) | BIT(PD3) | BIT(PD4) | BIT(PD5);
    left.pins = left_pins();
    right.pins = right_pins();
    EICRA = BIT(ISC00) | BIT(ISC10); /* any edge */
    EIFR = BIT(INTF0) | BIT(INTF1);
    EIMSK = BIT(INT0) | BIT(INT1);
    PCMSK2 = BIT(PCINT20) | BIT(PCINT21);
    PCIFR = BIT(PCIF2);
    PCICR = BIT(PCIE2);
}
