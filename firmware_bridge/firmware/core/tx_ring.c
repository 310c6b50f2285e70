#include "tx_ring.h"

#define INDEX_MASK (TX_RING_CAPACITY - 1U)

bool tx_ring_has_room(const tx_ring *ring, uint8_t count, bool is_answer) {
    uint16_t capacity = is_answer ? TX_RING_CAPACITY : TX_RING_CAPACITY - TX_RING_ANSWERS;
    return (uint32_t)ring->used + count <= capacity;
}

void tx_ring_put(tx_ring *ring, const uint8_t *bytes, uint8_t count) {
    for (uint8_t i = 0U; i < count; i++) {
        ring->bytes[(ring->first + ring->used) & INDEX_MASK] = bytes[i];
        ring->used++;
    }
}

size_t tx_ring_take(tx_ring *ring, uint8_t *out, size_t capacity) {
    size_t taken = 0U;
    while (taken < capacity && ring->used > 0U) {
        out[taken++] = ring->bytes[ring->first];
        ring->first = (uint16_t)((ring->first + 1U) & INDEX_MASK);
        ring->used--;
    }
    return taken;
}
