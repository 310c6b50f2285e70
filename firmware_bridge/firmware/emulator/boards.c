#include "boards.h"

#include <stddef.h>
#include <string.h>

#define PORTA_AT 0x22U
#define PORTB_AT 0x25U
#define PORTC_AT 0x28U
#define PORTD_AT 0x2BU
#define PORTE_AT 0x2EU
#define PORTG_AT 0x34U
#define PORTH_AT 0x102U

static const board boards[] = {
    {"mega2560", "atmega2560", false,
     {{{'E', 4, PORTE_AT}, {'E', 5, PORTE_AT}, {'A', 0, PORTA_AT},
       {0x80, 0x86, 0x88, 6, {'B', 5, PORTB_AT}}, {0x80, 0x86, 0x8A, 4, {'B', 6, PORTB_AT}}, {{0}}},
      {{'D', 2, PORTD_AT}, {'D', 3, PORTD_AT}, {'A', 1, PORTA_AT},
       {0xA0, 0xA6, 0xA8, 6, {'H', 3, PORTH_AT}}, {0xA0, 0xA6, 0xAA, 4, {'H', 4, PORTH_AT}}, {{0}}}},
     {'G', 5, PORTG_AT}, 0x3C, 5},
    {"uno", "atmega328p", true,
     {{{'D', 2, PORTD_AT}, {'D', 3, PORTD_AT}, {'D', 6, PORTD_AT},
       {0x80, 0x86, 0x88, 6, {'B', 1, PORTB_AT}}, {0}, {{'D', 7, PORTD_AT}, {'B', 0, PORTB_AT}}},
      {{'D', 4, PORTD_AT}, {'D', 5, PORTD_AT}, {'D', 6, PORTD_AT},
       {0x80, 0x86, 0x8A, 4, {'B', 2, PORTB_AT}}, {0}, {{'B', 3, PORTB_AT}, {'B', 4, PORTB_AT}}}},
     {'C', 1, PORTC_AT}, 0x03, 4},
};

const board *board_named(const char *name) {
    for (size_t i = 0U; i < sizeof boards / sizeof boards[0]; i++) {
        if (strcmp(boards[i].name, name) == 0) {
            return &boards[i];
        }
    }
    return NULL;
}
