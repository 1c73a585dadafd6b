"""axe-core 4.14.1 (vendor/axe.min.js, MPL-2.0, unchanged), run inside the page: WCAG 2.2 AA."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser.chromium import Chromium

_SOURCE = Path(__file__).with_name("vendor") / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# 2.5.8 of WCAG 2.2 is off in axe until asked for
_OWN = {"target-size": {"enabled": True}}


def findings(browser: Chromium) -> list[str]:
    """What axe has against the page as it is now: the rule, and the elements."""
    # evaluated, not added as a script: the page's own policy stays as it is
    if not browser.run("typeof axe === 'object'"):
        browser.run(_SOURCE.read_text(encoding="utf-8") + "; 0")
    options = {"runOnly": _TAGS, "resultTypes": ["violations"], "rules": _OWN}
    found = browser.run(
        f"axe.run(document, {json.dumps(options)}).then(r => r.violations.map("
        "v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.target + ' ' + n.failureSummary)}`))"
    )
    return [str(one) for one in found]
