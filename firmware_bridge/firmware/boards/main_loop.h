/* The main loop around the core, for a board's main.c: it includes this once, after its own headers (clock_us, uart_receive
 * and bridge_put are theirs), and defines the four functions that are only declared here. */
#ifndef AMR_BOARDS_MAIN_LOOP_H
#define AMR_BOARDS_MAIN_LOOP_H

#include "fixed.h"
#include "fw.h"

#ifndef FW_BUILD
#define FW_BUILD 0UL
#endif

static fw_state state;

static void read_inputs(fw_inputs *inputs, uint32_t now_us);

static void kick_watchdog(void);

/* As many bytes of `fw_tx` as the UART takes now. */
static void give_output(void);

/* Until something is to be done; may be at once. */
static void rest_a_while(void);

static void run_loop(uint32_t now_us) {
    fw_inputs inputs;
    fw_outputs outputs;
    read_inputs(&inputs, now_us);
    fw_tick(&state, &inputs, &outputs);
    bridge_put(&outputs);
    if (outputs.watchdog_ok != 0U) {
        kick_watchdog();
    }
}

static void take_input(void) {
    uint8_t bytes[32];
    uint8_t count = uart_receive(bytes, sizeof bytes);
    if (count > 0U) {
        fw_rx(&state, bytes, count, clock_us());
    }
}

/* Does not return. */
static void loop_forever(void) {
    uint32_t due_us = clock_us();
    for (;;) {
        take_input();
        uint32_t now_us = clock_us();
        if (wrapped_difference(now_us, due_us) >= 0) {
            run_loop(now_us);
            uint32_t period_us = fw_loop_period_us(&state);
            due_us += period_us;
            if (wrapped_difference(now_us, due_us) >= 0) {
                due_us = now_us + period_us; /* a whole period late: do not run after it */
            }
        }
        give_output();
        rest_a_while();
    }
}

#endif
