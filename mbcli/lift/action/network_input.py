"""From the keypoints of one or two people to the input of an action model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mbcli.bounds import MAX_CLIP_FRAMES, MAX_CLIP_PEOPLE
from mbcli.geometry import fit_window
from mbcli.types import FloatArray

_ENOUGH = 4  # keypoints; with fewer, outliers cannot be recognised
_EDGE = 1.001  # keypoints on the edge of their own window are not outside it


@dataclass(frozen=True)
class ClipForm:
    """How clips are made for a model.

    Attributes:
        frames: length T of a clip, to which any section of video is resampled evenly.
        people: people per clip, M; absent people are missing throughout.
        margin: side of the square that is mapped to -1..1, relative to that of the keypoints' box.
        seconds: median duration of the training clips.
        published: leave missing keypoints where MotionBERT's own code leaves them.
    """

    frames: int = 243
    people: int = 2
    margin: float = 2.0
    seconds: float = 3.0
    published: bool = False

    def __post_init__(self) -> None:
        for name, most in (("frames", MAX_CLIP_FRAMES), ("people", MAX_CLIP_PEOPLE)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ValueError(f"{name} must be a whole number of 1..{most}, got {value!r:.40}")
        for name in ("margin", "seconds"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ValueError(f"{name} must be a positive number, got {value!r:.40}")


def normalised(points: Tensor, margin: float | Tensor, *, published: bool = False) -> Tensor:
    """Normalise clips by a square around everybody, margin included.

    Args:
        points: (B, T, M, 17, 3) x, y in any unit, and confidence; missing = confidence 0.
        margin: the square's side relative to that of the keypoints' box; a number or (B,).
        published: keep the positions of missing joints, clamped to -1..1, as MotionBERT does.

    Returns:
        (B, M, T, 17, 3) x, y within about -1..1 and confidence; missing = (0, 0, 0).
    """
    seen = points[..., 2:] > 0  # (B, T, M, J, 1)
    xy = points[..., :2]
    low = torch.where(seen, xy, torch.inf).flatten(1, 3).amin(dim=1)  # (B, 2)
    high = torch.where(seen, xy, -torch.inf).flatten(1, 3).amax(dim=1)  # (B, 2)
    side = (high - low).amax(dim=-1, keepdim=True).clamp_min(1e-6)  # (B, 1)
    half = side / 2 * torch.as_tensor(margin, device=points.device).reshape(-1, 1)  # (B, 1)
    middle, half = ((value[:, None, None, None]) for value in ((low + high) / 2, half))
    placed = (xy - middle) / half  # (B, T, M, J, 2)
    placed = placed.clamp(-1, 1) if published else torch.where(seen, placed, 0.0)
    clips = torch.cat([placed, points[..., 2:].where(seen, 0.0)], dim=-1)  # (B, T, M, J, 3)
    # A clip without keypoints has no box.
    return clips.nan_to_num(0.0, 0.0, 0.0).transpose(1, 2)  # (B, M, T, J, 3)


def without_wild(points: FloatArray) -> FloatArray:
    """Remove keypoints that no body could reach, person by person.

    Args:
        points: (T, M, 17, 3) pixels and confidence; missing = (NaN, NaN, 0).

    Returns:
        The points with outliers made missing; see `mbcli.geometry.fit_window`.
    """
    out = np.array(points)
    for who in range(out.shape[1]):
        person = out[:, who]
        if np.count_nonzero(person[..., 2] > 0) < _ENOUGH:
            continue
        center, scale = fit_window(person[..., :2], person[..., 2], min_confidence=0.0)
        beyond = (np.abs(person[..., :2] - center) > scale * _EDGE).any(axis=-1)
        person[beyond] = (np.nan, np.nan, 0.0)
    return out


def published_gaps(points: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Put missing keypoints where MotionBERT's data have them.

    A keypoint that was not found lies in the corner of the picture. An absent person is one point
    whose distance from the left and from the top is half the picture's longer side.

    Args:
        points: (T, M, 17, 3) pixels and confidence; missing = (NaN, NaN, 0).
        size: (width, height) of the picture in pixels.
    """
    missing = ~(points[..., 2:] > 0)  # (T, M, 17, 1)
    absent = missing.all(axis=(0, 2, 3), keepdims=True)  # (1, M, 1, 1)
    place = np.where(absent, max(size) / 2, 0.0)  # (1, M, 1, 1)
    xy = np.where(missing, place, points[..., :2])
    return np.concatenate([xy, points[..., 2:]], axis=-1).astype(np.float32)
