/* Decoding of two quadrature encoders, for a board's encoder.c: it includes this once and calls `on_edge` in its interrupts. */
#ifndef AMR_AVR_QUADRATURE_H
#define AMR_AVR_QUADRATURE_H

#include <stdint.h>
#include <util/atomic.h>

/* 16 bits in the interrupt, which runs up to 40 000 times a second; extended to 32 in the main loop. */
typedef struct {
    uint8_t pins;    /* B << 1 | A of the edge before */
    int8_t last;     /* direction of the last single step */
    uint16_t counts; /* wraps */
} encoder;

static volatile encoder left;
static volatile encoder right;

/* Step by pins before << 2 | pins now. 2 = both changed: an edge was missed, and the wheel has surely not turned round. */
static const int8_t steps[16] = {0, 1, -1, 2, -1, 0, 2, 1, 1, 2, 0, -1, 2, -1, 1, 0};

static inline void on_edge(volatile encoder *side, uint8_t pins) {
    int8_t step = steps[(uint8_t)(side->pins << 2U) | pins];
    if (step == 0) {
        return; /* the edge was seen already, in the interrupt of the one just before */
    }
    if (step == 2) {
        step = (int8_t)(side->last + side->last);
    } else {
        side->last = step;
    }
    side->counts = (uint16_t)(side->counts + (uint16_t)step);
    side->pins = pins;
}

static uint32_t extend(uint32_t ticks, uint16_t counts) {
    uint16_t moved = (uint16_t)(counts - (uint16_t)(ticks & 0xFFFFU));
    return moved < 0x8000U ? ticks + moved : ticks - (uint16_t)(0U - moved);
}

void encoder_read(uint32_t *left_ticks, uint32_t *right_ticks) {
    static uint32_t left_total;
    static uint32_t right_total;
    uint16_t left_counts = 0U;
    uint16_t right_counts = 0U;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
        left_counts = left.counts;
        right_counts = right.counts;
    }
    left_total = extend(left_total, left_counts);
    right_total = extend(right_total, right_counts);
    *left_ticks = left_total;
    *right_ticks = right_total;
}

#endif
