#include "frame.h"

#include <string.h>

#include "crc32.h"
#include "wire.h"

/* Decodes in place (the output never overtakes the input). Size of the body, or 0 when the codes do not fit. */
static uint8_t cobs_decode(uint8_t *buffer, uint8_t used) {
    uint8_t read = 0U;
    uint8_t written = 0U;
    while (read < used) {
        uint8_t code = buffer[read++];
        if (code - 1U > (unsigned)(used - read)) {
            return 0U;
        }
        for (uint8_t i = 1U; i < code; i++) {
            buffer[written++] = buffer[read++];
        }
        if (read < used) {
            buffer[written++] = 0U;
        }
    }
    return written;
}

static frame_result parse_body(const uint8_t *body, uint8_t size, frame_view *frame) {
    if (size < FRAME_HEADER_BYTES + FRAME_CRC_BYTES) {
        return size == 0U ? FRAME_BAD_COBS : FRAME_BAD_LENGTH;
    }
    uint8_t checked = (uint8_t)(size - FRAME_CRC_BYTES);
    if (body[1] != checked - FRAME_HEADER_BYTES) {
        return FRAME_BAD_LENGTH;
    }
    if (wire_get32(body + checked) != crc32_of(body, checked)) {
        return FRAME_BAD_CRC;
    }
    frame->type = body[0];
    frame->length = body[1];
    frame->nonce = wire_get32(body + 2);
    frame->seq = wire_get16(body + 6);
    frame->payload = body + FRAME_HEADER_BYTES;
    return FRAME_COMPLETE;
}

frame_result frame_push(frame_reader *reader, uint8_t byte, frame_view *frame) {
    if (byte != 0U) {
        if (reader->used == sizeof reader->buffer) {
            reader->overflowed = 1U;
        } else {
            reader->buffer[reader->used++] = byte;
        }
        return FRAME_INCOMPLETE;
    }
    uint8_t used = reader->used;
    uint8_t overflowed = reader->overflowed;
    reader->used = 0U;
    reader->overflowed = 0U;
    if (overflowed != 0U) {
        return FRAME_TOO_LONG;
    }
    if (used == 0U) {
        return FRAME_INCOMPLETE; /* a spare delimiter flushes the line and is no fault */
    }
    return parse_body(reader->buffer, cobs_decode(reader->buffer, used), frame);
}

static void cobs_encode(uint8_t *out, const uint8_t *body, uint8_t size) {
    uint8_t code_at = 0U;
    uint8_t code = 1U;
    for (uint8_t i = 0U; i < size; i++) {
        if (body[i] == 0U) {
            out[code_at] = code;
            code_at = (uint8_t)(i + 1U);
            code = 1U;
        } else {
            out[i + 1U] = body[i];
            code++;
        }
    }
    out[code_at] = code;
    out[size + 1U] = 0U;
}

uint8_t frame_encode(uint8_t *out, uint8_t type, uint32_t nonce, uint16_t seq, const uint8_t *payload, uint8_t length) {
    uint8_t body[FRAME_BODY_MAX];
    uint8_t checked = (uint8_t)(FRAME_HEADER_BYTES + length);
    body[0] = type;
    body[1] = length;
    wire_put32(body + 2, nonce);
    wire_put16(body + 6, seq);
    memcpy(body + FRAME_HEADER_BYTES, payload, length);
    wire_put32(body + checked, crc32_of(body, checked));
    cobs_encode(out, body, (uint8_t)(checked + FRAME_CRC_BYTES));
    return (uint8_t)(checked + FRAME_CRC_BYTES + 2U);
}
