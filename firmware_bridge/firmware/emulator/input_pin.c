#include "input_pin.h"

#include <string.h>

#include "fail.h"

input_pin input_pin_of(avr_t *avr, const pin *where) {
    uint32_t port = (uint32_t)AVR_IOCTL_IOPORT_GETIRQ(where->port);
    input_pin found = {avr_io_getirq(avr, port, where->bit), NULL, (uint8_t)(1U << where->bit)};
    for (avr_io_t *io = avr->io_port; io != NULL; io = io->next) {
        if (strcmp(io->kind, "port") == 0 && ((avr_ioport_t *)io)->name == where->port) {
            found.port = (avr_ioport_t *)io;
        }
    }
    if (found.irq == NULL || found.port == NULL) {
        fail("no such pin");
    }
    return found;
}

void input_pin_connect(input_pin *input) {
    input->irq->flags |= IRQ_FLAG_INIT;
    input->port->external.pull_mask |= input->mask;
}

/* Whoever drives a pin beats its pull-up, which simavr else puts on the pin at each write to the port. */
void input_pin_drive(input_pin *input, bool high) {
    uint8_t others = (uint8_t)(input->port->external.pull_value & (uint8_t)~input->mask);
    input->port->external.pull_value = (uint8_t)(others | (high ? input->mask : 0U));
    avr_raise_irq(input->irq, high ? 1U : 0U);
}
