/* What main.c needs of this chip. */
#ifndef AMR_RP2040_BOARD_H
#define AMR_RP2040_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "fw.h"

/* Crystal, PLL, peripherals out of reset, and the watchdog first: a boot that hangs is reset after 250 ms. */
void board_init(void);

bool board_was_reset_by_watchdog(void);
void board_kick_watchdog(void);

/* Random, by the jitter of the ring oscillator. */
uint32_t board_random(void);

uint32_t clock_us(void);

void uart_init(void);
uint8_t uart_receive(uint8_t *bytes, uint8_t capacity);
bool uart_send(uint8_t byte); /* false = full */

void encoder_init(void);
void encoder_read(uint32_t *left_ticks, uint32_t *right_ticks);

void bridge_init(void); /* brakes */
void bridge_put(const fw_outputs *outputs);

void battery_init(void);
uint16_t battery_mv(void);
bool estop_pressed(void);

#endif
