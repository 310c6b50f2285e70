/* Bytes that wait for the line. Telemetry may fill it only to a mark, so that there is room left for answers. */
#ifndef AMR_TX_RING_H
#define AMR_TX_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef TX_RING_CAPACITY
#define TX_RING_CAPACITY 512U /* a power of two; 44 ms of line at 115200 baud */
#endif
#define TX_RING_ANSWERS 160U /* kept free of telemetry: six answers of the largest kind */

typedef struct {
    uint8_t bytes[TX_RING_CAPACITY];
    uint16_t first;
    uint16_t used;
} tx_ring;

/* True when `count` more bytes fit, above the mark only for an answer. */
bool tx_ring_has_room(const tx_ring *ring, uint8_t count, bool is_answer);

/* The caller has asked for the room. */
void tx_ring_put(tx_ring *ring, const uint8_t *bytes, uint8_t count);

size_t tx_ring_take(tx_ring *ring, uint8_t *out, size_t capacity);

#endif
