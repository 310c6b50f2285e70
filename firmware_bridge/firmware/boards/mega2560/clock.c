#include "clock.h"

#include <avr/interrupt.h>
#include <util/atomic.h>

#include "pins.h"

static volatile uint32_t overflows; /* each 32.768 ms */

ISR(TIMER3_OVF_vect) { overflows++; }

EMPTY_INTERRUPT(TIMER0_COMPA_vect)

void clock_init(void) {
    TCCR3B = BIT(CS31); /* 2 MHz */
    TIMSK3 = BIT(TOIE3);
    OCR0A = 249U; /* 16 MHz / 64 / 250 = 1 kHz */
    TCCR0A = BIT(WGM01);
    TCCR0B = BIT(CS01) | BIT(CS00);
    TIMSK0 = BIT(OCIE0A);
}

uint32_t clock_us(void) {
    uint32_t high = 0U;
    uint16_t low = 0U;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        low = TCNT3;
        high = overflows;
        if ((TIFR3 & BIT(TOV3)) != 0U && low < 0x8000U) {
            high++; /* wrapped, and its interrupt still waits */
        }
    }
    return (high << 15U) + (low >> 1U);
}
