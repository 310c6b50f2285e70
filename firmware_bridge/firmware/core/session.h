/* What the host's frames do: handshake, configuration, commands. PROTOCOL.md, sections 2 to 5. */
#ifndef AMR_SESSION_H
#define AMR_SESSION_H

#include "fw.h"

/* A frame with valid stuffing, size and CRC. Everything else about it is doubted here. */
void session_handle(fw_state *state, const frame_view *frame, uint32_t now_us);

#endif
