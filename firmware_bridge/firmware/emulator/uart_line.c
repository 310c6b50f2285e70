#include "uart_line.h"

#include <string.h>

#include "fail.h"
#include "registers.h"
#include "timing.h"

#define RECEIVER_PLACES 3U /* two in the FIFO, one in the shift register; simavr's FIFO has 64 */
#define FRACTION 256U      /* of a cycle, for the host's bit time */

/* simavr counts a parity bit that is not there: 11 bits a frame. */
static void correct_byte_time(uart_line *line) {
    const uint8_t *data = line->avr->data;
    uint32_t divisor = word_at(data, UBRR0_AT) & 0x0FFFU;
    uint32_t bit_cycles = ((data[UCSR0A_AT] >> U2X_BIT & 1U) != 0U ? 8U : 16U) * (divisor + 1U);
    line->uart->cycles_per_byte = 10U * bit_cycles;
    line->baud = divisor == 0U ? 0U : FREQUENCY_HZ / bit_cycles;
}

/* A byte is complete. simavr would raise the flag one of the MCU's byte times later, whatever rate the host sends at. */
static avr_cycle_count_t end_byte(avr_t *avr, avr_cycle_count_t when, void *owner) {
    (void)when;
    uart_line *line = owner;
    while (byte_queue_next(&line->incoming) <= avr->cycle) {
        uint8_t byte = byte_queue_take(&line->incoming);
        uint32_t waiting = (uint32_t)(line->uart->input.write - line->uart->input.read) & 63U;
        if (waiting >= RECEIVER_PLACES) {
            line->overruns++;
        } else {
            line->uart->cycles_per_byte = 1U;
            avr_raise_irq(line->receiver, byte);
            correct_byte_time(line);
        }
    }
    return again_at(byte_queue_next(&line->incoming));
}

/* simavr tells of a byte when the data register is written; on the wire it ends a frame later. */
static void on_sent(struct avr_irq_t *irq, uint32_t value, void *owner) {
    (void)irq;
    uart_line *line = owner;
    correct_byte_time(line);
    if (line->sent_until < line->avr->cycle) {
        line->sent_until = line->avr->cycle;
    }
    line->sent_until += line->uart->cycles_per_byte;
    byte_queue_put(&line->outgoing, (uint8_t)value, line->sent_until);
}

static avr_uart_t *find_uart(const avr_t *avr) {
    avr_uart_t *found = NULL;
    for (avr_io_t *io = avr->io_port; io != NULL; io = io->next) {
        if (strcmp(io->kind, "uart") == 0 && ((avr_uart_t *)io)->name == '0') {
            found = (avr_uart_t *)io;
        }
    }
    if (found == NULL) {
        fail("no UART");
    }
    return found;
}

void uart_line_attach(uart_line *line, avr_t *avr, uint32_t host_baud) {
    line->avr = avr;
    line->uart = find_uart(avr);
    line->host_byte_fraction = 10ULL * FREQUENCY_HZ * FRACTION / host_baud;
    line->receiver = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, line);
}

void uart_line_reset(uart_line *line) {
    uint32_t no_flags = 0U;
    avr_ioctl(line->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &no_flags);
    uart_line_forget_unsent(line);
    line->sent_until = line->avr->cycle;
}

void uart_line_send(uart_line *line, avr_cycle_count_t from, const uint8_t *bytes, uint32_t count) {
    avr_cycle_count_t fraction = from * FRACTION;
    if (line->host_free_fraction < fraction) {
        line->host_free_fraction = fraction;
    }
    for (uint32_t i = 0U; i < count; i++) {
        line->host_free_fraction += line->host_byte_fraction;
        avr_cycle_count_t in_stop_bit = line->host_free_fraction - line->host_byte_fraction / 20U;
        byte_queue_put(&line->incoming, bytes[i], in_stop_bit / FRACTION);
    }
}

void uart_line_schedule(uart_line *line) {
    call_at(line->avr, byte_queue_next(&line->incoming), end_byte, line);
}

void uart_line_forget_unsent(uart_line *line) { byte_queue_drop_after(&line->outgoing, line->avr->cycle); }

void uart_line_forget_received(uart_line *line, avr_cycle_count_t until) {
    byte_queue_drop_before(&line->incoming, until);
}

uint32_t uart_line_take(uart_line *line, avr_cycle_count_t until, uint8_t *bytes) {
    uint32_t count = 0U;
    while (byte_queue_next(&line->outgoing) <= until) {
        bytes[count++] = byte_queue_take(&line->outgoing);
    }
    return count;
}
