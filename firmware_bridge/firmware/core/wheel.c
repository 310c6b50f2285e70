#include "wheel.h"

#include <string.h>

#include "fixed.h"

#define WHEEL_GAIN_BITS 16U
#define WHEEL_INTEGRAL_BITS 8U
/* The integral of a step longer than this is cut: the loop missed its time, and its error says little. */
#define MAX_STEP_US 50000U
#define MICRO 1000000

static uint32_t cut_step(uint32_t dt_us) { return dt_us < MAX_STEP_US ? dt_us : MAX_STEP_US; }

/* Q16 duty per m/s -> Q15 duty per um/s with WHEEL_GAIN_BITS fraction bits. */
static int32_t scaled_gain(uint32_t gain_q16) {
    return (int32_t)(((int64_t)gain_q16 << (WHEEL_GAIN_BITS - 1U)) / MICRO);
}

void wheel_gains_from_wire(wheel_gains *gains, uint32_t nm_per_tick, uint16_t static_duty_q15, uint32_t slope_q16,
                           uint32_t proportional_q16, uint32_t integral_q16) {
    gains->nm_per_tick = nm_per_tick;
    gains->static_duty_q15 = (int32_t)static_duty_q15;
    gains->slope = scaled_gain(slope_q16);
    gains->proportional = scaled_gain(proportional_q16);
    /* Q16 duty per m -> Q31 duty per um/256: 2^15 / 1e6 / 256, with WHEEL_INTEGRAL_BITS fraction bits */
    gains->integral = (int32_t)(((int64_t)integral_q16 << (15U + WHEEL_INTEGRAL_BITS - 8U)) / MICRO);
}

void wheel_reset(wheel_state *wheel) { memset(wheel, 0, sizeof *wheel); }

void wheel_release(wheel_state *wheel) {
    uint32_t limit = magnitude(wheel->setpoint_um_per_s != 0 ? wheel->setpoint_um_per_s : wheel->measured_um_per_s);
    if (wheel->setpoint_um_per_s != 0 || limit < (uint32_t)wheel->free_um_per_s) {
        wheel->free_um_per_s = (int32_t)limit;
    }
    wheel->setpoint_um_per_s = 0;
    wheel->expected_um_per_s = 0;
    wheel->integral_q31 = 0;
    wheel->duty_q15 = 0;
}

void wheel_measure(wheel_state *wheel, const wheel_gains *gains, uint32_t ticks, uint32_t now_us) {
    wheel->measured_um_per_s = velocity_update(&wheel->velocity, ticks, now_us, gains->nm_per_tick);
}

/* Change of speed over the step in um/s. Rates are below 65536 and steps cut at 50 ms, so that the product fits. */
static int32_t speed_step(uint16_t rate_mm_per_s2, uint32_t dt_us) {
    return (int32_t)((uint32_t)rate_mm_per_s2 * cut_step(dt_us) / 1000U);
}

static void move_setpoint(wheel_state *wheel, int32_t setpoint) {
    wheel->slewing = setpoint != wheel->setpoint_um_per_s;
    if (wheel->slewing && setpoint == 0) {
        wheel->integral_q31 = 0; /* it held friction and load of the motion that ends here */
    }
    wheel->setpoint_um_per_s = setpoint;
}

void wheel_follow(wheel_state *wheel, int32_t target_um_per_s, uint16_t accel_mm_per_s2, uint16_t decel_mm_per_s2,
                  uint32_t dt_us) {
    int32_t from = wheel->setpoint_um_per_s;
    bool reverses = (from > 0 && target_um_per_s < 0) || (from < 0 && target_um_per_s > 0);
    bool grows = !reverses && magnitude(target_um_per_s) > magnitude(from);
    int32_t aim = reverses ? 0 : target_um_per_s; /* through zero in two parts, each with its own rate */
    int32_t step = speed_step(grows ? accel_mm_per_s2 : decel_mm_per_s2, dt_us);
    int32_t low = saturate_i32((int64_t)from - step);
    int32_t high = saturate_i32((int64_t)from + step);
    move_setpoint(wheel, clamp_i32(aim, low, high));
}

void wheel_ramp_pair(wheel_state *left, wheel_state *right, uint16_t rate_mm_per_s2, uint32_t dt_us) {
    uint32_t fast_left = magnitude(left->setpoint_um_per_s);
    uint32_t fast_right = magnitude(right->setpoint_um_per_s);
    int64_t mean = ((int64_t)fast_left + fast_right) / 2;
    int64_t slower = mean - speed_step(rate_mm_per_s2, dt_us);
    if (slower <= 0) {
        move_setpoint(left, 0);
        move_setpoint(right, 0);
        return;
    }
    move_setpoint(left, (int32_t)(left->setpoint_um_per_s * slower / mean));
    move_setpoint(right, (int32_t)(right->setpoint_um_per_s * slower / mean));
}

void wheel_pick_up(wheel_state *wheel) {
    wheel->setpoint_um_per_s = clamp_i32(wheel->measured_um_per_s, -wheel->free_um_per_s, wheel->free_um_per_s);
    wheel->expected_um_per_s = wheel->setpoint_um_per_s;
    wheel->integral_q31 = 0;
    wheel->quiet_us = 0U;
}

static int32_t feed_forward_q15(const wheel_gains *gains, int32_t setpoint) {
    int32_t slope = saturate_i32(scale_down((int64_t)gains->slope * setpoint, WHEEL_GAIN_BITS));
    int32_t friction = setpoint == 0 ? 0 : gains->static_duty_q15;
    return clamp_i32(slope, -DUTY_ONE_Q15, DUTY_ONE_Q15) + (setpoint < 0 ? -friction : friction);
}

/* error (um/s) over the step as an increment of the Q31 integral */
static int32_t integral_step_q31(const wheel_gains *gains, int32_t error, uint32_t dt_us) {
    /* us -> s in Q20 (1.048576 by 1074 / 1024, 0.02 % off), then um in Q8 */
    int32_t dt_q20 = (int32_t)((dt_us * 1074U) >> 10U);
    int32_t travel_q8 = saturate_i32(scale_down((int64_t)error * dt_q20, 12U));
    return saturate_i32(scale_down((int64_t)gains->integral * travel_q8, WHEEL_INTEGRAL_BITS));
}

static void count_quiet_time(wheel_state *wheel, uint32_t dt_us) {
    bool resting = wheel->setpoint_um_per_s == 0 && magnitude(wheel->measured_um_per_s) <= WHEEL_QUIET_UM_PER_S;
    wheel->quiet_us = resting ? add_saturating_u32(wheel->quiet_us, dt_us) : 0U;
}

/* First-order lag of the set-point. */
static void expect(wheel_state *wheel, uint32_t step_us) {
    int32_t share_q8 = (int32_t)((step_us << 8U) / (WHEEL_LAG_US + step_us));
    int64_t ahead = (int64_t)wheel->setpoint_um_per_s - wheel->expected_um_per_s;
    wheel->expected_um_per_s = saturate_i32(wheel->expected_um_per_s + scale_down(ahead * share_q8, 8U));
}

void wheel_regulate(wheel_state *wheel, const wheel_gains *gains, uint32_t dt_us) {
    uint32_t step_us = cut_step(dt_us);
    count_quiet_time(wheel, step_us);
    if (wheel_is_quiet(wheel)) {
        /* a loop that holds a wheel against its own friction hums, heats the motor and starts with a jerk */
        wheel->expected_um_per_s = 0;
        wheel->integral_q31 = 0;
        wheel->duty_q15 = 0;
        return;
    }
    expect(wheel, step_us);
    int32_t error = saturate_i32((int64_t)wheel->setpoint_um_per_s - wheel->measured_um_per_s);
    int32_t forward = feed_forward_q15(gains, wheel->setpoint_um_per_s);
    int32_t product = saturate_i32(scale_down((int64_t)gains->proportional * error, WHEEL_GAIN_BITS));
    int32_t proportional = clamp_i32(product, -4 * DUTY_ONE_Q15, 4 * DUTY_ONE_Q15);
    int32_t unlimited = forward + proportional + wheel->integral_q31 / 65536;
    /* Anti-windup. At the limit the integral may only move back from it. And it takes no part in accelerating: the lag
     * behind a moving set-point is inertia, and what it gathered there would overshoot at the end of the ramp. So it
     * waits while the set-point moves, and then works on the deviation from the speed that is to be expected. */
    bool pushes_limit = (unlimited >= DUTY_ONE_Q15 && error > 0) || (unlimited <= -DUTY_ONE_Q15 && error < 0);
    if (!pushes_limit && !wheel->slewing) {
        int32_t deviation = saturate_i32((int64_t)wheel->expected_um_per_s - wheel->measured_um_per_s);
        int64_t next = (int64_t)wheel->integral_q31 + integral_step_q31(gains, deviation, step_us);
        wheel->integral_q31 = saturate_i32(next);
    }
    int32_t duty = forward + proportional + wheel->integral_q31 / 65536;
    wheel->duty_q15 = clamp_i32(duty, -DUTY_ONE_Q15, DUTY_ONE_Q15);
}

bool wheel_is_quiet(const wheel_state *wheel) { return wheel->quiet_us >= WHEEL_QUIET_US; }
