"""Pictures as people send them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def drawn(form: str = "PNG", size: tuple[int, int] = (400, 300), **more: Any) -> bytes:
    """A picture that is red at the left and blue at the right."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def plan_png() -> bytes:
    return drawn()
