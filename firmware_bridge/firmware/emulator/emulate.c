/* An AVR board with the shipped firmware, for a host that owns the time: reads a `request` from standard input, runs the
 * processor to that time, writes an `answer` to standard output. Everything in between is on real pins: encoder edges,
 * UART frames, the IMU on its bus, the battery's divider.
 *
 *     emulate BOARD FIRMWARE.elf HOST_BAUD BOOTS
 *
 * simavr is GPL-3: this program is compiled on the machine that uses it (firmware_bridge/emulated_build.py) and is a
 * process of its own. It works with simavr 1.6 (Debian) and 1.8.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avr_adc.h"
#include "avr_eeprom.h"
#include "avr_extint.h"
#include "avr_ioport.h"
#include "avr_uart.h"
#include "boards.h"
#include "mpu6050.h"
#include "protocol.h"
#include "sim_avr.h"
#include "sim_elf.h"

#define FREQUENCY_HZ 16000000U
#define CYCLES_PER_US (FREQUENCY_HZ / 1000000U)
#define RECEIVER_PLACES 3U /* two in the FIFO, one in the shift register; simavr's FIFO has 64 */
#define QUEUE_BYTES 65536U
#define SUPPLY_BACK_US 50000U /* a brown-out that lasts longer is the bootloader */
#define FRACTION 256U /* of a cycle, for the host's bit time */

typedef struct {
    uint8_t bytes[QUEUE_BYTES];
    avr_cycle_count_t at[QUEUE_BYTES];
    uint32_t first;
    uint32_t used;
} byte_queue;

/* A pin that something outside drives. */
typedef struct {
    avr_irq_t *irq;
    avr_ioport_t *port;
    uint8_t mask;
} input_pin;

typedef struct {
    int64_t from;
    int64_t to;
    uint64_t done; /* edges of this stretch */
    input_pin a;
    input_pin b;
} encoder;

static const board *the_board;
static avr_t *avr;
static avr_uart_t *uart;
static avr_irq_t *uart_input;
static input_pin estop_pin;
static avr_irq_t *battery_pin;
static void (*core_reset)(avr_t *);

static byte_queue incoming; /* `at` = middle of the stop bit */
static byte_queue outgoing; /* `at` = end of the stop bit */
static avr_cycle_count_t host_free_fraction; /* when the host's line is free again, in 1 / FRACTION cycles */
static uint64_t host_byte_fraction;
static avr_cycle_count_t sent_until;

static encoder encoders[2];
static avr_cycle_count_t stretch_from;
static avr_cycle_count_t stretch_to;

static bool was_reset;
static bool held;
static avr_cycle_count_t held_until;
static avr_cycle_count_t unsupplied_until; /* the bridges' logic has no 5 V */
static uint8_t reset_cause;
static uint32_t data_end; /* the stack grows down to it */
static request now;
static answer reply;

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "emulate: %s\n", what);
    exit(1);
}

/* ---------------------------------------------------------------- UART */

/* simavr counts a parity bit that is not there: 11 bits a frame. */
static void correct_byte_time(void) {
    uint32_t divisor = avr->data[UBRR0_AT] | (uint32_t)(avr->data[UBRR0_AT + 1U] & 0x0FU) << 8U;
    uint32_t bit_cycles = ((avr->data[UCSR0A_AT] >> U2X_BIT & 1U) != 0U ? 8U : 16U) * (divisor + 1U);
    uart->cycles_per_byte = 10U * bit_cycles;
    reply.baud = divisor == 0U ? 0U : FREQUENCY_HZ / bit_cycles;
}

static void queue_put(byte_queue *queue, uint8_t byte, avr_cycle_count_t at) {
    if (queue->used == QUEUE_BYTES) {
        fail("more bytes on the line than any line holds");
    }
    uint32_t index = (queue->first + queue->used++) % QUEUE_BYTES;
    queue->bytes[index] = byte;
    queue->at[index] = at;
}

static uint8_t queue_take(byte_queue *queue) {
    uint8_t byte = queue->bytes[queue->first];
    queue->first = (queue->first + 1U) % QUEUE_BYTES;
    queue->used--;
    return byte;
}

/* A byte is complete. simavr would raise the flag one of the MCU's byte times later, whatever rate the host sends at. */
static avr_cycle_count_t end_byte(avr_t *core, avr_cycle_count_t when, void *parameter) {
    (void)parameter;
    while (incoming.used > 0U && incoming.at[incoming.first] <= core->cycle) {
        uint8_t byte = queue_take(&incoming);
        uint32_t waiting = (uint32_t)(uart->input.write - uart->input.read) & 63U;
        if (waiting >= RECEIVER_PLACES) {
            reply.overruns++;
        } else {
            uart->cycles_per_byte = 1U;
            avr_raise_irq(uart_input, byte);
            correct_byte_time();
        }
    }
    (void)when;
    return incoming.used > 0U ? incoming.at[incoming.first] : 0U;
}

static void schedule_bytes(void) {
    avr_cycle_timer_cancel(avr, end_byte, NULL);
    if (incoming.used > 0U) {
        avr_cycle_count_t at = incoming.at[incoming.first];
        avr_cycle_timer_register(avr, at > avr->cycle ? at - avr->cycle : 1U, end_byte, NULL);
    }
}

static void take_bytes(const uint8_t *bytes, uint32_t count) {
    avr_cycle_count_t fraction = stretch_from * FRACTION;
    if (host_free_fraction < fraction) {
        host_free_fraction = fraction;
    }
    for (uint32_t i = 0U; i < count; i++) {
        host_free_fraction += host_byte_fraction;
        queue_put(&incoming, bytes[i], (host_free_fraction - host_byte_fraction / 20U) / FRACTION);
    }
}

/* simavr tells of a byte when the data register is written; on the wire it ends a frame later. */
static void on_sent(struct avr_irq_t *irq, uint32_t value, void *parameter) {
    (void)irq;
    (void)parameter;
    correct_byte_time();
    if (sent_until < avr->cycle) {
        sent_until = avr->cycle;
    }
    sent_until += uart->cycles_per_byte;
    queue_put(&outgoing, (uint8_t)value, sent_until);
}

/* ---------------------------------------------------------------- encoders */

/* Whoever drives a pin beats its pull-up, which simavr else puts on the pin at each write to the port. */
static void drive_pin(input_pin *pin_in, bool high) {
    uint8_t others = (uint8_t)(pin_in->port->external.pull_value & (uint8_t)~pin_in->mask);
    pin_in->port->external.pull_value = (uint8_t)(others | (high ? pin_in->mask : 0U));
    avr_raise_irq(pin_in->irq, high ? 1U : 0U);
}

static void drive_encoder(encoder *side, int64_t count) {
    uint32_t phase = (uint32_t)(count & 3);
    drive_pin(&side->a, phase == 1U || phase == 2U);
    drive_pin(&side->b, phase == 2U || phase == 3U);
}

static uint64_t edges_of(const encoder *side) {
    return (uint64_t)(side->to >= side->from ? side->to - side->from : side->from - side->to);
}

static int64_t count_now(const encoder *side) {
    int64_t done = (int64_t)side->done;
    return side->to >= side->from ? side->from + done : side->from - done;
}

/* Edge i of n lies in the middle of the i-th of n equal parts. */
static avr_cycle_count_t next_edge(const encoder *side) {
    uint64_t edges = edges_of(side);
    if (side->done >= edges) {
        return UINT64_MAX;
    }
    return stretch_from + (stretch_to - stretch_from) * (2U * side->done + 1U) / (2U * edges);
}

static avr_cycle_count_t next_edge_of_both(void) {
    avr_cycle_count_t left = next_edge(&encoders[0]);
    avr_cycle_count_t right = next_edge(&encoders[1]);
    return left < right ? left : right;
}

static avr_cycle_count_t turn(avr_t *core, avr_cycle_count_t when, void *parameter) {
    (void)when;
    (void)parameter;
    for (uint8_t side = 0U; side < 2U; side++) {
        while (next_edge(&encoders[side]) <= core->cycle) {
            encoders[side].done++;
            drive_encoder(&encoders[side], count_now(&encoders[side]));
            reply.edges++;
        }
    }
    avr_cycle_count_t next = next_edge_of_both();
    return next == UINT64_MAX ? 0U : next;
}

static void schedule_edges(void) {
    avr_cycle_timer_cancel(avr, turn, NULL);
    avr_cycle_count_t next = next_edge_of_both();
    if (next != UINT64_MAX) {
        avr_cycle_timer_register(avr, next > avr->cycle ? next - avr->cycle : 1U, turn, NULL);
    }
}

/* ---------------------------------------------------------------- bridges */

static bool is_high(const pin *which) {
    uint8_t mask = (uint8_t)(1U << which->bit);
    return (avr->data[which->address] & avr->data[which->address - 1U] & mask) != 0U;
}

/* The enables and a TB6612's direction inputs have pull-ups to 5 V, the others pull-downs: a pin that the MCU does not
 * drive brakes. */
static bool is_enabled(const pin *which) {
    bool driven = !held && (avr->data[which->address - 1U] >> which->bit & 1U) != 0U;
    return !driven || is_high(which);
}

static uint16_t word_at(uint16_t address) {
    return (uint16_t)(avr->data[address] | (uint16_t)avr->data[address + 1U] << 8U);
}

/* Share of the time that the output is high. The registers are read, for simavr 1.6 lacks modes of the 16-bit timers. */
static double high_share(const pwm_output *output) {
    static const uint16_t fixed_top[16] = {0xFFFF, 0xFF, 0x1FF, 0x3FF, 0, 0xFF, 0x1FF, 0x3FF, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t control_a = avr->data[output->tccra];
    uint8_t control_b = avr->data[output->tccra + 1U];
    uint8_t com = control_a >> output->com_shift & 3U;
    uint8_t mode = (uint8_t)((control_a & 3U) | (control_b >> 1U & 0x0CU));
    if (com < 2U) {
        return is_high(&output->output) ? 1.0 : 0.0;
    }
    uint8_t mask = (uint8_t)(1U << output->output.bit);
    if ((avr->data[output->output.address - 1U] & mask) == 0U || (control_b & 7U) == 0U) {
        return 0.0; /* an input, or a timer that stands */
    }
    bool fast = mode == 5U || mode == 6U || mode == 7U || mode == 14U || mode == 15U;
    uint16_t top = mode == 8U || mode == 10U || mode == 14U || mode == 12U ? word_at(output->icr) : fixed_top[mode];
    uint16_t compare = word_at(output->ocr);
    if (top == 0U) {
        return 0.0;
    }
    double share = fast ? (compare + 1.0) / (top + 1.0) : (double)compare / (double)top;
    share = share > 1.0 ? 1.0 : share;
    return com == 3U ? 1.0 - share : share;
}

static void read_tb6612(uint8_t i, const motor_side *side) {
    bool forward = is_enabled(&side->direction[0]);
    bool reverse = is_enabled(&side->direction[1]);
    if (!forward && !reverse) {
        reply.bridge[i] = BRIDGE_COAST;
    } else if (forward != reverse && !held) {
        reply.duty[i] = forward ? high_share(&side->forward) : -high_share(&side->forward);
    }
}

static void read_bridges(void) {
    for (uint8_t i = 0U; i < 2U; i++) {
        const motor_side *side = &the_board->side[i];
        reply.duty[i] = 0.0;
        reply.bridge[i] = BRIDGE_COAST;
        if (stretch_to <= unsupplied_until || !is_enabled(&side->enable)) {
            continue;
        }
        reply.bridge[i] = BRIDGE_DRIVE; /* a duty of zero shorts the motor, as two low inputs do */
        if (the_board->is_tb6612) {
            read_tb6612(i, side);
        } else if (!held) {
            reply.duty[i] = high_share(&side->forward) - high_share(&side->reverse);
        }
    }
}

/* ---------------------------------------------------------------- processor */

static void sleep_without_waiting(avr_t *core, avr_cycle_count_t cycles) {
    (void)core;
    reply.asleep_cycles += cycles;
}

/* simavr enters an interrupt in no time. */
static void on_interrupt(struct avr_irq_t *irq, uint32_t value, void *parameter) {
    (void)irq;
    (void)parameter;
    if (value != 0U) {
        avr->cycle += the_board->interrupt_entry_cycles;
        uint32_t stack_at = word_at(SPL_AT);
        uint32_t unused = stack_at > data_end ? stack_at - data_end : 0U;
        reply.stack_unused = unused < reply.stack_unused ? unused : reply.stack_unused;
    }
}

static void on_core_reset(avr_t *core) {
    if (core_reset != NULL) {
        core_reset(core);
    }
    was_reset = true;
}

static avr_cycle_count_t fence(avr_t *core, avr_cycle_count_t when, void *parameter) {
    (void)core;
    (void)when;
    (void)parameter;
    return 0U;
}

/* Pin interrupts forward changes only, and a reset forgets the pins. */
static void put_pins(void) {
    input_pin *driven[] = {&encoders[0].a, &encoders[0].b, &encoders[1].a, &encoders[1].b, &estop_pin};
    for (uint8_t i = 0U; i < sizeof driven / sizeof driven[0]; i++) {
        driven[i]->irq->flags |= IRQ_FLAG_INIT;
        driven[i]->port->external.pull_mask |= driven[i]->mask;
    }
    drive_encoder(&encoders[0], count_now(&encoders[0]));
    drive_encoder(&encoders[1], count_now(&encoders[1]));
    drive_pin(&estop_pin, now.estop != 0U);
    avr_raise_irq(battery_pin, now.battery_mv / 5U);
}

/* A reset forgets all timers, pins and settings of simavr. */
static void after_reset(void) {
    was_reset = false;
    avr->run_cycle_limit = 100000U;
    avr->sleep = sleep_without_waiting;
    uint32_t no_flags = 0U;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &no_flags);
    for (uint8_t i = 0U; i < 8U; i++) {
        if ((the_board->external_interrupts >> i & 1U) != 0U) {
            avr_extint_set_strict_lvl_trig(avr, i, 0U); /* else a low pin fires in every cycle */
        }
    }
    while (outgoing.used > 0U && outgoing.at[(outgoing.first + outgoing.used - 1U) % QUEUE_BYTES] > avr->cycle) {
        outgoing.used--; /* was still in the registers */
    }
    sent_until = avr->cycle;
    put_pins();
    schedule_edges();
    schedule_bytes();
    avr_cycle_timer_register(avr, stretch_to > avr->cycle ? stretch_to - avr->cycle : 1U, fence, NULL);
}

static void lose_memory(void) {
    uint32_t noise = 2463534242U;
    for (uint32_t address = avr->ioend + 1U; address <= avr->ramend; address++) {
        noise ^= noise << 13U;
        noise ^= noise >> 17U;
        noise ^= noise << 5U; /* xorshift32 (Marsaglia 2003): RAM after power-up holds anything */
        avr->data[address] = (uint8_t)noise;
    }
}

static void end_hold(void) {
    avr->cycle = held_until;
    held = false;
    if (reset_cause == 4U) {
        lose_memory();
        mpu6050_power_up();
    }
    avr->state = cpu_Running;
    avr_reset(avr);
    avr->data[MCUSR_AT] = reset_cause;
    after_reset();
}

static void hang(void) {
    avr->flash[avr->flashend - 1U] = 0xFFU; /* rjmp to itself, in the last word */
    avr->flash[avr->flashend] = 0xCFU;
    avr->pc = avr->flashend - 1U;
    avr->state = cpu_Running;
}

static void begin(void) {
    if (now.kind == REQUEST_EXTERNAL_RESET || now.kind == REQUEST_BROWN_OUT) {
        reset_cause = now.kind == REQUEST_BROWN_OUT ? 4U : 2U; /* BORF, EXTRF */
        held = true;
        held_until = stretch_from + (avr_cycle_count_t)now.held_us * CYCLES_PER_US;
        if (now.kind == REQUEST_BROWN_OUT) {
            uint32_t dark_us = now.held_us < SUPPLY_BACK_US ? now.held_us : SUPPLY_BACK_US;
            unsupplied_until = stretch_from + (avr_cycle_count_t)dark_us * CYCLES_PER_US;
        }
        while (outgoing.used > 0U && outgoing.at[(outgoing.first + outgoing.used - 1U) % QUEUE_BYTES] > avr->cycle) {
            outgoing.used--;
        }
    } else if (now.kind == REQUEST_HANG) {
        hang();
    }
}

static void drop_bytes_until(avr_cycle_count_t cycle) {
    while (incoming.used > 0U && incoming.at[incoming.first] < cycle) {
        (void)queue_take(&incoming);
    }
}

static void follow_hold(void) {
    avr_cycle_count_t until = held_until < stretch_to ? held_until : stretch_to;
    drop_bytes_until(until);
    avr->cycle = until;
    for (uint8_t i = 0U; i < 2U; i++) { /* nobody counts these edges */
        while (next_edge(&encoders[i]) <= until) {
            encoders[i].done++;
        }
    }
    if (until == held_until) {
        end_hold();
    }
}

static void run(void) {
    avr_cycle_timer_register(avr, stretch_to > avr->cycle ? stretch_to - avr->cycle : 1U, fence, NULL);
    while (avr->cycle < stretch_to) {
        if (held) {
            follow_hold();
            continue;
        }
        int state = avr_run(avr);
        if (was_reset) {
            reply.resets++;
            after_reset();
        }
        if (state == cpu_Done || state == cpu_Crashed || state == cpu_Stopped) {
            fail("the firmware crashed");
        }
    }
}

static void serve(const uint8_t *bytes) {
    stretch_from = stretch_to;
    stretch_to = now.until_us * CYCLES_PER_US;
    for (uint8_t i = 0U; i < 2U; i++) {
        encoders[i].from = encoders[i].to;
        encoders[i].to = now.ticks[i];
        encoders[i].done = 0U;
    }
    mpu6050_motion motion = {now.imu_present != 0U, now.gyro_z_radps, now.accel_x_mps2, now.accel_y_mps2};
    mpu6050_set(&motion);
    drive_pin(&estop_pin, now.estop != 0U);
    avr_raise_irq(battery_pin, now.battery_mv / 5U);
    take_bytes(bytes, now.received);
    begin();
    if (!held) {
        schedule_edges();
        schedule_bytes();
    }
    run();
    read_bridges();
    reply.cycle = avr->cycle;
}

/* ---------------------------------------------------------------- process */

static void say_nothing(avr_t *core, const int level, const char *format, va_list arguments) {
    (void)core;
    (void)level;
    (void)format;
    (void)arguments;
}

static input_pin input_of(const pin *which) {
    input_pin found = {avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(which->port), which->bit), NULL,
                       (uint8_t)(1U << which->bit)};
    for (avr_io_t *io = avr->io_port; io != NULL; io = io->next) {
        if (strcmp(io->kind, "port") == 0 && ((avr_ioport_t *)io)->name == which->port) {
            found.port = (avr_ioport_t *)io;
        }
    }
    if (found.irq == NULL || found.port == NULL) {
        fail("no such pin");
    }
    return found;
}

static void find_uart(void) {
    for (avr_io_t *io = avr->io_port; io != NULL; io = io->next) {
        if (strcmp(io->kind, "uart") == 0 && ((avr_uart_t *)io)->name == '0') {
            uart = (avr_uart_t *)io;
        }
    }
    if (uart == NULL) {
        fail("no UART");
    }
}

static void build(const char *elf, uint32_t boots) {
    elf_firmware_t firmware;
    memset(&firmware, 0, sizeof firmware);
    avr_global_logger_set(say_nothing);
    avr = avr_make_mcu_by_name(the_board->mcu);
    if (avr == NULL || elf_read_firmware(elf, &firmware) != 0) {
        fail("cannot load the firmware");
    }
    firmware.frequency = FREQUENCY_HZ;
    data_end = avr->ioend + 1U + firmware.datasize + firmware.bsssize;
    reply.stack_unused = avr->ramend;
    avr_init(avr);
    avr_load_firmware(avr, &firmware);
    avr->frequency = FREQUENCY_HZ;
    avr->vcc = avr->avcc = avr->aref = 5000U;
    avr_eeprom_desc_t stored = {(uint8_t *)&boots, 0U, sizeof boots};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &stored);
    find_uart();
    uart_input = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), on_sent, NULL);
    estop_pin = input_of(&the_board->estop);
    battery_pin = avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0);
    for (uint8_t i = 0U; i < 2U; i++) {
        encoders[i].a = input_of(&the_board->side[i].encoder_a);
        encoders[i].b = input_of(&the_board->side[i].encoder_b);
    }
    for (uint8_t vector = 1U; vector < avr->interrupts.vector_count; vector++) {
        uint8_t number = avr->interrupts.vector[vector] != NULL ? avr->interrupts.vector[vector]->vector : 0U;
        avr_irq_t *irq = number != 0U ? avr_get_interrupt_irq(avr, number) : NULL;
        if (irq != NULL) {
            avr_irq_register_notify(irq + AVR_INT_IRQ_RUNNING, on_interrupt, NULL);
        }
    }
    mpu6050_attach(avr);
    core_reset = avr->reset;
    avr->reset = on_core_reset;
    lose_memory();
    reset_cause = 1U; /* PORF */
    avr->data[MCUSR_AT] = reset_cause;
    after_reset();
}

static bool read_all(void *to, size_t count) {
    uint8_t *at = to;
    while (count > 0U) {
        ssize_t got = read(STDIN_FILENO, at, count);
        if (got <= 0) {
            return false;
        }
        at += got;
        count -= (size_t)got;
    }
    return true;
}

static void write_all(int descriptor, const void *from, size_t count) {
    const uint8_t *at = from;
    while (count > 0U) {
        ssize_t put = write(descriptor, at, count);
        if (put <= 0) {
            exit(1);
        }
        at += put;
        count -= (size_t)put;
    }
}

static void send_answer(int descriptor) {
    static uint8_t message[sizeof reply + QUEUE_BYTES];
    reply.sent = 0U;
    while (outgoing.used > 0U && outgoing.at[outgoing.first] <= stretch_to) {
        message[sizeof reply + reply.sent++] = queue_take(&outgoing);
    }
    memcpy(message, &reply, sizeof reply);
    write_all(descriptor, message, sizeof reply + reply.sent);
}

int main(int argc, char **argv) {
    static uint8_t bytes[QUEUE_BYTES];
    if (argc != 5) {
        fail("expected BOARD FIRMWARE.elf HOST_BAUD BOOTS");
    }
    for (size_t i = 0U; i < sizeof boards / sizeof boards[0]; i++) {
        if (strcmp(boards[i].name, argv[1]) == 0) {
            the_board = &boards[i];
        }
    }
    if (the_board == NULL) {
        fail("no such board");
    }
    host_byte_fraction = 10ULL * FREQUENCY_HZ * FRACTION / strtoul(argv[3], NULL, 10);
    int answers = dup(STDOUT_FILENO); /* simavr prints where it likes */
    if (answers < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        fail("no descriptors");
    }
    build(argv[2], (uint32_t)strtoul(argv[4], NULL, 10));
    while (read_all(&now, sizeof now)) {
        if (now.received > sizeof bytes || now.until_us * CYCLES_PER_US <= stretch_to) {
            fail("a request that cannot be served");
        }
        if (!read_all(bytes, now.received)) {
            break;
        }
        serve(bytes);
        send_answer(answers);
    }
    return 0;
}
