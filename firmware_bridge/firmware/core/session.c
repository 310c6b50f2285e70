#include "session.h"

#include "crc32.h"
#include "report.h"

#define NACK_PERIOD_US 100000U
#define FIRST_TYPE_OF_MCU 0x80U
#define NO_SUCH_TYPE 255U

static void on_bad_message(fw_state *state) {
    state->counters.rx_bad_message++;
    state->warnings |= WIRE_WARNING_RX_REFUSED;
}

static void refuse(fw_state *state, const frame_view *frame, uint8_t reason, uint32_t now_us) {
    uint16_t bit = (uint16_t)(1U << reason);
    bool recently = (state->nack_sent & bit) != 0U && now_us - state->nack_sent_us[reason] < NACK_PERIOD_US;
    if (recently) {
        return; /* a host that repeats its mistake at line rate must not fill the line */
    }
    state->nack_sent |= bit;
    state->nack_sent_us[reason] = now_us;
    wire_nack_t message;
    message.refused_type = frame->type;
    message.reason = reason;
    message.refused_seq = frame->seq;
    uint8_t payload[WIRE_NACK_SIZE];
    wire_pack_nack(payload, &message);
    report_answer(state, WIRE_NACK, payload, WIRE_NACK_SIZE);
}

/* ---------------------------------------------------------------- handshake */

static uint32_t nonce_of(uint32_t host_nonce, uint32_t boot_id) {
    uint8_t both[8];
    wire_put32(both, host_nonce);
    wire_put32(both + 4, boot_id);
    uint32_t nonce = crc32_of(both, (uint8_t)sizeof both);
    return nonce != 0U ? nonce : 1U;
}

static void open_session(fw_state *state, uint32_t host_nonce, uint32_t nonce) {
    guard_new_session(&state->guard);
    state->session.active = true;
    state->session.host_nonce = host_nonce;
    state->session.nonce = nonce;
    state->session.received_seq = 0U;
    state->session.sent_seq = 0U;
    state->last_command_seq = 0U;
    state->nack_sent = 0U;
}

static void on_hello(fw_state *state, const frame_view *frame, uint32_t now_us) {
    wire_hello_t message;
    if (frame->nonce != 0U) {
        state->counters.rx_foreign++;
        state->warnings |= WIRE_WARNING_RX_REFUSED;
        return;
    }
    if (frame->length != WIRE_HELLO_SIZE || wire_unpack_hello(frame->payload, &message) == 0U) {
        on_bad_message(state);
        return;
    }
    state->counters.rx_frames++;
    uint32_t nonce = nonce_of(message.host_nonce, state->identity.boot_id);
    bool speaks_our_version = message.protocol_version == WIRE_PROTOCOL_VERSION;
    bool repeated = state->session.active && state->session.host_nonce == message.host_nonce;
    if (speaks_our_version && !repeated) {
        open_session(state, message.host_nonce, nonce);
    }
    report_hello_ack(state, nonce, now_us);
}

/* ---------------------------------------------------------------- configuration */

static void apply_configuration(fw_state *state, const wire_configure_t *config, uint32_t digest) {
    state->config = *config;
    state->config_digest = digest;
    guard_limits *limits = &state->limits;
    limits->wheel_max_mm_per_s = config->wheel_max_mm_s;
    limits->forward_max_mm_per_s = config->v_max_mm_s;
    limits->reverse_max_mm_per_s = config->v_reverse_max_mm_s;
    limits->battery_min_mv = config->battery_min_mv;
    limits->command_timeout_us = (uint32_t)config->command_timeout_ms * 1000U;
    limits->encoder_fault_us = (uint32_t)config->encoder_fault_ms * 1000U;
    limits->pushing_duty_q15 = (int32_t)config->static_duty_q15 + GUARD_PUSHING_DUTY_Q15;
    wheel_gains_from_wire(&state->gains, config->nm_per_tick, config->static_duty_q15, config->feed_forward_q16,
                          config->proportional_q16, config->integral_q16);
    /* counts of another scale or sign are no history */
    wheel_reset(&state->wheel[0]);
    wheel_reset(&state->wheel[1]);
    state->ticks_to_telemetry = 0U;
    state->guard.configured = true;
}

static void on_configure(fw_state *state, const frame_view *frame) {
    wire_config_ack_t answer;
    wire_configure_t config;
    answer.digest = crc32_of(frame->payload, frame->length);
    answer.reason = WIRE_REFUSAL_NONE;
    bool in_force = state->guard.configured && answer.digest == state->config_digest;
    if (wire_unpack_configure(frame->payload, &config) == 0U) {
        answer.reason = WIRE_REFUSAL_BAD_VALUE;
    } else if (!in_force && !guard_may_configure(&state->guard)) {
        answer.reason = WIRE_REFUSAL_WRONG_STATE;
    } else if (!in_force) {
        apply_configuration(state, &config, answer.digest);
    }
    answer.accepted = answer.reason == WIRE_REFUSAL_NONE ? 1U : 0U;
    uint8_t payload[WIRE_CONFIG_ACK_SIZE];
    wire_pack_config_ack(payload, &answer);
    report_answer(state, WIRE_CONFIG_ACK, payload, WIRE_CONFIG_ACK_SIZE);
}

/* ---------------------------------------------------------------- in the session */

static uint8_t on_command(fw_state *state, const frame_view *frame, uint32_t now_us) {
    wire_command_t message;
    if (wire_unpack_command(frame->payload, &message) == 0U) {
        return WIRE_REFUSAL_BAD_VALUE;
    }
    if (!state->guard.configured) {
        state->counters.commands_refused++;
        return WIRE_REFUSAL_NOT_CONFIGURED;
    }
    guard_command command;
    command.left_um_per_s = message.left_um_s;
    command.right_um_per_s = message.right_um_s;
    command.expiry_us = message.expiry_us;
    command.mode = message.mode;
    uint8_t refusal = guard_obey(&state->guard, &state->limits, &command, now_us);
    if (state->guard.late) {
        state->counters.commands_late++;
        state->warnings |= WIRE_WARNING_LATE_COMMAND;
    } else if (refusal == WIRE_REFUSAL_NONE) {
        state->counters.commands_obeyed++;
        state->last_command_seq = frame->seq;
    } else {
        state->counters.commands_refused++;
    }
    /* a host keeps commanding before it is armed: that is counted, not answered */
    return refusal == WIRE_REFUSAL_NOT_ARMED ? WIRE_REFUSAL_NONE : refusal;
}

static uint8_t on_arm(fw_state *state, const frame_view *frame) {
    wire_arm_t message;
    (void)wire_unpack_arm(frame->payload, &message);
    return guard_arm(&state->guard, message.token == (state->config_digest ^ state->identity.boot_id));
}

static void on_ping(fw_state *state, const frame_view *frame, uint32_t now_us) {
    wire_ping_t question;
    (void)wire_unpack_ping(frame->payload, &question);
    wire_pong_t answer;
    answer.host_us = question.host_us;
    answer.mcu_us = now_us;
    uint8_t payload[WIRE_PONG_SIZE];
    wire_pack_pong(payload, &answer);
    report_answer(state, WIRE_PONG, payload, WIRE_PONG_SIZE);
}

/* A stop is obeyed whoever sends it and whatever is odd about it. */
static void on_stop(fw_state *state, const frame_view *frame) {
    wire_stop_t message = {WIRE_CATEGORY_RAMP, WIRE_HOST_CAUSE_UNKNOWN};
    if (frame->length == WIRE_STOP_SIZE && wire_unpack_stop(frame->payload, &message) == 0U) {
        message.category = WIRE_CATEGORY_RAMP;
        message.cause = WIRE_HOST_CAUSE_UNKNOWN;
    }
    guard_stop(&state->guard, message.category, message.cause);
}

/* Nonce and number are those of the running session and not used before; then they are used up. */
static bool take_number(fw_state *state, const frame_view *frame, bool *foreign) {
    *foreign = !state->session.active || frame->nonce != state->session.nonce;
    uint16_t ahead = (uint16_t)(frame->seq - state->session.received_seq);
    if (*foreign || ahead == 0U || ahead > WIRE_SEQUENCE_WINDOW) {
        return false;
    }
    state->counters.rx_lost += ahead - 1U;
    state->session.received_seq = frame->seq;
    return true;
}

/* Payload size of each of the host's numbered messages, by type. */
static uint8_t expected_size(uint8_t type) {
    static const uint8_t sizes[] = {
        [0] = NO_SUCH_TYPE,
        [WIRE_HELLO] = NO_SUCH_TYPE, /* handled before, it has no number */
        [WIRE_CONFIGURE] = WIRE_CONFIGURE_SIZE,
        [WIRE_COMMAND] = WIRE_COMMAND_SIZE,
        [WIRE_ARM] = WIRE_ARM_SIZE,
        [WIRE_DISARM] = WIRE_DISARM_SIZE,
        [WIRE_STOP] = NO_SUCH_TYPE, /* handled before, it needs no number */
        [WIRE_RESET_ESTOP] = WIRE_RESET_ESTOP_SIZE,
        [WIRE_PING] = WIRE_PING_SIZE,
    };
    return type < sizeof sizes ? sizes[type] : NO_SUCH_TYPE;
}

static uint8_t dispatch(fw_state *state, const frame_view *frame, uint32_t now_us) {
    switch (frame->type) {
        case WIRE_CONFIGURE:
            on_configure(state, frame);
            return WIRE_REFUSAL_NONE;
        case WIRE_COMMAND:
            return on_command(state, frame, now_us);
        case WIRE_ARM:
            return on_arm(state, frame);
        case WIRE_DISARM:
            guard_disarm(&state->guard);
            return WIRE_REFUSAL_NONE;
        case WIRE_RESET_ESTOP:
            return guard_reset(&state->guard);
        default: /* expected_size has let no other type pass */
            on_ping(state, frame, now_us);
            return WIRE_REFUSAL_NONE;
    }
}

/* A frame of our host, with its number: what it says, and whether it may. Gives a WIRE_REFUSAL_. */
static uint8_t answer(fw_state *state, const frame_view *frame, uint32_t now_us) {
    uint8_t size = expected_size(frame->type);
    if (size != frame->length) {
        on_bad_message(state);
        return size == NO_SUCH_TYPE ? WIRE_REFUSAL_UNKNOWN_TYPE : WIRE_REFUSAL_BAD_SIZE;
    }
    state->counters.rx_frames++;
    return dispatch(state, frame, now_us);
}

void session_handle(fw_state *state, const frame_view *frame, uint32_t now_us) {
    bool foreign = false;
    if (frame->type == WIRE_STOP) {
        (void)take_number(state, frame, &foreign);
        state->counters.rx_frames++;
        on_stop(state, frame);
        return;
    }
    if (frame->type >= FIRST_TYPE_OF_MCU) {
        on_bad_message(state); /* our own: the line echoes */
        return;
    }
    if (frame->type == WIRE_HELLO) {
        on_hello(state, frame, now_us);
        return;
    }
    if (!take_number(state, frame, &foreign)) {
        state->counters.rx_foreign += foreign ? 1U : 0U;
        state->counters.rx_sequence += foreign ? 0U : 1U;
        state->warnings |= WIRE_WARNING_RX_REFUSED;
        return;
    }
    uint8_t refusal = answer(state, frame, now_us);
    if (refusal != WIRE_REFUSAL_NONE) {
        refuse(state, frame, refusal, now_us);
    }
}
