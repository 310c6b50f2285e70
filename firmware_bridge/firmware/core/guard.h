/* The guard: decides whether the wheels may turn, and how they come to rest. It trusts neither host nor encoders.
 *
 * Its state is one phase; what may follow is one table in guard.c (PROTOCOL.md, section 5). Everything that can stop
 * the robot is an event with a cause, and each cause has a category (wire.h): ramp = slow down under control,
 * brake = short the motors, coast = let go. A stop in progress only ever gets stronger, never weaker.
 */
#ifndef AMR_GUARD_H
#define AMR_GUARD_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    GUARD_BOOT, /* braking: the restart may have come at full speed; until rest */
    GUARD_IDLE,
    GUARD_ARMED,
    GUARD_DRIVING,
    GUARD_STOP_TO_ARMED, /* stopping; the name says what follows at rest */
    GUARD_STOP_TO_IDLE,
    GUARD_STOP_TO_FAULT,
    GUARD_ESTOP, /* latched: until a reset with the input released */
    GUARD_FAULT, /* latched: until a reset */
    GUARD_PHASES
} guard_phase;

typedef enum {
    GUARD_ON_ARM,
    GUARD_ON_DRIVE,
    GUARD_ON_SETTLED, /* commanded to zero, and the set-points have come there */
    GUARD_ON_HALT,    /* stop and stay armed: the host's own stop, an expired command */
    GUARD_ON_STOP,    /* stop and disarm */
    GUARD_ON_FAULT,
    GUARD_ON_ESTOP,
    GUARD_ON_RESET,
    GUARD_ON_REST,
    GUARD_EVENTS
} guard_event;

#define GUARD_REFUSED 255U

/* What the wheels shall do now. */
typedef enum {
    GUARD_TRACK, /* follow the command */
    GUARD_RAMP,  /* slow down to rest, both wheels in proportion */
    GUARD_BRAKE,
    GUARD_COAST
} guard_motion;

typedef struct {
    uint16_t wheel_max_mm_per_s;
    uint16_t forward_max_mm_per_s;
    uint16_t reverse_max_mm_per_s;
    uint16_t battery_min_mv; /* 0 = no battery to watch */
    uint32_t command_timeout_us;
    uint32_t encoder_fault_us;
    int32_t pushing_duty_q15; /* from this duty on a wheel must turn */
} guard_limits;

/* One wheel: what the last loop made of it, and what its encoder says now. */
typedef struct {
    int32_t setpoint_um_per_s;
    int32_t measured_um_per_s;
    int32_t duty_q15;
} guard_wheel_view;

typedef struct {
    uint32_t now_us;
    uint32_t dt_us;
    guard_wheel_view wheel[2]; /* left, right */
    uint16_t battery_mv;
    bool estop_pressed;
    bool driver_fault;
} guard_inputs;

/* For how long a wheel and its command have disagreed, and how far it should have gone meanwhile. */
typedef struct {
    uint32_t not_turning_us;
    uint32_t wrong_way_us;
    uint32_t uncommanded_us;
    uint32_t missing_um;
} guard_wheel_watch;

typedef struct {
    uint8_t phase;      /* guard_phase */
    uint8_t category;   /* WIRE_CATEGORY_ of the last stop */
    uint8_t cause;      /* WIRE_CAUSE_ of the last stop; NONE while driving */
    uint8_t host_cause; /* WIRE_HOST_CAUSE_ of the last stop frame */
    bool configured;    /* in this session */
    bool late;          /* the last command had expired at arrival */
    uint16_t faults;    /* WIRE_FAULT_ bits */
    int32_t target_um_per_s[2];
    uint32_t expiry_us; /* of the command that is driven */
    uint32_t silent_us; /* since the last obeyed command */
    uint32_t rest_us;   /* both wheels have been slow for this long */
    uint32_t ended_us;  /* since a stop has nothing more to ramp */
    uint32_t battery_us; /* the battery has been on the other side of its limit for this long */
    guard_wheel_watch watch[2];
} guard_state;

#define GUARD_REST_SPEED_UM_PER_S 20000 /* at rest = slower than this ... */
#define GUARD_REST_US 50000U            /* ... for this long */
#define GUARD_REST_LIMIT_US 3000000U    /* a stop is over this long after its ramp, whatever the encoders say */
#define GUARD_RAMP_GRACE_US 500000U     /* a ramp that has not come to rest this long after its end becomes a brake */
#define GUARD_BATTERY_HOLD_US 1000000U  /* a shorter dip is the motors starting */
#define GUARD_MISSING_TRAVEL_UM 50000U  /* a wheel that should have gone this far and did not is named at once */
#define GUARD_PUSHING_DUTY_Q15 3277     /* 10 %: that much above static friction turns a free wheel */

/* `watchdog`: the boot followed a watchdog reset. */
void guard_init(guard_state *guard, bool watchdog);

/* The table: phase after `event`, or GUARD_REFUSED. */
uint8_t guard_next(uint8_t phase, uint8_t event);

/* WIRE_STATE_ that a phase is reported as. */
uint8_t guard_wire_state(uint8_t phase);

/* A configuration may come into force now (not while armed or stopping). */
bool guard_may_configure(const guard_state *guard);

/* The host of before is gone: stop, disarm, forget that there was a configuration. */
void guard_new_session(guard_state *guard);

/* Both give a WIRE_REFUSAL_; NONE = done. */
uint8_t guard_arm(guard_state *guard, bool token_is_right);
uint8_t guard_reset(guard_state *guard);

void guard_disarm(guard_state *guard);

/* A stop frame; `category` is a WIRE_CATEGORY_. */
void guard_stop(guard_state *guard, uint8_t category, uint8_t host_cause);

typedef struct {
    int32_t left_um_per_s;
    int32_t right_um_per_s;
    uint32_t expiry_us;
    uint8_t mode; /* WIRE_MODE_ */
} guard_command;

/* Gives a WIRE_REFUSAL_; NONE = obeyed, or late: then `guard->late` is set and nothing else changes. */
uint8_t guard_obey(guard_state *guard, const guard_limits *limits, const guard_command *command, uint32_t now_us);

/* Once a tick, after the measurement and before the wheels are regulated. */
void guard_tick(guard_state *guard, const guard_limits *limits, const guard_inputs *inputs);

guard_motion guard_motion_now(const guard_state *guard);

#endif
