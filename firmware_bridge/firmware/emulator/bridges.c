#include "bridges.h"

#include "registers.h"

typedef struct {
    double duty;
    uint8_t bridge; /* BRIDGE_ */
} motor_drive;

static const motor_drive coast = {0.0, BRIDGE_COAST};
static const motor_drive brake = {0.0, BRIDGE_DRIVE}; /* shorts the motor, as two low inputs do */

static bool is_output(const uint8_t *data, const pin *which) {
    return (data[which->address - 1U] >> which->bit & 1U) != 0U;
}

static bool is_high(const uint8_t *data, const pin *which) {
    return is_output(data, which) && (data[which->address] >> which->bit & 1U) != 0U;
}

/* The enables and a TB6612's direction inputs have pull-ups to 5 V, the others pull-downs: a pin that the MCU does not
 * drive brakes. */
static bool is_enabled(const uint8_t *data, const pin *which) {
    return !is_output(data, which) || is_high(data, which);
}

/* Share of the time that the output is high. The registers are read, for simavr 1.6 lacks modes of the 16-bit timers. */
static double high_share(const uint8_t *data, const pwm_output *output) {
    static const uint16_t fixed_top[16] = {0xFFFF, 0xFF, 0x1FF, 0x3FF, 0, 0xFF, 0x1FF, 0x3FF, 0, 0, 0, 0, 0, 0, 0, 0};
    uint8_t control_a = data[output->tccra];
    uint8_t control_b = data[output->tccra + 1U];
    uint8_t com = control_a >> output->com_shift & 3U;
    uint8_t mode = (uint8_t)((control_a & 3U) | (control_b >> 1U & 0x0CU));
    if (com < 2U) {
        return is_high(data, &output->output) ? 1.0 : 0.0;
    }
    if (!is_output(data, &output->output) || (control_b & 7U) == 0U) {
        return 0.0; /* an input, or a timer that stands */
    }
    bool fast = mode == 5U || mode == 6U || mode == 7U || mode == 14U || mode == 15U;
    bool icr_is_top = mode == 8U || mode == 10U || mode == 12U || mode == 14U;
    uint16_t top = icr_is_top ? word_at(data, output->icr) : fixed_top[mode];
    uint16_t compare = word_at(data, output->ocr);
    if (top == 0U) {
        return 0.0;
    }
    double share = fast ? (compare + 1.0) / (top + 1.0) : (double)compare / (double)top;
    share = share > 1.0 ? 1.0 : share;
    return com == 3U ? 1.0 - share : share;
}

static motor_drive drive_of(const uint8_t *data, const board *wiring, const motor_side *side) {
    if (!is_enabled(data, &side->enable)) {
        return coast;
    }
    if (!wiring->is_tb6612) {
        return (motor_drive){high_share(data, &side->forward) - high_share(data, &side->reverse), BRIDGE_DRIVE};
    }
    bool forward = is_enabled(data, &side->direction[0]);
    bool reverse = is_enabled(data, &side->direction[1]);
    if (forward == reverse) {
        return forward ? brake : coast;
    }
    double share = high_share(data, &side->forward);
    return (motor_drive){forward ? share : -share, BRIDGE_DRIVE};
}

void bridges_read(const uint8_t *data, const board *wiring, bool supplied, bool held, answer *reply) {
    for (uint8_t i = 0U; i < 2U; i++) {
        motor_drive drive = coast;
        if (supplied) {
            drive = held ? brake : drive_of(data, wiring, &wiring->side[i]);
        }
        reply->duty[i] = drive.duty;
        reply->bridge[i] = drive.bridge;
    }
}
