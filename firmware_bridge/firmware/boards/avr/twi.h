/* Two-wire bus, one transfer at a time, driven by its interrupt; nothing waits. */
#ifndef AMR_AVR_TWI_H
#define AMR_AVR_TWI_H

#include <stdint.h>

#define TWI_MAX_BYTES 16U

typedef enum { TWI_IDLE, TWI_BUSY, TWI_DONE, TWI_FAILED } twi_status;

/* Frees the bus when a slave holds it (a reset in the middle of a byte), then switches the unit on. Takes 0.1 ms at most. */
void twi_init(void);

/* Writes `out`, then reads `in_count` bytes. Only when no transfer is under way. */
void twi_start(uint8_t address, const uint8_t *out, uint8_t out_count, uint8_t in_count);

twi_status twi_poll(void);

/* Takes what was read after TWI_DONE; the unit is then idle. */
void twi_take(uint8_t *in, uint8_t count);

#endif
