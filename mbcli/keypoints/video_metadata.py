"""Metadata of the video in a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.checks import short
from mbcli.keypoints.words import FPS, HEIGHT, WIDTH, find, plain

_INNER = ("metadata", "meta", "info", "video", "videoinfo")


def metadata_of(document: Any) -> dict[str, Any]:
    """Entries of the file besides the frames, at its top or in an object there."""
    if not isinstance(document, dict):
        return {}
    inner = [document[name] for name in document if plain(name) in _INNER]
    return {
        **{k: v for part in inner if isinstance(part, dict) for k, v in part.items()},
        **document,
    }


def size_of(metadata: dict[str, Any], path: Path) -> tuple[int, int] | None:
    """(width, height) of the pictures in pixels, if given.

    Raises:
        InputError: the values are no whole numbers above 0.
    """
    names = find(metadata, WIDTH), find(metadata, HEIGHT)
    if names[0] is None or names[1] is None:
        return None
    width, height = metadata[names[0]], metadata[names[1]]
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) <= 0:
        raise InputError(
            f"{path} must hold width and height in pixels, got {width!r} and {height!r}"
        )
    return width, height


def fps_of(metadata: dict[str, Any], path: Path) -> float | None:
    """Frames per second, if given.

    Raises:
        InputError: the value is no number above 0.
    """
    name = find(metadata, FPS)
    fps = None if name is None else metadata[name]
    if fps is None:
        return None
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps < float("inf"):
        raise InputError(f"{path} must hold {name} above 0, got {short(fps)}")
    return float(fps)
