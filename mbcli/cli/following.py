"""The command that goes on with a result, for the summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mbcli.types import Keypoints2D


def drawing(result: Path, frames: int) -> tuple[str, ...]:
    """The command that draws a pose.npz of so many frames, onto no file that exists."""
    out = _free(result, ".mp4" if frames > 1 else ".png")
    return ("mbcli", "render", str(result), "--out", str(out))


def lifting(result: Path, source: Path, keypoints: Keypoints2D) -> tuple[str, ...]:
    """The command that lifts a file of keypoints that were found in ``source``."""
    from mbcli.keypoints import is_keypoint_file

    end = ("--out", str(_free(result, ".npz")))
    if not is_keypoint_file(source):
        return ("mbcli", "infer", str(source), "--keypoints", str(result), *end)
    if result.suffix.lower() == ".npz":
        return ("mbcli", "infer", str(result), *end)
    width, height = keypoints.size
    clock = ("--image-size", f"{width}x{height}", "--fps", f"{keypoints.fps:g}")
    return ("mbcli", "infer", str(result), *clock, *end)


def _free(path: Path, suffix: str) -> Path:
    """The path with another suffix, and with ``_3d`` in its name if such a file exists."""
    other = path.with_suffix(suffix)
    return path.with_name(f"{path.stem}_3d{suffix}") if other.exists() else other
