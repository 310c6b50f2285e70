/* Two H-bridges. */
#ifndef AMR_AVR_BRIDGE_H
#define AMR_AVR_BRIDGE_H

#include "fw.h"

/* Brakes. The wiring does the same while the pins float, before this is called. */
void bridge_init(void);

void bridge_put(const fw_outputs *outputs);

/* Shorts the motors at once; may be called from an interrupt. */
void bridge_brake(void);

#endif
