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

static avr_irq_t *to_master;
static uint8_t registers[128];
static uint8_t at;       /* register that is written or read next */
static bool selected;
static bool at_is_known; /* the first byte of a write names the register */
static mpu6050_motion motion;

static void put_result(uint8_t offset, double value) {
    double limited = fmin(fmax(rint(value), -32768.0), 32767.0);
    uint16_t raw = (uint16_t)(int16_t)limited;
    registers[FIRST_RESULT + offset] = (uint8_t)(raw >> 8U);
    registers[FIRST_RESULT + offset + 1U] = (uint8_t)raw;
}

/* A read of the first result takes all of one sample, as the chip's shadow registers do. */
static void sample(void) {
    if ((registers[POWER_MANAGEMENT] & ASLEEP) != 0U) {
        return;
    }
    double per_g = 16384.0 / (double)(1U << ((registers[ACCEL_CONFIG] >> 3U) & 3U));
    double per_radps = 131.0 * (180.0 / 3.14159265358979323846) / (double)(1U << ((registers[GYRO_CONFIG] >> 3U) & 3U));
    put_result(0U, motion.accel_x_mps2 / STANDARD_GRAVITY * per_g);
    put_result(2U, motion.accel_y_mps2 / STANDARD_GRAVITY * per_g);
    put_result(4U, per_g);
    put_result(12U, motion.gyro_z_radps * per_radps);
}

static void on_message(struct avr_irq_t *irq, uint32_t value, void *parameter) {
    (void)irq;
    (void)parameter;
    avr_twi_msg_irq_t message;
    message.u.v = value;
    uint8_t what = message.u.twi.msg;
    if ((what & TWI_COND_STOP) != 0U) {
        selected = false;
    }
    if ((what & TWI_COND_START) != 0U) {
        selected = motion.present && message.u.twi.addr >> 1U == ADDRESS;
        at_is_known = false;
        if (selected) {
            avr_raise_irq(to_master, avr_twi_irq_msg(TWI_COND_ACK, message.u.twi.addr, 1));
        }
        return;
    }
    if (!selected) {
        return;
    }
    if ((what & TWI_COND_WRITE) != 0U) {
        avr_raise_irq(to_master, avr_twi_irq_msg(TWI_COND_ACK, message.u.twi.addr, 1));
        if (!at_is_known) {
            at = message.u.twi.data & 0x7FU;
            at_is_known = true;
            return;
        }
        registers[at] = message.u.twi.data;
        at = (uint8_t)(at + 1U) & 0x7FU;
    }
    if ((what & TWI_COND_READ) != 0U) {
        if (at == FIRST_RESULT) {
            sample();
        }
        avr_raise_irq(to_master, avr_twi_irq_msg(TWI_COND_READ, message.u.twi.addr, registers[at]));
        at = (uint8_t)(at + 1U) & 0x7FU;
    }
}

void mpu6050_power_up(void) {
    memset(registers, 0, sizeof registers);
    registers[POWER_MANAGEMENT] = ASLEEP;
    registers[WHO_AM_I] = ADDRESS;
    selected = false;
}

void mpu6050_attach(avr_t *avr) {
    mpu6050_power_up();
    to_master = avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_TWI_GETIRQ(0), TWI_IRQ_OUTPUT), on_message, NULL);
}

void mpu6050_set(const mpu6050_motion *now) { motion = *now; }
