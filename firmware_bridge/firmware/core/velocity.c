#include "velocity.h"

#include <string.h>

#include "fixed.h"

#define INDEX_MASK (VELOCITY_HISTORY - 1U)
/* A step of more counts than this between samples is no wheel; bounding it keeps the products below in 32 bits. */
#define MAX_TRAVEL_TICKS 1000000
/* Beyond this a single count is no longer worth a long window. */
#define MAX_FACTOR 32000
/* Samples further apart have nothing to do with each other. The whole history then spans less than half the clock, so
 * that no two of its times are equal. */
#define MAX_GAP_US 0x08000000U

void velocity_reset(velocity_state *state) { memset(state, 0, sizeof *state); }

/* Counts from the sample `age` ago until the newest one. */
static int32_t travel_ticks(const velocity_state *state, uint8_t age) {
    uint8_t then = (uint8_t)(state->newest - age) & INDEX_MASK;
    int32_t travel = wrapped_difference(state->ticks[state->newest], state->ticks[then]);
    return clamp_i32(travel, -MAX_TRAVEL_TICKS, MAX_TRAVEL_TICKS);
}

/* Age of the oldest sample such that all younger ones lie within one count of the line to it. Slopes are compared as
 * fractions by their cross products; factors of 16 bits, because this loop is most of the work of a tick on an AVR. */
static uint8_t longest_straight_window(const velocity_state *state) {
    int32_t first = travel_ticks(state, 1U);
    if (first < -MAX_FACTOR || first > MAX_FACTOR) {
        return 1U;
    }
    int16_t low = (int16_t)(first - 1); /* the interval of slopes is low / low_age .. high / high_age */
    int16_t high = (int16_t)(first + 1);
    int16_t low_age = 1;
    int16_t high_age = 1;
    uint8_t window = 1U;
    for (uint8_t age = 2U; age < state->count; age++) {
        int32_t wide = travel_ticks(state, age);
        if (wide < -MAX_FACTOR || wide > MAX_FACTOR) {
            break;
        }
        int16_t travel = (int16_t)wide;
        int32_t from_low = (int32_t)travel * low_age - (int32_t)low * age;
        int32_t from_high = (int32_t)travel * high_age - (int32_t)high * age;
        if (from_low < 0 || from_high > 0) {
            break;
        }
        window = age;
        if (from_low > low_age) { /* (travel - 1) / age lies above low / low_age */
            low = (int16_t)(travel - 1);
            low_age = (int16_t)age;
        }
        if (from_high < -high_age) {
            high = (int16_t)(travel + 1);
            high_age = (int16_t)age;
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
    uint32_t gap_us = time_us - state->time_us[state->newest];
    if (gap_us == 0U || gap_us > MAX_GAP_US) { /* beyond the gap lie also all times before the newest one */
        velocity_reset(state);
    }
    state->newest = (uint8_t)((state->newest + 1U) & INDEX_MASK);
    if (state->count < VELOCITY_HISTORY) {
        state->count++;
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
