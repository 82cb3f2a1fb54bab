"""Pictures of the footage and of the held-out recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.accuracy.drawing import (
    COLOURS,
    FOUND,
    SEEN,
    SIDES,
    TRUE,
    blank,
    draw_bones,
    frames_of,
    photograph,
)
from benchmarks.accuracy.drawing import sides as draw_sides
from benchmarks.accuracy.figures import aligned_errors, centred, clip_aligned
from benchmarks.accuracy.footage import HIPS, Footage
from benchmarks.accuracy.heldout import Piece
from benchmarks.accuracy.reference import BONES, LIMBS
from mbcli.geometry import procrustes
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

# The trunk is drawn too, although it is no bone.
_DRAWN = BONES + [
    (LIMBS.index(H36M17.index(a)), LIMBS.index(H36M17.index(b)))
    for a, b in (
        ("left_hip", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "left_shoulder"),
        ("right_hip", "right_shoulder"),
    )
]
_SHOWN = 6
_WORST = 10
_APART = 12  # frames between two of the worst of one view


@dataclass(frozen=True)
class WorstPiece:
    """A held-out piece and what was made of it.

    Attributes:
        piece: the stretch.
        poses: (T, 17, 3) metres, NaN where absent.
        error: mm, P-MPJPE over the piece.
    """

    piece: Piece
    poses: FloatArray
    error: float


def times(footage: Footage) -> list[int]:
    """Frames that the pictures show, evenly spread."""
    last = len(footage.reference.joints) - 1
    return [round(place * last / (_SHOWN - 1)) for place in range(_SHOWN)]


def reprojected(footage: Footage) -> Figure:
    """The reference over the pictures of all views, and the 2D stage's keypoints."""
    shown = times(footage)
    figure = Figure(figsize=(2.3 * _SHOWN, 3.1 * len(footage.views)), layout="constrained")
    grid = figure.subplots(len(footage.views), _SHOWN, squeeze=False)
    for number, view in enumerate(footage.views):
        images = frames_of(footage.videos[number], shown)
        pixels, seen = view.project(footage.reference.joints), footage.keypoints(number)
        boxes = footage.boxes(number)
        for axes, time in zip(grid[number], shown, strict=True):
            poses = {SEEN: seen[time, :, :2], TRUE: pixels[time]}
            photograph(axes, images[time], boxes[time], poses, _DRAWN)
            axes.set_title(f"view {number + 1}, frame {time}", fontsize=8)
    return figure


def over_reference(footage: Footage, answer: Sequence[FloatArray]) -> Figure:
    """Lifted over reference, from the camera and its right, after one similarity per clip."""
    shown = times(footage)
    figure = Figure(figsize=(2.3 * _SHOWN, 4.2 * len(footage.views)), layout="constrained")
    grid = figure.subplots(2 * len(footage.views), _SHOWN, squeeze=False)
    for number, poses in enumerate(answer):
        target = centred(footage.target(number), HIPS)
        moved = clip_aligned(centred(poses, HIPS), target)
        for column, time in enumerate(shown):
            pair = list(grid[2 * number : 2 * number + 2, column])
            draw_sides(pair, {TRUE: target[time], FOUND: moved[time]}, _DRAWN)
            for axes, side in zip(pair, SIDES, strict=True):
                axes.set_title(f"view {number + 1}, frame {time}, {side}", fontsize=8)
    return figure


def error_curves(footage: Footage, answers: Mapping[str, Sequence[FloatArray]]) -> Figure:
    """P-MPJPE frame by frame of all answers in all views."""
    figure = Figure(figsize=(13, 2.4 * len(footage.views)), layout="constrained")
    rows = figure.subplots(len(footage.views), 1, sharex=True, squeeze=False)[:, 0]
    for number, axes in enumerate(rows):
        for colour, (name, poses) in zip(COLOURS, answers.items(), strict=False):
            errors = aligned_errors(poses[number], footage.target(number)).mean(axis=1)
            seconds = np.arange(len(errors)) / footage.fps
            axes.plot(seconds, errors, color=colour, linewidth=1.3, label=name)
        axes.set_ylabel(f"view {number + 1}: mm", fontsize=8)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.tick_params(labelsize=8)
    rows[0].legend(fontsize=8, ncols=4, frameon=False)
    rows[-1].set_xlabel("seconds", fontsize=8)
    return figure


def worst_frames(
    footage: Footage, answer: Sequence[FloatArray]
) -> tuple[Figure, list[tuple[int, int, float]]]:
    """The frames that are furthest off, and their (view, frame, P-MPJPE in mm)."""
    errors = [
        aligned_errors(poses, footage.target(number)).mean(axis=1)
        for number, poses in enumerate(answer)
    ]
    ranked = sorted(
        ((float(e), v, t) for v, row in enumerate(errors) for t, e in enumerate(row) if e == e),
        reverse=True,
    )
    chosen: list[tuple[int, int, float]] = []
    for error, view, time in ranked:
        if all(v != view or abs(t - time) > _APART for v, t, _ in chosen):
            chosen.append((view, time, error))
        if len(chosen) == _WORST:
            break
    figure = Figure(figsize=(13, 2.7 * ((len(chosen) + 1) // 2)), layout="constrained")
    grid = figure.subplots((len(chosen) + 1) // 2, 6, squeeze=False)
    for axes in grid.flat:
        blank(axes)
    for place, (view, time, error) in enumerate(chosen):
        image = frames_of(footage.videos[view], [time])[time]
        row = list(grid[place // 2, 3 * (place % 2) : 3 * (place % 2) + 3])
        true = footage.views[view].project(footage.reference.joints)[time]
        seen = footage.keypoints(view)[time, :, :2]
        photograph(row[0], image, footage.boxes(view)[time], {SEEN: seen, TRUE: true}, _DRAWN)
        target = centred(footage.target(view), HIPS)[time]
        moved = procrustes(answer[view][time], target)
        draw_sides(row[1:], {TRUE: target, FOUND: moved}, _DRAWN)
        row[0].set_title(f"view {view + 1}, frame {time}", fontsize=8)
        row[1].set_title(f"{error:.0f} mm, front", fontsize=8)
        row[2].set_title("side", fontsize=8)
    return figure, chosen


def worst_pieces(pieces: Sequence[WorstPiece], name: str) -> Figure:
    """The held-out stretches that are furthest off, each at its middle frame by error."""
    figure = Figure(figsize=(13, 2.9 * ((len(pieces) + 1) // 2)), layout="constrained")
    grid = figure.subplots((len(pieces) + 1) // 2, 6, squeeze=False)
    for axes in grid.flat:
        blank(axes)
    for place, worst in enumerate(pieces):
        target = worst.piece.target
        errors = aligned_errors(worst.poses, target).mean(axis=1)
        time = int(np.argsort(errors)[np.isfinite(errors).sum() // 2])
        row = list(grid[place // 2, 3 * (place % 2) : 3 * (place % 2) + 3])
        seen = worst.piece.inputs[name][time, :, :2]
        draw_bones(row[0], seen, H36M17.bones, SEEN)
        row[0].invert_yaxis()
        moved = procrustes(worst.poses[time], target[time])
        draw_sides(row[1:], {TRUE: target[time], FOUND: moved}, H36M17.bones)
        row[0].set_title(worst.piece.name.replace(" from", "\nfrom"), fontsize=7)
        row[1].set_title(f"piece {worst.error:.0f} mm, frame {errors[time]:.0f} mm", fontsize=7)
        row[2].set_title(f"side; {worst.piece.action}", fontsize=7)
    return figure
