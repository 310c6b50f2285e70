#include "report.h"

#include "fixed.h"

#define BOOT_PERIOD_US ((uint32_t)WIRE_BOOT_PERIOD_MS * 1000U)

static bool send(fw_state *state, uint8_t type, uint32_t nonce, uint16_t seq, const uint8_t *payload, uint8_t length,
                 bool is_answer) {
    uint8_t size = (uint8_t)(FRAME_HEADER_BYTES + length + FRAME_CRC_BYTES + 2U);
    if (!tx_ring_has_room(&state->tx, size, is_answer)) {
        return false;
    }
    uint8_t encoded[FRAME_ENCODED_MAX];
    tx_ring_put(&state->tx, encoded, frame_encode(encoded, type, nonce, seq, payload, length));
    return true;
}

/* A frame takes its number only when it is sent: a gap would look like loss on the line. */
static bool send_in_session(fw_state *state, uint8_t type, const uint8_t *payload, uint8_t length, bool is_answer) {
    uint16_t seq = (uint16_t)(state->session.sent_seq + 1U);
    if (!send(state, type, state->session.nonce, seq, payload, length, is_answer)) {
        return false;
    }
    state->session.sent_seq = seq;
    return true;
}

void report_answer(fw_state *state, uint8_t type, const uint8_t *payload, uint8_t length) {
    if (!send_in_session(state, type, payload, length, true)) {
        state->counters.tx_answers_dropped++;
    }
}

void report_hello_ack(fw_state *state, uint32_t nonce, uint32_t now_us) {
    wire_hello_ack_t message;
    message.protocol_version = WIRE_PROTOCOL_VERSION;
    message.firmware_build = state->identity.build;
    message.board = state->identity.board;
    message.capabilities = state->identity.capabilities;
    message.boot_id = state->identity.boot_id;
    message.mcu_us = now_us;
    uint8_t payload[WIRE_HELLO_ACK_SIZE];
    wire_pack_hello_ack(payload, &message);
    if (!send(state, WIRE_HELLO_ACK, nonce, 0U, payload, WIRE_HELLO_ACK_SIZE, true)) {
        state->counters.tx_answers_dropped++;
    }
}

static void send_event(fw_state *state, uint8_t code, uint32_t detail) {
    if (!state->session.active) {
        return;
    }
    wire_event_t message;
    message.code = code;
    message.detail = detail;
    uint8_t payload[WIRE_EVENT_SIZE];
    wire_pack_event(payload, &message);
    report_answer(state, WIRE_EVENT, payload, WIRE_EVENT_SIZE);
}

void report_changes(fw_state *state) {
    const guard_state *guard = &state->guard;
    uint8_t now = guard_wire_state(guard->phase);
    if (now != state->reported_state) {
        uint8_t why = guard->cause == WIRE_CAUSE_STOP_FRAME ? guard->host_cause : guard->category;
        send_event(state, WIRE_EVENT_STATE,
                   (uint32_t)now | ((uint32_t)state->reported_state << 8U) | ((uint32_t)guard->cause << 16U) |
                       ((uint32_t)why << 24U));
        state->reported_state = now;
    }
    uint16_t appeared = (uint16_t)(guard->faults & ~state->reported_faults);
    uint16_t went = (uint16_t)(state->reported_faults & ~guard->faults);
    if (appeared != 0U) {
        send_event(state, WIRE_EVENT_FAULT, appeared);
    }
    if (went != 0U) {
        send_event(state, WIRE_EVENT_FAULT_CLEARED, went);
    }
    state->reported_faults = guard->faults;
}

static int16_t mm_per_s(int32_t um_per_s) { return (int16_t)clamp_i32(um_per_s / 1000, -INT16_MAX, INT16_MAX); }

static int8_t duty_q7(int32_t duty_q15) { return (int8_t)(duty_q15 / 258); /* 32767 / 127 */ }

static uint8_t current_warnings(const fw_state *state, const fw_inputs *inputs) {
    unsigned warnings = state->warnings;
    if (inputs->imu_ok == 0U) {
        warnings |= WIRE_WARNING_IMU;
    }
    if (!state->guard.configured) {
        warnings |= WIRE_WARNING_NOT_CONFIGURED;
    }
    if (state->identity.after_watchdog != 0U) {
        warnings |= WIRE_WARNING_AFTER_WATCHDOG;
    }
    return (uint8_t)warnings;
}

static void fill_imu(wire_telemetry_t *message, const fw_inputs *inputs) {
    bool measured = inputs->imu_ok != 0U;
    message->gyro_z_raw = measured ? inputs->gyro_z_raw : (int16_t)WIRE_NOT_MEASURED;
    message->accel_x_mm_s2 = measured ? inputs->accel_x_mm_s2 : (int16_t)WIRE_NOT_MEASURED;
    message->accel_y_mm_s2 = measured ? inputs->accel_y_mm_s2 : (int16_t)WIRE_NOT_MEASURED;
}

static void send_telemetry(fw_state *state, const fw_inputs *inputs) {
    wire_telemetry_t message;
    const wheel_state *left = &state->wheel[0];
    const wheel_state *right = &state->wheel[1];
    message.t_us = inputs->now_us;
    message.left_ticks = wrapped_difference(velocity_ticks(&left->velocity), 0U);
    message.right_ticks = wrapped_difference(velocity_ticks(&right->velocity), 0U);
    message.left_mm_s = mm_per_s(left->measured_um_per_s);
    message.right_mm_s = mm_per_s(right->measured_um_per_s);
    fill_imu(&message, inputs);
    message.battery_mv = inputs->battery_mv;
    message.state = guard_wire_state(state->guard.phase);
    message.stop_cause = state->guard.cause;
    message.faults = state->guard.faults;
    message.warnings = current_warnings(state, inputs);
    message.last_command_seq = state->last_command_seq;
    message.left_duty = duty_q7(left->duty_q15);
    message.right_duty = duty_q7(right->duty_q15);
    uint8_t payload[WIRE_TELEMETRY_SIZE];
    wire_pack_telemetry(payload, &message);
    if (send_in_session(state, WIRE_TELEMETRY, payload, WIRE_TELEMETRY_SIZE, false)) {
        state->warnings = 0U;
    } else {
        state->counters.tx_telemetry_dropped++;
        state->warnings |= WIRE_WARNING_TX_DROPPED;
    }
}

static void announce_boot(fw_state *state, uint32_t now_us) {
    if (state->boot_announced && now_us - state->boot_announced_us < BOOT_PERIOD_US) {
        return;
    }
    wire_boot_t message;
    message.protocol_version = WIRE_PROTOCOL_VERSION;
    message.boot_id = state->identity.boot_id;
    message.board = state->identity.board;
    message.cause = state->identity.after_watchdog != 0U ? WIRE_CAUSE_WATCHDOG_RESET : WIRE_CAUSE_POWER_UP;
    message.mcu_us = now_us;
    uint8_t payload[WIRE_BOOT_SIZE];
    wire_pack_boot(payload, &message);
    /* below the mark of telemetry: nobody may be listening, and the room for answers must stay free */
    if (send(state, WIRE_BOOT, 0U, 0U, payload, WIRE_BOOT_SIZE, false)) {
        state->boot_announced = true;
        state->boot_announced_us = now_us;
    }
}

void report_tick(fw_state *state, const fw_inputs *inputs) {
    if (!state->session.active) {
        announce_boot(state, inputs->now_us);
        return;
    }
    if (!state->guard.configured) {
        return;
    }
    if (state->ticks_to_telemetry > 1U) {
        state->ticks_to_telemetry--;
        return;
    }
    /* in loops, not in time: a loop that comes 1 us early would else skip every second telemetry */
    state->ticks_to_telemetry = (uint16_t)((state->config.loop_hz + state->config.telemetry_hz / 2U) /
                                           state->config.telemetry_hz);
    send_telemetry(state, inputs);
}
