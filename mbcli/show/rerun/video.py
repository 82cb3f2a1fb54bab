"""The video in a Rerun recording: the file itself, or its pictures as JPEG.

Rerun shows the video track of an mp4 file in H.264, H.265 or AV1. It ignores display matrices and
non-square pixels, and needs the program ffmpeg for all codecs but AV1. If one of these is an
obstacle, and for large files, the pictures of the motion's frames are stored instead.
"""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import rerun as rr

from mbcli.errors import ConfigError
from mbcli.motion import Motion3D
from mbcli.report import Observer
from mbcli.show.rerun.recording import FRAMES, time_columns
from mbcli.video.container import codec_name, opened
from mbcli.video.footage import Footage, check_any, pictures_of
from mbcli.video.presentation import Orientation, RgbImage
from mbcli.video.video_file import VideoFile

Stored = Literal["file", "pictures"]

_CODECS = ("h264", "hevc", "av1")
_BUILT_IN = ("av1",)
_LARGEST_FILE = 256_000_000  # bytes: the whole file passes through memory
_LONGEST_SIDE = 960  # pixels of a stored picture
_QUALITY = 75  # of JPEG, 0..100
_BATCH = 16  # pictures sent together
_NANOSECONDS = 1e9  # per second


def add_video(
    recording: rr.RecordingStream,
    motion: Motion3D,
    video: Path,
    footage: Literal["auto", "file", "pictures"],
    observer: Observer,
) -> tuple[Stored, int]:
    """Add the pictures of a motion's frames, below its 2D skeletons.

    Args:
        recording: the recording to add to.
        motion: the motion, whose ``keypoints.frame_index`` counts the video's frames.
        video: the source of the motion: a video, an image or a folder of images.
        footage: ``file`` stores the video file, ``pictures`` those of the motion's frames, at
            most 960 pixels wide or high; ``auto`` the file if this machine can show it.
        observer: receives progress.

    Returns:
        How it was stored, and the number of the motion's frames without a picture.

    Raises:
        InputError: the video cannot be read, or does not belong to the motion.
        ConfigError: ``file`` for a video that Rerun cannot show.
    """
    source = Footage.of(video, motion)
    if footage != "pictures":
        hindrance, codec = _hindrance(source) if source.kind == "video" else ("is no video", "")
        if footage == "auto" and codec not in _BUILT_IN and shutil.which("ffmpeg") is None:
            hindrance = hindrance or "needs ffmpeg, which is not installed"
        if not hindrance:
            asset = rr.AssetVideo(path=video)
            stamps = _stamps(asset, motion)
            if stamps is not None:
                return "file", _add_file(recording, motion, source, asset, stamps)
            hindrance = "has time stamps that Rerun reads differently"
        if footage == "file":
            raise ConfigError(
                f"--footage file stores mp4 files in H.264, H.265 or AV1, upright, with square "
                f"pixels, up to {_LARGEST_FILE // 1_000_000} MB, but {video} {hindrance}: "
                "take --footage pictures"
            )
    return "pictures", _add_pictures(recording, motion, source, observer)


def _hindrance(source: Footage) -> tuple[str, str]:
    """The obstacle to showing a file correctly in Rerun, if any, and its codec."""
    video = source.path
    file = VideoFile(video, source.rotate // 90)
    with opened(video) as (container, stream):
        codec = codec_name(stream)
        stored = (stream.codec_context.width, stream.codec_context.height)
        mp4 = "mp4" in container.format.name.split(",")
    reasons = (
        ("has another format", not mp4),
        (f"is in {codec}", codec not in _CODECS),
        ("is to be shown turned", file.orientation != Orientation()),
        ("has pixels that are not square", file.size != stored),
        ("is larger", video.stat().st_size > _LARGEST_FILE),
    )
    return next((reason for reason, holds in reasons if holds), ""), codec


def _stamps(asset: rr.AssetVideo, motion: Motion3D) -> npt.NDArray[np.int64] | None:
    """(T,) nanoseconds of each row's picture, -1 after the end of the file; None if uncertain."""
    try:
        stamps = asset.read_frame_timestamps_nanos()
    except RuntimeError:
        return None
    numbers = motion.keypoints.frame_index
    held = numbers < len(stamps)
    rows = np.where(held, stamps[np.minimum(numbers, len(stamps) - 1)], -1).astype(np.int64)
    # Both count from the first frame shown, and must agree.
    seconds = (rows[held] - stamps[0]) / _NANOSECONDS
    if np.any(np.abs(seconds - motion.timestamps[held]) > 0.5 / motion.fps):
        return None
    return rows


def _add_file(
    recording: rr.RecordingStream,
    motion: Motion3D,
    source: Footage,
    asset: rr.AssetVideo,
    stamps: npt.NDArray[np.int64],
) -> int:
    held = stamps >= 0
    missing = int(np.count_nonzero(~held))
    check_any(source, motion, range(len(held)), missing)
    recording.log(FRAMES, asset, static=True, strict=True)
    last = int(np.flatnonzero(held)[-1]) + 1  # frame numbers ascend: frames held come first
    recording.send_columns(
        FRAMES,
        time_columns(motion, slice(0, last)),
        rr.VideoFrameReference.columns(
            timestamp=[rr.components.VideoTimestamp(nanoseconds=n) for n in stamps[:last].tolist()]
        ),
        strict=True,
    )
    return missing


def _add_pictures(
    recording: rr.RecordingStream, motion: Motion3D, source: Footage, observer: Observer
) -> int:
    """Store the pictures in batches, reduced if large."""
    size, frames = motion.keypoints.size, len(motion.timestamps)
    scale = min(1.0, _LONGEST_SIDE / max(size))
    smaller = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    # Scales pixels of the stored picture to those of the video, in which the keypoints are.
    across, down = size[0] / smaller[0], size[1] / smaller[1]
    recording.log(FRAMES, rr.Transform3D(scale=(across, down, 1.0)), static=True, strict=True)
    pictures = enumerate(pictures_of(source, motion, range(frames)))
    missing = 0
    while batch := list(islice(pictures, _BATCH)):
        blobs = [(row, _jpeg(image, smaller)) for row, image in batch if image is not None]
        missing += len(batch) - len(blobs)
        for row, blob in blobs:
            recording.send_columns(
                FRAMES,
                time_columns(motion, slice(row, row + 1)),
                rr.EncodedImage.columns(blob=[blob], media_type=["image/jpeg"]),
                strict=True,
            )
        observer("video", batch[-1][0] + 1, frames)
    check_any(source, motion, range(frames), missing)
    return missing


def _jpeg(image: RgbImage, size: tuple[int, int]) -> bytes:
    if size != (image.shape[1], image.shape[0]):
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".jpg", colours, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert written
    return data.tobytes()
