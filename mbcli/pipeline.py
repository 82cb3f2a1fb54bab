"""The pipeline: video -> 2D poses -> tracks -> the lifter's joints -> metres -> Motion3D.

Frames are streamed and only keypoints are kept, so memory does not grow with the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from mbcli.camera import Camera, CameraMotion
from mbcli.conversion import convert
from mbcli.errors import ConfigError, MbcliError, WeightsError
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.placing.camera_motion import CameraPath, camera_path, unseen_path
from mbcli.placing.lens import lens_of, straightened, turned_lens, walked_lens
from mbcli.placing.metric import DEFAULT_HEIGHT
from mbcli.placing.path_error import path_meta
from mbcli.placing.place import Placer
from mbcli.placing.rays import steady_depth
from mbcli.placing.steady import Steady
from mbcli.pose2d import AUTO
from mbcli.refinement.ground import with_world
from mbcli.refinement.sizes import Sizes, check_people, compared
from mbcli.refinement.walked import with_way
from mbcli.report import InferReport, Observer, Stopwatch, unobserved
from mbcli.skeleton import BODY23, FEET, H36M17, ORIENTED, Skeleton
from mbcli.spans import PerPerson
from mbcli.storage.actions import to_json
from mbcli.storage.journal import Journal
from mbcli.timeline import clock_of, shots_of
from mbcli.tracks.source import Detection, opened
from mbcli.types import Keypoints2D
from mbcli.values import build, changed, kept
from mbcli.video import ahead
from mbcli.weights import TABLE, entry_for, resolve
from mbcli.weights.provenance import Provenance, trained_weights

if TYPE_CHECKING:
    from mbcli.lift.action.checkpoint import ActionInfo
    from mbcli.lift.action.recognition import ActionRecogniser
    from mbcli.lift.body.checkpoint import MeshInfo
    from mbcli.lift.body.recovery import MeshMotion, MeshRecoverer
    from mbcli.lift.header import CheckpointInfo
    from mbcli.lift.lifter import Lifter, LiftOptions


class Pipeline:
    """The whole pipeline with one set of options; networks are loaded once for many videos.

    Args:
        options: options of inference.
        command: the command line to record in the result, if any.
    """

    def __init__(self, options: InferOptions | None = None, *, command: str | None = None) -> None:
        self.options = InferOptions() if options is None else options
        self.command = command

    @cached_property
    def lifter(self) -> tuple[Lifter, CheckpointInfo]:
        """The lifter, and the origin of its weights.

        Raises:
            WeightsError: the weights are missing, damaged, unsafe or of another architecture.
            ConfigError: a device or precision that this machine lacks.
        """
        # Imported on use: defects of a video are reported before torch has loaded.
        from mbcli.lift.lifter import Lifter
        from mbcli.lift.opening import open_lifter

        options = self.options
        path = resolve(options.weights)
        model, info = open_lifter(path)
        # Published files do not record the configuration they were trained with.
        entry = entry_for(options.weights if options.weights in TABLE else path)
        info = replace(info, metadata={**(entry.metadata if entry else {}), **info.metadata})
        return Lifter(model, self._lifting, info.metadata), info

    @cached_property
    def lifter_with_feet(self) -> tuple[Lifter, CheckpointInfo]:
        """The lifter with feet in the same weights, and their origin.

        Raises:
            WeightsError: the weights have no feet.
        """
        from mbcli.lift.checkpoint import load_feet
        from mbcli.lift.lifter import Lifter
        from mbcli.lift.model import DSTformer
        from mbcli.lift.runtime import Network

        body, info = self.lifter
        if not info.has_feet:
            raise WeightsError(
                f"{info.path}: weights with feet are needed for --skeleton {BODY23.name}, got a "
                f"lifter of {body.skeleton.name}"
            )
        assert isinstance(body.network, Network)
        assert isinstance(body.network.model, DSTformer), "feet are loaded apart"
        model, info = load_feet(info.path, body.network.model, info)
        return Lifter(model, self._lifting, info.metadata), info

    @property
    def _lifting(self) -> LiftOptions:
        from mbcli.lift.lifter import LiftOptions

        options = self.options
        return LiftOptions(
            flip=options.flip,
            device=options.device,
            precision=options.precision,
            compat=options.compat,
            root_relative=options.root_relative,
        )

    def _lifter_of(self, seen: Skeleton) -> tuple[Lifter, CheckpointInfo]:
        """The lifter for 2D keypoints of a skeleton."""
        wanted, (lifter, info) = self.options.skeleton, self.lifter
        if wanted in ("auto", lifter.skeleton.name):
            feet = {*FEET} & {*seen.joints} and info.has_feet and self.options.compat is None
            return self.lifter_with_feet if feet and wanted == "auto" else self.lifter
        if wanted == BODY23.name:
            return self.lifter_with_feet
        raise ConfigError(
            f"--skeleton must be {lifter.skeleton.name} with these weights, got {wanted}"
        )

    @cached_property
    def recogniser(self) -> ActionRecogniser | None:
        """The action recogniser; None if not requested.

        Raises:
            WeightsError: the weights are missing, damaged, unsafe or of another kind.
            ConfigError: a device that this machine lacks.
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
        """The mesh recoverer, and the origin of its weights; None if not requested.

        Raises:
            WeightsError: weights or body model are missing, damaged, unsafe or of another kind.
            ConfigError: a package or a device that this machine lacks.
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

    def load(self) -> None:
        """Load the networks for all that follows the 2D stage.

        Raises:
            WeightsError, ConfigError: see :attr:`lifter`, :attr:`recogniser` and :attr:`recoverer`.
        """
        _ = self.lifter, self.recogniser, self.recoverer
        if self.options.skeleton != "auto":
            _ = self._lifter_of(H36M17)

    @contextmanager
    def loading(self) -> Iterator[Callable[[], None]]:
        """Load the networks in a thread, beside the body; they are loaded when it ends.

        Importing torch alone takes longer than the 2D stage of a short clip.

        Yields:
            A function that raises the error of loading, if there has been one.

        Raises:
            WeightsError, ConfigError: see :meth:`load`; also in place of an error of the body.
        """
        with ThreadPoolExecutor(1, "networks") as beside:
            loaded = beside.submit(self.load)

            def check() -> None:
                if loaded.done():
                    loaded.result()

            try:
                yield check
            except MbcliError:
                loaded.result()  # as if the networks had been loaded first
                raise
            loaded.result()

    def bodies(self, motion: Motion3D, observer: Observer = unobserved) -> MeshMotion:
        """The bodies of all people in a motion, placed where the camera sees them.

        Args:
            motion: from :meth:`run` or :meth:`lift`.
            observer: receives progress.

        Raises:
            ValueError: the options name no weights for mesh recovery.
        """
        if self.recoverer is None:
            raise ValueError("InferOptions.mesh must name weights that recover bodies")
        from mbcli.lift.body.recovery import place_by_keypoints

        recoverer, _ = self.recoverer
        found = recoverer.recover(
            in_skeleton(
                straightened(motion.keypoints, motion.camera),
                recoverer.skeleton,
                published=self.options.compat is not None,
            ),
            lambda done, total: observer("mesh", done, total),
        )
        placed = place_by_keypoints(found, motion.camera.straight)
        return found.placed(steady_depth(placed, clock_of(motion.keypoints)))

    def run(
        self,
        source: Path | str,
        observer: Observer = unobserved,
        keypoints: Path | str | None = None,
        work: Journal | None = None,
    ) -> tuple[Motion3D, InferReport]:
        """Infer 3D motion from a video, an image, a folder of images or a keypoint file.

        Args:
            source: the file or folder.
            observer: receives progress.
            keypoints: a keypoint file that belongs to the video ``source``.
            work: from `mbcli.tracks.source.kept_beside`, so that a run that was killed goes on.

        Raises:
            InputError: the source cannot be read, or shows nobody.
            WeightsError, ConfigError: see :attr:`lifter` and :class:`InferOptions`.
        """
        watch = Stopwatch()
        file = None if keypoints is None else Path(keypoints)
        with (
            opened(Path(source), self.options, file, work) as detect,
            self.loading() as check,
        ):

            def observed(stage: str, done: int, total: int | None) -> None:
                check()
                observer(stage, done, total)

            detection = detect(observed, watch)
        del detect  # it holds the keypoint file
        motion = self.lift(detection, observer, watch)
        frames, people = len(motion.timestamps), len(motion.track_ids)
        return motion, watch.report(frames=frames, people=people, warnings=detection.warnings)

    def lift(
        self,
        detection: Detection,
        observer: Observer = unobserved,
        watch: Stopwatch | None = None,
        *,
        orient: bool = True,
    ) -> Motion3D:
        """Lift 2D keypoint tracks in any known skeleton to 3D motion in metres.

        Args:
            detection: the tracks.
            observer: receives progress.
            watch: counts the time of the stages.
            orient: find out how heads and hands are turned.
        """
        # Imported on use: it needs a part of SciPy that takes a while to load.
        from mbcli.placing.orientation import oriented

        watch = Stopwatch() if watch is None else watch
        options = self.options
        lifter, lifting = self._lifter_of(detection.keypoints.skeleton)
        published = options.compat is not None
        keypoints = in_skeleton(detection.keypoints, lifter.skeleton, published=published)
        frames, spans = len(keypoints.timestamps), keypoints.spans
        lens = lens_of(
            keypoints.size,
            frames,
            calibration=options.calibration,
            focal=options.focal,
            fov=options.fov,
            noted=detection.lens,
        )
        # The networks have learnt from cameras without distortion.
        camera, straight = lens.camera, keypoints
        level = straightened(detection.keypoints, camera)
        if level is not detection.keypoints:
            straight = in_skeleton(level, lifter.skeleton, published=published)
        with watch.stage("camera"):
            path = self._camera_path(detection, camera.straight)
            if path.turning and detection.ties is not None:
                numbers = keypoints.frame_index
                lens = turned_lens(
                    lens,
                    detection.ties,
                    numbers,
                    path,
                    lambda camera: self._camera_path(detection, camera.straight),
                )
                if lens.camera is not camera:
                    camera = lens.camera
                    path = self._camera_path(detection, camera.straight)
        lasting = camera.straight
        camera, steady = camera.posed(path.poses, motion=path.motion, zooms=path.zooms), None
        if path.turning:
            shots = shots_of(keypoints)
            steady = Steady.of(path, lasting, keypoints.size, shots, keypoints.fps)
            straight = steady.keypoints(straight)
        given = options.height
        height = float(given) if isinstance(given, int | float) else DEFAULT_HEIGHT
        some = check_people(given, keypoints.track_ids) if isinstance(given, dict) else {}

        def placing(camera: Camera) -> Placer:
            return Placer(
                straight,
                height=height,
                camera=camera,
                along_ray=lifter.along_ray,
                cutoff=options.low_pass if options.compat is None else 0.0,
            )

        place = placing(lasting)
        shape = (spans.rows, len(keypoints.skeleton), 3)
        poses, positions = np.empty(shape, np.float32), np.empty(shape, np.float32)
        root = np.empty((spans.rows, 3), np.float32)
        errors = None if lifter.error_model is None else np.empty(shape[:2], np.float32)
        seen = kept(level, "data")
        orientations = np.zeros((spans.rows, len(ORIENTED), 4), np.float32)

        def turn(column: int) -> None:
            rows = spans.rows_of(column)
            if orient:
                orientations[rows] = oriented(
                    positions[rows] + root[rows][:, None],
                    lifter.skeleton,
                    seen[column],
                    level.skeleton,
                    camera.straight.part(spans.frames_of(column)),
                    keypoints.fps,
                    height,
                )

        groups = lifter.lift_in_groups(straight, lambda done, total: observer("lift", done, total))
        # Some people are placed while the next ones are lifted.
        with closing(ahead(watch.iterate("lift", groups), depth=1)) as lifted_groups:
            for people, lifted in lifted_groups:
                with watch.stage("metric"):
                    for number, column in enumerate(people):
                        rows, alone = spans.rows_of(column), lifted.alone(number)
                        smooth, positions[rows], root[rows] = place(alone.poses[:, 0], column)
                        poses[rows] = alone.poses[:, 0]
                        if errors is not None:
                            errors[rows] = lifter.person_error(
                                replace(alone, poses=smooth[:, None]),
                                straight,
                                column,
                                positions[rows],
                                height,
                            )
                        if steady is not None:
                            there = spans.frames_of(column)
                            positions[rows] = steady.back(positions[rows], there)
                            root[rows] = steady.back(root[rows], there)
                        turn(column)
        stays = path.motion in ("still", "unknown")
        if lens.source == "assumed" and lifter.along_ray and stays and not published:
            assumed, bodies = lens, PerPerson(spans, positions + root[:, None], np.nan)
            lens = walked_lens(
                lens, bodies, keypoints.timestamps, shots_of(keypoints), lifter.skeleton
            )
            if lens.camera is not assumed.camera:
                camera = lens.camera.posed(path.poses, motion=path.motion)
                place = placing(lens.camera.straight)
                for column in range(len(spans)):
                    rows = spans.rows_of(column)
                    _, positions[rows], root[rows] = place(poses[rows], column)
                    turn(column)
        sizes = Sizes.all(len(spans), height)
        if not isinstance(given, int | float) and not published:
            sizes = compared(
                PerPerson(spans, positions + root[:, None], np.nan),
                keypoints,
                camera,
                usual=height,
                given=some,
                distance=options.known_distance,
            )
            factor = np.repeat(sizes.metres / height, np.diff(spans.offsets)).astype(np.float32)
            positions, root = positions * factor[:, None, None], root * factor[:, None]
            errors = None if errors is None else errors * factor[:, None]
        absent = np.isnan(root[:, :1])  # (N, 1)
        meta = detection.meta(options, self.command)
        meta["weights"].append(_trained("lift", options.weights, lifting))
        if self.recogniser is not None:
            with watch.stage("action"):
                labelled = self.recogniser.recognise(
                    in_skeleton(keypoints, self.recogniser.skeleton, published=published),
                    lambda done, total: observer("action", done, total),
                )
            meta["actions"] = to_json(labelled)
            info = self.recogniser.network.info
            meta["weights"].append(_trained("action", str(options.action), info))
        if self.recoverer is not None:
            _, body = self.recoverer
            meta["weights"].append(_trained("mesh", str(options.mesh), body))
            meta["mesh"] = {"body_model": body.body, "file": options.body_model}
        motion = build(
            Motion3D,
            positions=PerPerson(spans, positions, np.nan),
            root=PerPerson(spans, root, np.nan),
            positions_normalized=PerPerson(spans, poses, np.nan),
            confidence=PerPerson(
                spans, np.where(absent, np.float32(0), kept(keypoints, "data").rows[..., 2]), 0.0
            ),
            keypoints=keypoints,
            camera=camera,
            skeleton=keypoints.skeleton,
            meta={
                **meta,
                "camera": path.report,
                "assumptions": {
                    "height": sizes.meta(keypoints.track_ids.tolist()),
                    "focal": lens.meta(keypoints.size),
                },
            },
            expected_error=None if errors is None else PerPerson(spans, errors, np.nan),
            orientations=(
                PerPerson(spans, orientations, (np.nan, np.nan, np.nan, 0))
                if orientations[..., 3].any()
                else None
            ),
        )
        with watch.stage("world"):
            motion = with_way(motion)
            paths = path_meta(motion, sizes.doubt, lens.doubt)
            return with_world(changed(motion, meta={**motion.meta, "path": paths}))

    def _camera_path(self, detection: Detection, camera: Camera) -> CameraPath:
        """What the camera does, as the options or the background say."""
        options, keypoints = self.options, detection.keypoints
        asked = None if options.camera_motion == AUTO else cast(CameraMotion, options.camera_motion)
        if detection.ties is None:
            why = "unknown: the background was not followed, so it is taken to stand still"
            if asked == "moving":
                why = "moves through space, as --camera-motion says, on an unknown way"
            elif asked is not None:
                why = "stands still, as --camera-motion says"
            frames = len(keypoints.timestamps)
            return unseen_path(frames, asked or "unknown", why, given=asked is not None)
        return camera_path(
            detection.ties,
            keypoints.frame_index,
            keypoints.timestamps,
            shots_of(keypoints),
            camera,
            keypoints.size,
            asked,
        )


def _trained(stage: str, name: str, info: CheckpointInfo | ActionInfo | MeshInfo) -> Provenance:
    """The origin of a network's weights."""
    return trained_weights(
        stage, info.path, name=name, sha256=info.sha256, origin=info.origin, metadata=info.metadata
    )


def in_skeleton(keypoints: Keypoints2D, skeleton: Skeleton, *, published: bool) -> Keypoints2D:
    """Convert tracks to another skeleton; joints that cannot be derived are missing.

    Args:
        keypoints: tracks in any skeleton.
        skeleton: the wanted skeleton.
        published: as MotionBERT does, average the confidences of derived joints, and treat a
            missing keypoint as one at (0, 0), which pulls joints derived from it there.
    """
    values = kept(keypoints, "data")
    rows = values.rows
    if published:
        rows = np.where(keypoints.there.rows[:, None, None], np.nan_to_num(rows), rows)
    rows = convert(
        rows,
        keypoints.skeleton,
        skeleton,
        confidence="published" if published else "minimum",
        partial=True,
    )
    rows[(rows == 0).all(axis=-1)] = np.nan, np.nan, 0
    return changed(keypoints, data=values.filled_with(rows), skeleton=skeleton)


def infer(
    source: Path | str,
    options: InferOptions | None = None,
    observer: Observer = unobserved,
    keypoints: Path | str | None = None,
) -> Motion3D:
    """Infer everybody's 3D motion from a video, an image, a folder of images or a keypoint file.

    Args:
        source: the file or folder.
        options: options of inference; None means all defaults.
        observer: receives progress.
        keypoints: a keypoint file that belongs to the video ``source``.

    Raises:
        MbcliError: see :meth:`Pipeline.run`.
    """
    return Pipeline(options).run(source, observer, keypoints)[0]
