"""The MLX90614's commands, cells and limits.

Source of all of them: Melexis, MLX90614 family data sheet 3901090614 revision 8 (chapters 8.3
"Memory map", 8.4.6 "Commands", 8.4.7 "Sleep mode"), and the application note 390119061402 "SMBus
communication with MLX90614".
"""

from __future__ import annotations

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


def celsius(word: int) -> float:
    """°C of a word of RAM."""
    return word * STEP_K - ZERO_C_K


def word(celsius_c: float) -> int:
    """The word of RAM for a temperature in °C."""
    return round((celsius_c + ZERO_C_K) / STEP_K)
