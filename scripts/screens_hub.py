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

from tests.browser.chromium import Chromium  # noqa: E402
from tests.browser.hubpages import Served, log_in  # noqa: E402

OUT = ROOT / "build/screens/hub"
SIZES = {"desk": (1280, 900), "phone": (360, 780), "wall": (1920, 1080)}


def main() -> None:
    wanted = set(sys.argv[1:])
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Served(Path(folder)) as served:
        pages = {
            name: path
            for name, path in served.pages().items()
            if not wanted & {*served.pages()} or name in wanted
        }
        for language in ("vi", "en"):
            with Chromium(Path(folder) / f"profile-{language}", language=language) as browser:
                log_in(browser, served, language=language)
                for name, path in pages.items():
                    for theme in ("light", "dark"):
                        for size, (width, height) in SIZES.items():
                            if size != "desk" and (theme == "dark" or language == "en"):
                                continue
                            if size == "wall" and name != "overview":
                                continue
                            browser.size(width, height, dark=theme == "dark")
                            browser.open(served.url + path)
                            browser.wait("document.fonts.ready.then(() => true)")
                            file = OUT / f"{name}-{language}-{theme}-{size}.png"
                            file.write_bytes(browser.picture(whole=size != "wall"))
                            print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
