/* CRC-32 as zlib and IEEE 802.3 compute it (reflected polynomial 0xEDB88320, start and end inverted). */
#ifndef AMR_CRC32_H
#define AMR_CRC32_H

#include <stdint.h>

uint32_t crc32_of(const uint8_t *bytes, uint8_t count);

#endif
