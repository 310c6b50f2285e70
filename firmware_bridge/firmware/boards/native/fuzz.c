/* Feeds the core garbage, damaged frames, odd but valid frames and impossible sensors, and checks after every tick what
 * must hold whatever happened. Deterministic: a round count and a seed name the run. Built with sanitizers (make asan).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "fixed.h"
#include "fw.h"

typedef struct {
    fw_state state;
    uint32_t now_us;
    uint32_t left_ticks;
    uint32_t right_ticks;
    uint32_t host_nonce;
    uint16_t sent_seq;
    bool arm_sent; /* a valid ARM went out in this session */
    uint32_t lead_before; /* faster set-point after the tick before */
    uint8_t phase_before;
    bool estop;
    frame_reader heard;
    uint32_t frames_heard;
    uint32_t ticks;
    uint32_t driving_ticks;
} world;

static uint64_t random_state;

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016) */
static uint32_t random_u32(void) {
    random_state ^= random_state >> 12U;
    random_state ^= random_state << 25U;
    random_state ^= random_state >> 27U;
    return (uint32_t)((random_state * 2685821657736338717ULL) >> 32U);
}

static uint32_t below(uint32_t limit) { return random_u32() % limit; }

static bool once_in(uint32_t times) { return below(times) == 0U; }

static void require(const world *w, bool holds, const char *what) {
    if (!holds) {
        (void)fprintf(stderr, "fuzz: after %lu ticks, phase %u: %s\n", (unsigned long)w->ticks,
                      (unsigned)w->state.guard.phase, what);
        abort();
    }
}

/* ---------------------------------------------------------------- bytes to the firmware */

static void feed_in_pieces(world *w, const uint8_t *bytes, size_t count) {
    size_t done = 0U;
    while (done < count) {
        size_t piece = 1U + below((uint32_t)(count - done));
        fw_rx(&w->state, bytes + done, piece, w->now_us);
        done += piece;
    }
}

static void send_frame(world *w, uint8_t type, uint32_t nonce, uint16_t seq, const uint8_t *payload, uint8_t length) {
    uint8_t encoded[FRAME_ENCODED_MAX];
    uint8_t size = frame_encode(encoded, type, nonce, seq, payload, length);
    uint8_t copies = once_in(20U) ? 2U : 1U;
    if (once_in(12U)) { /* damage: never accepted, or a STOP's effect at most */
        encoded[below(size)] ^= (uint8_t)(1U << below(8U));
    } else if (once_in(20U)) {
        size = (uint8_t)(1U + below(size));
    }
    while (copies-- > 0U) {
        feed_in_pieces(w, encoded, size);
    }
}

static void send_numbered(world *w, uint8_t type, const uint8_t *payload, uint8_t length) {
    w->sent_seq = (uint16_t)(w->sent_seq + (once_in(50U) ? below(3000U) : 1U));
    uint32_t nonce = once_in(40U) ? random_u32() : w->state.session.nonce;
    send_frame(w, type, nonce, w->sent_seq, payload, length);
}

static void send_hello(world *w) {
    wire_hello_t message;
    message.protocol_version = once_in(20U) ? 2U : 1U;
    message.host_nonce = once_in(4U) ? w->host_nonce : random_u32();
    uint8_t payload[WIRE_HELLO_SIZE];
    wire_pack_hello(payload, &message);
    w->host_nonce = message.host_nonce;
    send_frame(w, WIRE_HELLO, once_in(20U) ? 1U : 0U, 0U, payload, WIRE_HELLO_SIZE);
    w->sent_seq = w->state.session.received_seq;
}

static void send_configure(world *w) {
    wire_configure_t m;
    memset(&m, 0, sizeof m);
    m.nm_per_tick = 1U + below(once_in(10U) ? 0xFFFFFFFEU : 400000U);
    m.track_um = 1U + below(1000000U);
    m.wheel_max_mm_s = (uint16_t)(1U + below(once_in(5U) ? 65535U : 3000U));
    m.v_max_mm_s = (uint16_t)(1U + below(m.wheel_max_mm_s));
    m.v_reverse_max_mm_s = (uint16_t)below(m.wheel_max_mm_s);
    m.wheel_accel_mm_s2 = (uint16_t)(1U + below(65535U));
    m.wheel_decel_mm_s2 = (uint16_t)(1U + below(65535U));
    m.stop_ramp_mm_s2 = (uint16_t)(1U + below(65535U));
    m.feed_forward_q16 = below(16777217U);
    m.proportional_q16 = below(16777217U);
    m.integral_q16 = below(16777217U);
    m.static_duty_q15 = (uint16_t)below(32768U);
    m.loop_hz = (uint16_t)(50U + below(951U));
    m.telemetry_hz = (uint16_t)(10U + below(491U));
    m.command_timeout_ms = (uint16_t)(20U + below(981U));
    m.battery_min_mv = (uint16_t)below(15000U);
    m.encoder_fault_ms = (uint16_t)(20U + below(4981U));
    m.flags = (uint16_t)below(64U);
    uint8_t payload[WIRE_CONFIGURE_SIZE];
    wire_pack_configure(payload, &m);
    if (once_in(4U)) { /* often out of some range */
        payload[below(WIRE_CONFIGURE_SIZE)] = (uint8_t)below(256U);
    }
    send_numbered(w, WIRE_CONFIGURE, payload, WIRE_CONFIGURE_SIZE);
}

static void send_arm(world *w) {
    wire_arm_t message;
    message.token = once_in(8U) ? random_u32() : w->state.config_digest ^ w->state.identity.boot_id;
    uint8_t payload[WIRE_ARM_SIZE];
    wire_pack_arm(payload, &message);
    w->arm_sent = true;
    send_numbered(w, WIRE_ARM, payload, WIRE_ARM_SIZE);
}

static int32_t random_speed(const world *w) {
    if (once_in(30U)) {
        return wrapped_difference(random_u32(), 0U);
    }
    int32_t limit = (int32_t)w->state.config.v_max_mm_s * 1000 + 1;
    return (int32_t)below((uint32_t)limit) - (once_in(4U) ? limit / 2 : 0);
}

static void send_command(world *w) {
    wire_command_t message;
    message.left_um_s = random_speed(w);
    message.right_um_s = once_in(3U) ? random_speed(w) : message.left_um_s;
    message.expiry_us = w->now_us + below(once_in(10U) ? 0xFFFFFFFFU : 60000U);
    message.mode = (uint8_t)(once_in(10U) ? below(5U) : WIRE_MODE_DRIVE);
    uint8_t payload[WIRE_COMMAND_SIZE];
    wire_pack_command(payload, &message);
    send_numbered(w, WIRE_COMMAND, payload, WIRE_COMMAND_SIZE);
}

static void send_garbage(world *w) {
    uint8_t bytes[200];
    size_t count = 1U + below(sizeof bytes);
    for (size_t i = 0U; i < count; i++) {
        bytes[i] = (uint8_t)(once_in(8U) ? 0U : below(256U));
    }
    feed_in_pieces(w, bytes, count);
}

/* Valid frame, right nonce and number, and anything inside. */
static void send_odd_message(world *w) {
    uint8_t payload[FRAME_PAYLOAD_MAX];
    uint8_t length = (uint8_t)below(FRAME_PAYLOAD_MAX + 1U);
    for (uint8_t i = 0U; i < length; i++) {
        payload[i] = (uint8_t)below(256U);
    }
    w->arm_sent = true; /* it may be an ARM by chance */
    send_numbered(w, (uint8_t)(once_in(2U) ? below(256U) : 1U + below(8U)), payload, length);
}

static void act_as_host(world *w) {
    static const uint8_t nothing[1] = {0U};
    uint8_t payload[WIRE_PING_SIZE];
    uint32_t choice = below(100U);
    if (choice < 55U) {
        send_command(w);
    } else if (choice < 67U) {
        send_arm(w);
    } else if (choice < 77U) {
        send_garbage(w);
    } else if (choice < 82U) {
        send_odd_message(w);
    } else if (choice < 88U) {
        send_configure(w);
    } else if (choice < 94U) {
        send_numbered(w, WIRE_RESET_ESTOP, nothing, 0U);
    } else if (choice < 96U) {
        memset(payload, (int)below(256U), sizeof payload);
        send_numbered(w, WIRE_PING, payload, WIRE_PING_SIZE);
    } else if (choice < 97U) {
        send_numbered(w, WIRE_DISARM, nothing, 0U);
    } else if (choice < 98U) {
        payload[0] = (uint8_t)below(4U);
        payload[1] = (uint8_t)below(8U);
        send_frame(w, WIRE_STOP, random_u32(), 0U, payload, WIRE_STOP_SIZE);
    } else if (choice < 99U || !w->state.session.active) {
        send_hello(w);
    }
}

/* ---------------------------------------------------------------- ticks */

static void advance_time(world *w) {
    uint32_t choice = below(200U);
    if (choice == 0U) {
        return; /* the clock stands */
    }
    if (choice == 1U) {
        w->now_us -= below(1000000U);
        w->state.last_tick_us = w->now_us - 1U; /* a board's clock does not go back: only the distance to the wrap is new */
    } else if (choice == 2U) {
        w->now_us += below(2000000U);
    } else {
        w->now_us += 4900U + below(200U);
    }
}

/* Encoders that mostly follow the set-points, so that driving lasts, and sometimes do anything. */
static void move_wheels(world *w) {
    if (once_in(3000U)) {
        w->left_ticks = random_u32();
        w->right_ticks = random_u32();
        return;
    }
    uint32_t nm = w->state.gains.nm_per_tick != 0U ? w->state.gains.nm_per_tick : 1U;
    for (uint8_t side = 0U; side < 2U; side++) {
        int64_t travel_nm = (int64_t)w->state.wheel[side].setpoint_um_per_s * 5;
        int32_t ticks = (int32_t)(travel_nm / (int64_t)nm);
        bool swapped = (w->state.config.flags & WIRE_CONFIG_ENCODERS_SWAPPED) != 0U;
        uint16_t inverted = side == 0U ? WIRE_CONFIG_LEFT_ENCODER_INVERTED : WIRE_CONFIG_RIGHT_ENCODER_INVERTED;
        uint32_t step = (w->state.config.flags & inverted) != 0U ? 0U - (uint32_t)ticks : (uint32_t)ticks;
        if ((side == 0U) != swapped) {
            w->left_ticks += step;
        } else {
            w->right_ticks += step;
        }
    }
}

static uint32_t lead(const fw_state *state) {
    uint32_t left = magnitude(state->wheel[0].setpoint_um_per_s);
    uint32_t right = magnitude(state->wheel[1].setpoint_um_per_s);
    return left > right ? left : right;
}

static void check(world *w, const fw_inputs *inputs, const fw_outputs *out) {
    const fw_state *s = &w->state;
    uint8_t phase = s->guard.phase;
    bool ramping = phase == GUARD_STOP_TO_ARMED || phase == GUARD_STOP_TO_IDLE || phase == GUARD_STOP_TO_FAULT;
    require(w, phase < GUARD_PHASES, "no such phase");
    require(w, out->left_duty_q15 > INT16_MIN && out->right_duty_q15 > INT16_MIN, "duty beyond full");
    require(w, out->drive <= FW_COAST, "no such bridge mode");
    bool pushes = out->left_duty_q15 != 0 || out->right_duty_q15 != 0;
    require(w, !pushes || out->drive == FW_DRIVE, "duty without drive");
    require(w, out->drive != FW_DRIVE || phase == GUARD_ARMED || phase == GUARD_DRIVING || ramping,
            "drive without being armed or ramping");
    require(w, out->drive != FW_DRIVE || w->arm_sent, "drive without ever being armed");
    if (out->watchdog_ok == 0U) {
        require(w, out->drive == FW_BRAKE, "clock stands and the motors are not shorted");
        return;
    }
    if (phase == GUARD_DRIVING) {
        w->driving_ticks++;
        int32_t remaining = wrapped_difference(s->guard.expiry_us, inputs->now_us);
        require(w, remaining > 0, "driving on a dead command");
        require(w, s->guard.configured && s->session.active, "driving without configuration");
        for (uint8_t side = 0U; side < 2U; side++) {
            require(w, magnitude(s->guard.target_um_per_s[side]) <= (uint32_t)s->config.wheel_max_mm_s * 1000U,
                    "target beyond the limit");
        }
    }
    require(w, lead(s) <= (uint32_t)s->config.wheel_max_mm_s * 1000U, "set-point beyond the limit");
    /* a wheel that still creeps when it is armed is taken over at its speed */
    require(w, phase != GUARD_ARMED || lead(s) <= w->lead_before || lead(s) < GUARD_REST_SPEED_UM_PER_S,
            "armed, and a set-point grows");
    require(w, !ramping || w->phase_before != phase || out->drive != FW_DRIVE || lead(s) <= w->lead_before,
            "stopping, and a set-point grows");
    require(w, inputs->estop_pressed == 0U || (phase == GUARD_ESTOP && out->drive == FW_BRAKE),
            "e-stop pressed and not braking");
}

static void tick(world *w) {
    fw_inputs inputs;
    fw_outputs outputs;
    advance_time(w);
    move_wheels(w);
    w->estop = once_in(w->estop ? 5U : 400U) ? !w->estop : w->estop;
    inputs.now_us = w->now_us;
    inputs.left_ticks = w->left_ticks;
    inputs.right_ticks = w->right_ticks;
    inputs.gyro_z_raw = (int16_t)below(32768U);
    inputs.accel_x_mm_s2 = (int16_t)below(32768U);
    inputs.accel_y_mm_s2 = (int16_t)-(int16_t)below(32768U);
    inputs.battery_mv = (uint16_t)(once_in(20U) ? below(65536U) : 24000U);
    inputs.estop_pressed = w->estop ? 1U : 0U;
    inputs.imu_ok = (uint8_t)(once_in(10U) ? 0U : 1U);
    inputs.driver_fault = (uint8_t)(once_in(2000U) ? 1U : 0U);
    w->phase_before = w->state.guard.phase;
    w->lead_before = lead(&w->state);
    fw_tick(&w->state, &inputs, &outputs);
    w->ticks++;
    check(w, &inputs, &outputs);
}

/* What the firmware sends must always be whole frames, whatever came in. */
static void listen(world *w) {
    uint8_t bytes[96];
    size_t count = fw_tx(&w->state, bytes, below(sizeof bytes + 1U));
    for (size_t i = 0U; i < count; i++) {
        frame_view frame;
        frame_result result = frame_push(&w->heard, bytes[i], &frame);
        require(w, result == FRAME_INCOMPLETE || result == FRAME_COMPLETE, "sent a broken frame");
        if (result == FRAME_COMPLETE) {
            require(w, frame.type >= 0x80U, "sent a frame of the host");
            w->frames_heard++;
        }
    }
}

static void restart(world *w) {
    fw_identity identity;
    memset(&identity, 0, sizeof identity);
    identity.boot_id = random_u32();
    identity.after_watchdog = once_in(2U) ? 1U : 0U;
    fw_init(&w->state, &identity, w->now_us);
    memset(&w->heard, 0, sizeof w->heard); /* what was half sent is lost with the power */
    w->arm_sent = false;
}

int main(int argc, char **argv) {
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000UL;
    random_state = argc > 2 ? 88172645463325252ULL ^ (strtoull(argv[2], NULL, 10) << 8U) : 88172645463325252ULL;
    static world w;
    w.now_us = UINT32_MAX - 3000000U; /* the clock wraps after 3 s */
    restart(&w);
    for (unsigned long round = 0UL; round < rounds; round++) {
        if (once_in(20000U)) {
            restart(&w);
        }
        act_as_host(&w);
        tick(&w);
        if (!once_in(4U)) {
            listen(&w);
            listen(&w);
        }
    }
    (void)printf("%lu rounds: %lu ticks driving, %lu commands obeyed, %lu frames refused, %lu frames heard\n", rounds,
                 (unsigned long)w.driving_ticks, (unsigned long)w.state.counters.commands_obeyed,
                 (unsigned long)w.state.counters.rx_bad_frame, (unsigned long)w.frames_heard);
    return w.driving_ticks > 0U || rounds < 10000UL ? 0 : 1;
}
