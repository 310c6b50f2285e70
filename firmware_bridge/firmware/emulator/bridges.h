/* What the pins do to the motors, read from the registers of ports and timers. */
#ifndef AMR_EMULATOR_BRIDGES_H
#define AMR_EMULATOR_BRIDGES_H

#include "boards.h"
#include "protocol.h"

/* Sets `duty` and `bridge` of the answer. `data`: the data space. `supplied`: the bridges' logic has its 5 V.
 * `held`: the processor is in reset, and all its pins float, so that their pull-ups brake. */
void bridges_read(const uint8_t *data, const board *wiring, bool supplied, bool held, answer *reply);

#endif
