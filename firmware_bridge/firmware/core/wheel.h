/* Velocity loop of one wheel: feed-forward (static + slope) and PI with anti-windup, on a slewed set-point. */
#ifndef AMR_WHEEL_H
#define AMR_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "velocity.h"

/* Gains on the wire are duty (1 = full) in Q16 per m/s, and per m for the integral. */
typedef struct {
    uint32_t nm_per_tick;
    int32_t static_duty_q15;
    int32_t slope;        /* Q15 duty per um/s, times 2^WHEEL_GAIN_BITS */
    int32_t proportional; /* same */
    int32_t integral;     /* Q31 duty per um/256, times 2^WHEEL_INTEGRAL_BITS */
} wheel_gains;

typedef struct {
    velocity_state velocity;
    int32_t measured_um_per_s;
    int32_t setpoint_um_per_s;
    int32_t expected_um_per_s; /* where a healthy wheel would be by now: the set-point through WHEEL_LAG_US */
    int32_t integral_q31; /* duty in Q31, within +-1 */
    int32_t duty_q15;     /* what was put out last */
    uint32_t quiet_us;    /* time at rest with a set-point of zero */
    bool slewing;         /* the set-point moved in this step */
    int32_t free_um_per_s; /* since it turns freely it has not been slower than this (magnitude) */
} wheel_state;

/* Largest gain that fits the scaled form: 1000 duty per m/s in Q16. */
#define WHEEL_GAIN_MAX_Q16 65536000U

void wheel_gains_from_wire(wheel_gains *gains, uint32_t nm_per_tick, uint16_t static_duty_q15, uint32_t slope_q16,
                           uint32_t proportional_q16, uint32_t integral_q16);

/* At rest, nothing measured yet. */
void wheel_reset(wheel_state *wheel);

/* Set-point and integral to zero; the measurement goes on. To be called in every step of a wheel that turns freely. */
void wheel_release(wheel_state *wheel);

/* New count of the encoder. */
void wheel_measure(wheel_state *wheel, const wheel_gains *gains, uint32_t ticks, uint32_t now_us);

/* Moves the set-point towards the target: by `accel` while the wheel's speed grows, by `decel` while it shrinks. */
void wheel_follow(wheel_state *wheel, int32_t target_um_per_s, uint16_t accel_mm_per_s2, uint16_t decel_mm_per_s2,
                  uint32_t dt_us);

/* Slows both wheels in proportion, their mean size by `rate`: the robot comes to rest on its own arc, in a curve as soon as
 * straight on. */
void wheel_ramp_pair(wheel_state *left, wheel_state *right, uint16_t rate_mm_per_s2, uint32_t dt_us);

/* Takes over a wheel that turns freely: the set-point starts at its speed, but never above what was last commanded and
 * has not been lost since, so that a jump of the encoder cannot become a command. */
void wheel_pick_up(wheel_state *wheel);

/* One step of the loop; leaves the duty in `duty_q15`. After WHEEL_QUIET_US at rest the integral is let go. */
void wheel_regulate(wheel_state *wheel, const wheel_gains *gains, uint32_t dt_us);

/* True when the set-point is zero and the wheel has stood (nearly) still for WHEEL_QUIET_US. */
bool wheel_is_quiet(const wheel_state *wheel);

#define WHEEL_LAG_US 30000U /* time constant of a wheel under proportional control */
#define WHEEL_QUIET_US 200000U
#define WHEEL_QUIET_UM_PER_S 5000U

#endif
