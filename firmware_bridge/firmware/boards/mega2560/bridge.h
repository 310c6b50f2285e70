/* Two H-bridges by timers 1 and 4. */
#ifndef AMR_MEGA2560_BRIDGE_H
#define AMR_MEGA2560_BRIDGE_H

#include "fw.h"

/* Brakes: enables high, inputs low. The wiring does the same while the pins float, before this is called. */
void bridge_init(void);

void bridge_put(const fw_outputs *outputs);

/* Shorts the motors at once; may be called from an interrupt. */
void bridge_brake(void);

#endif
