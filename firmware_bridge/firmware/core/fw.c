#include "fw.h"

#include <string.h>

#include "fixed.h"
#include "report.h"
#include "session.h"

#define DEFAULT_PERIOD_US 5000U
#define BOOT_NM_PER_TICK 1000000U /* until the configuration tells: any wheel that turns is one that moves */

void fw_init(fw_state *state, const fw_identity *identity, uint32_t now_us) {
    memset(state, 0, sizeof *state);
    state->identity = *identity;
    state->last_tick_us = now_us;
    state->motion = GUARD_BRAKE;
    state->gains.nm_per_tick = BOOT_NM_PER_TICK;
    guard_init(&state->guard, identity->after_watchdog != 0U);
    state->reported_state = WIRE_STATE_BOOT;
}

uint32_t fw_loop_period_us(const fw_state *state) {
    return state->config.loop_hz != 0U ? 1000000U / state->config.loop_hz : DEFAULT_PERIOD_US;
}

void fw_rx(fw_state *state, const uint8_t *bytes, size_t count, uint32_t now_us) {
    for (size_t i = 0U; i < count; i++) {
        frame_view frame;
        frame_result result = frame_push(&state->reader, bytes[i], &frame);
        if (result == FRAME_COMPLETE) {
            session_handle(state, &frame, now_us);
            report_changes(state);
        } else if (result != FRAME_INCOMPLETE) {
            state->counters.rx_bad_frame++;
            state->warnings |= WIRE_WARNING_RX_REFUSED;
        }
    }
}

size_t fw_tx(fw_state *state, uint8_t *out, size_t capacity) { return tx_ring_take(&state->tx, out, capacity); }

static bool has_flag(const fw_state *state, uint16_t flag) { return (state->config.flags & flag) != 0U; }

static void measure(fw_state *state, const fw_inputs *inputs) {
    uint32_t left = inputs->left_ticks;
    uint32_t right = inputs->right_ticks;
    if (has_flag(state, WIRE_CONFIG_ENCODERS_SWAPPED)) {
        left = inputs->right_ticks;
        right = inputs->left_ticks;
    }
    left = has_flag(state, WIRE_CONFIG_LEFT_ENCODER_INVERTED) ? 0U - left : left;
    right = has_flag(state, WIRE_CONFIG_RIGHT_ENCODER_INVERTED) ? 0U - right : right;
    wheel_measure(&state->wheel[0], &state->gains, left, inputs->now_us);
    wheel_measure(&state->wheel[1], &state->gains, right, inputs->now_us);
}

static guard_wheel_view view_of(const wheel_state *wheel) {
    guard_wheel_view view;
    view.setpoint_um_per_s = wheel->setpoint_um_per_s;
    view.measured_um_per_s = wheel->measured_um_per_s;
    view.duty_q15 = wheel->duty_q15;
    return view;
}

static void guard(fw_state *state, const fw_inputs *inputs, uint32_t dt_us) {
    guard_inputs seen;
    seen.now_us = inputs->now_us;
    seen.dt_us = dt_us;
    seen.wheel[0] = view_of(&state->wheel[0]);
    seen.wheel[1] = view_of(&state->wheel[1]);
    seen.battery_mv = inputs->battery_mv;
    seen.estop_pressed = inputs->estop_pressed != 0U;
    seen.driver_fault = inputs->driver_fault != 0U;
    guard_tick(&state->guard, &state->limits, &seen);
}

static void track(fw_state *state, uint32_t dt_us) {
    for (uint8_t side = 0U; side < 2U; side++) {
        bool driving = state->guard.phase == GUARD_DRIVING;
        int32_t target = driving ? state->guard.target_um_per_s[side] : 0;
        wheel_follow(&state->wheel[side], target, state->config.wheel_accel_mm_s2, state->config.wheel_decel_mm_s2,
                     dt_us);
    }
}

/* Decides duty and bridge mode. Only tracking and ramping ever put out a duty. */
static uint8_t regulate(fw_state *state, uint32_t dt_us) {
    guard_motion motion = guard_motion_now(&state->guard);
    bool was_free = state->motion == GUARD_BRAKE || state->motion == GUARD_COAST;
    state->motion = (uint8_t)motion;
    if (motion == GUARD_BRAKE || motion == GUARD_COAST) {
        wheel_release(&state->wheel[0]);
        wheel_release(&state->wheel[1]);
        return motion == GUARD_BRAKE ? FW_BRAKE : FW_COAST;
    }
    if (was_free) {
        wheel_pick_up(&state->wheel[0]);
        wheel_pick_up(&state->wheel[1]);
    }
    if (motion == GUARD_RAMP) {
        wheel_ramp_pair(&state->wheel[0], &state->wheel[1], state->config.stop_ramp_mm_s2, dt_us);
    } else {
        track(state, dt_us);
    }
    wheel_regulate(&state->wheel[0], &state->gains, dt_us);
    wheel_regulate(&state->wheel[1], &state->gains, dt_us);
    return FW_DRIVE;
}

static void put_out(const fw_state *state, uint8_t drive, fw_outputs *outputs) {
    int32_t left = state->wheel[0].duty_q15;
    int32_t right = state->wheel[1].duty_q15;
    left = has_flag(state, WIRE_CONFIG_LEFT_MOTOR_INVERTED) ? -left : left;
    right = has_flag(state, WIRE_CONFIG_RIGHT_MOTOR_INVERTED) ? -right : right;
    bool swapped = has_flag(state, WIRE_CONFIG_MOTORS_SWAPPED);
    outputs->left_duty_q15 = (int16_t)(swapped ? right : left);
    outputs->right_duty_q15 = (int16_t)(swapped ? left : right);
    outputs->drive = drive;
}

static void short_motors(fw_outputs *outputs) {
    memset(outputs, 0, sizeof *outputs);
    outputs->drive = FW_BRAKE;
}

void fw_tick(fw_state *state, const fw_inputs *inputs, fw_outputs *outputs) {
    int32_t elapsed_us = wrapped_difference(inputs->now_us, state->last_tick_us);
    uint32_t period_us = fw_loop_period_us(state);
    if (!state->ticked) {
        elapsed_us = (int32_t)period_us;
        state->ticked = true;
    }
    if (elapsed_us <= 0) {
        short_motors(outputs);
        return;
    }
    uint32_t dt_us = (uint32_t)elapsed_us;
    state->last_tick_us = inputs->now_us;
    if (dt_us > period_us + period_us / 2U) {
        state->warnings |= WIRE_WARNING_LOOP_OVERRUN;
    }
    measure(state, inputs);
    guard(state, inputs, dt_us);
    put_out(state, regulate(state, dt_us), outputs);
    report_changes(state);
    report_tick(state, inputs);
    outputs->watchdog_ok = 1U;
}
