#include "twi.h"

#include <avr/interrupt.h>
#include <util/delay.h>
#include <util/twi.h>

#include "pins.h"

#define GO (BIT(TWINT) | BIT(TWEN) | BIT(TWIE))

static volatile uint8_t status;
static uint8_t slave;
static uint8_t buffer_out[TWI_MAX_BYTES];
static uint8_t buffer_in[TWI_MAX_BYTES];
static volatile uint8_t out_total;
static volatile uint8_t out_done;
static volatile uint8_t in_total;
static volatile uint8_t in_done;

static void finish(twi_status result) {
    status = (uint8_t)result;
    TWCR = BIT(TWINT) | BIT(TWEN) | BIT(TWSTO);
}

static void acknowledge_next(void) { TWCR = (uint8_t)(in_done + 1U < in_total ? (GO | BIT(TWEA)) : GO); }

ISR(TWI_vect) {
    switch (TW_STATUS) {
        case TW_START:
            TWDR = (uint8_t)(slave << 1U) | TW_WRITE;
            TWCR = GO;
            break;
        case TW_REP_START:
            TWDR = (uint8_t)(slave << 1U) | TW_READ;
            TWCR = GO;
            break;
        case TW_MT_SLA_ACK:
        case TW_MT_DATA_ACK:
            if (out_done < out_total) {
                TWDR = buffer_out[out_done];
                out_done = (uint8_t)(out_done + 1U);
                TWCR = GO;
            } else if (in_total > 0U) {
                TWCR = GO | BIT(TWSTA);
            } else {
                finish(TWI_DONE);
            }
            break;
        case TW_MR_SLA_ACK:
            acknowledge_next();
            break;
        case TW_MR_DATA_ACK:
            buffer_in[in_done] = TWDR;
            in_done = (uint8_t)(in_done + 1U);
            acknowledge_next();
            break;
        case TW_MR_DATA_NACK:
            buffer_in[in_done] = TWDR;
            finish(TWI_DONE);
            break;
        default: /* no answer, lost arbitration, bus error */
            finish(TWI_FAILED);
            break;
    }
}

/* A slave in mid byte lets go of SDA after at most nine clocks. */
static void clock_out(void) {
    for (uint8_t pulse = 0U; pulse < 9U; pulse++) {
        TWI_OUTPUTS &= (uint8_t)~SCL;
        TWI_DIRECTIONS |= SCL;
        _delay_us(5.0);
        TWI_DIRECTIONS &= (uint8_t)~SCL;
        TWI_OUTPUTS |= SCL;
        _delay_us(5.0);
    }
}

void twi_init(void) {
    TWCR = 0U;
    if ((TWI_OUTPUTS & (SCL | SDA)) != (SCL | SDA)) {
        TWI_OUTPUTS |= SCL | SDA;
        _delay_us(5.0);
    }
    if ((TWI_INPUTS & SDA) == 0U) {
        clock_out();
    }
    TWSR = 0U;
    TWBR = 12U; /* 16 MHz / (16 + 2 * 12) = 400 kHz */
    status = TWI_IDLE;
    TWCR = BIT(TWEN);
}

void twi_start(uint8_t address, const uint8_t *out, uint8_t out_count, uint8_t in_count) {
    slave = address;
    for (uint8_t i = 0U; i < out_count; i++) {
        buffer_out[i] = out[i];
    }
    out_total = out_count;
    in_total = in_count;
    out_done = 0U;
    in_done = 0U;
    status = TWI_BUSY;
    TWCR = GO | BIT(TWSTA);
}

twi_status twi_poll(void) {
    if ((TWCR & BIT(TWSTO)) != 0U) {
        return TWI_BUSY; /* the stop condition is still on the wires */
    }
    return (twi_status)status;
}

void twi_take(uint8_t *in, uint8_t count) {
    for (uint8_t i = 0U; i < count; i++) {
        in[i] = buffer_in[i];
    }
    status = TWI_IDLE;
}
