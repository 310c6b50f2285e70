/* Pin map: Arduino Uno (ATmega328P, 16 MHz), a dual bridge TB6612FNG, two quadrature encoders, MPU-6050, a battery divider, an
 * e-stop contact.
 *
 *   function              port  Arduino  notes
 *   left  PWMA            PB1   9        OC1A, 20 kHz; 10 kOhm to ground, as PWMB
 *   left  AIN1 (forward)  PD7   7        10 kOhm to 5 V, as each direction input and STBY: brakes while the pins float
 *   left  AIN2 (reverse)  PB0   8
 *   right PWMB            PB2   10       OC1B, 20 kHz
 *   right BIN1 (forward)  PB3   11
 *   right BIN2 (reverse)  PB4   12
 *   STBY                  PD6   6        low = both motors open
 *   left  encoder A, B    PD2 PD3  2 3   INT0, INT1
 *   right encoder A, B    PD4 PD5  4 5   PCINT20, PCINT21
 *   MPU-6050 SDA, SCL     PC4 PC5  A4 A5 400 kHz, x forward, y left, z up
 *   battery               PC0   A0       through a 5 : 1 divider, 25 V full scale
 *   e-stop                PC1   A1       normally closed contact to ground, pull-up: pressed or a broken wire = high
 *   UART                  PD0 PD1  0 1   USB
 *
 * A TB6612FNG shorts a motor (brake) with both direction inputs high, and between the pulses of PWM; it opens it (coast)
 * with both low and PWM high, or with STBY low.
 * Encoder outputs are open collector on most motors: the pull-ups are on.
 */
#ifndef AMR_UNO_PINS_H
#define AMR_UNO_PINS_H

#include <avr/io.h>

#define BIT(number) ((uint8_t)(1U << (number)))

#define LEFT_PWM BIT(PB1)
#define LEFT_FORWARD BIT(PD7)
#define LEFT_REVERSE BIT(PB0)
#define RIGHT_PWM BIT(PB2)
#define RIGHT_FORWARD BIT(PB3)
#define RIGHT_REVERSE BIT(PB4)
#define STANDBY BIT(PD6)

#define ESTOP BIT(PC1)
#define ESTOP_INPUTS PINC
#define ESTOP_OUTPUTS PORTC

#define SCL BIT(PC5)
#define SDA BIT(PC4)
#define TWI_INPUTS PINC
#define TWI_OUTPUTS PORTC
#define TWI_DIRECTIONS DDRC

#define UART_RECEIVED_VECTOR USART_RX_vect
#define UART_READY_VECTOR USART_UDRE_vect
#define UART_RECEIVED_BYTES 128U
#define UART_SENDING_BYTES 64U

#define BOARD_ID WIRE_BOARD_ATMEGA328P

#endif
