#include "bridge.h"

#include "pins.h"

/* Fast PWM with ICR as TOP (mode 14): 16 MHz / 800 = 20 kHz, above hearing. */
#define PWM_TOP 799U

void bridge_brake(void) {
    PORTD |= LEFT_FORWARD | STANDBY;
    PORTB |= LEFT_REVERSE | RIGHT_FORWARD | RIGHT_REVERSE;
    TCCR1A = BIT(WGM11); /* disconnected outputs follow PORT, which is low */
}

void bridge_init(void) {
    bridge_brake(); /* before the pins become outputs */
    DDRD |= LEFT_FORWARD | STANDBY;
    DDRB |= LEFT_PWM | LEFT_REVERSE | RIGHT_PWM | RIGHT_FORWARD | RIGHT_REVERSE;
    ICR1 = PWM_TOP;
    TCCR1B = BIT(WGM13) | BIT(WGM12) | BIT(CS10);
}

/* Compare value of a duty that is not zero: high for compare + 1 of TOP + 1 counts. */
static uint16_t compare_of(int16_t duty_q15) {
    uint32_t level = (uint32_t)(duty_q15 < 0 ? -(int32_t)duty_q15 : duty_q15);
    uint32_t counts = level * (PWM_TOP + 1U) / 32767U;
    return counts == 0U ? 0U : (uint16_t)(counts - 1U);
}

/* Both direction inputs high = brake; so a wheel that turns round brakes in between. */
static void put_left(int16_t duty_q15) {
    if (duty_q15 <= 0) {
        PORTB |= LEFT_REVERSE;
    }
    if (duty_q15 >= 0) {
        PORTD |= LEFT_FORWARD;
    }
    if (duty_q15 > 0) {
        PORTB &= (uint8_t)~LEFT_REVERSE;
    } else if (duty_q15 < 0) {
        PORTD &= (uint8_t)~LEFT_FORWARD;
    }
    OCR1A = compare_of(duty_q15);
}

static void put_right(int16_t duty_q15) {
    uint8_t low = duty_q15 > 0 ? RIGHT_REVERSE : (duty_q15 < 0 ? RIGHT_FORWARD : 0U);
    PORTB |= RIGHT_FORWARD | RIGHT_REVERSE;
    PORTB &= (uint8_t)~low;
    OCR1B = compare_of(duty_q15);
}

/* A duty of zero disconnects the output: fast PWM with compare 0 would still give a pulse of one count. */
void bridge_put(const fw_outputs *outputs) {
    if (outputs->drive == FW_COAST) {
        PORTD &= (uint8_t)~STANDBY;
        TCCR1A = BIT(WGM11);
        return;
    }
    put_left(outputs->left_duty_q15); /* zero in FW_BRAKE */
    put_right(outputs->right_duty_q15);
    uint8_t left = outputs->left_duty_q15 != 0 ? BIT(COM1A1) : 0U;
    uint8_t right = outputs->right_duty_q15 != 0 ? BIT(COM1B1) : 0U;
    TCCR1A = (uint8_t)(BIT(WGM11) | left | right);
    PORTD |= STANDBY;
}
