#include "velocity.h"

#include <string.h>

#include "fixed.h"

#define INDEX_MASK (VELOCITY_HISTORY - 1U)
/* A step of more counts than this between samples is no wheel; bounding it keeps the products below in 32 bits. */
#define MAX_TRAVEL_TICKS 1000000

void velocity_reset(velocity_state *state) { memset(state, 0, sizeof *state); }

/* Counts from the sample `age` ago until the newest one. */
static int32_t travel_ticks(const velocity_state *state, uint8_t age) {
    uint8_t then = (uint8_t)(state->newest - age) & INDEX_MASK;
    int32_t travel = wrapped_difference(state->ticks[state->newest], state->ticks[then]);
    return clamp_i32(travel, -MAX_TRAVEL_TICKS, MAX_TRAVEL_TICKS);
}

/* Age of the oldest sample such that all younger ones lie within one count of the line to it. */
static uint8_t longest_straight_window(const velocity_state *state) {
    int32_t low = travel_ticks(state, 1U) - 1; /* slope interval as fractions: low / low_age .. high / high_age */
    int32_t high = low + 2;
    int32_t low_age = 1;
    int32_t high_age = 1;
    uint8_t window = 1U;
    for (uint8_t age = 2U; age < state->count; age++) {
        int32_t travel = travel_ticks(state, age);
        if (travel * low_age < low * (int32_t)age || travel * high_age > high * (int32_t)age) {
            break;
        }
        window = age;
        if ((travel - 1) * low_age > low * (int32_t)age) {
            low = travel - 1;
            low_age = (int32_t)age;
        }
        if ((travel + 1) * high_age < high * (int32_t)age) {
            high = travel + 1;
            high_age = (int32_t)age;
        }
    }
    return window;
}

static int32_t speed_um_per_s(int32_t travel, uint32_t nm_per_tick, uint32_t duration_us) {
    int32_t travel_nm = saturate_i32((int64_t)travel * (int64_t)nm_per_tick);
    uint32_t distance_nm = magnitude(travel_nm);
    /* nm/us = mm/s; the remainder in a second division, because 64-bit division costs 5000 cycles on an AVR */
    uint32_t whole_mm_per_s = distance_nm / duration_us;
    uint32_t rest_nm = distance_nm % duration_us;
    if (whole_mm_per_s > (uint32_t)INT32_MAX / 1000U - 1U) {
        return travel < 0 ? -INT32_MAX : INT32_MAX;
    }
    /* durations are a few 10 ms, so that rest * 1000 fits; a longer one loses the last digits instead */
    uint32_t rest_um_per_s =
        duration_us <= UINT32_MAX / 1000U ? rest_nm * 1000U / duration_us : rest_nm / (duration_us / 1000U);
    int32_t speed = (int32_t)(whole_mm_per_s * 1000U + rest_um_per_s);
    return travel < 0 ? -speed : speed;
}

int32_t velocity_update(velocity_state *state, uint32_t ticks, uint32_t time_us, uint32_t nm_per_tick) {
    if (state->count == 0U || state->time_us[state->newest] != time_us) {
        state->newest = (uint8_t)((state->newest + 1U) & INDEX_MASK);
        if (state->count < VELOCITY_HISTORY) {
            state->count++;
        }
    }
    state->ticks[state->newest] = ticks;
    state->time_us[state->newest] = time_us;
    if (state->count < 2U) {
        return 0;
    }
    uint8_t window = longest_straight_window(state);
    uint8_t then = (uint8_t)(state->newest - window) & INDEX_MASK;
    return speed_um_per_s(travel_ticks(state, window), nm_per_tick, time_us - state->time_us[then]);
}

uint32_t velocity_ticks(const velocity_state *state) { return state->ticks[state->newest]; }
