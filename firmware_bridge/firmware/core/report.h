/* What the firmware says of its own accord: boot announcements, telemetry, events. And how a frame gets to the queue. */
#ifndef AMR_REPORT_H
#define AMR_REPORT_H

#include "fw.h"

/* Queues an answer in the session; dropped and counted when even the room kept for answers is full. */
void report_answer(fw_state *state, uint8_t type, const uint8_t *payload, uint8_t length);

/* Queues HELLO_ACK: number 0 under the nonce of `host_nonce`, whether or not there is a session of that nonce. */
void report_hello_ack(fw_state *state, uint32_t nonce, uint32_t now_us);

/* Sends an event for each change of state and of fault bits since the last call. */
void report_changes(fw_state *state);

/* Telemetry in a configured session, boot announcements without a session. Once a tick. */
void report_tick(fw_state *state, const fw_inputs *inputs);

#endif
