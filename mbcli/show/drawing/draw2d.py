"""Drawing skeletons on the picture they were found in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mbcli.show.colours import bone_colours, person_colour
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.ink import dot, limb, line_width, opacity
from mbcli.show.drawing.lettering import label_point, text_height, write_label
from mbcli.show.drawing.styles import Style
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


def draw_people(
    canvas: Canvas,
    keypoints: Mapping[int, FloatArray] | FloatArray,
    skeleton: Skeleton,
    labels: Mapping[int, str],
    style: Style,
    *,
    feet_down: Mapping[int, Sequence[int]] | None = None,
) -> None:
    """Draw everybody's 2D skeleton; joints fade with their confidence, missing ones are left out.

    Args:
        canvas: the canvas to draw on.
        keypoints: (P, J, 3) x, y in pixels of ``canvas`` and confidence 0..1, or those of some
            columns; the column of a person determines the colour.
        skeleton: skeleton of the J joints.
        labels: columns of the people to draw, with their labels.
        style: the style.
        feet_down: joints to mark, by column.
    """
    width = line_width(canvas.size)
    for column, label in labels.items():
        here = keypoints[column]  # (J, 3)
        seen = np.isfinite(here[:, :2]).all(axis=-1) & (here[:, 2] > 0)
        if not seen.any():
            continue
        person, alphas = person_colour(column), opacity(here[:, 2]).tolist()
        points, sure = here[:, :2].tolist(), here[:, 2].tolist()
        for (a, b), bone in zip(skeleton.bones, bone_colours(skeleton, person), strict=True):
            if seen[a] and seen[b]:
                limb(
                    canvas,
                    points[a],
                    points[b],
                    style.tone(bone),
                    width,
                    confidence=min(sure[a], sure[b]),
                    rim=style.plate,
                )
        for joint in np.flatnonzero(seen).tolist():
            dot(canvas, points[joint], style.tone(person), 0.9 * width, alpha=alphas[joint])
        for joint in (feet_down or {}).get(column, ()):
            if seen[joint]:
                ring = max(1, width // 2)
                dot(canvas, points[joint], style.text, 2.2 * width, ring=ring)
        over = label_point(here[:, :2], seen, skeleton)
        plate = style.plate
        write_label(canvas, label, over, text_height(canvas.size), style.tone(person), plate=plate)
