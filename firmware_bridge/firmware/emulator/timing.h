/* Time is counted in cycles of the processor since power-up. */
#ifndef AMR_EMULATOR_TIMING_H
#define AMR_EMULATOR_TIMING_H

#include "sim_avr.h"

#define FREQUENCY_HZ 16000000U
#define CYCLES_PER_US (FREQUENCY_HZ / 1000000U)
#define NEVER UINT64_MAX

/* The time from one request of the host to the next. */
typedef struct {
    avr_cycle_count_t from;
    avr_cycle_count_t to;
} stretch;

/* Calls `what(avr, ..., owner)` at that cycle, or as soon as can be, in place of when it was to be called before. */
static inline void call_at(avr_t *avr, avr_cycle_count_t at, avr_cycle_timer_t what, void *owner) {
    avr_cycle_timer_cancel(avr, what, owner);
    if (at != NEVER) {
        avr_cycle_timer_register(avr, at > avr->cycle ? at - avr->cycle : 1U, what, owner);
    }
}

/* What a timer's function gives back, to be called again at `next`. */
static inline avr_cycle_count_t again_at(avr_cycle_count_t next) { return next == NEVER ? 0U : next; }

#endif
