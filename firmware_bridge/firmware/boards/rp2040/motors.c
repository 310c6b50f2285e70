/* Bridges by PWM slices 1 and 2; encoders by pin interrupts. */
#include "board.h"
#include "pins.h"
#include "registers.h"

#define PWM_TOP 6249UL /* 125 MHz / 6250 = 20 kHz */

void bridge_init(void) {
    REGISTER(SIO_OUT_SET) = BIT32(PIN_LEFT_ENABLE) | BIT32(PIN_RIGHT_ENABLE);
    REGISTER(SIO_OE_SET) = BIT32(PIN_LEFT_ENABLE) | BIT32(PIN_RIGHT_ENABLE);
    REGISTER(IO_CTRL(PIN_LEFT_ENABLE)) = FUNCTION_SIO;
    REGISTER(IO_CTRL(PIN_RIGHT_ENABLE)) = FUNCTION_SIO;
    for (uint32_t slice = LEFT_SLICE; slice <= RIGHT_SLICE; slice++) {
        REGISTER(PWM_TOP_REGISTER(slice)) = PWM_TOP;
        REGISTER(PWM_CC(slice)) = 0UL;
        REGISTER(PWM_CSR(slice)) = 1UL;
    }
    for (uint32_t pin = PIN_LEFT_FORWARD; pin <= PIN_RIGHT_REVERSE; pin++) {
        REGISTER(IO_CTRL(pin)) = FUNCTION_PWM;
    }
}

/* A compare value of 0 is never high, one of TOP + 1 always. */
static void put(uint32_t slice, int16_t duty_q15) {
    uint32_t level = (uint32_t)(duty_q15 < 0 ? -(int32_t)duty_q15 : duty_q15);
    uint32_t compare = level * (PWM_TOP + 1UL) / 32767UL;
    REGISTER(PWM_CC(slice)) = duty_q15 < 0 ? compare << 16U : compare;
}

void bridge_put(const fw_outputs *outputs) {
    const uint32_t enables = BIT32(PIN_LEFT_ENABLE) | BIT32(PIN_RIGHT_ENABLE);
    if (outputs->drive == FW_COAST) {
        REGISTER(SIO_OUT_CLEAR) = enables;
        REGISTER(PWM_CC(LEFT_SLICE)) = 0UL;
        REGISTER(PWM_CC(RIGHT_SLICE)) = 0UL;
        return;
    }
    put(LEFT_SLICE, outputs->left_duty_q15); /* zero in FW_BRAKE: both inputs low, bridges on */
    put(RIGHT_SLICE, outputs->right_duty_q15);
    REGISTER(SIO_OUT_SET) = enables;
}

typedef struct {
    uint32_t pins; /* B << 1 | A of the edge before */
    int32_t last;  /* direction of the last single step */
    uint32_t ticks;
} encoder;

static volatile encoder left;
static volatile encoder right;

/* Step by pins before << 2 | pins now. 2 = both changed: an edge was missed, and the wheel has surely not turned round. */
static const int8_t steps[16] = {0, 1, -1, 2, -1, 0, 2, 1, 1, 2, 0, -1, 2, -1, 1, 0};

static void on_edge(volatile encoder *side, uint32_t pins) {
    int32_t step = steps[side->pins << 2U | pins];
    if (step == 0) {
        return;
    }
    if (step == 2) {
        step = 2 * side->last;
    } else {
        side->last = step;
    }
    side->ticks += (uint32_t)step;
    side->pins = pins;
}

void irq_io(void);

void irq_io(void) {
    const uint32_t edges = IO_EDGES(PIN_LEFT_ENCODER) | IO_EDGES(PIN_LEFT_ENCODER + 1U) | IO_EDGES(PIN_RIGHT_ENCODER) |
                           IO_EDGES(PIN_RIGHT_ENCODER + 1U);
    REGISTER(IO_INTR(PIN_LEFT_ENCODER)) = edges; /* before the pins are read: what comes then asks again */
    uint32_t inputs = REGISTER(SIO_IN);
    on_edge(&left, inputs >> PIN_LEFT_ENCODER & 3UL);
    on_edge(&right, inputs >> PIN_RIGHT_ENCODER & 3UL);
}

void encoder_init(void) {
    for (uint32_t pin = PIN_LEFT_ENCODER; pin <= PIN_RIGHT_ENCODER + 1U; pin++) {
        REGISTER(PAD(pin)) = PAD_INPUT_PULL_UP;
        REGISTER(IO_CTRL(pin)) = FUNCTION_SIO;
    }
    uint32_t inputs = REGISTER(SIO_IN);
    left.pins = inputs >> PIN_LEFT_ENCODER & 3UL;
    right.pins = inputs >> PIN_RIGHT_ENCODER & 3UL;
    REGISTER(IO_INTE(PIN_LEFT_ENCODER)) = IO_EDGES(PIN_LEFT_ENCODER) | IO_EDGES(PIN_LEFT_ENCODER + 1U) |
                                          IO_EDGES(PIN_RIGHT_ENCODER) | IO_EDGES(PIN_RIGHT_ENCODER + 1U);
    REGISTER(NVIC_ENABLE) = BIT32(IRQ_IO);
}

void encoder_read(uint32_t *left_ticks, uint32_t *right_ticks) {
    *left_ticks = left.ticks; /* 32 bits are read at once */
    *right_ticks = right.ticks;
}
