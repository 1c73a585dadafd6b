"""Reads /dev/i2c-1 with the unmodified driver: one JSON line for each line of standard input.

Run by test_linux_bus.py in a process of its own, whose C library is preloaded.
"""

from __future__ import annotations

import json
import sys

from edge.config.model import Mlx90614Table
from edge.drivers.base import DeviceError
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer


def main() -> None:
    driver = Mlx90614Thermometer(Mlx90614Table(driver="mlx90614"))
    is_open = False
    for _ in sys.stdin:
        try:
            if not is_open:
                driver.open()
                is_open = True
            measured = driver.read()
            told = {"object_c": measured.object_c, **driver.describe()}
        except DeviceError as error:
            driver.close()
            is_open = False
            told = {"cause": error.cause, "detail": str(error)}
        print(json.dumps(told), flush=True)
    driver.close()


main()
