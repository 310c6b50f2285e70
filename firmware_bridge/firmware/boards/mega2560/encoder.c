#include "encoder.h"

#include <avr/interrupt.h>

#include "pins.h"
#include "quadrature.h"

static inline uint8_t left_pins(void) { return (uint8_t)(PINE >> PE4) & 3U; }

static inline uint8_t right_pins(void) { return (uint8_t)(PIND >> PD2) & 3U; }

ISR(INT4_vect) { on_edge(&left, left_pins()); }
ISR(INT5_vect, ISR_ALIASOF(INT4_vect));
ISR(INT2_vect) { on_edge(&right, right_pins()); }
ISR(INT3_vect, ISR_ALIASOF(INT2_vect));

void encoder_init(void) {
    PORTE |= BIT(PE4) | BIT(PE5);
    PORTD |= BIT(PD2) | BIT(PD3);
    left.pins = left_pins();
    right.pins = right_pins();
    EICRA = BIT(ISC20) | BIT(ISC30); /* any edge */
    EICRB = BIT(ISC40) | BIT(ISC50);
    EIFR = BIT(INTF2) | BIT(INTF3) | BIT(INTF4) | BIT(INTF5);
    EIMSK = BIT(INT2) | BIT(INT3) | BIT(INT4) | BIT(INT5);
}
