#!/usr/bin/env python3
"""Pictures of every page of the hub, in both languages, light and dark: build/screens/hub/.

    python scripts/screens_hub.py [overview gate ...]

The best go into docs/images/. Needs a Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from tests.browser.chromium import Chromium, launched  # noqa: E402
from tests.browser.hubpages import Served, ask, log_in  # noqa: E402

OUT = ROOT / "build/screens/hub"
IMAGES = ROOT / "docs/images"
BEST = {
    "overview": ("overview-vi-light-wall", (0, 0, 1920, 1080)),
    "gate": ("gate-en-dark-desk", (0, 0, 1280, 1200)),
    "trace": ("answer-vi-light-desk", (0, 0, 1280, 900)),
}
SIZES = {"desk": (1280, 900), "phone": (360, 780), "wall": (1920, 1080)}


def main() -> None:
    wanted = set(sys.argv[1:])
    OUT.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Served(Path(folder)) as served,
        launched() as program,
    ):
        for language in ("vi", "en"):
            with Chromium(program, language=language) as browser:
                browser.open(f"{served.url}/login")
                browser.press(f'button[name="language"][value="{language}"]')
                take(browser, served, "login", "/login", language, wanted)
                log_in(browser, served, language=language)
                for name, path in served.pages().items():
                    take(browser, served, name, path, language, wanted)
                log_in(browser, served, role="tracer", language=language)
                take(browser, served, "trace", "/trace", language, wanted)
                answer = ask(browser, served)
                take(browser, served, "answer", answer, language, wanted)
    if not wanted:
        keep_best()


def keep_best() -> None:
    """The three that the documentation shows: cut to a screen, in few colours."""
    IMAGES.mkdir(exist_ok=True)
    for name, (source, box) in BEST.items():
        with Image.open(OUT / f"{source}.png") as whole:
            cut = whole.convert("RGB").crop(box)
            cut.quantize(96, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


def take(
    browser: Chromium, served: Served, name: str, path: str, language: str, wanted: set[str]
) -> None:
    """Every size and both themes of a page."""
    if wanted and name not in wanted:
        return
    for size, (width, height) in SIZES.items():
        for theme in ("light", "dark") if size == "desk" else ("light",):
            if size == "wall" and name != "overview":
                continue
            browser.size(width, height, dark=theme == "dark")
            browser.open(served.url + path)
            file = OUT / f"{name}-{language}-{theme}-{size}.png"
            file.write_bytes(browser.picture(whole=size != "wall"))
            print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
