"""Whether a view of the kiosk stands on a display as it should, measured inside the page.

The page is laid out by its body alone (container queries), so that one page load measures every
display: the body takes each size in turn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.browser.chromium import Chromium

Size = tuple[int, int]

# CSS pixels: the official 7-inch display, common HDMI ones, and both kinds hung upright
DISPLAYS: tuple[Size, ...] = (
    (800, 480),
    (480, 800),
    (1024, 600),
    (1280, 800),
    (1920, 1080),
    (1080, 1920),
)
# parts of the display's shorter side: the title, or a reason in its place, is read from afar; and
# the least that is read at all
TITLE, REASON, NEAR = 0.11, 0.075, 0.04

_MEASURE = """((sizes, afar, near) => {
    const faults = [];
    const body = document.body;
    const texts = () => [...document.querySelectorAll("#words :is(h1, h2, p, span)")]
        .filter((one) => one.getClientRects().length && one.textContent.trim());
    const leaves = () => texts().filter((one) => !one.firstElementChild);
    const shapes = () => [...document.querySelectorAll(".icon:is(.now, .hint) svg, #camera")]
        .filter((one) => one.getClientRects().length);
    const nameOf = (one) => one.textContent.trim() || one.parentElement.dataset.for || one.id;
    const spills = (one) => one.scrollHeight > one.clientHeight + 1
        || one.scrollWidth > one.clientWidth + 1;
    const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
    for (const [width, height] of sizes) {
        body.style.width = `${width}px`;
        body.style.height = `${height}px`;
        dispatchEvent(new Event("resize"));
        const bad = (text) => faults.push(`${width}x${height}: ${text}`);
        const frame = body.getBoundingClientRect();
        if (frame.width !== width || frame.height !== height) bad("the body has another size");
        for (const one of [body, ...document.querySelectorAll("main, #figure, #words")]) {
            if (spills(one)) bad(`<${one.localName} id="${one.id}"> holds more than it shows`);
        }
        const seen = [...leaves(), ...shapes()];
        if (!shapes().length) bad("no picture");
        seen.forEach((one, place) => {
            const box = one.getBoundingClientRect();
            if (box.left < frame.left - 1 || box.top < frame.top - 1
                || box.right > frame.right + 1 || box.bottom > frame.bottom + 1) {
                bad(`cut off: ${nameOf(one)}`);
            }
            for (const other of seen.slice(place + 1)) {
                if (meet(box, other.getBoundingClientRect())) {
                    bad(`${nameOf(one)} lies on ${nameOf(other)}`);
                }
            }
        });
        const short = Math.min(width, height);
        const part = (one) => parseFloat(getComputedStyle(one).fontSize) / short;
        const largest = Math.max(...leaves().map(part));
        if (largest < afar) bad(`the largest letters are ${largest.toFixed(3)} of the display`);
        for (const one of leaves()) {
            if (part(one) < near) bad(`letters of ${part(one).toFixed(3)}: ${nameOf(one)}`);
        }
    }
    return faults;
})(%s, %f, %f)"""


def faults(browser: Chromium, *, afar: float, sizes: Sequence[Size] = DISPLAYS) -> list[str]:
    """What is cut off, overlaps or is too small to read, on displays of these sizes."""
    found = browser.run(_MEASURE % (json.dumps(sizes), afar, NEAR))
    return [str(one) for one in found]
