#include "encoders.h"

static uint64_t edges_of(const encoder *side) {
    return (uint64_t)(side->to >= side->from ? side->to - side->from : side->from - side->to);
}

static int64_t count_now(const encoder *side) {
    int64_t done = (int64_t)side->done;
    return side->to >= side->from ? side->from + done : side->from - done;
}

static void turn_to(encoder *side, int64_t ticks) {
    side->from = side->to;
    side->to = ticks;
    side->done = 0U;
}

static void drive(encoder *side) {
    uint32_t phase = (uint32_t)(count_now(side) & 3);
    input_pin_drive(&side->a, phase == 1U || phase == 2U);
    input_pin_drive(&side->b, phase == 2U || phase == 3U);
}

/* Edge i of n lies in the middle of the i-th of n equal parts. */
static avr_cycle_count_t next_edge(const encoder *side, const stretch *time) {
    uint64_t edges = edges_of(side);
    if (side->done >= edges) {
        return NEVER;
    }
    return time->from + (time->to - time->from) * (2U * side->done + 1U) / (2U * edges);
}

static avr_cycle_count_t next_of_both(const encoders *both) {
    avr_cycle_count_t left = next_edge(&both->side[0], &both->time);
    avr_cycle_count_t right = next_edge(&both->side[1], &both->time);
    return left < right ? left : right;
}

static avr_cycle_count_t step(avr_t *avr, avr_cycle_count_t when, void *owner) {
    (void)when;
    encoders *both = owner;
    for (uint8_t i = 0U; i < 2U; i++) {
        encoder *side = &both->side[i];
        while (next_edge(side, &both->time) <= avr->cycle) {
            side->done++;
            drive(side);
            both->edges++;
        }
    }
    return again_at(next_of_both(both));
}

void encoders_attach(encoders *both, avr_t *avr, const board *wiring) {
    both->avr = avr;
    for (uint8_t i = 0U; i < 2U; i++) {
        both->side[i].a = input_pin_of(avr, &wiring->side[i].encoder_a);
        both->side[i].b = input_pin_of(avr, &wiring->side[i].encoder_b);
    }
}

void encoders_connect(encoders *both) {
    for (uint8_t i = 0U; i < 2U; i++) {
        input_pin_connect(&both->side[i].a);
        input_pin_connect(&both->side[i].b);
        drive(&both->side[i]);
    }
}

void encoders_turn(encoders *both, const stretch *time, int64_t left_ticks, int64_t right_ticks) {
    both->time = *time;
    turn_to(&both->side[0], left_ticks);
    turn_to(&both->side[1], right_ticks);
}

void encoders_schedule(encoders *both) { call_at(both->avr, next_of_both(both), step, both); }

void encoders_turn_unseen(encoders *both, avr_cycle_count_t until) {
    for (uint8_t i = 0U; i < 2U; i++) {
        while (next_edge(&both->side[i], &both->time) <= until) {
            both->side[i].done++;
        }
    }
}
