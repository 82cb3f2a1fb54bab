"""The pictures of a video that belong to the frames of a motion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.video import VideoInfo, VideoReader, probe
from mbcli.video.images import IMAGE_SUFFIXES
from mbcli.video.presentation import RgbImage
from mbcli.video.reader import VIDEO_SUFFIXES


def noted_video(motion: Motion3D) -> Path | None:
    """What a motion says it was inferred from; None unless it is still there and shows pictures."""
    noted = motion.meta.get("source")
    if not isinstance(noted, str) or not noted:
        return None
    path = Path(noted)
    shows = path.suffix.lower() in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES)
    return path if path.is_dir() or (shows and path.is_file()) else None


def checked_video(motion: Motion3D, video: Path) -> VideoInfo:
    """What is known of a video that a motion may have been inferred from.

    Raises:
        InputError: the video cannot be read, or has pictures of another size.
    """
    info, expected = probe(video), motion.keypoints.size
    if info.size != expected:
        raise InputError(
            f"the motion was inferred from pictures of {expected[0]}x{expected[1]}, but {video} "
            f"has {info.size[0]}x{info.size[1]}: it is another video"
        )
    return info


def pictures_of(motion: Motion3D, video: Path) -> Iterator[RgbImage | None]:
    """The picture of each frame of a motion, in order; None where the video has none.

    Frames are matched by their number in the source, whatever stretch of it was inferred from.

    Raises:
        InputError: see :func:`checked_video`; or the video ends before the motion begins.
    """
    info = checked_video(motion, video)
    # A mended time stamp may read differently after a seek; the frame number does not.
    # Images have no time of their own: they are read from the first one on.
    still = info.kind != "video"
    start = 0.0 if still else max(0.0, float(motion.timestamps[0]) - 2 / motion.fps)
    if info.duration is not None and start >= info.duration:
        raise without_frames(motion, video)
    with VideoReader(video, start=start) as reader:
        frames = iter(reader)
        frame = next(frames, None)
        for number in motion.keypoints.frame_index.tolist():
            while frame is not None and frame.index < number:
                frame = next(frames, None)
            yield frame.image if frame is not None and frame.index == number else None


def without_frames(motion: Motion3D, video: Path) -> InputError:
    """The error for a video that has a picture for none of a motion's frames."""
    first, last = motion.keypoints.frame_index[[0, -1]].tolist()
    return InputError(
        f"none of the frames {first} to {last} is in {video}: it is another video than the one "
        "inferred from"
    )
