#include "bridge.h"

#include "pins.h"

/* Fast PWM with ICR as TOP (mode 14): 16 MHz / 800 = 20 kHz, above hearing. */
#define PWM_TOP 799U

/* disconnected outputs follow PORT, which is low */
static void inputs_low(void) {
    TCCR1A &= (uint8_t) ~(BIT(COM1A1) | BIT(COM1B1));
    TCCR4A &= (uint8_t) ~(BIT(COM4A1) | BIT(COM4B1));
    PORTB &= (uint8_t) ~(LEFT_FORWARD | LEFT_REVERSE);
    PORTH &= (uint8_t) ~(RIGHT_FORWARD | RIGHT_REVERSE);
}

void bridge_brake(void) {
    inputs_low();
    PORTA |= LEFT_ENABLE | RIGHT_ENABLE;
}

void bridge_init(void) {
    bridge_brake(); /* before the pins become outputs */
    DDRA |= LEFT_ENABLE | RIGHT_ENABLE;
    DDRB |= LEFT_FORWARD | LEFT_REVERSE;
    DDRH |= RIGHT_FORWARD | RIGHT_REVERSE;
    ICR1 = PWM_TOP;
    ICR4 = PWM_TOP;
    TCCR1A = BIT(WGM11);
    TCCR4A = BIT(WGM41);
    TCCR1B = BIT(WGM13) | BIT(WGM12) | BIT(CS10);
    TCCR4B = BIT(WGM43) | BIT(WGM42) | BIT(CS40);
}

static void bridge_off(void) {
    PORTA &= (uint8_t) ~(LEFT_ENABLE | RIGHT_ENABLE);
    inputs_low();
}

/* Compare value of a duty that is not zero: high for compare + 1 of TOP + 1 counts. */
static uint16_t compare_of(int16_t duty_q15) {
    uint32_t level = (uint32_t)(duty_q15 < 0 ? -(int32_t)duty_q15 : duty_q15);
    uint32_t counts = level * (PWM_TOP + 1U) / 32767U;
    return counts == 0U ? 0U : (uint16_t)(counts - 1U);
}

/* A duty of zero disconnects both outputs: fast PWM with compare 0 would still give a pulse of one count. */
static void put_left(int16_t duty_q15) {
    uint8_t connected = duty_q15 > 0 ? BIT(COM1A1) : (duty_q15 < 0 ? BIT(COM1B1) : 0U);
    OCR1A = compare_of(duty_q15);
    OCR1B = compare_of(duty_q15);
    TCCR1A = (uint8_t)(BIT(WGM11) | connected);
}

static void put_right(int16_t duty_q15) {
    uint8_t connected = duty_q15 > 0 ? BIT(COM4A1) : (duty_q15 < 0 ? BIT(COM4B1) : 0U);
    OCR4A = compare_of(duty_q15);
    OCR4B = compare_of(duty_q15);
    TCCR4A = (uint8_t)(BIT(WGM41) | connected);
}

void bridge_put(const fw_outputs *outputs) {
    if (outputs->drive == FW_COAST) {
        bridge_off();
        return;
    }
    put_left(outputs->left_duty_q15); /* zero in FW_BRAKE: both inputs low, bridges on */
    put_right(outputs->right_duty_q15);
    PORTA |= LEFT_ENABLE | RIGHT_ENABLE;
}
