/* Registers that both chips have at the same place in the data space. */
#ifndef AMR_EMULATOR_REGISTERS_H
#define AMR_EMULATOR_REGISTERS_H

#include <stdint.h>

#define MCUSR_AT 0x54U
#define SPL_AT 0x5DU

/* UART 0 */
#define UCSR0A_AT 0xC0U
#define UBRR0_AT 0xC4U
#define U2X_BIT 1U

/* Bits of MCUSR: what the last reset came from. */
#define RESET_POWER_ON 1U
#define RESET_EXTERNAL 2U
#define RESET_BROWN_OUT 4U

static inline uint16_t word_at(const uint8_t *data, uint16_t address) {
    return (uint16_t)(data[address] | (uint16_t)data[address + 1U] << 8U);
}

#endif
