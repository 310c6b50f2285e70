/* Wheel speed from encoder counts: first-order adaptive windowing.
 *
 * Difference over one sample is fast but coarse (one count of 0.15 mm in 5 ms is 30 mm/s); over many samples it is
 * fine but late. The longest window whose samples all lie within one count of the straight line between its ends
 * takes the best of both (Janabi-Sharifi, Hayward, Chen, "Discrete-time adaptive windowing for velocity estimation",
 * IEEE Trans. Control Systems Technology 8(6), 2000, end-fit FOAW). Here in one pass: the slopes that pass a sample
 * within one count form an interval, and the window grows while the end slope lies in the intersection.
 */
#ifndef AMR_VELOCITY_H
#define AMR_VELOCITY_H

#include <stdint.h>

#define VELOCITY_HISTORY 16U /* samples kept, a power of two; at 200 Hz the longest window is 75 ms */

typedef struct {
    uint32_t ticks[VELOCITY_HISTORY];
    uint32_t time_us[VELOCITY_HISTORY];
    uint8_t newest;
    uint8_t count;
} velocity_state;

/* Forgets all samples. */
void velocity_reset(velocity_state *state);

/* Adds a sample (count of the encoder, time of that count; both may wrap) and gives the speed in um/s, within
 * +-INT32_MAX. Zero until there are two samples. A sample that is not ahead of the newest one, or 134 s and more ahead,
 * starts anew: the clock jumped. */
int32_t velocity_update(velocity_state *state, uint32_t ticks, uint32_t time_us, uint32_t nm_per_tick);

/* The newest count; 0 before the first sample. */
uint32_t velocity_ticks(const velocity_state *state);

#endif
