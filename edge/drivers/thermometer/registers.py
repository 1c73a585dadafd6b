"""The MLX90614's commands, cells and limits.

Source of all of them: Melexis, MLX90614 family data sheet 3901090614 revision 8 (chapters 8.3
"Memory map", 8.4.6 "Commands", 8.4.7 "Sleep mode"), and the application note 390119061402 "SMBus
communication with MLX90614".
"""

from __future__ import annotations

import math

ADDRESS = 0x5A  # factory setting; every MLX90614 answers to 0x00 as well

# RAM, 000x xxxx
TA = 0x06
TOBJ1 = 0x07
# EEPROM, 001x xxxx
EEPROM = 0x20
EMISSIVITY = EEPROM | 0x04
CONFIG = EEPROM | 0x05
SMBUS_ADDRESS = EEPROM | 0x0E
IDS = (EEPROM | 0x1C, EEPROM | 0x1D, EEPROM | 0x1E, EEPROM | 0x1F)
READ_FLAGS = 0xF0
SLEEP = 0xFF

# The nine EEPROM cells an application may write (8.3.3)
WRITABLE_CELLS = frozenset({0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0E, 0x0F, 0x19})

FLAG_EEBUSY = 0x80  # the previous EEPROM write is in progress
FLAG_INIT = 0x10  # low while the power-on routine runs

ERROR_FLAG = 0x8000  # of RAM's linearised temperatures
STEP_K = 0.02
ZERO_C_K = 273.15

# What a word of RAM can hold: Ta -38.2..125 °C, Tobj1 -70.01..382.19 °C
TA_RANGE = range(0x2DE4, 0x4DC4 + 1)
TOBJ_RANGE = range(0x27AD, 0x7FFF + 1)

EMISSIVITY_ONE = 0xFFFF  # emissivity 1.0

EEPROM_WRITE_S = 0.005  # application note, "writing in EEPROM"
WAKE_LOW_S = 0.033  # SDA held low to leave sleep
FIRST_DATA_S = 0.25  # from power-on or wake to the first valid temperature


# ConfigRegister1 (8.3.3.1): bits 2..0 choose the IIR filter, bits 10..8 the FIR filter's length.
# Part of a new value in the output, by the IIR bits; Linux's driver (drivers/iio/temperature/
# mlx90614.c, by Melexis) has the same order.
IIR_SHARE = (0.5, 0.25, 1 / 6, 0.125, 1.0, 0.8, 2 / 3, 4 / 7)
# Seconds of one filter step by the FIR bits 4..7 (128, 256, 512, 1024 samples; shorter ones are not
# recommended), of sensors with one thermopile and of those with two or a compensated one. Table
# "Possible IIR and FIR settings": 0.30, 0.37, 0.54, 0.86 s and 0.48, 0.60, 0.84, 1.33 s to settle
# within 1 % at a share of 0.5, which takes 6.6 steps.
_FIR_STEP_S = {4: (0.045, 0.072), 5: (0.056, 0.090), 6: (0.081, 0.127), 7: (0.130, 0.200)}
# The same table without an IIR filter
_FIR_ALONE_S = {4: (0.04, 0.06), 5: (0.05, 0.07), 6: (0.06, 0.10), 7: (0.10, 0.14)}
_SETTLED = 0.01


def filter_of(config: int, *, two_piles: bool) -> tuple[float, float]:
    """Seconds between two outputs and the share of the newest in each, as ConfigRegister1 says.

    FIR lengths that are not recommended count as the shortest one that is.
    """
    share = IIR_SHARE[config & 0x7]
    taps = max(config >> 8 & 0x7, 4)
    steps = _FIR_ALONE_S if share == 1.0 else _FIR_STEP_S
    return steps[taps][two_piles], share


def settling_s(config: int, *, two_piles: bool) -> float:
    """How long the object temperature takes to follow a step to within 1 %."""
    step_s, share = filter_of(config, two_piles=two_piles)
    return step_s if share == 1.0 else step_s * math.log(_SETTLED) / math.log(1 - share)


def celsius(word: int) -> float:
    """°C of a word of RAM."""
    return word * STEP_K - ZERO_C_K


def word(celsius_c: float) -> int:
    """The word of RAM for a temperature in °C."""
    return round((celsius_c + ZERO_C_K) / STEP_K)
