"""The pictures of a video that belong to the frames of a motion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mbcli.drawing.ink import RgbImage
from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.types import Frame
from mbcli.video import VideoReader, probe

# From one wanted frame to the next: further apart than this, seeking beats decoding.
_WORTH_SEEKING = 32


def pictures_of(video: Path, motion: Motion3D, rows: Sequence[int]) -> Iterator[RgbImage | None]:
    """The picture of each of ``rows``, one at a time; None where the video has no such frame.

    Frames are matched by their number in the source, whatever stretch of it was inferred from.

    Args:
        video: what the motion was inferred from: a video, an image or a folder of images.
        motion: whose ``keypoints.frame_index`` counts the video's frames.
        rows: which of the motion's T frames, rising.

    Raises:
        InputError: the video cannot be read, or has pictures of another size.
    """
    info = probe(video)
    expected = motion.keypoints.size
    if info.size != expected:
        raise InputError(
            f"the motion was inferred from pictures of {expected[0]}x{expected[1]}, but {video} "
            f"has {info.size[0]}x{info.size[1]}: it is another video"
        )
    reader: VideoReader | None = None
    frames: Iterator[Frame] = iter(())
    frame: Frame | None = None
    before: int | None = None
    try:
        for row in rows:
            number = int(motion.keypoints.frame_index[row])
            # A mended time stamp may read differently after a seek; the frame number does not.
            start = max(0.0, float(motion.timestamps[row]) - 2 / motion.fps)
            if info.duration is not None and start >= info.duration:
                yield None
                continue
            if before is None or number - before > _WORTH_SEEKING:
                if reader is not None:
                    reader.close()
                reader = VideoReader(video, start=start)
                frames = iter(reader)
                frame = next(frames, None)
            before = number
            while frame is not None and frame.index < number:
                frame = next(frames, None)
            yield frame.image if frame is not None and frame.index == number else None
    finally:
        if reader is not None:
            reader.close()
