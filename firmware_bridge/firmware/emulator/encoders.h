/* Two quadrature encoders that turn evenly from request to request. */
#ifndef AMR_EMULATOR_ENCODERS_H
#define AMR_EMULATOR_ENCODERS_H

#include "input_pin.h"
#include "timing.h"

typedef struct {
    int64_t from;
    int64_t to;
    uint64_t done; /* edges of this stretch */
    input_pin a;
    input_pin b;
} encoder;

typedef struct {
    avr_t *avr;
    encoder side[2]; /* left, right */
    stretch time;
    uint32_t edges; /* of `answer` */
} encoders;

void encoders_attach(encoders *both, avr_t *avr, const board *wiring);

/* Puts the pins at the counts of now; to be done after each reset. */
void encoders_connect(encoders *both);

/* In this time they turn on to these counts. */
void encoders_turn(encoders *both, const stretch *time, int64_t left_ticks, int64_t right_ticks);

/* Puts the next edge on simavr's clock. */
void encoders_schedule(encoders *both);

/* They turn until then while the processor is held: nobody sees these edges. */
void encoders_turn_unseen(encoders *both, avr_cycle_count_t until);

#endif
