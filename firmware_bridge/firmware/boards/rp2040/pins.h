/* Pin map: Raspberry Pi Pico (RP2040, 125 MHz), two BTS7960 half-bridge pairs ("IBT-2"), two quadrature encoders, a battery
 * divider, an e-stop contact. NOT YET RUN: it compiles; no board was driven with it.
 *
 *   function              GPIO   notes
 *   left  RPWM, LPWM      2 3    PWM slice 1, 20 kHz; 10 kOhm to ground
 *   right RPWM, LPWM      4 5    PWM slice 2, 20 kHz; 10 kOhm to ground
 *   left  R_EN + L_EN     6      10 kOhm to 3.3 V at the bridge: brakes while the pins float
 *   right R_EN + L_EN     7      10 kOhm to 3.3 V at the bridge
 *   left  encoder A, B    10 11  3.3 V at most
 *   right encoder A, B    12 13
 *   e-stop                14     normally closed contact to ground, pull-up: pressed or a broken wire = high
 *   battery               26     ADC 0 through an 8 : 1 divider, 26.4 V full scale
 *   UART                  0 1    TX, RX to a USB adapter of 3.3 V (the Pico's own USB is not used)
 */
#ifndef AMR_RP2040_PINS_H
#define AMR_RP2040_PINS_H

#define PIN_TX 0U
#define PIN_RX 1U
#define PIN_LEFT_FORWARD 2U
#define PIN_LEFT_REVERSE 3U
#define PIN_RIGHT_FORWARD 4U
#define PIN_RIGHT_REVERSE 5U
#define PIN_LEFT_ENABLE 6U
#define PIN_RIGHT_ENABLE 7U
#define PIN_LEFT_ENCODER 10U /* A; B is the next */
#define PIN_RIGHT_ENCODER 12U
#define PIN_ESTOP 14U
#define PIN_BATTERY 26U
#define LEFT_SLICE 1U
#define RIGHT_SLICE 2U

#endif
