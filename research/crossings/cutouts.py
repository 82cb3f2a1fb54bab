"""People cut out of footage in front of a background that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray
from mbcli.video import VideoReader

Image = npt.NDArray[np.uint8]

_WIDTH = 960  # pixels to which footage is reduced; people are drawn smaller than that
_DIFFERENT = 22  # of 255 from the background: a person for certain
_ROUND = 40  # pixels around a person within which their outline is looked for
_FEATHER = 1.0  # pixels over which an outline fades


@dataclass(frozen=True, eq=False)
class Cutout:
    """A person cut out of consecutive frames.

    Attributes:
        pictures: each (h, w, 4) RGB and opacity.
        corners: (N, 2) x, y of the upper left corners in the footage.
        height: of the person in pixels.
        foot: y of the feet.
    """

    pictures: tuple[Image, ...]
    corners: FloatArray
    height: float
    foot: float

    def middle(self, frame: int) -> float:
        """X of the middle of the person."""
        return float(self.corners[frame, 0] + self.pictures[frame].shape[1] / 2)


def footage(path: Path, start: int, stop: int, every: int = 1) -> list[Image]:
    """Frames of a video, at most 960 pixels wide."""
    kept = []
    with VideoReader(path) as reader:
        for frame in reader:
            if frame.index >= stop:
                break
            if frame.index >= start and (frame.index - start) % every == 0:
                image = frame.image
                scale = min(1.0, _WIDTH / image.shape[1])
                size = round(image.shape[1] * scale), round(image.shape[0] * scale)
                kept.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8))
    return kept


def background(frames: list[Image]) -> Image:
    """What stands still: the median over time."""
    return np.median(np.stack(frames), axis=0).astype(np.uint8)


def cut_out(frames: list[Image], still: Image, within: tuple[float, float, float, float]) -> Cutout:
    """Cut the largest thing that differs from the background out of every frame.

    Args:
        frames: (H, W, 3) RGB.
        still: (H, W, 3) the background.
        within: x1 y1 x2 y2, shares of the picture in which the person is.
    """
    high, wide = still.shape[:2]
    left, top, right, bottom = np.round(np.multiply(within, (wide, high, wide, high))).astype(int)
    pictures, corners = [], []
    for frame in frames:
        region = np.ascontiguousarray(frame[top:bottom, left:right])
        apart = cv2.absdiff(region, still[top:bottom, left:right]).max(axis=-1)
        sure = cv2.medianBlur(apart, 3) > _DIFFERENT
        mask, box = _outline(region, sure.astype(np.uint8))
        x1, y1, x2, y2 = box
        soft = cv2.GaussianBlur(mask.astype(np.float32) * 255, (0, 0), _FEATHER)
        opacity = soft.astype(np.uint8)[y1:y2, x1:x2, None]
        pictures.append(np.concatenate([region[y1:y2, x1:x2], opacity], axis=-1))
        corners.append((left + x1, top + y1))
    heights = [len(picture) for picture in pictures]
    feet = [corner[1] + height for corner, height in zip(corners, heights, strict=True)]
    return Cutout(
        tuple(pictures), np.array(corners, float), float(np.median(heights)), float(np.median(feet))
    )


def _outline(region: Image, sure: Image) -> tuple[Image, tuple[int, int, int, int]]:
    """(h, w) 0 or 1 of the person, refined by GrabCut, and x1 y1 x2 y2 around them."""
    closed = cv2.morphologyEx(sure, cv2.MORPH_CLOSE, np.ones((15, 9), np.uint8))
    whole = _largest(closed.astype(np.uint8))
    x, y, w, h = cv2.boundingRect(whole)
    near = slice(max(0, y - _ROUND), y + h + _ROUND), slice(max(0, x - _ROUND), x + w + _ROUND)
    marks = np.where(cv2.dilate(whole, np.ones((7, 7))) > 0, cv2.GC_PR_BGD, cv2.GC_BGD)
    marks = np.where(whole > 0, cv2.GC_PR_FGD, marks)
    marks = np.where((sure > 0) & (cv2.erode(whole, np.ones((3, 3))) > 0), cv2.GC_FGD, marks)
    marks = marks.astype(np.uint8)[near]
    people, others = np.zeros((1, 65)), np.zeros((1, 65))  # the colour models that it fits
    cv2.setRNGSeed(0)
    found, _, _ = cv2.grabCut(
        region[near], marks, (0, 0, 1, 1), others, people, 2, mode=cv2.GC_INIT_WITH_MASK
    )
    person = np.zeros_like(whole)
    person[near] = _largest(np.isin(found, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    x, y, w, h = cv2.boundingRect(person)
    return person, (x, y, x + w, y + h)


def _largest(mask: Image) -> Image:
    """The largest connected part of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        raise ValueError("nothing differs from the background")
    return (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)


def dressed(cutout: Cutout, tint: tuple[float, float]) -> Cutout:
    """The same person in clothes of another colour.

    Args:
        cutout: a person upright in all frames.
        tint: added to a* and b* of CIE L*a*b* from the shoulders to the ankles.
    """
    return Cutout(
        tuple(_tinted(picture, tint) for picture in cutout.pictures),
        cutout.corners,
        cutout.height,
        cutout.foot,
    )


def _tinted(picture: Image, tint: tuple[float, float]) -> Image:
    rgb = picture[..., :3].astype(np.float32) / 255
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    down = np.linspace(0, 1, len(picture))
    worn = np.clip((down - 0.17) / 0.03, 0, 1) * np.clip((0.93 - down) / 0.03, 0, 1)
    lab[..., 1:] += worn.astype(np.float32)[:, None, None] * np.array(tint, np.float32)
    changed = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8)
    return np.concatenate([changed, picture[..., 3:]], axis=-1)
