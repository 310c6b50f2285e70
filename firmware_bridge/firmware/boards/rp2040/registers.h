/* The RP2040's registers that are used here: "RP2040 Datasheet", chapters 2.3 (SIO), 2.4 (NVIC), 2.14 (resets), 2.15 (clocks),
 * 2.16 (XOSC), 2.17 (ROSC), 2.18 (PLL), 2.19 (GPIO), 4.2 (UART), 4.5 (PWM), 4.6 (timer), 4.7 (watchdog), 4.9 (ADC). */
#ifndef AMR_RP2040_REGISTERS_H
#define AMR_RP2040_REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SET_ALIAS 0x2000U   /* a write there sets bits ... */
#define CLEAR_ALIAS 0x3000U /* ... or clears them, at once */
#define BIT32(number) (1UL << (number))

#define RESETS_RESET 0x4000C000U
#define RESETS_DONE 0x4000C008U
#define RESET_ADC BIT32(0)
#define RESET_IO BIT32(5)
#define RESET_PADS BIT32(8)
#define RESET_PLL BIT32(12)
#define RESET_PWM BIT32(14)
#define RESET_TIMER BIT32(21)
#define RESET_UART0 BIT32(22)

#define XOSC_CTRL 0x40024000U
#define XOSC_STATUS 0x40024004U
#define XOSC_STARTUP 0x4002400CU
#define ROSC_RANDOM_BIT 0x4006001CU

#define CLOCKS_REF_CTRL 0x40008030U
#define CLOCKS_REF_SELECTED 0x40008038U
#define CLOCKS_SYS_CTRL 0x4000803CU
#define CLOCKS_SYS_SELECTED 0x40008044U
#define CLOCKS_PERI_CTRL 0x40008048U
#define CLOCKS_ADC_CTRL 0x40008060U

#define PLL_CS 0x40028000U
#define PLL_PWR 0x40028004U
#define PLL_FBDIV 0x40028008U
#define PLL_PRIM 0x4002800CU

#define PSM_WDSEL 0x40010008U
#define WATCHDOG_CTRL 0x40058000U
#define WATCHDOG_LOAD 0x40058004U
#define WATCHDOG_REASON 0x40058008U
#define WATCHDOG_TICK 0x4005802CU
#define TIMER_LOW 0x40054028U

#define UART_DR 0x40034000U
#define UART_FR 0x40034018U
#define UART_IBRD 0x40034024U
#define UART_FBRD 0x40034028U
#define UART_LCR_H 0x4003402CU
#define UART_CR 0x40034030U

#define IO_CTRL(pin) (0x40014004U + 8U * (pin))
#define IO_INTR(pin) (0x400140F0U + 4U * ((pin) / 8U))
#define IO_INTE(pin) (0x40014100U + 4U * ((pin) / 8U))
#define IO_EDGES(pin) (0xCUL << (4U * ((pin) % 8U)))
#define PAD(pin) (0x4001C004U + 4U * (pin))
#define FUNCTION_UART 2U
#define FUNCTION_PWM 4U
#define FUNCTION_SIO 5U
#define PAD_INPUT 0x42U         /* input enable, Schmitt trigger */
#define PAD_INPUT_PULL_UP 0x4AU
#define PAD_ANALOG 0x80U        /* output disabled, no input */

#define SIO_IN 0xD0000004U
#define SIO_OUT_SET 0xD0000014U
#define SIO_OUT_CLEAR 0xD0000018U
#define SIO_OE_SET 0xD0000024U

#define PWM_CSR(slice) (0x40050000U + 0x14U * (slice))
#define PWM_CC(slice) (0x4005000CU + 0x14U * (slice))
#define PWM_TOP_REGISTER(slice) (0x40050010U + 0x14U * (slice))

#define ADC_CS 0x4004C000U
#define ADC_RESULT 0x4004C004U

#define NVIC_ENABLE 0xE000E100U
#define IRQ_IO 13U

#endif
