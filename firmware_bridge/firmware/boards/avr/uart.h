/* UART 0 with rings in both directions; no call waits. */
#ifndef AMR_AVR_UART_H
#define AMR_AVR_UART_H

#include <stdbool.h>
#include <stdint.h>

void uart_init(void);

bool uart_has_input(void);

/* Takes up to `capacity` received bytes. */
uint8_t uart_receive(uint8_t *bytes, uint8_t capacity);

/* Bytes that `uart_send` would take now. */
uint8_t uart_room(void);

/* The caller has asked for the room. */
void uart_send(const uint8_t *bytes, uint8_t count);

#endif
