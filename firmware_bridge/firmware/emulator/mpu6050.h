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

typedef struct {
    avr_irq_t *to_master;
    uint8_t registers[128];
    uint8_t at;       /* register that is written or read next */
    bool selected;
    bool at_is_known; /* the first byte of a write names the register */
    mpu6050_motion motion;
} mpu6050;

/* Onto the bus, and powered up. */
void mpu6050_attach(mpu6050 *chip, avr_t *avr);

/* Its registers lose what was written to them. */
void mpu6050_power_up(mpu6050 *chip);

#endif
