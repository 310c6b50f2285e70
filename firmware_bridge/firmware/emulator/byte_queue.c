#include "byte_queue.h"

#include "fail.h"
#include "timing.h"

void byte_queue_put(byte_queue *queue, uint8_t byte, avr_cycle_count_t at) {
    if (queue->used == QUEUE_BYTES) {
        fail("more bytes on the line than any line holds");
    }
    uint32_t index = (queue->first + queue->used++) % QUEUE_BYTES;
    queue->bytes[index] = byte;
    queue->at[index] = at;
}

avr_cycle_count_t byte_queue_next(const byte_queue *queue) { return queue->used > 0U ? queue->at[queue->first] : NEVER; }

uint8_t byte_queue_take(byte_queue *queue) {
    uint8_t byte = queue->bytes[queue->first];
    queue->first = (queue->first + 1U) % QUEUE_BYTES;
    queue->used--;
    return byte;
}

void byte_queue_drop_before(byte_queue *queue, avr_cycle_count_t cycle) {
    while (byte_queue_next(queue) < cycle) {
        (void)byte_queue_take(queue);
    }
}

void byte_queue_drop_after(byte_queue *queue, avr_cycle_count_t cycle) {
    while (queue->used > 0U && queue->at[(queue->first + queue->used - 1U) % QUEUE_BYTES] > cycle) {
        queue->used--;
    }
}
