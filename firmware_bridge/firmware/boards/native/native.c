/* The core as a shared library for the host: stepped in lockstep by firmware_bridge/native.py through ctypes. */
#include "fw.h"

#ifndef FW_BUILD
#define FW_BUILD 0U
#endif

uint32_t native_state_size(void);
uint32_t native_build(void);
void native_init(fw_state *state, uint32_t boot_id, uint8_t after_watchdog, uint32_t now_us);

uint32_t native_state_size(void) { return (uint32_t)sizeof(fw_state); }

uint32_t native_build(void) { return FW_BUILD; }

void native_init(fw_state *state, uint32_t boot_id, uint8_t after_watchdog, uint32_t now_us) {
    fw_identity identity;
    identity.boot_id = boot_id;
    identity.build = FW_BUILD;
    identity.capabilities =
        WIRE_CAPABILITY_IMU | WIRE_CAPABILITY_BATTERY | WIRE_CAPABILITY_ESTOP_INPUT | WIRE_CAPABILITY_BRAKE;
    identity.board = WIRE_BOARD_NATIVE;
    identity.after_watchdog = after_watchdog;
    fw_init(state, &identity, now_us);
}
