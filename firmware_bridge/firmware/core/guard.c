#include "guard.h"

#include <string.h>

#include "fixed.h"
#include "wire.h"

#define LAG_UM_PER_S 150000U
#define CREEP_UM_PER_S 50000U
#define LONGEST_STEP_US 20000U /* the longest loop period; a later step is no more evidence than that */

/* clang-format off */
#define NO GUARD_REFUSED
static const uint8_t next_phase[GUARD_PHASES][GUARD_EVENTS] = {
    /*          ARM                  DRIVE          SETTLED              HALT                 STOP                 FAULT                ESTOP        RESET                REST */
    /* BOOT */ {NO,                  NO,            GUARD_BOOT,          GUARD_BOOT,          GUARD_BOOT,          GUARD_BOOT,          GUARD_ESTOP, GUARD_BOOT,          GUARD_IDLE},
    /* IDLE */ {GUARD_ARMED,         NO,            GUARD_IDLE,          GUARD_IDLE,          GUARD_IDLE,          GUARD_IDLE,          GUARD_ESTOP, GUARD_IDLE,          GUARD_IDLE},
    /* ARMED */ {GUARD_ARMED,        GUARD_DRIVING, GUARD_ARMED,         GUARD_ARMED,         GUARD_STOP_TO_IDLE,  GUARD_STOP_TO_FAULT, GUARD_ESTOP, GUARD_ARMED,         GUARD_ARMED},
    /* DRIVING */ {GUARD_DRIVING,    GUARD_DRIVING, GUARD_ARMED,         GUARD_STOP_TO_ARMED, GUARD_STOP_TO_IDLE,  GUARD_STOP_TO_FAULT, GUARD_ESTOP, GUARD_DRIVING,       GUARD_DRIVING},
    /* TO_ARMED */ {GUARD_STOP_TO_ARMED, GUARD_DRIVING, GUARD_STOP_TO_ARMED, GUARD_STOP_TO_ARMED, GUARD_STOP_TO_IDLE, GUARD_STOP_TO_FAULT, GUARD_ESTOP, GUARD_STOP_TO_ARMED, GUARD_ARMED},
    /* TO_IDLE */ {NO,               NO,            GUARD_STOP_TO_IDLE,  GUARD_STOP_TO_IDLE,  GUARD_STOP_TO_IDLE,  GUARD_STOP_TO_FAULT, GUARD_ESTOP, GUARD_STOP_TO_IDLE,  GUARD_IDLE},
    /* TO_FAULT */ {NO,              NO,            GUARD_STOP_TO_FAULT, GUARD_STOP_TO_FAULT, GUARD_STOP_TO_FAULT, GUARD_STOP_TO_FAULT, GUARD_ESTOP, GUARD_STOP_TO_FAULT, GUARD_FAULT},
    /* ESTOP */ {NO,                 NO,            GUARD_ESTOP,         GUARD_ESTOP,         GUARD_ESTOP,         GUARD_ESTOP,         GUARD_ESTOP, GUARD_IDLE,          GUARD_ESTOP},
    /* FAULT */ {NO,                 NO,            GUARD_FAULT,         GUARD_FAULT,         GUARD_FAULT,         GUARD_FAULT,         GUARD_ESTOP, GUARD_IDLE,          GUARD_FAULT},
};
/* clang-format on */

static const uint8_t wire_state[GUARD_PHASES] = {
    WIRE_STATE_BOOT,     WIRE_STATE_IDLE,     WIRE_STATE_ARMED, WIRE_STATE_DRIVING, WIRE_STATE_STOPPING,
    WIRE_STATE_STOPPING, WIRE_STATE_STOPPING, WIRE_STATE_ESTOP, WIRE_STATE_FAULT,
};

static const uint8_t category_of_cause[WIRE_CAUSE_COUNT] = WIRE_CATEGORY_OF_CAUSE;

void guard_init(guard_state *guard, bool watchdog) {
    memset(guard, 0, sizeof *guard);
    guard->phase = GUARD_BOOT;
    guard->cause = watchdog ? WIRE_CAUSE_WATCHDOG_RESET : WIRE_CAUSE_POWER_UP;
    guard->category = category_of_cause[guard->cause];
}

uint8_t guard_next(uint8_t phase, uint8_t event) {
    return phase < GUARD_PHASES && event < GUARD_EVENTS ? next_phase[phase][event] : GUARD_REFUSED;
}

uint8_t guard_wire_state(uint8_t phase) { return phase < GUARD_PHASES ? wire_state[phase] : WIRE_STATE_FAULT; }

static bool is_powered(uint8_t phase) { return phase == GUARD_ARMED || phase == GUARD_DRIVING; }

static bool is_stopping(uint8_t phase) {
    return phase == GUARD_STOP_TO_ARMED || phase == GUARD_STOP_TO_IDLE || phase == GUARD_STOP_TO_FAULT;
}

static bool at_rest(const guard_state *guard) { return guard->rest_us >= GUARD_REST_US; }

/* Moves on by an event that is no stop. False when the table refuses it. */
static bool fire(guard_state *guard, guard_event event) {
    uint8_t next = guard_next(guard->phase, (uint8_t)event);
    if (next == GUARD_REFUSED) {
        return false;
    }
    guard->phase = next;
    return true;
}

/* Moves on by an event that stops. A stop in progress keeps its cause and category unless this one is stronger. */
static void stop_by(guard_state *guard, guard_event event, uint8_t cause, uint8_t category) {
    uint8_t before = guard->phase;
    bool stopping = is_stopping(before);
    (void)fire(guard, event); /* no row refuses a stop */
    bool moved = guard->phase != before;
    bool harder = stopping && guard->category == WIRE_CATEGORY_RAMP && category != WIRE_CATEGORY_RAMP;
    if (!moved && !harder) {
        return;
    }
    guard->cause = cause;
    if (!stopping || harder || event == GUARD_ON_ESTOP) {
        guard->category = category;
        guard->ended_us = 0U;
    }
}

static void stop_by_cause(guard_state *guard, guard_event event, uint8_t cause) {
    stop_by(guard, event, cause, category_of_cause[cause]);
}

bool guard_may_configure(const guard_state *guard) {
    return !is_powered(guard->phase) && !is_stopping(guard->phase);
}

void guard_new_session(guard_state *guard) {
    stop_by_cause(guard, GUARD_ON_STOP, WIRE_CAUSE_LINK_RESET);
    guard->configured = false;
}

static uint8_t refusal_to_arm(const guard_state *guard, bool token_is_right) {
    if (guard->phase == GUARD_ESTOP) {
        return WIRE_REFUSAL_ESTOP_LATCHED;
    }
    if (!guard->configured) {
        return WIRE_REFUSAL_NOT_CONFIGURED;
    }
    if (!token_is_right) {
        return WIRE_REFUSAL_BAD_TOKEN;
    }
    if ((guard->faults & WIRE_FAULT_BATTERY_LOW) != 0U) {
        return WIRE_REFUSAL_BATTERY_LOW;
    }
    if (guard->faults != 0U) { /* so it is in GUARD_FAULT, whose faults stay until the reset */
        return WIRE_REFUSAL_FAULT_ACTIVE;
    }
    if (guard->phase == GUARD_IDLE && !at_rest(guard)) {
        return WIRE_REFUSAL_MOVING;
    }
    return WIRE_REFUSAL_NONE;
}

uint8_t guard_arm(guard_state *guard, bool token_is_right) {
    uint8_t refusal = refusal_to_arm(guard, token_is_right);
    if (refusal != WIRE_REFUSAL_NONE) {
        return refusal;
    }
    uint8_t before = guard->phase;
    if (!fire(guard, GUARD_ON_ARM)) {
        return WIRE_REFUSAL_WRONG_STATE;
    }
    if (guard->phase != before) {
        guard->silent_us = 0U;
    }
    return WIRE_REFUSAL_NONE;
}

uint8_t guard_reset(guard_state *guard) {
    if (guard->phase == GUARD_STOP_TO_FAULT) {
        return WIRE_REFUSAL_MOVING;
    }
    if (guard->phase != GUARD_ESTOP && guard->phase != GUARD_FAULT) {
        return WIRE_REFUSAL_NONE; /* nothing is latched */
    }
    if ((guard->faults & WIRE_FAULT_ESTOP_INPUT) != 0U) {
        return WIRE_REFUSAL_ESTOP_LATCHED;
    }
    if (!at_rest(guard)) {
        return WIRE_REFUSAL_MOVING;
    }
    (void)fire(guard, GUARD_ON_RESET);
    guard->faults &= WIRE_FAULT_BATTERY_LOW; /* the input of that one is watched, not latched */
    return WIRE_REFUSAL_NONE;
}

void guard_disarm(guard_state *guard) { stop_by_cause(guard, GUARD_ON_STOP, WIRE_CAUSE_DISARM); }

void guard_stop(guard_state *guard, uint8_t category, uint8_t host_cause) {
    guard->host_cause = host_cause;
    stop_by(guard, GUARD_ON_STOP, WIRE_CAUSE_STOP_FRAME, category);
}

static bool within_speed_limits(const guard_limits *limits, const guard_command *command) {
    uint32_t wheel_max = (uint32_t)limits->wheel_max_mm_per_s * 1000U;
    if (magnitude(command->left_um_per_s) > wheel_max || magnitude(command->right_um_per_s) > wheel_max) {
        return false;
    }
    int32_t twice_mean = command->left_um_per_s + command->right_um_per_s; /* below 2^28 after the line above */
    int32_t forward_max = (int32_t)limits->forward_max_mm_per_s * 2000;
    int32_t reverse_max = (int32_t)limits->reverse_max_mm_per_s * 2000;
    return twice_mean <= forward_max && twice_mean >= -reverse_max;
}

static uint8_t drive(guard_state *guard, const guard_limits *limits, const guard_command *command) {
    if (!within_speed_limits(limits, command)) {
        stop_by_cause(guard, GUARD_ON_STOP, WIRE_CAUSE_COMMAND_RANGE);
        return WIRE_REFUSAL_COMMAND_RANGE;
    }
    bool stays_put = command->left_um_per_s == 0 && command->right_um_per_s == 0;
    if (guard->phase == GUARD_ARMED && stays_put) {
        return WIRE_REFUSAL_NONE;
    }
    (void)fire(guard, GUARD_ON_DRIVE); /* the caller has seen that the phase is an armed one */
    guard->cause = WIRE_CAUSE_NONE;
    guard->target_um_per_s[0] = command->left_um_per_s;
    guard->target_um_per_s[1] = command->right_um_per_s;
    guard->expiry_us = command->expiry_us;
    return WIRE_REFUSAL_NONE;
}

uint8_t guard_obey(guard_state *guard, const guard_limits *limits, const guard_command *command, uint32_t now_us) {
    int32_t remaining_us = wrapped_difference(command->expiry_us, now_us);
    guard->late = remaining_us <= 0;
    if (guard->late) {
        return WIRE_REFUSAL_NONE;
    }
    if ((uint32_t)remaining_us > limits->command_timeout_us + (uint32_t)WIRE_EXPIRY_SLACK_US) {
        return WIRE_REFUSAL_EXPIRY_TOO_FAR;
    }
    if (guard_next(guard->phase, GUARD_ON_DRIVE) == GUARD_REFUSED) {
        return WIRE_REFUSAL_NOT_ARMED;
    }
    guard->silent_us = 0U;
    if (command->mode == WIRE_MODE_DRIVE) {
        return drive(guard, limits, command);
    }
    stop_by(guard, GUARD_ON_HALT, WIRE_CAUSE_COMMANDED, (uint8_t)(command->mode - WIRE_MODE_RAMP));
    return WIRE_REFUSAL_NONE;
}

/* ---------------------------------------------------------------- what is watched in every tick */

static void watch_estop(guard_state *guard, bool pressed) {
    if (!pressed) {
        guard->faults &= (uint16_t)~WIRE_FAULT_ESTOP_INPUT;
        return;
    }
    guard->faults |= WIRE_FAULT_ESTOP_INPUT;
    stop_by_cause(guard, GUARD_ON_ESTOP, WIRE_CAUSE_ESTOP);
}

static void watch_driver(guard_state *guard, bool fault) {
    if (fault) {
        guard->faults |= WIRE_FAULT_MOTOR_DRIVER;
        stop_by_cause(guard, GUARD_ON_FAULT, WIRE_CAUSE_MOTOR_DRIVER);
    } else if (guard->phase == GUARD_IDLE) {
        guard->faults &= (uint16_t)~WIRE_FAULT_MOTOR_DRIVER; /* it came and went while nothing was latched */
    }
}

/* Below the minimum for the hold time sets the fault; 1/32 above it for as long clears it. */
static void watch_battery(guard_state *guard, const guard_limits *limits, const guard_inputs *inputs) {
    bool low = (guard->faults & WIRE_FAULT_BATTERY_LOW) != 0U;
    uint32_t minimum = limits->battery_min_mv;
    uint32_t threshold = low ? minimum + minimum / 32U : minimum;
    bool below = inputs->battery_mv < threshold;
    guard->battery_us = below == low ? 0U : add_saturating_u32(guard->battery_us, inputs->dt_us);
    if (guard->battery_us < GUARD_BATTERY_HOLD_US) {
        return;
    }
    guard->battery_us = 0U;
    guard->faults ^= WIRE_FAULT_BATTERY_LOW;
    if (!low) {
        stop_by_cause(guard, GUARD_ON_STOP, WIRE_CAUSE_BATTERY_LOW);
    }
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static void count(uint32_t *time_us, bool condition, uint32_t dt_us) {
    *time_us = condition ? add_saturating_u32(*time_us, dt_us) : 0U;
}

/* Updates the watch of one wheel. Gives the fault bit of a left wheel, or 0; a right wheel's is the next higher. */
static uint16_t disagreement(guard_wheel_watch *watch, const guard_wheel_view *wheel, const guard_limits *limits,
                             uint32_t dt_us) {
    uint32_t step_us = least(dt_us, LONGEST_STEP_US);
    uint32_t wish = magnitude(wheel->setpoint_um_per_s);
    uint32_t speed = magnitude(wheel->measured_um_per_s);
    bool reverse = wheel->setpoint_um_per_s < 0;
    bool same_way = reverse ? wheel->measured_um_per_s <= 0 : wheel->measured_um_per_s >= 0;
    uint32_t excused = same_way ? wish : 0U;
    int32_t push = reverse ? -wheel->duty_q15 : wheel->duty_q15;
    bool pushed = wish > 0U && push >= limits->pushing_duty_q15;
    bool moves = speed >= wish / 10U;
    bool stuck = pushed && !moves;
    bool backwards = pushed && moves && !same_way;
    /* beside a moving set-point the loop may lag; at a set-point of zero nothing excuses a turning wheel */
    uint32_t allowed = wish > 0U ? LAG_UM_PER_S + wish / 4U : CREEP_UM_PER_S;

    count(&watch->not_turning_us, stuck, step_us);
    count(&watch->wrong_way_us, backwards, step_us);
    count(&watch->uncommanded_us, !pushed && speed > excused + allowed, step_us);
    /* mm/s * us = nm; a wheel that runs the wrong way leaves its command at the sum of both speeds */
    uint32_t apart_mm_per_s = least(wish / 1000U + (same_way ? 0U : speed / 1000U), 65535U);
    uint32_t step_um = apart_mm_per_s * step_us / 1000U;
    count(&watch->missing_um, stuck || backwards, step_um);

    bool gone = watch->missing_um >= GUARD_MISSING_TRAVEL_UM;
    if (backwards && (gone || watch->wrong_way_us >= limits->encoder_fault_us)) {
        return WIRE_FAULT_LEFT_WRONG_WAY;
    }
    if (stuck && (gone || watch->not_turning_us >= limits->encoder_fault_us)) {
        return WIRE_FAULT_LEFT_NOT_TURNING;
    }
    return watch->uncommanded_us >= limits->encoder_fault_us ? WIRE_FAULT_LEFT_UNCOMMANDED : 0U;
}

static void watch_wheels(guard_state *guard, const guard_limits *limits, const guard_inputs *inputs) {
    guard_motion motion = guard_motion_now(guard);
    if (motion != GUARD_TRACK && motion != GUARD_RAMP) {
        memset(guard->watch, 0, sizeof guard->watch); /* the motors are off: whatever turns the wheels, it is not us */
        return;
    }
    for (uint8_t side = 0U; side < 2U; side++) {
        uint16_t left_fault = disagreement(&guard->watch[side], &inputs->wheel[side], limits, inputs->dt_us);
        if (left_fault != 0U) {
            uint8_t cause = left_fault == WIRE_FAULT_LEFT_NOT_TURNING ? WIRE_CAUSE_LEFT_NOT_TURNING
                            : left_fault == WIRE_FAULT_LEFT_WRONG_WAY ? WIRE_CAUSE_LEFT_WRONG_WAY
                                                                      : WIRE_CAUSE_LEFT_UNCOMMANDED;
            guard->faults |= (uint16_t)(left_fault << side);
            stop_by_cause(guard, GUARD_ON_FAULT, (uint8_t)(cause + side));
        }
    }
}

static void watch_command(guard_state *guard, const guard_inputs *inputs) {
    guard->silent_us = add_saturating_u32(guard->silent_us, inputs->dt_us);
    if (guard->phase == GUARD_DRIVING && wrapped_difference(guard->expiry_us, inputs->now_us) <= 0) {
        stop_by_cause(guard, GUARD_ON_HALT, WIRE_CAUSE_COMMAND_EXPIRED);
    }
    if (guard->phase == GUARD_ARMED && guard->silent_us >= (uint32_t)WIRE_ARM_TIMEOUT_MS * 1000U) {
        stop_by_cause(guard, GUARD_ON_STOP, WIRE_CAUSE_ARM_TIMEOUT);
    }
}

static void watch_rest(guard_state *guard, const guard_inputs *inputs) {
    const guard_wheel_view *left = &inputs->wheel[0];
    const guard_wheel_view *right = &inputs->wheel[1];
    bool slow = magnitude(left->measured_um_per_s) < GUARD_REST_SPEED_UM_PER_S &&
                magnitude(right->measured_um_per_s) < GUARD_REST_SPEED_UM_PER_S;
    count(&guard->rest_us, slow, inputs->dt_us);

    bool ramping = left->setpoint_um_per_s != 0 || right->setpoint_um_per_s != 0;
    if (guard->phase == GUARD_DRIVING) {
        bool wants_zero = guard->target_um_per_s[0] == 0 && guard->target_um_per_s[1] == 0;
        if (wants_zero && !ramping) {
            (void)fire(guard, GUARD_ON_SETTLED);
        }
        return;
    }
    if (!is_stopping(guard->phase) && guard->phase != GUARD_BOOT) {
        return;
    }
    bool ended = guard->category != WIRE_CATEGORY_RAMP || !ramping;
    count(&guard->ended_us, ended, inputs->dt_us);
    if (ended && (at_rest(guard) || guard->ended_us >= GUARD_REST_LIMIT_US)) {
        (void)fire(guard, GUARD_ON_REST);
    } else if (guard->category == WIRE_CATEGORY_RAMP && guard->ended_us >= GUARD_RAMP_GRACE_US) {
        guard->category = WIRE_CATEGORY_BRAKE;
    }
}

void guard_tick(guard_state *guard, const guard_limits *limits, const guard_inputs *inputs) {
    watch_estop(guard, inputs->estop_pressed);
    watch_driver(guard, inputs->driver_fault);
    watch_battery(guard, limits, inputs);
    watch_wheels(guard, limits, inputs);
    watch_command(guard, inputs);
    watch_rest(guard, inputs);
}

guard_motion guard_motion_now(const guard_state *guard) {
    if (is_powered(guard->phase)) {
        return GUARD_TRACK;
    }
    if (guard->phase == GUARD_IDLE || guard->category == WIRE_CATEGORY_COAST) {
        return GUARD_COAST;
    }
    return guard->category == WIRE_CATEGORY_RAMP ? GUARD_RAMP : GUARD_BRAKE;
}
