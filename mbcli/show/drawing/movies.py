"""Animated renderings: MP4 with sound, and GIF.

Decoding, drawing and encoding run in separate threads and pass pictures on one by one, so that
memory does not grow with the length.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from mbcli.motion import Motion3D
from mbcli.report import Observer
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.compose import Composer
from mbcli.show.drawing.options import RenderOptions
from mbcli.show.drawing.sizes import panels
from mbcli.video import Planar, ahead, sound_of, write_gif, write_video
from mbcli.video.footage import Footage, check_any, pictures_of
from mbcli.video.gif import MOST_FPS
from mbcli.video.presentation import RgbImage

STAGE = "drawing"
_GIF_FPS = 15.0  # half of a video's: GIFs are large
_GIF_SIDE = 640  # pixels of the longer side
_SAMPLES = 16  # pictures from which a GIF's colours are chosen


@dataclass(frozen=True)
class RenderReport:
    """The result of a rendering.

    Attributes:
        frames: number of frames drawn.
        size: (width, height) of the video or picture in pixels.
        missing: number of frames without a picture in the video; they are drawn without it.
        fps: frames per second; None for stills.
        sound: whether the sound of the video is included.
    """

    frames: int
    size: tuple[int, int]
    missing: int
    fps: float | None = None
    sound: bool = False


def render_video(
    motion: Motion3D,
    path: Path,
    source: Footage | None,
    options: RenderOptions,
    *,
    overwrite: bool,
    observer: Observer,
) -> RenderReport:
    """Draw a motion into an mp4: every frame at its time, with the matching sound.

    Args:
        motion: the motion to draw, with at least one frame.
        path: the file, ending in .mp4.
        source: the source of the motion; for its sound only if the layout shows no picture.
        options: options of drawing.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        InputError: the video cannot be read, or does not belong to this motion.
        OutputError: the file cannot be written.
        ConfigError: the motion's frame rate is impossible for a video.
    """
    rows, fps = _rows(motion, options.max_fps)
    composer = Composer(motion, options)
    missing: list[int] = []
    times = motion.timestamps[rows]
    sound = None
    if source is not None and options.sound:
        sound = sound_of(source.path, float(times[0]), float(times[-1]) + 1 / fps)
    matrix = "bt709" if source is None else source.matrix

    def drawn() -> Iterator[Planar]:
        with closing(_pictures(motion, composer, source, rows, planar=True)) as pictures:
            for row, picture in zip(rows, pictures, strict=True):
                if picture is None and composer.picture_size:
                    missing.append(row)
                target = Planar.empty(composer.size, matrix)
                composer.compose(Canvas.on_planar(target), row, picture)
                yield target
        check_any(source, motion, rows, len(missing))

    with closing(ahead(drawn())) as finished:
        written = write_video(
            path,
            _observed(finished, len(rows), observer),
            fps=fps,
            times=times.tolist(),
            sound=sound,
            overwrite=overwrite,
        )
    return RenderReport(
        frames=written,
        size=composer.size,
        missing=len(missing),
        fps=fps,
        sound=sound is not None,
    )


def render_gif(
    motion: Motion3D,
    path: Path,
    source: Footage | None,
    options: RenderOptions,
    *,
    overwrite: bool,
    observer: Observer,
) -> RenderReport:
    """Draw a motion into a GIF; by default 15 frames per second and 640 pixels on the longer side.

    Args and errors: see :func:`render_video`.
    """
    most = _GIF_FPS if options.max_fps is None else min(options.max_fps, MOST_FPS)
    rows, fps = _rows(motion, most)
    if options.width is None:
        (width, height), _ = panels(options.layout, motion.keypoints.size, None)
        options = replace(options, width=round(_GIF_SIDE * width / max(width, height)))
    composer = Composer(motion, options)
    missing: list[int] = []

    def drawn(wanted: Sequence[int]) -> Iterator[RgbImage]:
        missing.clear()
        with closing(_pictures(motion, composer, source, wanted, planar=False)) as pictures:
            for row, picture in zip(wanted, pictures, strict=True):
                assert not isinstance(picture, Planar)
                if picture is None and composer.picture_size:
                    missing.append(row)
                yield composer.compose_rgb(row, picture)
        check_any(source, motion, wanted, len(missing))

    samples = list(drawn(rows[:: max(1, math.ceil(len(rows) / _SAMPLES))]))
    with closing(ahead(drawn(rows))) as finished:
        written = write_gif(
            path,
            _observed(finished, len(rows), observer),
            samples=samples,
            times=motion.timestamps[rows].tolist(),
            overwrite=overwrite,
        )
    return RenderReport(frames=written, size=composer.size, missing=len(missing), fps=fps)


def _rows(motion: Motion3D, max_fps: float | None) -> tuple[list[int], float]:
    """Every n-th frame, and the resulting frames per second."""
    step = 1 if max_fps is None else max(1, math.ceil(round(motion.fps / max_fps, 6)))
    return list(range(0, len(motion.timestamps), step)), motion.fps / step


def _pictures(
    motion: Motion3D,
    composer: Composer,
    source: Footage | None,
    rows: Sequence[int],
    *,
    planar: bool,
) -> Generator[RgbImage | Planar | None, None, None]:
    """The pictures to draw the rows on, decoded ahead; None if no picture is shown."""
    if source is None or composer.picture_size is None:
        return (None for _ in rows)
    size = composer.picture_size if planar else None
    return ahead(pictures_of(source, motion, rows, size))


Frame = TypeVar("Frame")


def _observed(pictures: Iterator[Frame], total: int, observer: Observer) -> Iterator[Frame]:
    for done, picture in enumerate(pictures, start=1):
        yield picture
        observer(STAGE, done, total)
