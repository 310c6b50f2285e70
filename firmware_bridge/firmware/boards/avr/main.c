/* An AVR board around the core. See the pins.h of the board for its wiring. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <string.h>

#include "bridge.h"
#include "clock.h"
#include "encoder.h"
#include "imu.h"
#include "pins.h"
#include "uart.h"

#include "main_loop.h"

static uint32_t boots_stored EEMEM;
static uint8_t reset_flags __attribute__((section(".noinit")));
static uint32_t boots_in_ram __attribute__((section(".noinit")));

void keep_reset_flags(void) __attribute__((naked, used, section(".init3")));

/* Before main: a boot that hangs ends here too. After a watchdog reset the watchdog already runs, with its shortest time. */
void keep_reset_flags(void) {
    reset_flags = MCUSR;
    MCUSR = 0U;
    wdt_enable(WDTO_250MS); /* resets; a whole boot takes 20 ms at most, most of it the EEPROM */
}

/* First time-out: the loop hangs. Brake now; the second time-out resets. */
ISR(WDT_vect) { bridge_brake(); }

/* Interrupt, then reset, 60 ms each (the oscillator is +-10 %): three times the longest loop period. */
static void start_watchdog(void) {
    cli();
    wdt_reset();
    WDTCSR = BIT(WDCE) | BIT(WDE);
    WDTCSR = BIT(WDIE) | BIT(WDE) | BIT(WDP1);
}

/* The interrupt has run once when the flag is gone; it is set again only by a loop that is alive. */
static void kick_watchdog(void) {
    wdt_reset();
    WDTCSR |= BIT(WDIE);
}

/* Differs from that of the boot before: a count in EEPROM, and one in RAM in case the EEPROM is worn. */
static uint32_t next_boot_id(void) {
    uint32_t boots = eeprom_read_dword(&boots_stored) + 1U;
    eeprom_update_dword(&boots_stored, boots);
    boots_in_ram++;
    return boots ^ (boots_in_ram << 24U) ^ (boots_in_ram << 16U);
}

static void battery_init(void) {
    ADMUX = BIT(REFS0); /* AVCC, channel 0 */
    DIDR0 = BIT(ADC0D);
    ADCSRA = BIT(ADEN) | BIT(ADSC) | BIT(ADPS2) | BIT(ADPS1) | BIT(ADPS0);
}

/* Mean over about eight loops of the 5 : 1 divided supply. */
static uint16_t battery_mv(void) {
    static uint16_t mean_x8;
    if ((ADCSRA & BIT(ADSC)) == 0U) {
        uint16_t counts = ADC;
        mean_x8 = mean_x8 == 0U ? (uint16_t)(counts * 8U) : (uint16_t)(mean_x8 - mean_x8 / 8U + counts);
        ADCSRA |= BIT(ADSC);
    }
    return (uint16_t)((uint32_t)mean_x8 * 25000UL / (8UL * 1023UL));
}

static void read_inputs(fw_inputs *inputs, uint32_t now_us) {
    imu_sample sample;
    inputs->now_us = now_us;
    encoder_read(&inputs->left_ticks, &inputs->right_ticks);
    inputs->imu_ok = imu_poll(now_us, &sample) ? 1U : 0U;
    inputs->gyro_z_raw = sample.gyro_z_raw;
    inputs->accel_x_mm_s2 = sample.accel_x_mm_s2;
    inputs->accel_y_mm_s2 = sample.accel_y_mm_s2;
    inputs->battery_mv = battery_mv();
    inputs->estop_pressed = (ESTOP_INPUTS & ESTOP) != 0U ? 1U : 0U;
    inputs->driver_fault = 0U; /* a BTS7960 switches itself off and tells only by its current sense */
}

static void give_output(void) {
    uint8_t bytes[32];
    uint8_t room = uart_room();
    size_t count = fw_tx(&state, bytes, room < sizeof bytes ? room : sizeof bytes);
    uart_send(bytes, (uint8_t)count);
}

/* Until the next interrupt; the 1 kHz one bounds it. Interrupts are off between the question and the sleep. */
static void rest_a_while(void) {
    cli();
    if (!uart_has_input()) {
        sleep_enable();
        sei();
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

int main(void) {
    bridge_init(); /* first: whatever reset us may have come at full speed */
    ESTOP_OUTPUTS |= ESTOP;
    clock_init();
    uart_init();
    encoder_init();
    battery_init();
    imu_init();
    SMCR = 0U; /* idle: timers, UART and pins go on */

    fw_identity identity;
    memset(&identity, 0, sizeof identity);
    identity.boot_id = next_boot_id();
    identity.build = FW_BUILD;
    identity.board = BOARD_ID;
    identity.capabilities =
        WIRE_CAPABILITY_IMU | WIRE_CAPABILITY_BATTERY | WIRE_CAPABILITY_ESTOP_INPUT | WIRE_CAPABILITY_BRAKE;
    identity.after_watchdog = (reset_flags & BIT(WDRF)) != 0U ? 1U : 0U;
    fw_init(&state, &identity, clock_us());
    static const uint8_t delimiter = 0U;
    uart_send(&delimiter, 1U); /* ends the frame that a reset tore, else it swallows the boot's announcement */
    start_watchdog();
    sei();
    loop_forever();
}
