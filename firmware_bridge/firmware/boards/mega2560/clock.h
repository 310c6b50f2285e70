/* Microseconds since power-up by timer 3, and a 1 kHz interrupt by timer 0 that ends the sleep of the main loop. */
#ifndef AMR_MEGA2560_CLOCK_H
#define AMR_MEGA2560_CLOCK_H

#include <stdint.h>

void clock_init(void);

/* Wraps after 71.6 min. */
uint32_t clock_us(void);

#endif
