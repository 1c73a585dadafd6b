"""The tones of the screen, made when they are asked for: WAV, 16 bit, one channel.

No two sound alike: they differ in number, length and direction of their notes, not in pitch alone,
so that whoever hears high notes badly can tell them apart. As many notes as the buzzer beeps.
"""

from __future__ import annotations

import io
import math
import wave
from array import array
from collections.abc import Mapping
from enum import StrEnum

RATE_HZ = 16_000
LOUDNESS = 0.6  # of full scale
FADE_S = 0.008  # without it each note clicks


class Tone(StrEnum):
    """What a tone says."""

    SEEN = "seen"
    CLOSER = "closer"
    CODE = "code"
    GO = "go"
    STOP = "stop"
    WAIT = "wait"
    DOOR = "door"
    FAULT = "fault"
    FIRE = "fire"


Note = tuple[float, float]  # frequency in Hz (0 is silence), seconds

_PAUSE: Note = (0.0, 0.08)
# ISO 8201, the evacuation signal: three pulses of 0.5 s, then a pause of 1.5 s
_PULSE: tuple[Note, ...] = ((950.0, 0.5), (0.0, 0.5))

NOTES: Mapping[Tone, tuple[Note, ...]] = {
    Tone.SEEN: ((1320.0, 0.07),),
    Tone.CLOSER: ((660.0, 0.15), (880.0, 0.2)),
    Tone.CODE: ((880.0, 0.12), _PAUSE, (880.0, 0.12)),
    Tone.GO: ((659.3, 0.14), (784.0, 0.14), (1046.5, 0.45)),
    Tone.STOP: ((330.0, 0.2), _PAUSE, (330.0, 0.2), _PAUSE, (247.0, 0.4)),
    Tone.WAIT: ((523.3, 0.25),),
    Tone.DOOR: ((988.0, 0.2), _PAUSE, (784.0, 0.2), _PAUSE, (988.0, 0.2), _PAUSE, (784.0, 0.2)),
    Tone.FAULT: ((440.0, 0.12), (349.2, 0.12), (440.0, 0.12), (349.2, 0.12)),
    Tone.FIRE: (*_PULSE * 3, (0.0, 1.0)),
}


def wav(tone: Tone) -> bytes:
    """A tone as a file."""
    samples = array("h")
    for hertz, seconds in NOTES[tone]:
        count = int(seconds * RATE_HZ)
        fade = int(FADE_S * RATE_HZ)
        for place in range(count):
            envelope = min(1.0, place / fade, (count - place) / fade)
            phase = 2 * math.pi * hertz * place / RATE_HZ
            # the octave above makes small loudspeakers audible
            value = 0.75 * math.sin(phase) + 0.25 * math.sin(2 * phase)
            samples.append(int(32_767 * LOUDNESS * envelope * value))
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())
    return made.getvalue()
