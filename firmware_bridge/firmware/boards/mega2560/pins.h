/* Pin map: Arduino Mega 2560 (ATmega2560, 16 MHz), two BTS7960 half-bridge pairs ("IBT-2"), two quadrature encoders,
 * MPU-6050, a battery divider, an e-stop contact.
 *
 *   function              port  Arduino  notes
 *   left  RPWM (forward)  PB5   11       OC1A, 20 kHz; 10 kOhm to ground, as each of these four
 *   left  LPWM (reverse)  PB6   12       OC1B
 *   left  R_EN + L_EN     PA0   22       10 kOhm to 5 V at the bridge: brakes while the pins float (reset, bootloader)
 *   right RPWM (forward)  PH3   6        OC4A, 20 kHz
 *   right LPWM (reverse)  PH4   7        OC4B
 *   right R_EN + L_EN     PA1   23       10 kOhm to 5 V at the bridge
 *   left  encoder A, B    PE4 PE5  2 3   INT4, INT5
 *   right encoder A, B    PD2 PD3  19 18 INT2, INT3 (INT0 and INT1 share their pins with the two-wire bus)
 *   MPU-6050 SDA, SCL     PD1 PD0  20 21 400 kHz, x forward, y left, z up
 *   battery               PF0   A0       through a 5 : 1 divider, 25 V full scale
 *   e-stop                PG5   4        normally closed contact to ground, pull-up: pressed or a broken wire = high
 *   UART                  PE0 PE1  0 1   USB
 *
 * A BTS7960 with both enables high and both inputs low shorts the motor (brake); with the enables low it is open (coast).
 * Between pulses of one input the motor is shorted, so that speed follows duty almost linearly.
 * Encoder outputs are open collector on most motors: the pull-ups are on.
 */
#ifndef AMR_MEGA2560_PINS_H
#define AMR_MEGA2560_PINS_H

#include <avr/io.h>

#define BIT(number) ((uint8_t)(1U << (number)))

#define LEFT_ENABLE BIT(PA0)
#define RIGHT_ENABLE BIT(PA1)
#define LEFT_FORWARD BIT(PB5)
#define LEFT_REVERSE BIT(PB6)
#define RIGHT_FORWARD BIT(PH3)
#define RIGHT_REVERSE BIT(PH4)
#define ESTOP BIT(PG5)
#define ESTOP_INPUTS PING
#define ESTOP_OUTPUTS PORTG

#define SCL BIT(PD0)
#define SDA BIT(PD1)
#define TWI_INPUTS PIND
#define TWI_OUTPUTS PORTD
#define TWI_DIRECTIONS DDRD

#define UART_RECEIVED_VECTOR USART0_RX_vect
#define UART_READY_VECTOR USART0_UDRE_vect
#define UART_RECEIVED_BYTES 256U
#define UART_SENDING_BYTES 256U

#define BOARD_ID WIRE_BOARD_MEGA2560

#endif
