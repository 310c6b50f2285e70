/* Generated from firmware_bridge/wire.py by: python -m firmware_bridge.wire_header. Do not edit. */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

#define WIRE_PROTOCOL_VERSION (1l)
#define WIRE_MAX_PAYLOAD (64l)
#define WIRE_SEQUENCE_WINDOW (1000l)
#define WIRE_EXPIRY_SLACK_US (50000l)
#define WIRE_ARM_TIMEOUT_MS (1000l)
#define WIRE_BOOT_PERIOD_MS (100l)
#define WIRE_NOT_MEASURED (-32768l)

/* McuState */
#define WIRE_STATE_BOOT 0u
#define WIRE_STATE_IDLE 1u
#define WIRE_STATE_ARMED 2u
#define WIRE_STATE_DRIVING 3u
#define WIRE_STATE_STOPPING 4u
#define WIRE_STATE_ESTOP 5u
#define WIRE_STATE_FAULT 6u
#define WIRE_STATE_COUNT 7u

/* StopCategory */
#define WIRE_CATEGORY_RAMP 0u
#define WIRE_CATEGORY_BRAKE 1u
#define WIRE_CATEGORY_COAST 2u
#define WIRE_CATEGORY_COUNT 3u

/* Board */
#define WIRE_BOARD_NATIVE 0u
#define WIRE_BOARD_MEGA2560 1u
#define WIRE_BOARD_ATMEGA328P 2u
#define WIRE_BOARD_RP2040 3u
#define WIRE_BOARD_STM32 4u
#define WIRE_BOARD_COUNT 5u

/* Capability */
#define WIRE_CAPABILITY_IMU 1u
#define WIRE_CAPABILITY_BATTERY 2u
#define WIRE_CAPABILITY_ESTOP_INPUT 4u
#define WIRE_CAPABILITY_BRAKE 8u
#define WIRE_CAPABILITY_COUNT 4u

/* ConfigFlag */
#define WIRE_CONFIG_LEFT_ENCODER_INVERTED 1u
#define WIRE_CONFIG_RIGHT_ENCODER_INVERTED 2u
#define WIRE_CONFIG_LEFT_MOTOR_INVERTED 4u
#define WIRE_CONFIG_RIGHT_MOTOR_INVERTED 8u
#define WIRE_CONFIG_ENCODERS_SWAPPED 16u
#define WIRE_CONFIG_MOTORS_SWAPPED 32u
#define WIRE_CONFIG_COUNT 6u

/* CommandMode */
#define WIRE_MODE_DRIVE 0u
#define WIRE_MODE_RAMP 1u
#define WIRE_MODE_BRAKE 2u
#define WIRE_MODE_COAST 3u
#define WIRE_MODE_COUNT 4u

/* HostCause */
#define WIRE_HOST_CAUSE_UNKNOWN 0u
#define WIRE_HOST_CAUSE_OPERATOR 1u
#define WIRE_HOST_CAUSE_SAFETY 2u
#define WIRE_HOST_CAUSE_COMMAND_NOT_FINITE 3u
#define WIRE_HOST_CAUSE_COMMAND_RANGE 4u
#define WIRE_HOST_CAUSE_LINK_LOST 5u
#define WIRE_HOST_CAUSE_SHUTDOWN 6u
#define WIRE_HOST_CAUSE_COUNT 7u

/* StopCause */
#define WIRE_CAUSE_NONE 0u
#define WIRE_CAUSE_POWER_UP 1u
#define WIRE_CAUSE_COMMAND_EXPIRED 2u
#define WIRE_CAUSE_STOP_FRAME 3u
#define WIRE_CAUSE_COMMANDED 4u
#define WIRE_CAUSE_ESTOP 5u
#define WIRE_CAUSE_LINK_RESET 6u
#define WIRE_CAUSE_DISARM 7u
#define WIRE_CAUSE_COMMAND_RANGE 8u
#define WIRE_CAUSE_LEFT_NOT_TURNING 9u
#define WIRE_CAUSE_RIGHT_NOT_TURNING 10u
#define WIRE_CAUSE_LEFT_UNCOMMANDED 11u
#define WIRE_CAUSE_RIGHT_UNCOMMANDED 12u
#define WIRE_CAUSE_LEFT_WRONG_WAY 13u
#define WIRE_CAUSE_RIGHT_WRONG_WAY 14u
#define WIRE_CAUSE_BATTERY_LOW 15u
#define WIRE_CAUSE_WATCHDOG_RESET 16u
#define WIRE_CAUSE_ARM_TIMEOUT 17u
#define WIRE_CAUSE_MOTOR_DRIVER 18u
#define WIRE_CAUSE_COUNT 19u

/* FaultBit */
#define WIRE_FAULT_LEFT_NOT_TURNING 1u
#define WIRE_FAULT_RIGHT_NOT_TURNING 2u
#define WIRE_FAULT_LEFT_UNCOMMANDED 4u
#define WIRE_FAULT_RIGHT_UNCOMMANDED 8u
#define WIRE_FAULT_LEFT_WRONG_WAY 16u
#define WIRE_FAULT_RIGHT_WRONG_WAY 32u
#define WIRE_FAULT_BATTERY_LOW 64u
#define WIRE_FAULT_ESTOP_INPUT 128u
#define WIRE_FAULT_MOTOR_DRIVER 256u
#define WIRE_FAULT_COUNT 9u

/* WarningBit */
#define WIRE_WARNING_NOT_CONFIGURED 1u
#define WIRE_WARNING_IMU 2u
#define WIRE_WARNING_TX_DROPPED 4u
#define WIRE_WARNING_RX_REFUSED 8u
#define WIRE_WARNING_LATE_COMMAND 16u
#define WIRE_WARNING_LOOP_OVERRUN 32u
#define WIRE_WARNING_AFTER_WATCHDOG 64u
#define WIRE_WARNING_COUNT 7u

/* EventCode */
#define WIRE_EVENT_STATE 0u
#define WIRE_EVENT_FAULT 1u
#define WIRE_EVENT_FAULT_CLEARED 2u
#define WIRE_EVENT_COUNT 3u

/* Refusal */
#define WIRE_REFUSAL_NONE 0u
#define WIRE_REFUSAL_NOT_CONFIGURED 1u
#define WIRE_REFUSAL_BAD_VALUE 2u
#define WIRE_REFUSAL_BAD_SIZE 3u
#define WIRE_REFUSAL_UNKNOWN_TYPE 4u
#define WIRE_REFUSAL_WRONG_STATE 5u
#define WIRE_REFUSAL_BAD_TOKEN 6u
#define WIRE_REFUSAL_FAULT_ACTIVE 7u
#define WIRE_REFUSAL_ESTOP_LATCHED 8u
#define WIRE_REFUSAL_BATTERY_LOW 9u
#define WIRE_REFUSAL_MOVING 10u
#define WIRE_REFUSAL_EXPIRY_TOO_FAR 11u
#define WIRE_REFUSAL_COMMAND_RANGE 12u
#define WIRE_REFUSAL_NOT_ARMED 13u
#define WIRE_REFUSAL_VERSION 14u
#define WIRE_REFUSAL_COUNT 15u

/* Stop category of each stop cause, in the order of WIRE_CAUSE_. */
#define WIRE_CATEGORY_OF_CAUSE {0u, 1u, 0u, 0u, 0u, 1u, 0u, 0u, 0u, 1u, 1u, 1u, 1u, 1u, 1u, 0u, 1u, 0u, 2u}

/* Message types and payload sizes */
#define WIRE_HELLO 0x01u
#define WIRE_HELLO_SIZE 6u
#define WIRE_CONFIGURE 0x02u
#define WIRE_CONFIGURE_SIZE 46u
#define WIRE_COMMAND 0x03u
#define WIRE_COMMAND_SIZE 13u
#define WIRE_ARM 0x04u
#define WIRE_ARM_SIZE 4u
#define WIRE_DISARM 0x05u
#define WIRE_DISARM_SIZE 0u
#define WIRE_STOP 0x06u
#define WIRE_STOP_SIZE 2u
#define WIRE_RESET_ESTOP 0x07u
#define WIRE_RESET_ESTOP_SIZE 0u
#define WIRE_PING 0x08u
#define WIRE_PING_SIZE 8u
#define WIRE_BOOT 0x81u
#define WIRE_BOOT_SIZE 12u
#define WIRE_HELLO_ACK 0x82u
#define WIRE_HELLO_ACK_SIZE 19u
#define WIRE_CONFIG_ACK 0x83u
#define WIRE_CONFIG_ACK_SIZE 6u
#define WIRE_TELEMETRY 0x84u
#define WIRE_TELEMETRY_SIZE 33u
#define WIRE_PONG 0x85u
#define WIRE_PONG_SIZE 12u
#define WIRE_EVENT 0x86u
#define WIRE_EVENT_SIZE 5u
#define WIRE_NACK 0x87u
#define WIRE_NACK_SIZE 4u

static inline void wire_put8(uint8_t *p, uint8_t v) { p[0] = v; }
static inline void wire_put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v & 0xFFu);
    p[1] = (uint8_t)(v >> 8);
}
static inline void wire_put32(uint8_t *p, uint32_t v) {
    wire_put16(p, (uint16_t)(v & 0xFFFFul));
    wire_put16(p + 2, (uint16_t)(v >> 16));
}
static inline void wire_put64(uint8_t *p, uint64_t v) {
    wire_put32(p, (uint32_t)(v & 0xFFFFFFFFull));
    wire_put32(p + 4, (uint32_t)(v >> 32));
}
static inline uint8_t wire_get8(const uint8_t *p) { return p[0]; }
static inline uint16_t wire_get16(const uint8_t *p) {
    return (uint16_t)((uint16_t)p[0] | (uint16_t)((uint16_t)p[1] << 8));
}
static inline uint32_t wire_get32(const uint8_t *p) {
    return (uint32_t)wire_get16(p) | ((uint32_t)wire_get16(p + 2) << 16);
}
static inline uint64_t wire_get64(const uint8_t *p) {
    return (uint64_t)wire_get32(p) | ((uint64_t)wire_get32(p + 4) << 32);
}

/* Opens a session. The only frame with nonce 0 that the MCU obeys, besides STOP. */
typedef struct {
    uint16_t protocol_version; /* version that the host speaks */
    uint32_t host_nonce; /* random, new for every session of a host */
} wire_hello_t;
static inline void wire_pack_hello(uint8_t *p, const wire_hello_t *m) {
    wire_put16(p + 0, (uint16_t)m->protocol_version);
    wire_put32(p + 2, (uint32_t)m->host_nonce);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_hello(const uint8_t *p, wire_hello_t *m) {
    m->protocol_version = (uint16_t)wire_get16(p + 0);
    m->host_nonce = (uint32_t)wire_get32(p + 2);
    if (m->host_nonce < 1ul) return 0;
    return 1;
}

/* What the MCU must know of the robot. Accepted in IDLE, ESTOP and FAULT only; replaces the old one whole. */
typedef struct {
    uint32_t nm_per_tick; /* wheel surface travel of one encoder count, 1e-09 m */
    uint32_t track_um; /* effective track, 1e-06 m */
    uint16_t wheel_max_mm_s; /* a command with a faster wheel is refused, 0.001 m/s */
    uint16_t v_max_mm_s; /* a command with a faster mean of both wheels is refused, 0.001 m/s */
    uint16_t v_reverse_max_mm_s; /* the same backward, 0.001 m/s */
    uint16_t wheel_accel_mm_s2; /* set-point slew while a wheel's speed grows, 0.001 m/s2 */
    uint16_t wheel_decel_mm_s2; /* set-point slew while a wheel's speed shrinks, 0.001 m/s2 */
    uint16_t stop_ramp_mm_s2; /* deceleration of both wheels' mean in a RAMP stop, 0.001 m/s2 */
    uint32_t feed_forward_q16; /* duty per wheel speed, 1.52588e-05 s/m */
    uint32_t proportional_q16; /* duty per speed error, 1.52588e-05 s/m */
    uint32_t integral_q16; /* duty per integral of the speed error, 1.52588e-05 1/m */
    uint16_t static_duty_q15; /* duty that overcomes static friction, 3.05176e-05 1 */
    uint16_t loop_hz; /* rate of the velocity loop, 1 Hz */
    uint16_t telemetry_hz; /* rate of TELEMETRY, 1 Hz */
    uint16_t command_timeout_ms; /* longest life of a command, 0.001 s */
    uint16_t battery_min_mv; /* below this for the hold time the MCU stops; 0 = no battery, 0.001 V */
    uint16_t encoder_fault_ms; /* encoder and command may disagree for this long, 0.001 s */
    uint16_t flags; /* ConfigFlag bits */
} wire_configure_t;
static inline void wire_pack_configure(uint8_t *p, const wire_configure_t *m) {
    wire_put32(p + 0, (uint32_t)m->nm_per_tick);
    wire_put32(p + 4, (uint32_t)m->track_um);
    wire_put16(p + 8, (uint16_t)m->wheel_max_mm_s);
    wire_put16(p + 10, (uint16_t)m->v_max_mm_s);
    wire_put16(p + 12, (uint16_t)m->v_reverse_max_mm_s);
    wire_put16(p + 14, (uint16_t)m->wheel_accel_mm_s2);
    wire_put16(p + 16, (uint16_t)m->wheel_decel_mm_s2);
    wire_put16(p + 18, (uint16_t)m->stop_ramp_mm_s2);
    wire_put32(p + 20, (uint32_t)m->feed_forward_q16);
    wire_put32(p + 24, (uint32_t)m->proportional_q16);
    wire_put32(p + 28, (uint32_t)m->integral_q16);
    wire_put16(p + 32, (uint16_t)m->static_duty_q15);
    wire_put16(p + 34, (uint16_t)m->loop_hz);
    wire_put16(p + 36, (uint16_t)m->telemetry_hz);
    wire_put16(p + 38, (uint16_t)m->command_timeout_ms);
    wire_put16(p + 40, (uint16_t)m->battery_min_mv);
    wire_put16(p + 42, (uint16_t)m->encoder_fault_ms);
    wire_put16(p + 44, (uint16_t)m->flags);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_configure(const uint8_t *p, wire_configure_t *m) {
    m->nm_per_tick = (uint32_t)wire_get32(p + 0);
    m->track_um = (uint32_t)wire_get32(p + 4);
    m->wheel_max_mm_s = (uint16_t)wire_get16(p + 8);
    m->v_max_mm_s = (uint16_t)wire_get16(p + 10);
    m->v_reverse_max_mm_s = (uint16_t)wire_get16(p + 12);
    m->wheel_accel_mm_s2 = (uint16_t)wire_get16(p + 14);
    m->wheel_decel_mm_s2 = (uint16_t)wire_get16(p + 16);
    m->stop_ramp_mm_s2 = (uint16_t)wire_get16(p + 18);
    m->feed_forward_q16 = (uint32_t)wire_get32(p + 20);
    m->proportional_q16 = (uint32_t)wire_get32(p + 24);
    m->integral_q16 = (uint32_t)wire_get32(p + 28);
    m->static_duty_q15 = (uint16_t)wire_get16(p + 32);
    m->loop_hz = (uint16_t)wire_get16(p + 34);
    m->telemetry_hz = (uint16_t)wire_get16(p + 36);
    m->command_timeout_ms = (uint16_t)wire_get16(p + 38);
    m->battery_min_mv = (uint16_t)wire_get16(p + 40);
    m->encoder_fault_ms = (uint16_t)wire_get16(p + 42);
    m->flags = (uint16_t)wire_get16(p + 44);
    if (m->nm_per_tick < 1ul) return 0;
    if (m->track_um < 1ul) return 0;
    if (m->wheel_max_mm_s < 1ul) return 0;
    if (m->v_max_mm_s < 1ul) return 0;
    if (m->wheel_accel_mm_s2 < 1ul) return 0;
    if (m->wheel_decel_mm_s2 < 1ul) return 0;
    if (m->stop_ramp_mm_s2 < 1ul) return 0;
    if (m->feed_forward_q16 > 16777216ul) return 0;
    if (m->proportional_q16 > 16777216ul) return 0;
    if (m->integral_q16 > 16777216ul) return 0;
    if (m->static_duty_q15 > 32767ul) return 0;
    if (m->loop_hz < 50ul) return 0;
    if (m->loop_hz > 1000ul) return 0;
    if (m->telemetry_hz < 10ul) return 0;
    if (m->telemetry_hz > 500ul) return 0;
    if (m->command_timeout_ms < 20ul) return 0;
    if (m->command_timeout_ms > 1000ul) return 0;
    if (m->encoder_fault_ms < 20ul) return 0;
    if (m->encoder_fault_ms > 5000ul) return 0;
    if (m->flags > 63ul) return 0;
    return 1;
}

/* Wheel speeds until an absolute time on the MCU's clock. */
typedef struct {
    int32_t left_um_s; /* surface speed of the left wheel, 1e-06 m/s */
    int32_t right_um_s; /* surface speed of the right wheel, 1e-06 m/s */
    uint32_t expiry_us; /* dead from this time of the MCU's clock on (modulo 2**32), 1e-06 s */
    uint8_t mode; /* DRIVE, or rest by RAMP, BRAKE or COAST (speeds are then 0) */
} wire_command_t;
static inline void wire_pack_command(uint8_t *p, const wire_command_t *m) {
    wire_put32(p + 0, (uint32_t)m->left_um_s);
    wire_put32(p + 4, (uint32_t)m->right_um_s);
    wire_put32(p + 8, (uint32_t)m->expiry_us);
    wire_put8(p + 12, (uint8_t)m->mode);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_command(const uint8_t *p, wire_command_t *m) {
    m->left_um_s = (int32_t)wire_get32(p + 0);
    m->right_um_s = (int32_t)wire_get32(p + 4);
    m->expiry_us = (uint32_t)wire_get32(p + 8);
    m->mode = (uint8_t)wire_get8(p + 12);
    if (m->mode > 3ul) return 0;
    return 1;
}

/* Allows driving. Refused by NACK when configuration, faults, e-stop latch, battery or standstill forbid it. */
typedef struct {
    uint32_t token; /* configuration digest XOR boot_id: proves that both ends mean the same robot */
} wire_arm_t;
static inline void wire_pack_arm(uint8_t *p, const wire_arm_t *m) {
    wire_put32(p + 0, (uint32_t)m->token);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_arm(const uint8_t *p, wire_arm_t *m) {
    m->token = (uint32_t)wire_get32(p + 0);
    return 1;
}

/* Ramps to rest; then IDLE. */
typedef struct {
    uint8_t unused; /* C99 has no empty struct; not on the wire */
} wire_disarm_t;

/* Stops and disarms. Accepted with any nonce and any sequence number; has no other effect, ever. */
typedef struct {
    uint8_t category; /* how to come to rest */
    uint8_t cause; /* why, for the record */
} wire_stop_t;
static inline void wire_pack_stop(uint8_t *p, const wire_stop_t *m) {
    wire_put8(p + 0, (uint8_t)m->category);
    wire_put8(p + 1, (uint8_t)m->cause);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_stop(const uint8_t *p, wire_stop_t *m) {
    m->category = (uint8_t)wire_get8(p + 0);
    m->cause = (uint8_t)wire_get8(p + 1);
    if (m->category > 2ul) return 0;
    if (m->cause > 6ul) return 0;
    return 1;
}

/* Clears the e-stop latch and latched faults when their inputs are clear and the wheels rest. Does not arm. */
typedef struct {
    uint8_t unused; /* C99 has no empty struct; not on the wire */
} wire_reset_estop_t;

/* Asks for the MCU's clock. */
typedef struct {
    uint64_t host_us; /* returned as it is, 1e-06 s */
} wire_ping_t;
static inline void wire_pack_ping(uint8_t *p, const wire_ping_t *m) {
    wire_put64(p + 0, (uint64_t)m->host_us);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_ping(const uint8_t *p, wire_ping_t *m) {
    m->host_us = (uint64_t)wire_get64(p + 0);
    return 1;
}

/* Nonce 0: sent at power-up and every BOOT_PERIOD_MS while there is no session. */
typedef struct {
    uint16_t protocol_version; /* version that the MCU speaks */
    uint32_t boot_id; /* differs from that of the boot before */
    uint8_t board; /* kind of board */
    uint8_t cause; /* POWER_UP or WATCHDOG_RESET */
    uint32_t mcu_us; /* the MCU's clock (modulo 2**32), 1e-06 s */
} wire_boot_t;
static inline void wire_pack_boot(uint8_t *p, const wire_boot_t *m) {
    wire_put16(p + 0, (uint16_t)m->protocol_version);
    wire_put32(p + 2, (uint32_t)m->boot_id);
    wire_put8(p + 6, (uint8_t)m->board);
    wire_put8(p + 7, (uint8_t)m->cause);
    wire_put32(p + 8, (uint32_t)m->mcu_us);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_boot(const uint8_t *p, wire_boot_t *m) {
    m->protocol_version = (uint16_t)wire_get16(p + 0);
    m->boot_id = (uint32_t)wire_get32(p + 2);
    m->board = (uint8_t)wire_get8(p + 6);
    m->cause = (uint8_t)wire_get8(p + 7);
    m->mcu_us = (uint32_t)wire_get32(p + 8);
    if (m->board > 4ul) return 0;
    if (m->cause > 18ul) return 0;
    return 1;
}

/* Answers HELLO; carries the session's nonce already. */
typedef struct {
    uint16_t protocol_version; /* version that the MCU speaks; no session when it differs */
    uint32_t firmware_build; /* number of the firmware's build */
    uint8_t board; /* kind of board */
    uint32_t capabilities; /* Capability bits */
    uint32_t boot_id; /* differs from that of the boot before */
    uint32_t mcu_us; /* the MCU's clock (modulo 2**32), 1e-06 s */
} wire_hello_ack_t;
static inline void wire_pack_hello_ack(uint8_t *p, const wire_hello_ack_t *m) {
    wire_put16(p + 0, (uint16_t)m->protocol_version);
    wire_put32(p + 2, (uint32_t)m->firmware_build);
    wire_put8(p + 6, (uint8_t)m->board);
    wire_put32(p + 7, (uint32_t)m->capabilities);
    wire_put32(p + 11, (uint32_t)m->boot_id);
    wire_put32(p + 15, (uint32_t)m->mcu_us);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_hello_ack(const uint8_t *p, wire_hello_ack_t *m) {
    m->protocol_version = (uint16_t)wire_get16(p + 0);
    m->firmware_build = (uint32_t)wire_get32(p + 2);
    m->board = (uint8_t)wire_get8(p + 6);
    m->capabilities = (uint32_t)wire_get32(p + 7);
    m->boot_id = (uint32_t)wire_get32(p + 11);
    m->mcu_us = (uint32_t)wire_get32(p + 15);
    if (m->board > 4ul) return 0;
    return 1;
}

/* Answers CONFIGURE. */
typedef struct {
    uint32_t digest; /* CRC-32 of the CONFIGURE payload as received */
    uint8_t accepted; /* 1 = in force */
    uint8_t reason; /* why not */
} wire_config_ack_t;
static inline void wire_pack_config_ack(uint8_t *p, const wire_config_ack_t *m) {
    wire_put32(p + 0, (uint32_t)m->digest);
    wire_put8(p + 4, (uint8_t)m->accepted);
    wire_put8(p + 5, (uint8_t)m->reason);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_config_ack(const uint8_t *p, wire_config_ack_t *m) {
    m->digest = (uint32_t)wire_get32(p + 0);
    m->accepted = (uint8_t)wire_get8(p + 4);
    m->reason = (uint8_t)wire_get8(p + 5);
    if (m->accepted > 1ul) return 0;
    if (m->reason > 14ul) return 0;
    return 1;
}

/* The state of the base, at telemetry_hz from the moment it is configured. */
typedef struct {
    uint32_t t_us; /* time of measurement on the MCU's clock (modulo 2**32), 1e-06 s */
    int32_t left_ticks; /* running count since boot (modulo 2**32), forward positive */
    int32_t right_ticks; /* running count since boot (modulo 2**32), forward positive */
    int16_t left_mm_s; /* measured surface speed, 0.001 m/s */
    int16_t right_mm_s; /* measured surface speed, 0.001 m/s */
    int16_t gyro_z_raw; /* yaw rate, rounded; NOT_MEASURED = none, 0.0003 rad/s */
    int16_t accel_x_mm_s2; /* acceleration forward; NOT_MEASURED = none, 0.001 m/s2 */
    int16_t accel_y_mm_s2; /* acceleration left; NOT_MEASURED = none, 0.001 m/s2 */
    uint16_t battery_mv; /* supply, 0.001 V */
    uint8_t state; /* state of the MCU */
    uint8_t stop_cause; /* cause of the last stop; NONE while driving */
    uint16_t faults; /* FaultBit bits */
    uint8_t warnings; /* WarningBit bits */
    uint16_t last_command_seq; /* frame number of the last COMMAND that was obeyed */
    int8_t left_duty; /* applied duty, 0.00787402 1 */
    int8_t right_duty; /* applied duty, 0.00787402 1 */
} wire_telemetry_t;
static inline void wire_pack_telemetry(uint8_t *p, const wire_telemetry_t *m) {
    wire_put32(p + 0, (uint32_t)m->t_us);
    wire_put32(p + 4, (uint32_t)m->left_ticks);
    wire_put32(p + 8, (uint32_t)m->right_ticks);
    wire_put16(p + 12, (uint16_t)m->left_mm_s);
    wire_put16(p + 14, (uint16_t)m->right_mm_s);
    wire_put16(p + 16, (uint16_t)m->gyro_z_raw);
    wire_put16(p + 18, (uint16_t)m->accel_x_mm_s2);
    wire_put16(p + 20, (uint16_t)m->accel_y_mm_s2);
    wire_put16(p + 22, (uint16_t)m->battery_mv);
    wire_put8(p + 24, (uint8_t)m->state);
    wire_put8(p + 25, (uint8_t)m->stop_cause);
    wire_put16(p + 26, (uint16_t)m->faults);
    wire_put8(p + 28, (uint8_t)m->warnings);
    wire_put16(p + 29, (uint16_t)m->last_command_seq);
    wire_put8(p + 31, (uint8_t)m->left_duty);
    wire_put8(p + 32, (uint8_t)m->right_duty);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_telemetry(const uint8_t *p, wire_telemetry_t *m) {
    m->t_us = (uint32_t)wire_get32(p + 0);
    m->left_ticks = (int32_t)wire_get32(p + 4);
    m->right_ticks = (int32_t)wire_get32(p + 8);
    m->left_mm_s = (int16_t)wire_get16(p + 12);
    m->right_mm_s = (int16_t)wire_get16(p + 14);
    m->gyro_z_raw = (int16_t)wire_get16(p + 16);
    m->accel_x_mm_s2 = (int16_t)wire_get16(p + 18);
    m->accel_y_mm_s2 = (int16_t)wire_get16(p + 20);
    m->battery_mv = (uint16_t)wire_get16(p + 22);
    m->state = (uint8_t)wire_get8(p + 24);
    m->stop_cause = (uint8_t)wire_get8(p + 25);
    m->faults = (uint16_t)wire_get16(p + 26);
    m->warnings = (uint8_t)wire_get8(p + 28);
    m->last_command_seq = (uint16_t)wire_get16(p + 29);
    m->left_duty = (int8_t)wire_get8(p + 31);
    m->right_duty = (int8_t)wire_get8(p + 32);
    if (m->state > 6ul) return 0;
    if (m->stop_cause > 18ul) return 0;
    return 1;
}

/* Answers PING at once. */
typedef struct {
    uint64_t host_us; /* as in the PING, 1e-06 s */
    uint32_t mcu_us; /* the MCU's clock when the PING was read (modulo 2**32), 1e-06 s */
} wire_pong_t;
static inline void wire_pack_pong(uint8_t *p, const wire_pong_t *m) {
    wire_put64(p + 0, (uint64_t)m->host_us);
    wire_put32(p + 8, (uint32_t)m->mcu_us);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_pong(const uint8_t *p, wire_pong_t *m) {
    m->host_us = (uint64_t)wire_get64(p + 0);
    m->mcu_us = (uint32_t)wire_get32(p + 8);
    return 1;
}

/* Something happened; sent once, not repeated (TELEMETRY carries the state itself). */
typedef struct {
    uint8_t code; /* what */
    uint32_t detail; /* see EventCode */
} wire_event_t;
static inline void wire_pack_event(uint8_t *p, const wire_event_t *m) {
    wire_put8(p + 0, (uint8_t)m->code);
    wire_put32(p + 1, (uint32_t)m->detail);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_event(const uint8_t *p, wire_event_t *m) {
    m->code = (uint8_t)wire_get8(p + 0);
    m->detail = (uint32_t)wire_get32(p + 1);
    if (m->code > 2ul) return 0;
    return 1;
}

/* A message with valid frame was refused. */
typedef struct {
    uint8_t refused_type; /* type of the refused message */
    uint8_t reason; /* why */
    uint16_t refused_seq; /* its frame number */
} wire_nack_t;
static inline void wire_pack_nack(uint8_t *p, const wire_nack_t *m) {
    wire_put8(p + 0, (uint8_t)m->refused_type);
    wire_put8(p + 1, (uint8_t)m->reason);
    wire_put16(p + 2, (uint16_t)m->refused_seq);
}
/* 0 when a field is outside its range. */
static inline uint8_t wire_unpack_nack(const uint8_t *p, wire_nack_t *m) {
    m->refused_type = (uint8_t)wire_get8(p + 0);
    m->reason = (uint8_t)wire_get8(p + 1);
    m->refused_seq = (uint16_t)wire_get16(p + 2);
    if (m->reason > 14ul) return 0;
    return 1;
}

#endif
