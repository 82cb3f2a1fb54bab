"""Still renderings: one frame, or several on a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mbcli.errors import ConfigError, OutputError
from mbcli.motion import Motion3D
from mbcli.report import Observer
from mbcli.show.drawing.compose import Composer
from mbcli.show.drawing.movies import STAGE, RenderReport
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.styles import STYLES
from mbcli.storage.output import written_whole
from mbcli.video.footage import Footage, check_any, pictures_of
from mbcli.video.presentation import RgbImage

STILL_SUFFIXES = (".png", ".jpg", ".jpeg")
_SHEET_WIDTH = 2880  # pixels
_SHEET_GAP = 8  # pixels between pictures
_JPEG_QUALITY = 92  # of 100; losses are invisible


def render_still(
    motion: Motion3D,
    path: Path,
    source: Footage | None,
    options: RenderOptions,
    *,
    overwrite: bool,
    observer: Observer,
) -> RenderReport:
    """Draw one frame, or several as a contact sheet, into a PNG or JPEG.

    Args:
        motion: the motion to draw, with at least one frame.
        path: the file, ending in one of `STILL_SUFFIXES`.
        source: the source of the motion, for layouts that show its picture.
        options: options of drawing; ``width`` is that of the single picture or the whole sheet.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        InputError: the video cannot be read, or does not belong to this motion.
        OutputError: the file cannot be written.
        ConfigError: the motion lacks the requested frame.
    """
    if path.suffix.lower() not in STILL_SUFFIXES:
        raise OutputError(f"a picture is written as {', '.join(STILL_SUFFIXES)}, got {path.name}")
    if options.frame is not None:
        rows = [_row_of(motion, options.frame)]
    else:
        rows = evenly_spaced(len(motion.timestamps), options.count)
    columns = min(options.columns, len(rows))
    if len(rows) > 1:
        whole = _SHEET_WIDTH if options.width is None else options.width
        each = (whole - (columns - 1) * _SHEET_GAP) // columns
        # All pictures of a sheet share one camera.
        options = replace(options, width=None)
        composer = Composer(motion, options, width=each)
    else:
        composer = Composer(motion, options)
    sheet, missing = _sheet(motion, composer, source, options, rows, columns, observer)
    check_any(source, motion, rows, len(missing))
    _save(sheet, path, overwrite=overwrite)
    size = (sheet.shape[1], sheet.shape[0])
    return RenderReport(frames=len(rows), size=size, missing=len(missing))


def evenly_spaced(frames: int, count: int) -> list[int]:
    """At most ``count`` rows out of ``frames``, evenly spaced from the first to the last."""
    return sorted({round(row) for row in np.linspace(0, frames - 1, count).tolist()})


def _sheet(
    motion: Motion3D,
    composer: Composer,
    source: Footage | None,
    options: RenderOptions,
    rows: Sequence[int],
    columns: int,
    observer: Observer,
) -> tuple[RgbImage, list[int]]:
    """The pictures of the rows on one sheet, and the rows without a picture."""
    width, height = composer.size
    lines = -(-len(rows) // columns)
    whole = (
        lines * (height + _SHEET_GAP) - _SHEET_GAP,
        columns * (width + _SHEET_GAP) - _SHEET_GAP,
    )
    sheet = np.empty((*whole, 3), dtype=np.uint8)
    sheet[:] = STYLES[options.style].grid
    missing = []
    needed = source if composer.picture_size else None
    blank = (None for _ in rows)
    with closing(blank if needed is None else pictures_of(needed, motion, rows)) as pictures:
        for place, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
            if picture is None and needed is not None:
                missing.append(row)
            line, column = divmod(place, columns)
            top, left = line * (height + _SHEET_GAP), column * (width + _SHEET_GAP)
            sheet[top : top + height, left : left + width] = composer.compose_rgb(row, picture)
            observer(STAGE, place + 1, len(rows))
    return sheet, missing


def _row_of(motion: Motion3D, frame: int) -> int:
    """The row of a frame of the video.

    Raises:
        ConfigError: the motion lacks the frame.
    """
    numbers = motion.keypoints.frame_index.tolist()
    if frame in numbers:
        return int(numbers.index(frame))
    nearest = min(numbers, key=lambda number: abs(number - frame))
    raise ConfigError(
        f"--frame must be one of the {len(numbers)} frames of the motion, {numbers[0]} to "
        f"{numbers[-1]}, got {frame}; the nearest is {nearest}"
    )


def _save(image: RgbImage, path: Path, *, overwrite: bool) -> None:
    settings = [] if path.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(path.suffix.lower(), bgr, settings)
    assert written
    with written_whole(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data.tobytes())
