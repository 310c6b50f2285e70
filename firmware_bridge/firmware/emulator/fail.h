/* The end of the process, with one line on standard error that the host reports. */
#ifndef AMR_EMULATOR_FAIL_H
#define AMR_EMULATOR_FAIL_H

#include <stdio.h>
#include <stdlib.h>

static inline _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "emulate: %s\n", what);
    exit(1);
}

#endif
