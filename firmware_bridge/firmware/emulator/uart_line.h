/* UART 0 and the line to the host: a byte takes its time in both directions, and the receiver has few places. */
#ifndef AMR_EMULATOR_UART_LINE_H
#define AMR_EMULATOR_UART_LINE_H

#include "avr_uart.h"
#include "byte_queue.h"

typedef struct {
    avr_t *avr;
    avr_uart_t *uart;
    avr_irq_t *receiver;
    byte_queue incoming; /* there in the middle of the stop bit */
    byte_queue outgoing; /* there at the end of the stop bit */
    avr_cycle_count_t host_free_fraction; /* when the host's line is free again, in fractions of a cycle */
    uint64_t host_byte_fraction;
    avr_cycle_count_t sent_until;
    uint32_t baud;     /* of `answer` */
    uint32_t overruns; /* of `answer` */
} uart_line;

void uart_line_attach(uart_line *line, avr_t *avr, uint32_t host_baud);

/* The processor was reset, and with it the UART. */
void uart_line_reset(uart_line *line);

/* The host sends these bytes, the first from that cycle on, or when its line is free. */
void uart_line_send(uart_line *line, avr_cycle_count_t from, const uint8_t *bytes, uint32_t count);

/* Puts the next byte for the processor on simavr's clock. */
void uart_line_schedule(uart_line *line);

/* Bytes that were still in the UART's registers are lost. */
void uart_line_forget_unsent(uart_line *line);

/* Bytes for the processor that came before that cycle are lost: nobody was there. */
void uart_line_forget_received(uart_line *line, avr_cycle_count_t until);

/* The processor's bytes whose stop bit has ended by then, at most QUEUE_BYTES. Gives their count. */
uint32_t uart_line_take(uart_line *line, avr_cycle_count_t until, uint8_t *bytes);

#endif
