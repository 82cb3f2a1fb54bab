"""What a live run has seen, as a motion: lifted once more, with the frames after each pose too."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.live.feed import Feed
from mbcli.live.options import LiveOptions
from mbcli.motion import Motion3D
from mbcli.pipeline import Pipeline
from mbcli.pose2d import Pose2D
from mbcli.pose2d.choose import Choice
from mbcli.timeline import usual_rate
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.gather import Sightings
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.looks import looks_of
from mbcli.types import FloatArray, Frame, FramePoses, IntArray
from mbcli.values import changed
from mbcli.weights.provenance import pose2d_weights


class LiveRecording:
    """Keeps the keypoints of every frame that was looked at, with the times of the frames."""

    def __init__(self, backend: Pose2D, choice: Choice, feed: Feed, options: LiveOptions) -> None:
        self._backend, self._choice, self._feed = backend, choice, feed
        self._options = options
        self._poses: list[FramePoses] = []
        self._ids: list[IntArray] = []
        self._looks: list[FloatArray] = []

    def add(self, frame: Frame, poses: FramePoses, ids: IntArray) -> None:
        """Keep what a frame shows."""
        self._poses.append(poses)
        self._ids.append(ids)
        self._looks.append(looks_of(frame.image, poses, self._backend.skeleton))

    def motion(self, pipeline: Pipeline, about: dict[str, Any]) -> Motion3D:
        """The motion of everybody, as `mbcli infer` makes it from the same frames.

        Args:
            pipeline: with the lifter.
            about: what became of the frames, for the metadata.

        Raises:
            NobodyFoundError: no person in any frame.
            ConfigError: the person who was asked for was not there.
        """
        backend, feed, poses = self._backend, self._feed, self._poses
        times = np.array([one.time for one in poses])
        nobody = f"nobody was found in the {len(poses)} frames of {feed.name}"
        if not poses:
            raise NobodyFoundError(nobody)
        everybody = build_keypoints(
            Sightings.of(poses, self._ids, self._looks),
            skeleton=backend.skeleton,
            fps=usual_rate(times, feed.fps),
            size=feed.size,
        )
        if not len(everybody.track_ids):
            raise NobodyFoundError(nobody)
        keypoints, mended = chosen_and_mended(everybody, self._options)
        choice = self._choice
        motion = pipeline.lift(
            Detection(
                keypoints=keypoints,
                source=feed.name,
                backend=backend.name,
                pose2d={"reason": choice.reason, "hint": choice.hint, **backend.metadata},
                weights=tuple(pose2d_weights(name) for name in backend.weights),
                mended=mended,
            )
        )
        return changed(motion, meta={**motion.meta, "live": about})
