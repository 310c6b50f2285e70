/* MPU-6050 on the two-wire bus, read in the background. */
#ifndef AMR_AVR_IMU_H
#define AMR_AVR_IMU_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int16_t gyro_z_raw; /* units of TELEMETRY */
    int16_t accel_x_mm_s2;
    int16_t accel_y_mm_s2;
} imu_sample;

void imu_init(void);

/* Once a loop: collects what has arrived and asks for the next. False while there is no fresh sample: absent, failed or
 * stuck; it is then set up anew every 100 ms. */
bool imu_poll(uint32_t now_us, imu_sample *sample);

#endif
