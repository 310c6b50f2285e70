#include "board.h"

#include "pins.h"
#include "registers.h"

#ifndef BAUD
#define BAUD 115200UL
#endif
#define CLOCK_HZ 125000000UL
#define BOOT_LIMIT_US 250000UL
#define LOOP_LIMIT_US 60000UL

static bool after_watchdog;

/* Erratum RP2040-E1: the counter falls twice in a microsecond. */
static void load_watchdog(uint32_t limit_us) { REGISTER(WATCHDOG_LOAD) = 2UL * limit_us; }

void board_kick_watchdog(void) { load_watchdog(LOOP_LIMIT_US); }

static void start_watchdog(void) {
    after_watchdog = (REGISTER(WATCHDOG_REASON) & 1UL) != 0UL;
    REGISTER(WATCHDOG_CTRL + CLEAR_ALIAS) = BIT32(30);
    REGISTER(PSM_WDSEL) = 0x1FFFCUL; /* all but the oscillators */
    REGISTER(WATCHDOG_TICK) = BIT32(9) | 12UL;
    load_watchdog(BOOT_LIMIT_US);
    REGISTER(WATCHDOG_CTRL + SET_ALIAS) = BIT32(30);
}

bool board_was_reset_by_watchdog(void) { return after_watchdog; }

static void release(uint32_t blocks) {
    REGISTER(RESETS_RESET + CLEAR_ALIAS) = blocks;
    while ((REGISTER(RESETS_DONE) & blocks) != blocks) {
    }
}

/* 12 MHz * 125 / 6 / 2 = 125 MHz. */
static void start_clocks(void) {
    REGISTER(XOSC_CTRL) = 0xAA0UL;
    REGISTER(XOSC_STARTUP) = 47UL;
    REGISTER(XOSC_CTRL + SET_ALIAS) = 0xFABUL << 12U;
    while ((REGISTER(XOSC_STATUS) & BIT32(31)) == 0UL) {
    }
    REGISTER(CLOCKS_REF_CTRL) = 2UL;
    while (REGISTER(CLOCKS_REF_SELECTED) != BIT32(2)) {
    }
    release(RESET_PLL);
    REGISTER(PLL_CS) = 1UL;
    REGISTER(PLL_FBDIV) = 125UL;
    REGISTER(PLL_PWR + CLEAR_ALIAS) = BIT32(0) | BIT32(5); /* on, with its oscillator */
    while ((REGISTER(PLL_CS) & BIT32(31)) == 0UL) {
    }
    REGISTER(PLL_PRIM) = 6UL << 16U | 2UL << 12U;
    REGISTER(PLL_PWR + CLEAR_ALIAS) = BIT32(3);
    REGISTER(CLOCKS_SYS_CTRL) = 1UL; /* the auxiliary source, which is the PLL */
    while (REGISTER(CLOCKS_SYS_SELECTED) != BIT32(1)) {
    }
    REGISTER(CLOCKS_PERI_CTRL) = BIT32(11);
    REGISTER(CLOCKS_ADC_CTRL) = BIT32(11) | 3UL << 5U; /* the crystal */
}

void board_init(void) {
    start_watchdog();
    start_clocks();
    release(RESET_IO | RESET_PADS | RESET_TIMER | RESET_UART0 | RESET_PWM | RESET_ADC);
}

uint32_t clock_us(void) { return REGISTER(TIMER_LOW); }

uint32_t board_random(void) {
    uint32_t bits = 0UL;
    for (uint32_t i = 0UL; i < 256UL; i++) { /* eight bits of the oscillator for each one: they are not independent */
        bits = (bits << 1U | bits >> 31U) ^ (REGISTER(ROSC_RANDOM_BIT) & 1UL);
    }
    return bits;
}

void uart_init(void) {
    uint32_t divisor_x64 = (CLOCK_HZ * 4UL + BAUD / 2UL) / BAUD;
    REGISTER(UART_IBRD) = divisor_x64 >> 6U;
    REGISTER(UART_FBRD) = divisor_x64 & 63UL;
    REGISTER(UART_LCR_H) = 3UL << 5U | BIT32(4); /* eight bits, FIFOs of 32 bytes: 2.7 ms at 115200 baud */
    REGISTER(UART_CR) = BIT32(0) | BIT32(8) | BIT32(9);
    REGISTER(PAD(PIN_RX)) = PAD_INPUT_PULL_UP;
    REGISTER(IO_CTRL(PIN_TX)) = FUNCTION_UART;
    REGISTER(IO_CTRL(PIN_RX)) = FUNCTION_UART;
}

uint8_t uart_receive(uint8_t *bytes, uint8_t capacity) {
    uint8_t count = 0U;
    while (count < capacity && (REGISTER(UART_FR) & BIT32(4)) == 0UL) {
        bytes[count++] = (uint8_t)REGISTER(UART_DR);
    }
    return count;
}

bool uart_send(uint8_t byte) {
    if ((REGISTER(UART_FR) & BIT32(5)) != 0UL) {
        return false;
    }
    REGISTER(UART_DR) = byte;
    return true;
}

void battery_init(void) {
    REGISTER(PAD(PIN_BATTERY)) = PAD_ANALOG;
    REGISTER(ADC_CS) = BIT32(0);
    while ((REGISTER(ADC_CS) & BIT32(8)) == 0UL) {
    }
    REGISTER(ADC_CS + SET_ALIAS) = BIT32(2);
    REGISTER(PAD(PIN_ESTOP)) = PAD_INPUT_PULL_UP;
    REGISTER(IO_CTRL(PIN_ESTOP)) = FUNCTION_SIO;
}

/* Mean over about eight loops of the 8 : 1 divided supply; 12 bits of 3.3 V. */
uint16_t battery_mv(void) {
    static uint32_t mean_x8;
    if ((REGISTER(ADC_CS) & BIT32(8)) != 0UL) {
        uint32_t counts = REGISTER(ADC_RESULT);
        mean_x8 = mean_x8 == 0UL ? counts * 8UL : mean_x8 - mean_x8 / 8UL + counts;
        REGISTER(ADC_CS + SET_ALIAS) = BIT32(2);
    }
    return (uint16_t)(mean_x8 * 3300UL / 4095UL);
}

bool estop_pressed(void) { return (REGISTER(SIO_IN) & BIT32(PIN_ESTOP)) != 0UL; }
