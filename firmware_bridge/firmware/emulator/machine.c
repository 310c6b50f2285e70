#include "machine.h"

#include <stddef.h>

#include "avr_adc.h"
#include "bridges.h"
#include "registers.h"

#define SUPPLY_BACK_US 50000U /* a brown-out that lasts longer is the bootloader */

/* The end of a stretch, at which the processor is to stop. */
static avr_cycle_count_t fence(avr_t *avr, avr_cycle_count_t when, void *owner) {
    (void)avr;
    (void)when;
    (void)owner;
    return 0U;
}

static void drive_inputs(machine *all) {
    input_pin_drive(&all->estop, all->asked.estop != 0U);
    avr_raise_irq(all->battery, all->asked.battery_mv / 5U); /* the divider */
}

static void schedule(machine *all) {
    encoders_schedule(&all->wheels);
    uart_line_schedule(&all->line);
}

/* A reset forgets all timers, pins and settings of simavr. */
static void after_reset(machine *all) {
    processor_settle(&all->cpu);
    uart_line_reset(&all->line);
    encoders_connect(&all->wheels);
    input_pin_connect(&all->estop);
    drive_inputs(all);
    schedule(all);
    call_at(all->cpu.avr, all->now.to, fence, NULL);
}

static void begin_hold(machine *all, uint8_t cause) {
    uint32_t held_us = all->asked.held_us;
    all->held = (hold){true, all->now.from + (avr_cycle_count_t)held_us * CYCLES_PER_US, cause};
    if (cause == RESET_BROWN_OUT) {
        uint32_t dark_us = held_us < SUPPLY_BACK_US ? held_us : SUPPLY_BACK_US;
        all->unsupplied_until = all->now.from + (avr_cycle_count_t)dark_us * CYCLES_PER_US;
    }
    uart_line_forget_unsent(&all->line);
}

static void end_hold(machine *all) {
    all->held.active = false;
    if (all->held.cause == RESET_BROWN_OUT) {
        processor_lose_memory(&all->cpu);
        mpu6050_power_up(&all->imu);
    }
    processor_restart(&all->cpu, all->held.cause);
    after_reset(all);
}

/* Time goes on without the processor. */
static void follow_hold(machine *all) {
    avr_cycle_count_t until = all->held.until < all->now.to ? all->held.until : all->now.to;
    uart_line_forget_received(&all->line, until);
    encoders_turn_unseen(&all->wheels, until);
    all->cpu.avr->cycle = until;
    if (until == all->held.until) {
        end_hold(all);
    }
}

static void strike(machine *all) {
    if (all->asked.kind == REQUEST_EXTERNAL_RESET) {
        begin_hold(all, RESET_EXTERNAL);
    } else if (all->asked.kind == REQUEST_BROWN_OUT) {
        begin_hold(all, RESET_BROWN_OUT);
    } else if (all->asked.kind == REQUEST_HANG) {
        processor_hang(&all->cpu);
    }
}

static void run(machine *all) {
    avr_t *avr = all->cpu.avr;
    call_at(avr, all->now.to, fence, NULL);
    while (avr->cycle < all->now.to) {
        if (all->held.active) {
            follow_hold(all);
            continue;
        }
        processor_run(&all->cpu);
        if (all->cpu.was_reset) {
            all->watchdog_resets++;
            after_reset(all);
        }
    }
}

void machine_build(machine *all, const board *wiring, const char *elf, uint32_t host_baud, uint32_t boots) {
    all->wiring = wiring;
    processor_load(&all->cpu, wiring, elf, boots);
    avr_t *avr = all->cpu.avr;
    uart_line_attach(&all->line, avr, host_baud);
    all->estop = input_pin_of(avr, &wiring->estop);
    all->battery = avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0);
    encoders_attach(&all->wheels, avr, wiring);
    mpu6050_attach(&all->imu, avr);
    after_reset(all);
}

bool machine_can_serve(const machine *all, const request *asked) {
    return asked->received <= QUEUE_BYTES && asked->until_us * CYCLES_PER_US > all->now.to;
}

static void report(const machine *all, answer *reply) {
    bool supplied = all->now.to > all->unsupplied_until;
    bridges_read(all->cpu.avr->data, all->wiring, supplied, all->held.active, reply);
    reply->asleep_cycles = all->cpu.asleep_cycles;
    reply->cycle = all->cpu.avr->cycle;
    reply->baud = all->line.baud;
    reply->resets = all->watchdog_resets;
    reply->overruns = all->line.overruns;
    reply->edges = all->wheels.edges;
    reply->stack_unused = all->cpu.stack_unused;
}

void machine_serve(machine *all, const request *asked, const uint8_t *received, answer *reply, uint8_t *sent) {
    all->asked = *asked;
    all->now = (stretch){all->now.to, asked->until_us * CYCLES_PER_US};
    all->imu.motion = (mpu6050_motion){asked->imu_present != 0U, asked->gyro_z_radps, asked->accel_x_mps2,
                                       asked->accel_y_mps2};
    encoders_turn(&all->wheels, &all->now, asked->ticks[0], asked->ticks[1]);
    drive_inputs(all);
    uart_line_send(&all->line, all->now.from, received, asked->received);
    strike(all);
    if (!all->held.active) {
        schedule(all);
    }
    run(all);
    report(all, reply);
    reply->sent = uart_line_take(&all->line, all->now.to, sent);
}
