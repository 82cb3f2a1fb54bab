"""Renderings as files: a video, or one picture or a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mbcli.drawing.compose import Composer, RenderOptions
from mbcli.drawing.ink import RgbImage
from mbcli.drawing.pictures import pictures_of
from mbcli.errors import InputError, OutputError
from mbcli.motion import Motion3D
from mbcli.output import check_output, written_whole
from mbcli.report import Observer, unobserved
from mbcli.video import write_video

_STAGE = "drawing"
_SHEET_WIDTH = 2880  # pixels
_SHEET_GAP = 8
_SHEET_GREY = 12


@dataclass(frozen=True)
class RenderReport:
    """What became of a rendering.

    Attributes:
        frames: how many frames were drawn.
        size: (width, height) of the video or picture in pixels.
        missing: how many of them the video has no picture for; they stand on grey.
    """

    frames: int
    size: tuple[int, int]
    missing: int


def render_video(
    motion: Motion3D,
    path: Path,
    *,
    video: Path | None,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> RenderReport:
    """Draw every frame of a motion into an mp4 at the motion's mean frame rate.

    Pictures stream through: memory does not grow with the length.

    Args:
        motion: what to draw.
        path: the file, ending in .mp4.
        video: what the motion was inferred from; None leaves the picture grey, and is right for
            the layout ``3d``.
        options: how to draw.
        overwrite: replace a file that exists.
        observer: is told of the progress.

    Raises:
        InputError: the video cannot be read, or is not the one of this motion.
        OutputError: the file cannot be written.
        ConfigError: the motion's frame rate is none that a video can have.
    """
    check_output(path, overwrite=overwrite)
    composer = Composer(motion, options)
    missing: list[int] = []
    rows = range(len(motion.timestamps))
    drawn = _drawn(motion, composer, video, rows, observer, missing)
    written = write_video(path, drawn, fps=motion.fps, overwrite=overwrite)
    return RenderReport(frames=written, size=composer.size, missing=len(missing))


def render_picture(
    motion: Motion3D,
    path: Path,
    *,
    video: Path | None,
    rows: Sequence[int],
    columns: int = 1,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> RenderReport:
    """Draw one frame, or several as a contact sheet, into a PNG.

    Args:
        motion: what to draw.
        path: the file, ending in .png.
        video: see :func:`render_video`.
        rows: which of the motion's T frames, rising, at least one.
        columns: how many stand side by side, at least 1.
        options: how to draw.
        overwrite: replace a file that exists.
        observer: is told of the progress.

    Raises:
        InputError, OutputError: see :func:`render_video`.
    """
    if path.suffix.lower() != ".png":
        raise OutputError(f"a picture is written as .png, got {path.name}")
    check_output(path, overwrite=overwrite)
    columns = min(columns, len(rows))
    width = _SHEET_WIDTH // columns if len(rows) > 1 else None
    composer = Composer(motion, options, width=width)
    missing: list[int] = []
    drawn = _drawn(motion, composer, video, rows, observer, missing)
    sheet = _blank_sheet(composer.size, len(rows), columns)
    for place, picture in enumerate(drawn):
        line, column = divmod(place, columns)
        left, top = (
            n * (side + _SHEET_GAP) for n, side in zip((column, line), composer.size, strict=True)
        )
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    written, data = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    assert written
    with written_whole(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data.tobytes())
    size = (sheet.shape[1], sheet.shape[0])
    return RenderReport(frames=len(rows), size=size, missing=len(missing))


def evenly_spaced(frames: int, count: int) -> list[int]:
    """At most ``count`` rows out of ``frames``, evenly spaced from the first to the last."""
    return sorted({round(row) for row in np.linspace(0, frames - 1, count).tolist()})


def _drawn(
    motion: Motion3D,
    composer: Composer,
    video: Path | None,
    rows: Sequence[int],
    observer: Observer,
    missing: list[int],
) -> Iterator[RgbImage]:
    """The output pictures of ``rows``; rows without a picture go to ``missing``."""
    if video is None:
        pictures: Iterator[RgbImage | None] = iter([None] * len(rows))
    else:
        pictures = pictures_of(video, motion, rows)
    for done, (row, picture) in enumerate(zip(rows, pictures, strict=True), start=1):
        if picture is None and video is not None:
            missing.append(row)
        yield composer.compose(row, picture)
        observer(_STAGE, done, len(rows))
    if video is not None and len(missing) == len(rows):
        first, last = (int(motion.keypoints.frame_index[row]) for row in (rows[0], rows[-1]))
        raise InputError(
            f"none of the frames {first} to {last} is in {video}: it is another video than the "
            "one inferred from"
        )


def _blank_sheet(size: tuple[int, int], count: int, columns: int) -> RgbImage:
    lines = -(-count // columns)
    width, height = (
        number * (side + _SHEET_GAP) - _SHEET_GAP
        for number, side in zip((columns, lines), size, strict=True)
    )
    return np.full((height, width, 3), _SHEET_GREY, dtype=np.uint8)
