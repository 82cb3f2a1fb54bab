"""2D keypoint tracks from pictures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS
from mbcli.pose2d.choose import choose
from mbcli.report import Observer, Stopwatch, unobserved
from mbcli.tracks.cuts import with_cuts
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.looks import looks_of
from mbcli.tracks.tracker import Tracker
from mbcli.types import FloatArray, FramePoses, IntArray, Keypoints2D
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
) -> Detection:
    """Detect 2D keypoint tracks of the selected people in pictures.

    Raises:
        NobodyFoundError: no person in any frame.
        InputError: the pictures cannot be decoded.
        WeightsError: weights of the front end are missing or damaged.
        ConfigError: an option is not supported by the front end, or the selected person was not
            found.
    """
    watch = Stopwatch() if watch is None else watch
    source = str(reader.info.path.resolve())
    poses: list[FramePoses] = []
    ids: list[IntArray] = []
    cuts: list[int] = []
    looks: list[FloatArray] = []
    choice = choose(options.pose2d, options)
    backend = BACKENDS[choice.backend](choice.options)
    tracker = Tracker(reader.fps)
    frames = reader if options.cuts == "off" else with_cuts(reader)
    try:
        for frame in watch.iterate("decode", frames):
            if frame.cut:
                tracker = Tracker(reader.fps)
                cuts.append(len(poses))
            with watch.stage("pose2d"):
                poses.append(backend(frame))
            with watch.stage("track"):
                ids.append(tracker.update(poses[-1]))
                looks.append(looks_of(frame.image, poses[-1], backend.skeleton))
            observer("pose2d", len(poses), reader.expected_frames)
    finally:
        backend.close()
    with watch.stage("track"):
        everybody = build_keypoints(
            poses,
            ids,
            skeleton=backend.skeleton,
            fps=reader.fps,
            size=reader.info.size,
            cuts=cuts,
            looks=looks,
        )
    everybody, damaged = discounted(everybody, reader.damaged)
    if not len(everybody.track_ids):
        threshold = backend.metadata["person_threshold"]
        raise NobodyFoundError(
            f"nobody was found in the {len(poses)} frames of {source} by {backend.name} with "
            f"--min-score {threshold:g}: try --min-score {threshold / 2:g}"
        )
    with watch.stage("mend"):
        keypoints, mended = chosen_and_mended(everybody, options)
    return Detection(
        keypoints=keypoints,
        source=source,
        backend=backend.name,
        pose2d={"reason": choice.reason, "hint": choice.hint, **backend.metadata},
        weights=tuple(pose2d_weights(name) for name in backend.weights),
        mended=mended,
        warnings=tuple(reader.warnings),
        damaged=damaged,
    )


def discounted(
    keypoints: Keypoints2D, damaged: Collection[int]
) -> tuple[Keypoints2D, tuple[int, ...]]:
    """Lower the confidence in damaged frames; also returns which of the frames those are.

    Args:
        keypoints: tracks.
        damaged: frame numbers in the source.
    """
    rows = np.isin(keypoints.frame_index, list(damaged))
    if not rows.any():
        return keypoints, ()
    data = keypoints.data.copy()
    data[rows, ..., 2] *= _DAMAGED
    return replace(keypoints, data=data), tuple(keypoints.frame_index[rows].tolist())
