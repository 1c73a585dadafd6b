#!/usr/bin/env python3
"""Speak the texts of the kiosk into edge/kiosk/speech/LANGUAGE/*.ogg, with espeak-ng and opusenc.

`PYTHONPATH=. .venv/bin/python scripts/speech.py`, after a text has changed; `--check` writes
nothing and exits with 1 where a file is missing or was spoken from another text. Needs the Debian
packages espeak-ng and opus-tools; neither is needed to run a gate: the files are in the package.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from edge.gate.reasons import Reason
from edge.kiosk.message import SPOKEN
from edge.kiosk.texts import LANGUAGES, Catalogue, Language
from edge.kiosk.view import Screen

FOLDER = Path(__file__).resolve().parents[1] / "edge/kiosk/speech"
LIST = FOLDER / "spoken.json"  # the digest of the text behind each file
VOICES: dict[Language, str] = {"vi": "vi", "en": "en-gb"}
WORDS_A_MINUTE = 140
BITRATE_KBPS = 12  # Opus for speech, mono
# signs that a voice reads badly
SPELT: dict[Language, dict[str, str]] = {
    "vi": {"QR": "cu rờ", " cm": " xăng-ti-mét", "BHYT": "bảo hiểm y tế"},
    "en": {"QR": "Q R", " cm": " centimetres"},
}


def texts() -> dict[str, str]:
    """Every file's name below the folder, without ending, and what it says."""
    catalogue = Catalogue.load()
    said = {}
    for lang in LANGUAGES:
        for screen in sorted(SPOKEN - {Screen.SILENT}):
            said[f"{lang}/screen-{screen}"] = ". ".join(catalogue.screen(screen, lang))
        for reason in Reason:
            said[f"{lang}/reason-{reason}"] = ". ".join(catalogue.reason(reason, lang))
    return said


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def stale() -> list[str]:
    """Files that are missing, or were spoken from another text, or from one that is gone."""
    spoken = json.loads(LIST.read_text(encoding="utf-8")) if LIST.exists() else {}
    wanted = {name: digest(text) for name, text in texts().items()}
    found = {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.glob("*/*.ogg")}
    changed = {name for name, of in wanted.items() if spoken.get(name) != of}
    return sorted(changed | (wanted.keys() ^ found))


def speak(name: str, text: str, lang: Language) -> None:
    for sign, words in SPELT[lang].items():
        text = text.replace(sign, words)
    path = FOLDER / f"{name}.ogg"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        voice = ["espeak-ng", "-v", VOICES[lang], "-s", str(WORDS_A_MINUTE), "-w", wav.name]
        subprocess.run([*voice, "--", text], check=True)
        encoder = ["opusenc", "--quiet", "--speech", "--bitrate", str(BITRATE_KBPS)]
        # a fixed serial: the same text gives the same file
        encoder += ["--serial", "1", "--discard-comments"]
        subprocess.run([*encoder, wav.name, path], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when stale")
    old = stale()
    if parser.parse_args().check:
        if old:
            print(f"not spoken yet: {', '.join(old)}; run scripts/speech.py", file=sys.stderr)
        return 1 if old else 0
    if old and not (shutil.which("espeak-ng") and shutil.which("opusenc")):
        print("espeak-ng and opusenc are needed: apt install espeak-ng opus-tools", file=sys.stderr)
        return 2
    said = texts()
    for name in old:
        if name in said:
            speak(name, said[name], "vi" if name.startswith("vi/") else "en")
            print(f"spoke {name}")
        else:
            (FOLDER / f"{name}.ogg").unlink(missing_ok=True)
    LIST.write_text(
        json.dumps({name: digest(text) for name, text in sorted(said.items())}, indent=0) + "\n",
        encoding="utf-8",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
