#include "uart.h"

#include <avr/interrupt.h>
#include <util/atomic.h>

#include "pins.h"

#ifndef BAUD
#define BAUD 115200UL /* 117647 in truth: within what a receiver forgives; 250000 is exact */
#endif
#define DOUBLE_SPEED_DIVISOR (((F_CPU + 4UL * BAUD) / (8UL * BAUD)) - 1UL)

/* Rings whose sizes are powers of two, at most 256. One byte stays free to tell full from empty. */
#define RECEIVED_MASK ((uint8_t)(UART_RECEIVED_BYTES - 1U))
#define SENDING_MASK ((uint8_t)(UART_SENDING_BYTES - 1U))
static uint8_t received[UART_RECEIVED_BYTES];
static volatile uint8_t received_head;
static volatile uint8_t received_tail;
static uint8_t sending[UART_SENDING_BYTES];
static volatile uint8_t sending_head;
static volatile uint8_t sending_tail;

ISR(UART_RECEIVED_VECTOR) {
    uint8_t byte = UDR0;
    uint8_t next = (uint8_t)(received_head + 1U) & RECEIVED_MASK;
    if (next != received_tail) { /* else the byte is lost, and the frame's CRC tells */
        received[received_head] = byte;
        received_head = next;
    }
}

ISR(UART_READY_VECTOR) {
    if (sending_tail == sending_head) {
        UCSR0B &= (uint8_t)~BIT(UDRIE0);
        return;
    }
    UDR0 = sending[sending_tail];
    sending_tail = (uint8_t)(sending_tail + 1U) & SENDING_MASK;
}

void uart_init(void) {
    UCSR0A = BIT(U2X0); /* before the divisor: an emulator computes the rate when UBRR is written */
    UBRR0 = (uint16_t)DOUBLE_SPEED_DIVISOR;
    UCSR0C = BIT(UCSZ01) | BIT(UCSZ00);
    UCSR0B = BIT(RXEN0) | BIT(TXEN0) | BIT(RXCIE0);
}

bool uart_has_input(void) { return received_tail != received_head; }

uint8_t uart_receive(uint8_t *bytes, uint8_t capacity) {
    uint8_t count = 0U;
    while (count < capacity && received_tail != received_head) {
        bytes[count++] = received[received_tail];
        received_tail = (uint8_t)(received_tail + 1U) & RECEIVED_MASK;
    }
    return count;
}

uint8_t uart_room(void) { return (uint8_t)(sending_tail - (uint8_t)(sending_head + 1U)) & SENDING_MASK; }

void uart_send(const uint8_t *bytes, uint8_t count) {
    for (uint8_t i = 0U; i < count; i++) {
        sending[sending_head] = bytes[i];
        sending_head = (uint8_t)(sending_head + 1U) & SENDING_MASK;
    }
    if (count > 0U) {
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { UCSR0B |= BIT(UDRIE0); }
    }
}
