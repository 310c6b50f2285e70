/* Bytes on a line in the order of their time; each has the cycle at which it is there. */
#ifndef AMR_EMULATOR_BYTE_QUEUE_H
#define AMR_EMULATOR_BYTE_QUEUE_H

#include <stdint.h>

#include "sim_avr_types.h"

#define QUEUE_BYTES 65536U

typedef struct {
    uint8_t bytes[QUEUE_BYTES];
    avr_cycle_count_t at[QUEUE_BYTES];
    uint32_t first;
    uint32_t used;
} byte_queue;

/* Ends the process when the queue is full. */
void byte_queue_put(byte_queue *queue, uint8_t byte, avr_cycle_count_t at);

/* When the first byte is there; NEVER if there is none. */
avr_cycle_count_t byte_queue_next(const byte_queue *queue);

/* The first byte; the caller knows that there is one. */
uint8_t byte_queue_take(byte_queue *queue);

/* Forgets the bytes that are there before that cycle, or after it. */
void byte_queue_drop_before(byte_queue *queue, avr_cycle_count_t cycle);
void byte_queue_drop_after(byte_queue *queue, avr_cycle_count_t cycle);

#endif
