/* The firmware without its board: no heap, no I/O, no globals. All state is one `fw_state`; a snapshot is a memcpy.
 *
 * A board calls fw_rx with what its UART received, fw_tick at the loop rate with what its pins say, puts the outputs on
 * its pins, and sends what fw_tx gives. Times are microseconds of a 32-bit clock that wraps.
 */
#ifndef AMR_FW_H
#define AMR_FW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "guard.h"
#include "tx_ring.h"
#include "wheel.h"
#include "wire.h"

typedef struct {
    uint32_t boot_id; /* differs from that of the boot before */
    uint32_t build;
    uint32_t capabilities; /* WIRE_CAPABILITY_ bits */
    uint8_t board;         /* WIRE_BOARD_ */
    uint8_t after_watchdog;
} fw_identity;

typedef struct {
    uint32_t now_us;
    uint32_t left_ticks; /* running counts of the encoders as wired, any start, wrapping */
    uint32_t right_ticks;
    int16_t gyro_z_raw; /* units of TELEMETRY */
    int16_t accel_x_mm_s2;
    int16_t accel_y_mm_s2;
    uint16_t battery_mv;
    uint8_t estop_pressed;
    uint8_t imu_ok; /* 0 = the three values above mean nothing */
    uint8_t driver_fault;
} fw_inputs;

#define FW_DRIVE 0U /* the bridges put the duty on the motors */
#define FW_BRAKE 1U /* the motors are shorted; duty is 0 */
#define FW_COAST 2U /* the bridges are off; duty is 0 */

typedef struct {
    int16_t left_duty_q15; /* 32767 = full supply; as wired */
    int16_t right_duty_q15;
    uint8_t drive;       /* FW_DRIVE, FW_BRAKE or FW_COAST */
    uint8_t watchdog_ok; /* this tick went through all its work; 0 = the clock stood still */
} fw_outputs;

/* For people and tests; they wrap. */
typedef struct {
    uint32_t rx_frames;
    uint32_t rx_bad_frame; /* stuffing, size, CRC, too long */
    uint32_t rx_bad_message; /* direction, type, payload size, field range */
    uint32_t rx_foreign;   /* nonce */
    uint32_t rx_sequence;  /* duplicate, reordered, too far */
    uint32_t rx_lost;
    uint32_t commands_obeyed;
    uint32_t commands_late;
    uint32_t commands_refused;
    uint32_t tx_telemetry_dropped;
    uint32_t tx_answers_dropped;
} fw_counters;

typedef struct {
    bool active;
    uint32_t host_nonce;
    uint32_t nonce;
    uint16_t received_seq;
    uint16_t sent_seq;
} fw_session;

typedef struct {
    fw_identity identity;
    fw_session session;
    frame_reader reader;
    tx_ring tx;
    fw_counters counters;

    wire_configure_t config; /* kept after its session, for the ramp that ends it */
    uint32_t config_digest;
    guard_limits limits;
    wheel_gains gains;

    guard_state guard;
    wheel_state wheel[2]; /* left, right */
    uint8_t motion;       /* guard_motion of the last tick */

    uint32_t last_tick_us;
    bool ticked;
    uint32_t boot_announced_us;
    bool boot_announced;
    uint16_t ticks_to_telemetry;
    uint16_t last_command_seq;
    uint8_t warnings; /* those that last until the next telemetry */
    uint8_t reported_state;
    uint16_t reported_faults;
    uint32_t nack_sent_us[WIRE_REFUSAL_COUNT];
    uint16_t nack_sent; /* bit per refusal: the time beside it means something */
} fw_state;

/* Power-up: motors shorted, no session. */
void fw_init(fw_state *state, const fw_identity *identity, uint32_t now_us);

/* Takes any bytes, of any peer. `now_us` is the time at which the last of them was read. */
void fw_rx(fw_state *state, const uint8_t *bytes, size_t count, uint32_t now_us);

/* One loop. Time must have advanced since the tick before, else the motors are shorted and the watchdog is not kicked. */
void fw_tick(fw_state *state, const fw_inputs *inputs, fw_outputs *outputs);

/* Takes up to `capacity` bytes for the host out of the queue; gives their number. */
size_t fw_tx(fw_state *state, uint8_t *out, size_t capacity);

/* Period at which the board shall call fw_tick (5 ms until the configuration says otherwise). */
uint32_t fw_loop_period_us(const fw_state *state);

#endif
