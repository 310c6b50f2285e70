#include "clock.h"

#include <avr/interrupt.h>
#include <util/atomic.h>

#include "pins.h"

/* Timer 2 at 500 kHz: its overflow, each 512 us, ends the sleep of the main loop, too. */
static volatile uint32_t overflows;

ISR(TIMER2_OVF_vect) { overflows++; }

void clock_init(void) {
    TCCR2B = BIT(CS21) | BIT(CS20);
    TIMSK2 = BIT(TOIE2);
}

uint32_t clock_us(void) {
    uint32_t high = 0U;
    uint8_t low = 0U;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        low = TCNT2;
        high = overflows;
        if ((TIFR2 & BIT(TOV2)) != 0U && low < 0x80U) {
            high++; /* wrapped, and its interrupt still waits */
        }
    }
    return (high << 9U) + ((uint32_t)low << 1U);
}
