"""How far results move when the footage is changed in a way whose effect is known.

    python -m benchmarks.metamorphic [VIDEO] [--seconds 2] [--out figures.json]

The clip is written anew, mirrored, played backwards, at half its size, turned by 20, 90 and 180
degrees, with every second frame only, with a pause of half a second, and with a cut in the middle;
each result is turned back and compared with that of the clip itself. Shown are millimetres: the
mean over the joints that are not the pelvis, relative to the pelvis, of all people and frames that
both results hold, and the share of the clip's people and frames that the other result holds. Zero
would be perfect. The clip written a second time, with loss (crf 28), shows what the 2D stage's own
unsteadiness makes of a change that one hardly sees.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

import mbcli
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17
from mbcli.video import VideoReader, write_video

CLIP = Path(__file__).parents[1] / "examples" / "walk.mp4"
_PAUSE = 0.5  # seconds

Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """A change of the footage.

    Attributes:
        name: for the table.
        pictures: the changed pictures, from those of the clip.
        frames: numbers of the frames of the clip that they show, in order.
        back: turns (..., 17, 3) positions back.
        seconds: time of each picture; None means the clip's rate.
        crf: x264's rate factor; 0 is without loss.
    """

    name: str
    pictures: Callable[[Sequence[Picture]], Sequence[Picture]]
    frames: npt.NDArray[np.int64]
    back: Callable[[Points], Points] = np.asarray
    seconds: npt.NDArray[np.float64] | None = None
    fps: float = 1.0
    crf: int = 0


def changes(count: int, fps: float) -> list[Change]:
    """All changes of a clip of so many frames."""
    every = np.arange(count)
    pause = every[(every < count // 3) | (every >= count // 3 + round(_PAUSE * fps))]
    first = every[: count // 2]
    return [
        Change("the same pictures, crf 28", lambda given: given, every, crf=28),
        Change("mirrored", lambda given: [one[:, ::-1] for one in given], every, mirrored),
        Change("backwards", lambda given: given[::-1], every[::-1]),
        Change("half size", lambda given: [resized(one) for one in given], every),
        *(
            Change(
                f"turned by {degrees}",
                partial(all_turned, degrees),
                every,
                partial(rolled, degrees),
            )
            for degrees in (20, 90, 180)
        ),
        Change("half the frames", lambda given: given[::2], every[::2], fps=0.5),
        Change(
            "a pause of half a second",
            lambda given: [given[frame] for frame in pause],
            pause,
            seconds=pause / fps,
        ),
        Change(
            "before a cut",
            lambda given: [*given[: count // 2], *(255 - one[::-1] for one in given[count // 2 :])],
            first,
        ),
    ]


def mirrored(points: Points) -> Points:
    """A mirrored body: left is right."""
    return points[..., list(H36M17.mirror), :] * (-1, 1, 1)


def all_turned(degrees: int, pictures: Sequence[Picture]) -> list[Picture]:
    """Pictures turned clockwise."""
    return [turned(picture, degrees) for picture in pictures]


def rolled(degrees: float, points: Points) -> Points:
    """Positions turned back after pictures were turned clockwise."""
    sine, cosine = np.sin(np.deg2rad(degrees)), np.cos(np.deg2rad(degrees))
    return points @ np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def resized(picture: Picture) -> Picture:
    """A picture of half the size."""
    height, width = picture.shape[:2]
    return np.asarray(
        cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8
    )


def turned(picture: Picture, degrees: int) -> Picture:
    """A picture turned clockwise; where nothing was, it is black."""
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(picture, -degrees // 90))
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    reach = np.abs(matrix[:, :2]) @ (width, height)  # the whole picture stays in view
    matrix[:, 2] += (reach - np.array((width, height))) / 2
    size = tuple(int(length) // 2 * 2 for length in reach)
    return np.asarray(cv2.warpAffine(picture, matrix, size), np.uint8)


def relative(motion: Motion3D) -> Points:
    """(T, P, 17, 3) metres relative to the pelvis, NaN where nobody is."""
    positions = np.asarray(motion.positions, np.float64)
    return positions - positions[:, :, :1]


def apart(clip: Points, other: Points) -> tuple[float, float]:
    """Millimetres and the share that both hold, of (T, P, 17, 3) of the same frames."""
    here = ~np.isnan(clip).any(axis=(2, 3))
    errors = np.linalg.norm(clip[:, :, None] - other[:, None], axis=-1)[..., 1:].mean(axis=-1)
    both = ~np.isnan(errors)  # (T, P, Q)
    held = both.sum(axis=0)
    means = np.nansum(errors, axis=0) / np.maximum(held, 1)
    # People are paired so that as many frames as possible are held, and alike.
    rows, columns = linear_sum_assignment(-held + np.minimum(means, 1))
    pairs = errors[:, rows, columns]
    return 1000 * float(np.nanmean(pairs)), float((~np.isnan(pairs)).sum() / here.sum())


def inferred(path: Path, pictures: Sequence[Picture], fps: float, change: Change) -> Motion3D:
    """The result of the pictures, written as a video."""
    seconds = change.seconds
    times = None if seconds is None else (seconds - seconds[0]).tolist()
    write_video(path, pictures, fps=fps * change.fps, times=times, crf=change.crf)
    return mbcli.infer(path)


def main() -> None:
    """Measure all changes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?", default=CLIP)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--out", type=Path, help="JSON")
    arguments = parser.parse_args()
    with VideoReader(arguments.video, end=arguments.seconds) as reader:
        pictures, fps = [frame.image for frame in reader], reader.fps
    table = Table("change", "mm", "held")
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "clip.mp4"
        unchanged = Change("", lambda given: given, np.arange(len(pictures)))
        clip = relative(inferred(path, pictures, fps, unchanged))
        for change in changes(len(pictures), fps):
            motion = inferred(path, change.pictures(pictures), fps, change)
            other = change.back(relative(motion))[: len(change.frames)]
            millimetres, held = apart(clip[change.frames], other)
            figures[change.name] = {"millimetres": millimetres, "held": held}
            table.add_row(change.name, f"{millimetres:.1f}", f"{held:.0%}")
    Console().print(table)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
