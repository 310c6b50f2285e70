#include "imu.h"

#include "fixed.h"
#include "twi.h"

/* Register map: InvenSense RM-MPU-6000A-00 rev 4.2 */
#define ADDRESS 0x68U
#define FIRST_RESULT 0x3BU /* accel x, y, z, temperature, gyro x, y, z; 16 bits each, high byte first */
#define RESULT_BYTES 14U
#define TRANSFER_LIMIT_US 4000U /* the longest one takes 0.5 ms */
#define RETRY_US 100000U
#define FRESH_US 25000U

static const uint8_t setup[][2] = {
    {0x6BU, 0x01U}, /* awake, clock from the x gyro */
    {0x1AU, 0x03U}, /* low pass 42 Hz (gyro), 44 Hz (accel) */
    {0x1BU, 0x08U}, /* gyro +-500 deg/s: 65.5 counts per deg/s */
    {0x1CU, 0x08U}, /* accel +-4 g: 8192 counts per g */
};
#define SETUP_STEPS ((uint8_t)(sizeof setup / sizeof setup[0]))

static uint8_t step;        /* of the setup; SETUP_STEPS = measuring */
static bool waiting;        /* after a failure */
static bool measured;       /* there is a sample */
static uint32_t started_us; /* the transfer or the wait */
static uint32_t measured_us;
static imu_sample newest;

void imu_init(void) { twi_init(); }

static int16_t scaled(const uint8_t *bytes, int32_t factor_q16) {
    uint16_t raw = (uint16_t)((uint16_t)(bytes[0] << 8U) | bytes[1]);
    int32_t value = raw < 0x8000U ? (int32_t)raw : (int32_t)raw - 65536;
    return (int16_t)clamp_i32((int32_t)scale_down((int64_t)value * factor_q16, 16U), -INT16_MAX, INT16_MAX);
}

static void collect(uint32_t now_us) {
    uint8_t bytes[RESULT_BYTES];
    twi_take(bytes, RESULT_BYTES);
    newest.accel_x_mm_s2 = scaled(bytes, 78453);     /* 9806.65 / 8192 */
    newest.accel_y_mm_s2 = scaled(bytes + 2, 78453);
    newest.gyro_z_raw = scaled(bytes + 12, 58210);   /* 1 / 65.5 deg/s in units of 0.3 mrad/s: 0.88821 */
    measured = true;
    measured_us = now_us;
}

static void begin_transfer(uint32_t now_us) {
    static const uint8_t first_result = FIRST_RESULT;
    started_us = now_us;
    if (step < SETUP_STEPS) {
        twi_start(ADDRESS, setup[step], 2U, 0U);
    } else {
        twi_start(ADDRESS, &first_result, 1U, RESULT_BYTES);
    }
}

static void begin_wait(uint32_t now_us) {
    twi_init();
    step = 0U;
    measured = false;
    waiting = true;
    started_us = now_us;
}

static void advance(uint32_t now_us) {
    switch (twi_poll()) {
        case TWI_BUSY:
            if (now_us - started_us > TRANSFER_LIMIT_US) {
                begin_wait(now_us);
            }
            break;
        case TWI_FAILED:
            begin_wait(now_us);
            break;
        case TWI_DONE:
            if (step < SETUP_STEPS) {
                step++;
            } else {
                collect(now_us);
            }
            begin_transfer(now_us);
            break;
        default:
            begin_transfer(now_us);
            break;
    }
}

bool imu_poll(uint32_t now_us, imu_sample *sample) {
    if (waiting && now_us - started_us >= RETRY_US) {
        waiting = false;
    }
    if (!waiting) {
        advance(now_us);
    }
    *sample = newest;
    return measured && now_us - measured_us < FRESH_US;
}
