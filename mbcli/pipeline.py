"""The street itself: video -> 2D poses -> tracks -> H36M-17 -> lifting -> metres -> Motion3D.

Frames stream through; only keypoints are kept, so memory does not grow with the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mbcli import __version__
from mbcli.conversion import convert
from mbcli.errors import NobodyFoundError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS
from mbcli.provenance import bundled_weights, lifter_weights, track_rows
from mbcli.refine.metric import DEFAULT_HEIGHT, camera_from, to_metres
from mbcli.report import InferReport, Observer, Stopwatch, unobserved
from mbcli.skeleton import H36M17
from mbcli.track import Tracker, build_keypoints, select_people
from mbcli.types import Keypoints2D, Motion3D
from mbcli.video import VideoReader
from mbcli.weights import resolve

if TYPE_CHECKING:
    from mbcli.lift.checkpoint import CheckpointInfo
    from mbcli.lift.lifter import Lifter


@dataclass(frozen=True)
class Detection:
    """2D keypoint tracks and where they come from.

    Attributes:
        keypoints: tracks in the skeleton of the front end.
        source: what was looked at.
        backend: name of the front end.
        weights: provenance of each of its weights files.
        warnings: what the video had wrong, one line each.
    """

    keypoints: Keypoints2D
    source: str
    backend: str
    weights: tuple[Mapping[str, Any], ...] = ()
    warnings: tuple[str, ...] = ()


def detect(
    reader: VideoReader,
    options: InferOptions,
    observer: Observer = unobserved,
    watch: Stopwatch | None = None,
) -> Detection:
    """From pictures to the 2D keypoint tracks of the people that the options ask for.

    Raises:
        NobodyFoundError: no person in any frame.
        InputError: the pictures cannot be decoded.
        ConfigError: the person asked for is none of those found.
    """
    watch = Stopwatch() if watch is None else watch
    source = str(reader.info.path.resolve())
    poses, ids = [], []
    backend = BACKENDS[options.pose2d](options.pose2d_options)
    tracker = Tracker(reader.fps)
    try:
        for frame in watch.iterate("decode", reader):
            with watch.stage("pose2d"):
                poses.append(backend(frame))
            with watch.stage("track"):
                ids.append(tracker.update(poses[-1]))
            observer("pose2d", len(poses), reader.expected_frames)
    finally:
        backend.close()
    with watch.stage("track"):
        everybody = build_keypoints(
            poses, ids, skeleton=backend.skeleton, fps=reader.fps, size=reader.info.size
        )
    if not len(everybody.track_ids):
        threshold = options.pose2d_options.person_threshold
        raise NobodyFoundError(
            f"nobody was found in the {len(poses)} frames of {source} with --min-score "
            f"{threshold:g}: try --min-score {threshold / 2:g}"
        )
    return Detection(
        keypoints=select_people(everybody, options.person),
        source=source,
        backend=backend.name,
        weights=tuple(bundled_weights(name) for name in backend.weights),
        warnings=tuple(reader.warnings),
    )


class Pipeline:
    """The whole street under one set of options; the lifter is loaded once for many videos.

    Args:
        options: how to infer.
        command: the command line to note in the result, if there was one.
    """

    def __init__(self, options: InferOptions | None = None, *, command: str | None = None) -> None:
        self.options = InferOptions() if options is None else options
        self.command = command

    @cached_property
    def lifter(self) -> tuple[Lifter, CheckpointInfo]:
        """The lifter, and where its weights come from.

        Raises:
            WeightsError: the weights are missing, damaged, unsafe or of another architecture.
            ConfigError: a device or precision that this machine has not.
        """
        # Imported on use: whatever is wrong with a video is told before torch has loaded.
        from mbcli.lift.checkpoint import load_lifter
        from mbcli.lift.lifter import Lifter, LiftOptions

        options = self.options
        model, info = load_lifter(resolve(options.weights))
        lift_options = LiftOptions(
            flip=options.flip,
            device=options.device,
            precision=options.precision,
            compat=options.compat,
        )
        return Lifter(model, lift_options, info.facts), info

    def run(
        self, source: Path | str, observer: Observer = unobserved
    ) -> tuple[Motion3D, InferReport]:
        """From a video, image or folder of images to everybody's 3D motion.

        Raises:
            InputError: the source cannot be read, or nobody is in it.
            WeightsError, ConfigError: see :attr:`lifter` and :class:`InferOptions`.
        """
        watch = Stopwatch()
        options = self.options
        with VideoReader(
            Path(source), start=options.start, end=options.end, every=options.every
        ) as reader:
            # Before the first frame is decoded, so that bad weights cost nobody a long wait.
            _ = self.lifter
            detection = detect(reader, options, observer, watch)
        motion = self.lift(detection, observer, watch)
        frames, people = motion.positions.shape[:2]
        return motion, watch.report(frames=frames, people=people, warnings=detection.warnings)

    def lift(
        self,
        detection: Detection,
        observer: Observer = unobserved,
        watch: Stopwatch | None = None,
    ) -> Motion3D:
        """From 2D keypoint tracks in any known skeleton to 3D motion in metres."""
        watch = Stopwatch() if watch is None else watch
        options = self.options
        lifter, info = self.lifter
        tracks = detection.keypoints
        keypoints = replace(
            tracks, data=convert(tracks.data, tracks.skeleton, H36M17), skeleton=H36M17
        )
        with watch.stage("lift"):
            normalized = lifter.lift(keypoints, lambda done, total: observer("lift", done, total))
        camera = camera_from(keypoints.size, options.focal, options.fov)
        height = DEFAULT_HEIGHT if options.height is None else options.height
        with watch.stage("metric"):
            positions, root = to_metres(normalized, keypoints, height=height, camera=camera)
        absent = np.isnan(root[..., :1])  # (T, P, 1)
        weights = lifter_weights(
            info.path,
            name=options.weights,
            sha256=info.sha256,
            origin=info.origin,
            facts=info.facts,
        )
        return Motion3D(
            positions=positions,
            root=root,
            positions_normalized=normalized,
            confidence=np.where(absent, 0.0, keypoints.data[..., 2]),
            keypoints=keypoints,
            meta={
                "version": __version__,
                "command": self.command,
                "source": detection.source,
                "options": asdict(options),
                "backend": detection.backend,
                "weights": [*detection.weights, weights],
                "assumptions": {
                    "height": {"metres": height, "given": options.height is not None},
                    "focal": {"pixels": camera.focal, "given": camera.given, "fov": camera.fov},
                },
                "tracks": track_rows(keypoints),
                "warnings": list(detection.warnings),
            },
        )


def infer(
    source: Path | str,
    options: InferOptions | None = None,
    observer: Observer = unobserved,
) -> Motion3D:
    """Everybody's 3D motion from a video, an image or a folder of images.

    Args:
        source: the file or folder.
        options: how; all defaults if None.
        observer: is told of the progress.

    Raises:
        MbcliError: see :meth:`Pipeline.run`.
    """
    return Pipeline(options).run(source, observer)[0]
