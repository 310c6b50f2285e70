/* An AVR board with the shipped firmware, for a host that owns the time: reads a `request` from standard input, runs the
 * processor to that time, writes an `answer` to standard output. Everything in between is on real pins: encoder edges,
 * UART frames, the IMU on its bus, the battery's divider.
 *
 *     emulate BOARD FIRMWARE.elf HOST_BAUD BOOTS
 *
 * simavr is GPL-3: this program is compiled on the machine that uses it (firmware_bridge/emulated_build.py) and is a
 * process of its own. It works with simavr 1.6 (Debian) and 1.8.
 */
#include <unistd.h>

#include "fail.h"
#include "machine.h"

static bool read_all(void *to, size_t count) {
    uint8_t *at = to;
    while (count > 0U) {
        ssize_t got = read(STDIN_FILENO, at, count);
        if (got <= 0) {
            return false;
        }
        at += got;
        count -= (size_t)got;
    }
    return true;
}

static void write_all(int descriptor, const void *from, size_t count) {
    const uint8_t *at = from;
    while (count > 0U) {
        ssize_t put = write(descriptor, at, count);
        if (put <= 0) {
            exit(1);
        }
        at += put;
        count -= (size_t)put;
    }
}

/* simavr prints where it likes: what it says goes to standard error. Gives the descriptor for the answers. */
static int keep_answers_apart(void) {
    int answers = dup(STDOUT_FILENO);
    if (answers < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        fail("no descriptors");
    }
    return answers;
}

static void serve(machine *all, int answers) {
    static uint8_t received[QUEUE_BYTES];
    static struct __attribute__((packed)) {
        answer head;
        uint8_t sent[QUEUE_BYTES];
    } reply; /* goes out in one write */
    request asked;
    while (read_all(&asked, sizeof asked)) {
        if (!machine_can_serve(all, &asked)) {
            fail("a request that cannot be served");
        }
        if (!read_all(received, asked.received)) {
            break;
        }
        machine_serve(all, &asked, received, &reply.head, reply.sent);
        write_all(answers, &reply, sizeof reply.head + reply.head.sent);
    }
}

int main(int argc, char **argv) {
    static machine all;
    if (argc != 5) {
        fail("expected BOARD FIRMWARE.elf HOST_BAUD BOOTS");
    }
    const board *wiring = board_named(argv[1]);
    if (wiring == NULL) {
        fail("no such board");
    }
    uint32_t host_baud = (uint32_t)strtoul(argv[3], NULL, 10);
    uint32_t boots = (uint32_t)strtoul(argv[4], NULL, 10);
    if (host_baud == 0U) {
        fail("HOST_BAUD is not a positive number");
    }
    int answers = keep_answers_apart();
    machine_build(&all, wiring, argv[2], host_baud, boots);
    serve(&all, answers);
    return 0;
}
