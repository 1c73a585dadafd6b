"""What lamps and buzzer do for each signal.

Nobody has to tell red from green: the rhythm of light differs for every signal, whatever its
colour, and who can't hear needs the lamps alone. Green is lit for "go" only. No light flashes more
than three times in a second (WCAG 2.2, 2.3.1, photosensitive epilepsy).

| signal | green | red | buzzer |
|---|---|---|---|
| ready | - | a short flash every 3 s | - |
| busy | - | half a second on, half off | - |
| come_closer | - | a short flash every second | 1 short beep |
| hold_still | - | on, with short gaps | - |
| show_code | - | double flash | 2 short beeps |
| granted | on | - | 1 long beep |
| denied | - | fast, 2.5 times a second | 3 short beeps |
| wait | - | long on, half a second off | - |
| closed | - | a second on, five off | - |
| close_door | - | two long, two short | 4 short beeps every 5 s |
| fault | - | triple flash, long pause | - |
| fire | on for 1 s, off for 0.25 s | as green | all the time, as the lamps |
| off | - | - | - |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edge.gate.events import Signal


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds on, off, on, off ...; `times` how often all of it is done, None for ever."""

    steps_s: tuple[float, ...] = ()
    times: int | None = None

    def lit(self, since_s: float) -> bool:
        """Whether it is on, `since_s` after it began."""
        return self._place(since_s)[0]

    def next_change_s(self, since_s: float) -> float:
        """Seconds until it changes next, inf for never."""
        return self._place(since_s)[1]

    def _place(self, since_s: float) -> tuple[bool, float]:
        round_s = math.fsum(self.steps_s)
        if not self.steps_s or (self.times is not None and since_s >= self.times * round_s):
            return False, math.inf
        if math.isinf(round_s):
            return True, math.inf
        left_s = since_s % round_s
        for number, step_s in enumerate(self.steps_s):
            if left_s < step_s:
                return number % 2 == 0, step_s - left_s
            left_s -= step_s
        return True, self.steps_s[0]  # rounding at the very end of a round


OFF = Rhythm()
ON = Rhythm((math.inf,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One signal."""

    green: Rhythm = OFF
    red: Rhythm = OFF
    buzzer: Rhythm = OFF


def _beeps(times: int, on_s: float = 0.12, off_s: float = 0.18) -> Rhythm:
    return Rhythm((on_s, off_s), times)


_FIRE = Rhythm((1.0, 0.25))

PATTERNS: Mapping[Signal, Pattern] = {
    Signal.READY: Pattern(red=Rhythm((0.1, 2.9))),
    Signal.BUSY: Pattern(red=Rhythm((0.5, 0.5))),
    Signal.COME_CLOSER: Pattern(red=Rhythm((0.1, 0.9)), buzzer=_beeps(1)),
    Signal.HOLD_STILL: Pattern(red=Rhythm((0.6, 0.15))),
    Signal.SHOW_CODE: Pattern(red=Rhythm((0.15, 0.25, 0.15, 1.0)), buzzer=_beeps(2)),
    Signal.GRANTED: Pattern(green=ON, buzzer=_beeps(1, 0.8, 0.0)),
    Signal.DENIED: Pattern(red=Rhythm((0.2, 0.2)), buzzer=_beeps(3)),
    Signal.WAIT: Pattern(red=Rhythm((1.5, 0.5))),
    Signal.CLOSED: Pattern(red=Rhythm((1.0, 5.0))),
    # told until the door is shut
    Signal.CLOSE_DOOR: Pattern(
        red=Rhythm((0.8, 0.3, 0.8, 0.3, 0.2, 0.3, 0.2, 1.0)),
        buzzer=Rhythm((0.12, 0.18, 0.12, 0.18, 0.12, 0.18, 0.12, 4.0)),
    ),
    Signal.FAULT: Pattern(red=Rhythm((0.1, 0.3, 0.1, 0.3, 0.1, 2.0))),
    Signal.FIRE: Pattern(green=_FIRE, red=_FIRE, buzzer=_FIRE),
    Signal.OFF: Pattern(),
}
