#include "processor.h"

#include <string.h>

#include "avr_eeprom.h"
#include "avr_extint.h"
#include "fail.h"
#include "registers.h"
#include "sim_elf.h"
#include "timing.h"

static void sleep_without_waiting(avr_t *avr, avr_cycle_count_t cycles) {
    processor *cpu = avr->custom.data;
    cpu->asleep_cycles += cycles;
}

/* simavr enters an interrupt in no time. */
static void on_interrupt(struct avr_irq_t *irq, uint32_t value, void *owner) {
    (void)irq;
    processor *cpu = owner;
    if (value != 0U) {
        cpu->avr->cycle += cpu->wiring->interrupt_entry_cycles;
        uint32_t stack_at = word_at(cpu->avr->data, SPL_AT);
        uint32_t unused = stack_at > cpu->data_end ? stack_at - cpu->data_end : 0U;
        cpu->stack_unused = unused < cpu->stack_unused ? unused : cpu->stack_unused;
    }
}

static void on_reset(avr_t *avr) {
    processor *cpu = avr->custom.data;
    if (cpu->core_reset != NULL) {
        cpu->core_reset(avr);
    }
    cpu->was_reset = true;
}

static void say_nothing(avr_t *avr, const int level, const char *format, va_list arguments) {
    (void)avr;
    (void)level;
    (void)format;
    (void)arguments;
}

static avr_t *load(const char *mcu, const char *elf, elf_firmware_t *firmware) {
    avr_global_logger_set(say_nothing);
    avr_t *avr = avr_make_mcu_by_name(mcu);
    if (avr == NULL || elf_read_firmware(elf, firmware) != 0) {
        fail("cannot load the firmware");
    }
    firmware->frequency = FREQUENCY_HZ;
    avr_init(avr);
    avr_load_firmware(avr, firmware);
    avr->frequency = FREQUENCY_HZ;
    avr->vcc = avr->avcc = avr->aref = 5000U;
    return avr;
}

static void watch_interrupts(processor *cpu) {
    avr_t *avr = cpu->avr;
    for (uint8_t vector = 1U; vector < avr->interrupts.vector_count; vector++) {
        uint8_t number = avr->interrupts.vector[vector] != NULL ? avr->interrupts.vector[vector]->vector : 0U;
        avr_irq_t *irq = number != 0U ? avr_get_interrupt_irq(avr, number) : NULL;
        if (irq != NULL) {
            avr_irq_register_notify(irq + AVR_INT_IRQ_RUNNING, on_interrupt, cpu);
        }
    }
}

void processor_load(processor *cpu, const board *wiring, const char *elf, uint32_t boots) {
    elf_firmware_t firmware;
    memset(&firmware, 0, sizeof firmware);
    avr_t *avr = load(wiring->mcu, elf, &firmware);
    cpu->avr = avr;
    cpu->wiring = wiring;
    cpu->data_end = avr->ioend + 1U + firmware.datasize + firmware.bsssize;
    cpu->stack_unused = avr->ramend;
    avr_eeprom_desc_t stored = {(uint8_t *)&boots, 0U, sizeof boots};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &stored);
    watch_interrupts(cpu);
    avr->custom.data = cpu;
    cpu->core_reset = avr->reset;
    avr->reset = on_reset;
    processor_lose_memory(cpu);
    avr->data[MCUSR_AT] = RESET_POWER_ON;
}

void processor_settle(processor *cpu) {
    cpu->was_reset = false;
    cpu->avr->run_cycle_limit = 100000U;
    cpu->avr->sleep = sleep_without_waiting;
    for (uint8_t i = 0U; i < 8U; i++) {
        if ((cpu->wiring->external_interrupts >> i & 1U) != 0U) {
            avr_extint_set_strict_lvl_trig(cpu->avr, i, 0U); /* else a low pin fires in every cycle */
        }
    }
}

void processor_run(processor *cpu) {
    int state = avr_run(cpu->avr);
    if (state == cpu_Done || state == cpu_Crashed || state == cpu_Stopped) {
        fail("the firmware crashed");
    }
}

void processor_restart(processor *cpu, uint8_t cause) {
    cpu->avr->state = cpu_Running;
    avr_reset(cpu->avr);
    cpu->avr->data[MCUSR_AT] = cause;
}

/* Noise by xorshift32 (Marsaglia 2003). */
void processor_lose_memory(processor *cpu) {
    uint32_t noise = 2463534242U;
    for (uint32_t address = cpu->avr->ioend + 1U; address <= cpu->avr->ramend; address++) {
        noise ^= noise << 13U;
        noise ^= noise >> 17U;
        noise ^= noise << 5U;
        cpu->avr->data[address] = (uint8_t)noise;
    }
}

void processor_hang(processor *cpu) {
    avr_t *avr = cpu->avr;
    avr->flash[avr->flashend - 1U] = 0xFFU; /* rjmp to itself, in the last word */
    avr->flash[avr->flashend] = 0xCFU;
    avr->pc = avr->flashend - 1U;
    avr->state = cpu_Running;
}
