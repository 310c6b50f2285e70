#include "mpu6050.h"

#include <math.h>
#include <string.h>

#include "avr_twi.h"

#define ADDRESS 0x68U
#define GYRO_CONFIG 0x1BU
#define ACCEL_CONFIG 0x1CU
#define FIRST_RESULT 0x3BU
#define POWER_MANAGEMENT 0x6BU
#define ASLEEP 0x40U
#define WHO_AM_I 0x75U
#define STANDARD_GRAVITY 9.80665

static void put_result(mpu6050 *chip, uint8_t offset, double value) {
    double limited = fmin(fmax(rint(value), -32768.0), 32767.0);
    uint16_t raw = (uint16_t)(int16_t)limited;
    chip->registers[FIRST_RESULT + offset] = (uint8_t)(raw >> 8U);
    chip->registers[FIRST_RESULT + offset + 1U] = (uint8_t)raw;
}

/* A read of the first result takes all of one sample, as the chip's shadow registers do. */
static void sample(mpu6050 *chip) {
    const uint8_t *registers = chip->registers;
    if ((registers[POWER_MANAGEMENT] & ASLEEP) != 0U) {
        return;
    }
    double per_g = 16384.0 / (double)(1U << ((registers[ACCEL_CONFIG] >> 3U) & 3U));
    double per_radps = 131.0 * (180.0 / 3.14159265358979323846) / (double)(1U << ((registers[GYRO_CONFIG] >> 3U) & 3U));
    put_result(chip, 0U, chip->motion.accel_x_mps2 / STANDARD_GRAVITY * per_g);
    put_result(chip, 2U, chip->motion.accel_y_mps2 / STANDARD_GRAVITY * per_g);
    put_result(chip, 4U, per_g);
    put_result(chip, 12U, chip->motion.gyro_z_radps * per_radps);
}

static void on_message(struct avr_irq_t *irq, uint32_t value, void *owner) {
    (void)irq;
    mpu6050 *chip = owner;
    avr_twi_msg_irq_t message;
    message.u.v = value;
    uint8_t what = message.u.twi.msg;
    if ((what & TWI_COND_STOP) != 0U) {
        chip->selected = false;
    }
    if ((what & TWI_COND_START) != 0U) {
        chip->selected = chip->motion.present && message.u.twi.addr >> 1U == ADDRESS;
        chip->at_is_known = false;
        if (chip->selected) {
            avr_raise_irq(chip->to_master, avr_twi_irq_msg(TWI_COND_ACK, message.u.twi.addr, 1));
        }
        return;
    }
    if (!chip->selected) {
        return;
    }
    if ((what & TWI_COND_WRITE) != 0U) {
        avr_raise_irq(chip->to_master, avr_twi_irq_msg(TWI_COND_ACK, message.u.twi.addr, 1));
        if (!chip->at_is_known) {
            chip->at = message.u.twi.data & 0x7FU;
            chip->at_is_known = true;
            return;
        }
        chip->registers[chip->at] = message.u.twi.data;
        chip->at = (uint8_t)(chip->at + 1U) & 0x7FU;
    }
    if ((what & TWI_COND_READ) != 0U) {
        if (chip->at == FIRST_RESULT) {
            sample(chip);
        }
        avr_raise_irq(chip->to_master, avr_twi_irq_msg(TWI_COND_READ, message.u.twi.addr, chip->registers[chip->at]));
        chip->at = (uint8_t)(chip->at + 1U) & 0x7FU;
    }
}

void mpu6050_attach(mpu6050 *chip, avr_t *avr) {
    mpu6050_power_up(chip);
    chip->to_master = avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_OUTPUT), on_message, chip);
}

void mpu6050_power_up(mpu6050 *chip) {
    memset(chip->registers, 0, sizeof chip->registers);
    chip->registers[POWER_MANAGEMENT] = ASLEEP;
    chip->registers[WHO_AM_I] = ADDRESS;
    chip->selected = false;
}
