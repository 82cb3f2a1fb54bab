"""Writing pictures as an animated GIF with one common palette."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

from mbcli.errors import OutputError
from mbcli.storage.output import written_whole
from mbcli.video.presentation import RgbImage

# GIF counts in hundredths of a second, and browsers slow down frames shorter than two of them.
MOST_FPS = 50.0
_CLOCK = 100
_DITHER = (
    "dither=bayer:bayer_scale=4:diff_mode=rectangle"  # a static pattern, which compresses well
)


def write_gif(
    path: str | Path,
    frames: Iterable[RgbImage],
    *,
    samples: Sequence[RgbImage],
    times: Sequence[float],
    overwrite: bool = True,
) -> int:
    """Write pictures as a looping GIF.

    The 256 colours are chosen from ``samples``, so that the frames themselves can be consumed one
    at a time; only changes between frames are written.

    Args:
        path: the file, ending in .gif; nothing is left behind if anything fails.
        frames: (H, W, 3) uint8 RGB, all of one size.
        samples: at least one picture of that size, representative of the colours.
        times: ascending seconds at which each frame is shown, at most `MOST_FPS` per second; the
            last is shown for as long as the one before it, or for a second.
        overwrite: replace an existing file.

    Returns:
        Number of frames written.

    Raises:
        OutputError: the path does not end in .gif or cannot be written, or the file exists and
            ``overwrite`` is off.
    """
    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise OutputError(f"the name of a GIF must end in .gif, got {path.name}")
    with written_whole(path, overwrite=overwrite) as temporary:
        try:
            return _encode(temporary, frames, _palette(samples), times)
        except av.FFmpegError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _palette(samples: Sequence[RgbImage]) -> VideoFrame:
    """(16, 16) pixels: the colours."""
    graph, frames = Graph(), [_frame(image, number) for number, image in enumerate(samples)]
    source, sink = _source(graph, frames[0]), graph.add("buffersink")
    # No colour is reserved for transparency: unchanged regions are cropped anyway.
    make = graph.add("palettegen", "reserve_transparent=0:stats_mode=full")
    source.link_to(make)
    make.link_to(sink)
    graph.configure()
    for frame in frames:
        source.push(frame)
    source.push(None)
    palette = sink.pull()
    assert isinstance(palette, VideoFrame)
    return palette


class _Painter:
    """Converts pictures to a palette."""

    def __init__(self, first: VideoFrame, palette: VideoFrame) -> None:
        # Keep a reference: its filters do not keep it alive.
        self._graph = graph = Graph()
        self._source, colours = _source(graph, first), _source(graph, palette)
        self._sink = graph.add("buffersink")
        use = graph.add("paletteuse", _DITHER)
        self._source.link_to(use, 0, 0)
        colours.link_to(use, 0, 1)
        use.link_to(self._sink)
        graph.configure()
        palette.pts, palette.time_base = 0, Fraction(1, _CLOCK)
        colours.push(palette)
        colours.push(None)

    def paint(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """The pictures that are ready after a frame, or after the last one (None)."""
        self._source.push(frame)
        while True:
            try:
                painted = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            assert isinstance(painted, VideoFrame)
            yield painted


def _encode(
    path: Path, frames: Iterable[RgbImage], palette: VideoFrame, times: Sequence[float]
) -> int:
    ticks = np.round((np.asarray(times) - times[0]) * _CLOCK).astype(np.int64).tolist()
    pictures = (_frame(image, tick) for image, tick in zip(frames, ticks, strict=True))
    first = next(pictures)
    painter = _Painter(first, palette)
    last = ticks[-1] - ticks[-2] if len(ticks) > 1 else _CLOCK
    options = {"loop": "0", "final_delay": str(last)}
    with av.open(f"file:{path}", "w", format="gif", options=options) as out:
        stream = out.add_stream("gif", rate=_CLOCK)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, "pal8"
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        for frame in itertools.chain([first], pictures, [None]):
            for painted in painter.paint(frame):
                out.mux(stream.encode(painted))
        out.mux(stream.encode(None))
    return len(ticks)


def _source(graph: Graph, frame: VideoFrame) -> FilterContext:
    return graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=Fraction(1, _CLOCK),
    )


def _frame(image: RgbImage, tick: int) -> VideoFrame:
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    frame.pts, frame.time_base = tick, Fraction(1, _CLOCK)
    return frame
