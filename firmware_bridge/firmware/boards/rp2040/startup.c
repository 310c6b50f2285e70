/* Second-stage boot loader, vectors, and what C expects before main. */
#include <stddef.h>
#include <stdint.h>

extern uint32_t data_begin, data_end, data_stored, bss_begin, bss_end, stack_top;

int main(void);
void irq_io(void);
void start(void);
void hang(void);
void *memset(void *to, int value, size_t count);
void *memcpy(void *restrict to, const void *restrict from, size_t count);

/* In flash at 0; the ROM copies these 256 bytes to RAM and runs them when their CRC (added by image.py) is right. It sets
 * the flash interface to plain reads (command 03h, which every chip knows), then starts what lies behind it.
 * RP2040 Datasheet, 2.8.1.3 (boot stage 2) and 4.10 (SSI). */
__attribute__((section(".boot2"), naked, used)) void boot2(void) {
    __asm__ volatile(".syntax unified\n"
                     "ldr r3, =0x18000000\n" /* SSI */
                     "movs r0, #0\n"
                     "str r0, [r3, #0x08]\n" /* off */
                     "movs r0, #4\n"
                     "str r0, [r3, #0x14]\n" /* clock / 4 */
                     "ldr r0, =0x001F0300\n" /* 32-bit frames, "EEPROM read" */
                     "str r0, [r3, #0x00]\n"
                     "movs r0, #0\n"
                     "str r0, [r3, #0x04]\n" /* one frame */
                     "ldr r0, =0x03000218\n" /* command 03h of 8 bits, address of 24 */
                     "ldr r1, =0x180000F4\n"
                     "str r0, [r1]\n"
                     "movs r0, #1\n"
                     "str r0, [r3, #0x08]\n" /* on */
                     "ldr r0, =0x10000100\n"
                     "ldr r1, =0xE000ED08\n" /* VTOR */
                     "str r0, [r1]\n"
                     "ldmia r0, {r0, r1}\n"
                     "msr msp, r0\n"
                     "bx r1\n"
                     ".ltorg\n");
}

typedef void (*vector)(void);

/* A fault ends in the watchdog. */
void hang(void) {
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const vector vectors[16 + 26] = {
    (vector)(uintptr_t)&stack_top, start, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang,
    hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, irq_io, /* 13: pins of bank 0 */
    hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang, hang,
};

void start(void) {
    const uint32_t *from = &data_stored;
    for (uint32_t *to = &data_begin; to < &data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = &bss_begin; to < &bss_end; to++) {
        *to = 0UL;
    }
    (void)main();
    hang();
}

void *memset(void *to, int value, size_t count) {
    uint8_t *at = to;
    for (size_t i = 0U; i < count; i++) {
        at[i] = (uint8_t)value;
    }
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    uint8_t *at = to;
    const uint8_t *source = from;
    for (size_t i = 0U; i < count; i++) {
        at[i] = source[i];
    }
    return to;
}
