"""Skeletons on the picture they were found in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.drawing.ink import (
    RgbImage,
    bone_colours,
    dot,
    label_point,
    line_width,
    opacity,
    person_colour,
    stroke,
    text_height,
    write_label,
)
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


def draw_people(
    image: RgbImage, keypoints: FloatArray, skeleton: Skeleton, labels: Sequence[str]
) -> None:
    """Draw everybody's 2D skeleton; a joint fades with its confidence, a missing one is left out.

    Args:
        image: (H, W, 3) uint8 RGB, drawn on.
        keypoints: (P, J, 3) x, y in pixels of ``image`` and confidence 0..1; the column of a
            person decides the colour.
        skeleton: the J joints.
        labels: what to write over each person.
    """
    size = (image.shape[1], image.shape[0])
    width = line_width(size)
    there = np.isfinite(keypoints[..., :2]).all(axis=-1) & (keypoints[..., 2] > 0)
    alphas = opacity(keypoints[..., 2]).tolist()
    for column, label in enumerate(labels):
        seen = there[column]
        if not seen.any():
            continue
        colour = person_colour(column)
        points, alpha = keypoints[column, :, :2].tolist(), alphas[column]
        for (a, b), bone in zip(skeleton.bones, bone_colours(skeleton, colour), strict=True):
            if seen[a] and seen[b]:
                faint = min(alpha[a], alpha[b])
                stroke(image, points[a], points[b], bone, width, alpha=faint, outline=1)
        for joint in np.flatnonzero(seen).tolist():
            dot(image, points[joint], colour, 0.9 * width, alpha=alpha[joint])
        over = label_point(keypoints[column, :, :2], seen, skeleton)
        write_label(image, label, over, text_height(size), colour)
