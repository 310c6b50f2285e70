/* Frames on the line: COBS( type | length | nonce | seq | payload | crc32 ) and a zero byte. See PROTOCOL.md. */
#ifndef AMR_FRAME_H
#define AMR_FRAME_H

#include <stdint.h>

#define FRAME_PAYLOAD_MAX 64U /* WIRE_MAX_PAYLOAD as a plain number for array sizes */
#define FRAME_HEADER_BYTES 8U
#define FRAME_CRC_BYTES 4U
#define FRAME_BODY_MAX (FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX + FRAME_CRC_BYTES)
#define FRAME_ENCODED_MAX (FRAME_BODY_MAX + 2U) /* one COBS code byte (a body is below 254 bytes) and the delimiter */

typedef struct {
    uint8_t type;
    uint8_t length;
    uint32_t nonce;
    uint16_t seq;
    const uint8_t *payload; /* inside the reader's buffer: valid until its next byte */
} frame_view;

typedef enum {
    FRAME_INCOMPLETE,
    FRAME_COMPLETE,
    FRAME_BAD_COBS,
    FRAME_BAD_LENGTH,
    FRAME_BAD_CRC,
    FRAME_TOO_LONG
} frame_result;

typedef struct {
    uint8_t buffer[FRAME_BODY_MAX + 1U];
    uint8_t used;
    uint8_t overflowed;
} frame_reader;

/* Takes one byte of the line. FRAME_COMPLETE fills `frame`; every other ending of a frame names its fault. */
frame_result frame_push(frame_reader *reader, uint8_t byte, frame_view *frame);

/* Writes a whole frame with its delimiter to `out` (FRAME_ENCODED_MAX bytes) and gives its size. */
uint8_t frame_encode(uint8_t *out, uint8_t type, uint32_t nonce, uint16_t seq, const uint8_t *payload, uint8_t length);

#endif
