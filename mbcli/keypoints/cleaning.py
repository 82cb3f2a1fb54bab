"""Bring keypoints and confidences of a file into their ranges.

Networks report the height of a peak as confidence. It may be slightly above 1 (with whole-body
models, several times that) or slightly below 0; such values are clipped to 0..1. If most are above
1, they are taken as percent. Values further out are not confidences: a few such keypoints are left
out, and a file with many of them is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.types import BoolArray, FloatArray, IntArray

_LOWEST, _HIGHEST, _PERCENT = -1.0, 10.0, 100.0  # confidences; see above
_FEW = 0.05  # share of the keypoints that may lack a proper confidence
_LARGEST = 1e9  # pixels; anything further out counts as infinite


def cleaned(points: FloatArray, index: IntArray, path: Path) -> tuple[BoolArray, list[str]]:
    """Mark unusable keypoints as missing, and bring confidences to 0..1, in place.

    Args:
        points: (N, J, 3) x, y and confidence; NaN, infinity and (0, 0) mean missing.
        index: (N,) frame of each pose, for messages.
        path: the file, for messages.

    Returns:
        (N, J) mask of the keypoints that are present, and warnings, one line each.

    Raises:
        InputError: values that cannot be confidences.
    """
    notes = []
    places, confidence = points[..., :2], points[..., 2]
    corner = np.asarray(places == 0).all(axis=-1)
    there = np.asarray(np.isfinite(points[..., :2]).all(axis=-1)) & ~corner
    percent = bool((there & (confidence > 1)).sum() > there.sum() / 2)
    if percent and np.nanmax(confidence[there]) > _HIGHEST:
        notes.append(f"confidences up to {np.nanmax(confidence[there]):g} are taken as percent")
        confidence /= _PERCENT
    wild = there & ((confidence < _LOWEST) | (confidence > _HIGHEST))
    beyond = np.asarray((np.abs(points) > _LARGEST).any(axis=-1))
    if wild.sum() <= _FEW * there.sum():
        beyond |= wild
    if beyond.any():
        where = int(index[beyond.any(axis=1)][0])
        notes.append(
            f"{beyond.sum()} keypoints with numbers beyond reason are left out, the first of them "
            f"in frame {where}"
        )
    there &= ~beyond
    unknown = there & np.isnan(confidence)
    if unknown.any():
        notes.append(
            "the file has no confidence: every keypoint that is there counts fully"
            if (unknown == there).all()
            else f"no confidence for {unknown.sum()} of {there.sum()} keypoints: they count fully"
        )
        confidence[unknown] = 1
    known = confidence[there]
    outside = (known > 1) | (known < 0)
    if outside.any():
        span = f"{known.min():g}..{known.max():g}"
        if known.min() < _LOWEST or known.max() > _HIGHEST:
            raise InputError(f"{path} must hold confidences within 0..1, got {span}")
        notes.append(
            f"{outside.sum()} of {outside.size} confidences are cut to 0..1; they were {span}"
        )
        confidence[there] = known.clip(0, 1)
    points[~there] = np.nan, np.nan, 0
    return there, notes
