/* What goes through the pipes between the host and the helper process: little endian, packed; one answer a request. */
#ifndef AMR_EMULATOR_PROTOCOL_H
#define AMR_EMULATOR_PROTOCOL_H

#include <stdint.h>

typedef enum {
    REQUEST_RUN = 0,
    REQUEST_EXTERNAL_RESET = 1, /* the reset pin: RAM stays */
    REQUEST_BROWN_OUT = 2,      /* the supply: RAM is lost */
    REQUEST_HANG = 3            /* the main loop stands, interrupts go on */
} request_kind;

/* Advance to `until_us`; `held_us`: how long a reset holds the processor (supply, reset pulse and bootloader). */
typedef struct __attribute__((packed)) {
    uint64_t until_us;
    int64_t ticks[2];  /* counts of the encoders then: left, right */
    double gyro_z_radps;
    double accel_x_mps2;
    double accel_y_mps2;
    uint32_t battery_mv;
    uint32_t held_us;
    uint32_t received;   /* bytes that follow; the first starts on the wire at once, at the host's baud rate */
    uint8_t kind;        /* request_kind */
    uint8_t estop;
    uint8_t imu_present;
} request;

#define BRIDGE_DRIVE 0U
#define BRIDGE_COAST 2U

typedef struct __attribute__((packed)) {
    double duty[2];    /* left, right; of the full supply, > 0 forward */
    uint64_t asleep_cycles; /* since power-up: what the processor had to spare */
    uint64_t cycle;
    uint32_t baud;     /* that the UART is set to; 0 = not yet */
    uint32_t resets;   /* by the watchdog */
    uint32_t overruns; /* bytes that came while the receiver's three places were full */
    uint32_t edges;    /* of the encoders, modulo 2^32 */
    uint32_t stack_unused; /* bytes between data and stack that no interrupt ever found used */
    uint32_t sent;     /* bytes that follow: those whose stop bit has ended */
    uint8_t bridge[2]; /* BRIDGE_ */
} answer;

#endif
