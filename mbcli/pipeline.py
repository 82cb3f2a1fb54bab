"""The street itself: video -> 2D poses -> tracks -> the lifter's joints -> metres -> Motion3D.

Frames stream through; only keypoints are kept, so memory does not grow with the pictures.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mbcli.camera import DEFAULT_FOV, Camera, camera_from
from mbcli.conversion import convert
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.placing.metric import DEFAULT_HEIGHT
from mbcli.placing.place import place
from mbcli.placing.rays import steady_depth
from mbcli.report import InferReport, Observer, Stopwatch, unobserved
from mbcli.skeleton import Skeleton
from mbcli.storage.actions import to_json
from mbcli.timeline import clock_of
from mbcli.tracks.source import Detection, opened
from mbcli.types import Keypoints2D
from mbcli.weights import TABLE, entry_for, resolve
from mbcli.weights.provenance import Facts, trained_weights

if TYPE_CHECKING:
    from mbcli.lift.action.checkpoint import ActionInfo
    from mbcli.lift.action.recognition import ActionRecogniser
    from mbcli.lift.body.checkpoint import MeshInfo
    from mbcli.lift.body.recovery import MeshMotion, MeshRecoverer
    from mbcli.lift.checkpoint import CheckpointInfo
    from mbcli.lift.lifter import Lifter


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
        path = resolve(options.weights)
        model, info = load_lifter(path)
        # Published files do not say by which configuration they were trained.
        entry = entry_for(options.weights if options.weights in TABLE else path)
        info = replace(info, metadata={**(entry.facts if entry else {}), **info.metadata})
        lift_options = LiftOptions(
            flip=options.flip,
            device=options.device,
            precision=options.precision,
            compat=options.compat,
            root_relative=options.root_relative,
        )
        return Lifter(model, lift_options, info.metadata), info

    @cached_property
    def recogniser(self) -> ActionRecogniser | None:
        """What names actions; None if nothing is to.

        Raises:
            WeightsError: the weights are missing, damaged, unsafe or of another kind.
            ConfigError: a device that this machine has not.
        """
        if self.options.action is None:
            return None
        from mbcli.data.datasets.ntu import ACTIONS
        from mbcli.lift.action.recognition import ActionOptions, ActionRecogniser

        return ActionRecogniser.load(
            resolve(self.options.action),
            ActionOptions(device=self.options.device),
            foreign_classes=ACTIONS,
        )

    @cached_property
    def recoverer(self) -> tuple[MeshRecoverer, MeshInfo] | None:
        """What recovers bodies, and where its weights come from; None if it is not to.

        Raises:
            WeightsError: weights or body model are missing, damaged, unsafe or of another kind.
            ConfigError: a package or a device that this machine has not.
        """
        options = self.options
        if options.mesh is None:
            return None
        from mbcli.lift.body.checkpoint import load_mesh
        from mbcli.lift.body.choice import load_body_model
        from mbcli.lift.body.recovery import MeshOptions, MeshRecoverer

        model, info = load_mesh(resolve(options.mesh))
        given = None if options.body_model is None else Path(options.body_model)
        body = load_body_model(info.body, given)
        mesh_options = MeshOptions(flip=options.flip, device=options.device)
        return MeshRecoverer(model, body, mesh_options, info.metadata), info

    def bodies(self, motion: Motion3D, observer: Observer = unobserved) -> MeshMotion:
        """The body of everybody in a motion, placed where the camera sees them.

        Args:
            motion: of :meth:`run` or :meth:`lift`.
            observer: is told of the progress.

        Raises:
            ValueError: the options name no weights for it.
        """
        if self.recoverer is None:
            raise ValueError("InferOptions.mesh must name weights that recover bodies")
        from mbcli.lift.body.recovery import place_by_keypoints

        recoverer, _ = self.recoverer
        found = recoverer.recover(
            in_skeleton(
                motion.keypoints, recoverer.skeleton, published=self.options.compat is not None
            ),
            lambda done, total: observer("mesh", done, total),
        )
        placed = place_by_keypoints(found, motion.camera)
        return found.placed(steady_depth(placed, clock_of(motion.keypoints)))

    def run(
        self,
        source: Path | str,
        observer: Observer = unobserved,
        keypoints: Path | str | None = None,
    ) -> tuple[Motion3D, InferReport]:
        """From a video, an image, a folder of images or a keypoint file to 3D motion.

        Args:
            source: the file or folder.
            observer: is told of the progress.
            keypoints: a keypoint file that belongs to the video ``source``.

        Raises:
            InputError: a source that cannot be read, or nobody in it.
            WeightsError, ConfigError: see :attr:`lifter` and :class:`InferOptions`.
        """
        watch = Stopwatch()
        with opened(
            Path(source), self.options, None if keypoints is None else Path(keypoints)
        ) as detect:
            # Before the first frame is decoded, so that bad weights cost nobody a long wait.
            _ = self.lifter, self.recogniser, self.recoverer
            detection = detect(observer, watch)
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
        lifter, lifting = self.lifter
        published = options.compat is not None
        keypoints = in_skeleton(detection.keypoints, lifter.skeleton, published=published)
        with watch.stage("lift"):
            lifted = lifter.lift_with_disagreement(
                keypoints, lambda done, total: observer("lift", done, total)
            )
        frames = len(keypoints.timestamps)
        camera = camera_from(keypoints.size, options.focal, options.fov, frames)
        height = DEFAULT_HEIGHT if options.height is None else options.height
        with watch.stage("metric"):
            steady, positions, root = place(
                lifted.poses,
                keypoints,
                height=height,
                camera=camera,
                along_ray=lifter.along_ray,
                cutoff=options.low_pass if options.compat is None else 0.0,
            )
            errors = lifter.expected_error(
                replace(lifted, poses=steady), keypoints, positions, height
            )
        absent = np.isnan(root[..., :1])  # (T, P, 1)
        meta = detection.meta(options, self.command)
        meta["weights"].append(_trained("lift", options.weights, lifting))
        if self.recogniser is not None:
            with watch.stage("action"):
                spans = self.recogniser.recognise(
                    in_skeleton(keypoints, self.recogniser.skeleton, published=published),
                    lambda done, total: observer("action", done, total),
                )
            meta["actions"] = to_json(spans)
            info = self.recogniser.network.info
            meta["weights"].append(_trained("action", str(options.action), info))
        if self.recoverer is not None:
            _, body = self.recoverer
            meta["weights"].append(_trained("mesh", str(options.mesh), body))
            meta["mesh"] = {"body_model": body.body, "file": options.body_model}
        return Motion3D(
            positions=positions,
            root=root,
            positions_normalized=lifted.poses,
            confidence=np.where(absent, 0.0, keypoints.data[..., 2]),
            keypoints=keypoints,
            camera=camera,
            skeleton=keypoints.skeleton,
            meta={
                **meta,
                "assumptions": {
                    "height": {"metres": height, "given": options.height is not None},
                    "focal": _assumed_focal(camera, options),
                },
            },
            expected_error=errors,
        )


def _assumed_focal(camera: Camera, options: InferOptions) -> dict[str, Any]:
    """What metadata says of the focal length, for people to read."""
    fov = DEFAULT_FOV if options.fov is None and options.focal is None else options.fov
    return {"pixels": float(camera.focal[0]), "given": camera.focal_given, "fov": fov}


def _trained(stage: str, name: str, info: CheckpointInfo | ActionInfo | MeshInfo) -> Facts:
    """Where the weights of a network come from."""
    return trained_weights(
        stage, info.path, name=name, sha256=info.sha256, origin=info.origin, facts=info.metadata
    )


def in_skeleton(keypoints: Keypoints2D, skeleton: Skeleton, *, published: bool) -> Keypoints2D:
    """Tracks in the joints of a skeleton; those that cannot be derived are missing.

    Args:
        keypoints: tracks in any skeleton.
        skeleton: the joints that are wanted.
        published: as MotionBERT does, average the confidences of derived joints, and take a
            missing keypoint for one at (0, 0), which draws what is derived from it there.
    """
    data = keypoints.data
    if published:
        present = keypoints.present[..., None, None]
        data = np.where(present, np.nan_to_num(data), data)
    data = convert(
        data,
        keypoints.skeleton,
        skeleton,
        confidence="published" if published else "minimum",
        partial=True,
    )
    data[(data == 0).all(axis=-1)] = np.nan, np.nan, 0
    return replace(keypoints, data=data, skeleton=skeleton)


def infer(
    source: Path | str,
    options: InferOptions | None = None,
    observer: Observer = unobserved,
    keypoints: Path | str | None = None,
) -> Motion3D:
    """Everybody's 3D motion from a video, an image, a folder of images or a keypoint file.

    Args:
        source: the file or folder.
        options: how; all defaults if None.
        observer: is told of the progress.
        keypoints: a keypoint file that belongs to the video ``source``.

    Raises:
        MbcliError: see :meth:`Pipeline.run`.
    """
    return Pipeline(options).run(source, observer, keypoints)[0]
