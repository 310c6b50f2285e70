/* An MPU-6050 on the emulated two-wire bus. Register map: InvenSense RM-MPU-6000A-00 rev 4.2. */
#ifndef AMR_EMULATOR_MPU6050_H
#define AMR_EMULATOR_MPU6050_H

#include <stdbool.h>
#include <stdint.h>

#include "sim_avr.h"

typedef struct {
    bool present; /* else nothing answers */
    double gyro_z_radps;
    double accel_x_mps2;
    double accel_y_mps2;
} mpu6050_motion;

void mpu6050_attach(avr_t *avr);

void mpu6050_power_up(void);

void mpu6050_set(const mpu6050_motion *motion);

#endif
