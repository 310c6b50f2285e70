/* Raspberry Pi Pico: the board around the core. NOT YET RUN. See pins.h for the wiring. */
#include <string.h>

#include "board.h"
#include "wire.h"

#include "main_loop.h"

static void read_inputs(fw_inputs *inputs, uint32_t now_us) {
    memset(inputs, 0, sizeof *inputs); /* no IMU, no driver fault */
    inputs->now_us = now_us;
    encoder_read(&inputs->left_ticks, &inputs->right_ticks);
    inputs->battery_mv = battery_mv();
    inputs->estop_pressed = estop_pressed() ? 1U : 0U;
}

static void kick_watchdog(void) { board_kick_watchdog(); }

static void give_output(void) {
    static uint8_t byte;
    static bool waiting;
    while (waiting || fw_tx(&state, &byte, 1U) == 1U) {
        waiting = !uart_send(byte);
        if (waiting) {
            return;
        }
    }
}

static void rest_a_while(void) {} /* looks again at once */

int main(void) {
    board_init();
    bridge_init(); /* as soon as the pins are there: whatever reset us may have come at full speed */
    uart_init();
    encoder_init();
    battery_init();

    fw_identity identity;
    memset(&identity, 0, sizeof identity);
    identity.boot_id = board_random();
    identity.build = FW_BUILD;
    identity.board = WIRE_BOARD_RP2040;
    identity.capabilities = WIRE_CAPABILITY_BATTERY | WIRE_CAPABILITY_ESTOP_INPUT | WIRE_CAPABILITY_BRAKE;
    identity.after_watchdog = board_was_reset_by_watchdog() ? 1U : 0U;
    fw_init(&state, &identity, clock_us());
    (void)uart_send(0U); /* ends the frame that a reset tore */
    loop_forever();
}
