/* Fixed-point helpers. Plain comparisons and shifts only: the same result on every compiler, and cheap on an AVR. */
#ifndef AMR_FIXED_H
#define AMR_FIXED_H

#include <stdint.h>

/* Full duty. Symmetric on purpose: -32768 is never used, so that negating a duty is always defined. */
#define DUTY_ONE_Q15 INT32_C(32767)

static inline int32_t clamp_i32(int32_t value, int32_t low, int32_t high) {
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

/* Brings a wide intermediate result back into 32 bits; saturates symmetrically at +-INT32_MAX. */
static inline int32_t saturate_i32(int64_t value) {
    if (value > INT32_MAX) {
        return INT32_MAX;
    }
    return value < -INT32_MAX ? -INT32_MAX : (int32_t)value;
}

/* value / 2^bits, rounded towards zero: C leaves the right shift of a negative number to the compiler, and
 * rounding towards minus infinity would make the two directions of a wheel differ. */
static inline int64_t scale_down(int64_t value, uint8_t bits) {
    return value < 0 ? -(int64_t)((uint64_t)(-value) >> bits) : (int64_t)((uint64_t)value >> bits);
}

static inline uint32_t magnitude(int32_t value) {
    return value < 0 ? 0U - (uint32_t)value : (uint32_t)value;
}

/* later - earlier on a 32-bit counter that wraps; exact while the true difference is below 2^31. */
static inline int32_t wrapped_difference(uint32_t later, uint32_t earlier) {
    uint32_t difference = later - earlier;
    return difference <= (uint32_t)INT32_MAX ? (int32_t)difference : -(int32_t)(0U - difference - 1U) - 1;
}

/* Adds to a running time without wrapping. */
static inline uint32_t add_saturating_u32(uint32_t value, uint32_t increment) {
    return value > UINT32_MAX - increment ? UINT32_MAX : value + increment;
}

#endif
