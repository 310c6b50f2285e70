/* Microseconds since power-up, and an interrupt at least once a millisecond that ends the sleep of the main loop. */
#ifndef AMR_AVR_CLOCK_H
#define AMR_AVR_CLOCK_H

#include <stdint.h>

void clock_init(void);

/* Wraps after 71.6 min. */
uint32_t clock_us(void);

#endif
