/* Two H-bridges by timers 1 and 4. */
#ifndef AMR_MEGA2560_BRIDGE_H
#define AMR_MEGA2560_BRIDGE_H

#include "fw.h"

/* Off: enables low, no PWM. Also the state of the pins before it is called. */
void bridge_init(void);

void bridge_put(const fw_outputs *outputs);

/* Off at once; may be called from an interrupt. */
void bridge_off(void);

#endif
