"""2D keypoint tracks from pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS, Pose2D
from mbcli.pose2d.choose import choose
from mbcli.report import Observer, Stopwatch, unobserved
from mbcli.storage.journal import Journal
from mbcli.storage.remote import origin
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.gather import Sightings
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.looking import background_of, looked_at
from mbcli.tracks.sampling import filled, stride
from mbcli.tracks.seen import Seen
from mbcli.tracks.tracker import Tracker
from mbcli.types import BoolArray, FloatArray, IntArray, Keypoints2D
from mbcli.video import VideoReader
from mbcli.weights.provenance import pose2d_weights

# Factor on the confidence of keypoints in damaged frames. A decoder fills what is lost with what
# was there before: the keypoints are those of a moment ago, with the scores of a sharp picture.
_DAMAGED = 0.5
# Pictures whose people are put into arrays at once: frame by frame they take three times as much.
_STRETCH = 1024


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
    source = origin(reader.info.path)
    choice = choose(options.pose2d, options)
    backend = BACKENDS[choice.backend](choice.options)
    try:
        seen = _followed(reader, backend, options, observer, watch, journal)
    finally:
        backend.close()
    fps = reader.fps / stride(reader.fps, options.looking_rate)
    with watch.stage("track"):
        everybody = build_keypoints(
            seen.people,
            skeleton=backend.skeleton,
            fps=fps,
            size=reader.info.size,
            cuts=np.flatnonzero(seen.cut[seen.looked]).tolist(),
        )
    damaged = reader.damaged
    everybody = discounted(everybody, damaged)
    if not len(everybody.track_ids):
        threshold = backend.metadata["person_threshold"]
        raise NobodyFoundError(
            f"nobody was found in the {len(seen.numbers)} frames of {source} by {backend.name} "
            f"with --min-score {threshold:g}: try --min-score {threshold / 2:g}"
        )
    with watch.stage("mend"):
        keypoints, mended = chosen_and_mended(everybody, options)
        if not seen.looked.all():
            keypoints = filled(keypoints, seen.times, seen.numbers, reader.fps)
    return Detection(
        keypoints=keypoints,
        source=source,
        backend=backend.name,
        pose2d={"reason": choice.reason, "hint": choice.hint, **backend.metadata},
        weights=tuple(pose2d_weights(name) for name in backend.weights),
        mended=mended,
        warnings=tuple(reader.warnings),
        damaged=tuple(number for number in seen.numbers.tolist() if number in damaged),
        interpolated=tuple(seen.numbers[~seen.looked].tolist()),
        lens=reader.info.lens,
        ties=seen.ties if options.follows_camera else None,
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


class _Stretch(NamedTuple):
    """What T pictures in a row have shown.

    Attributes:
        people: in the pictures that were looked at, with their identities.
        times: (T,) seconds.
        numbers: (T,) of the pictures in their source.
        cut: (T,) whether a new shot begins with them.
        looked: (T,) whether they were looked at.
        ties: (T, 2, 26) how their background lies in others, see `mbcli.placing.ties`.
    """

    people: Sightings
    times: FloatArray
    numbers: IntArray
    cut: BoolArray
    looked: BoolArray
    ties: FloatArray


def _stretch(seen: Sequence[Seen], ids: Sequence[IntArray]) -> _Stretch:
    """Pictures in a row, one or more of which were looked at, and the identities in these."""
    looked = [one for one in seen if one.looked]
    return _Stretch(
        Sightings.of([one.poses for one in looked], ids, [one.looks for one in looked]),
        np.array([one.poses.time for one in seen]),
        np.array([one.poses.index for one in seen]),
        np.array([one.cut for one in seen]),
        np.array([one.looked for one in seen]),
        np.array([one.ties for one in seen]),
    )


def _followed(
    reader: VideoReader,
    backend: Pose2D,
    options: InferOptions,
    observer: Observer,
    watch: Stopwatch,
    journal: Journal | None,
) -> _Stretch:
    """What all pictures show."""
    stretches: list[_Stretch] = []
    seen: list[Seen] = []
    ids: list[IntArray] = []
    every = stride(reader.fps, options.looking_rate)
    tracker: Tracker | None = None
    cuts = options.cuts != "off"
    background = background_of(options, reader.info.size)
    pictures = looked_at(reader, backend, watch, journal, background, cuts=cuts, every=every)
    with closing(pictures):
        for number, one in enumerate(pictures):
            if one.looked:
                if len(seen) >= _STRETCH:
                    stretches.append(_stretch(seen, ids))
                    seen, ids = [], []
                with watch.stage("track"):
                    if tracker is None or one.cut:
                        tracker = Tracker(reader.fps / every)
                    ids.append(tracker.update(one.poses))
            seen.append(one)
            observer("pose2d", number + 1, reader.expected_frames)
    people, *rest = zip(*stretches, _stretch(seen, ids), strict=True)
    return _Stretch(Sightings.joined(people), *map(np.concatenate, rest))
