from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.scan.images import load_gray


def test_an_image_file_becomes_gray_pixels(tmp_path: Path) -> None:
    path = tmp_path / "thẻ.png"
    picture = np.arange(20, dtype=np.uint8).reshape(4, 5)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    assert np.array_equal(load_gray(path), picture)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n torn"])
def test_a_file_that_is_no_image_is_named_with_what_to_give(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "badge.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"badge\.txt: not an image.*PNG"):
        load_gray(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.png: No such file.*give the path"):
        load_gray(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match="Is a directory"):
        load_gray(tmp_path)
