"""2D keypoint tracks from pictures."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import replace

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.options import InferOptions
from mbcli.placing.background import Background
from mbcli.pose2d import BACKENDS, Pose2D
from mbcli.pose2d.choose import choose
from mbcli.report import Observer, Stopwatch, unobserved
from mbcli.storage.journal import Journal
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.looking import looked_at
from mbcli.tracks.sampling import filled, stride
from mbcli.tracks.seen import Seen
from mbcli.tracks.tracker import Tracker
from mbcli.types import IntArray, Keypoints2D
from mbcli.video import VideoReader
from mbcli.weights.provenance import pose2d_weights

# Factor on the confidence of keypoints in damaged frames. A decoder fills what is lost with what
# was there before: the keypoints are those of a moment ago, with the scores of a sharp picture.
_DAMAGED = 0.5


def detect_in_pictures(
    reader: VideoReader,
    options: InferOptions,
    observer: Observer = unobserved,
    watch: Stopwatch | None = None,
    journal: Journal | None = None,
) -> Detection:
    """Detect 2D keypoint tracks of the selected people in pictures.

    Of a video with many frames per second only some are looked at, as ``options.pose2d_rate`` asks
    for; the keypoints in those between are interpolated.

    What was seen in the pictures goes into ``journal``; what an earlier run has left there is not
    looked at again.

    Raises:
        NobodyFoundError: no person in any frame.
        InputError: the pictures cannot be decoded.
        WeightsError: weights of the front end are missing or damaged.
        ConfigError: an option is not supported by the front end, or the selected person was not
            found.
    """
    watch = Stopwatch() if watch is None else watch
    source = str(reader.info.path.resolve())
    choice = choose(options.pose2d, options)
    backend = BACKENDS[choice.backend](choice.options)
    try:
        seen, ids = _followed(reader, backend, options, observer, watch, journal)
    finally:
        backend.close()
    looked = [one for one in seen if one.looked]
    fps = reader.fps / stride(reader.fps, options.looking_rate)
    with watch.stage("track"):
        everybody = build_keypoints(
            [one.poses for one in looked],
            ids,
            skeleton=backend.skeleton,
            fps=fps,
            size=reader.info.size,
            cuts=[number for number, one in enumerate(looked) if one.cut],
            looks=[one.looks for one in looked],
        )
    damaged = reader.damaged
    everybody = discounted(everybody, damaged)
    if not len(everybody.track_ids):
        threshold = backend.metadata["person_threshold"]
        raise NobodyFoundError(
            f"nobody was found in the {len(seen)} frames of {source} by {backend.name} with "
            f"--min-score {threshold:g}: try --min-score {threshold / 2:g}"
        )
    with watch.stage("mend"):
        keypoints, mended = chosen_and_mended(everybody, options)
        numbers = np.array([one.poses.index for one in seen])
        if len(looked) < len(seen):
            times = np.array([one.poses.time for one in seen])
            keypoints = filled(keypoints, times, numbers, reader.fps)
    return Detection(
        keypoints=keypoints,
        source=source,
        backend=backend.name,
        pose2d={"reason": choice.reason, "hint": choice.hint, **backend.metadata},
        weights=tuple(pose2d_weights(name) for name in backend.weights),
        mended=mended,
        warnings=tuple(reader.warnings),
        damaged=tuple(number for number in numbers.tolist() if number in damaged),
        interpolated=tuple(one.poses.index for one in seen if not one.looked),
        lens=reader.info.lens,
        ties=np.array([one.ties for one in seen]) if options.follows_camera else None,
    )


def discounted(keypoints: Keypoints2D, damaged: Collection[int]) -> Keypoints2D:
    """Lower the confidence in damaged frames.

    Args:
        keypoints: tracks.
        damaged: frame numbers in the source.
    """
    rows = np.isin(keypoints.frame_index, list(damaged))
    if not rows.any():
        return keypoints
    data = keypoints.data.copy()
    data[rows, ..., 2] *= _DAMAGED
    return replace(keypoints, data=data)


def _followed(
    reader: VideoReader,
    backend: Pose2D,
    options: InferOptions,
    observer: Observer,
    watch: Stopwatch,
    journal: Journal | None,
) -> tuple[list[Seen], list[IntArray]]:
    """What every picture shows, and the identities in those that were looked at."""
    seen: list[Seen] = []
    ids: list[IntArray] = []
    every = stride(reader.fps, options.looking_rate)
    tracker: Tracker | None = None
    cuts = options.cuts != "off"
    background = Background(reader.info.size) if options.follows_camera else None
    pictures = looked_at(reader, backend, watch, journal, background, cuts=cuts, every=every)
    with closing(pictures):
        for one in pictures:
            if one.looked:
                with watch.stage("track"):
                    if tracker is None or one.cut:
                        tracker = Tracker(reader.fps / every)
                    ids.append(tracker.update(one.poses))
            seen.append(one)
            observer("pose2d", len(seen), reader.expected_frames)
    return seen, ids
