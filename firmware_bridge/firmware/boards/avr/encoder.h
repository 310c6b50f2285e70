/* Two quadrature encoders, 4x decoded in pin interrupts. */
#ifndef AMR_AVR_ENCODER_H
#define AMR_AVR_ENCODER_H

#include <stdint.h>

void encoder_init(void);

/* Running counts; to be called at least once in 32767 counts. */
void encoder_read(uint32_t *left_ticks, uint32_t *right_ticks);

#endif
