"""From 2D keypoint tracks to 3D poses in image units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import fit_window, network_input
from mbcli.lift.compat import lift_as_published
from mbcli.lift.error_features import Lifted
from mbcli.lift.expected_error import ErrorModel, expected_error, person_error
from mbcli.lift.exported import ExportedLifter, ExportedNetwork
from mbcli.lift.network import MirroredNetwork
from mbcli.lift.upright import turned, turns_of
from mbcli.lift.windows import Cutting, cut_tracks, fade, held
from mbcli.skeleton import H36M17, SKELETONS, Skeleton, check_body
from mbcli.spans import PerPerson
from mbcli.types import FloatArray, IntArray, Keypoints2D
from mbcli.values import build, groups, kept

if TYPE_CHECKING:
    from mbcli.lift.feet import WithFeet
    from mbcli.lift.model import DSTformer

MAX_WINDOW = 243  # frames per window, as in the paper
COMPAT_MODES = ("motionbert",)

_ROWS = 32_768  # of people lifted together: some 50 MB of float64 until they are cross-faded
_BATCH_CPU, _BATCH_GPU = 4, 32  # windows; that of a GPU is a guess, none was measured
# P-MPJPE of `benchmarks.accuracy` if half of a window overlaps, and two thirds: 36.7, 36.6 mm with
# noise, 43.7 and 43.5 with hidden limbs. Three quarters gain 0.03 more (every fourth piece).
_OVERLAP = 2 / 3
_SHORTEST = 9  # frames per window, however long they last: as in training

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LiftOptions:
    """Options of the lifter.

    Attributes:
        flip: average with the prediction for the mirror image.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, ``bfloat16`` or ``float16``.
        window: frames per window; None means the model's longest, at most 243, and no longer than
            the ``span`` of the weights.
        overlap: smallest share of a window that the next one also covers, 0.5 to less than 1.
        batch_size: windows per batch (twice as many clips with ``flip``); None means 4 on a CPU
            and 32 on a GPU, and fewer where that is more than its memory holds.
        compat: None, or ``motionbert`` for the published inference, defects included.
        root_relative: in ``compat``, whether the model predicts root-relative poses; None means
            what the weights' metadata say, false by default.
    """

    flip: bool = True
    device: str = "auto"
    precision: str = "float32"
    window: int | None = None
    overlap: float = _OVERLAP
    batch_size: int | None = None
    compat: str | None = None
    root_relative: bool | None = None

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise ConfigError(f"the window must be at least 1 frame, got {self.window}")
        if not 0.5 <= self.overlap < 1:
            raise ConfigError(f"the overlap must be 0.5 or more, below 1, got {self.overlap}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigError(f"the batch size must be at least 1, got {self.batch_size}")
        if self.compat is not None and self.compat not in COMPAT_MODES:
            raise ConfigError(f"--compat must be {', '.join(COMPAT_MODES)}, got {self.compat!r}")


def skeleton_of(metadata: Mapping[str, Any]) -> Skeleton:
    """The skeleton of a lifter's input and output; Human3.6M's if the metadata name none.

    Raises:
        WeightsError: an unknown skeleton, or one without Human3.6M's joints.
    """
    name = metadata.get("skeleton", H36M17.name)
    if not isinstance(name, str) or name not in SKELETONS:
        raise WeightsError(
            f"the weights must be for one of {', '.join(SKELETONS)}, got {name!r:.60}"
        )
    try:
        return check_body(SKELETONS[name])
    except ValueError as error:
        raise WeightsError(f"the weights are not for a body: {error}") from error


class Lifter:
    """A lifting model, applied to tracks window by window.

    Args:
        model: a DSTformer, or one with feet; it is moved to the device. Or one that was exported.
        options: options of the lifter.
        metadata: metadata of the weights. The keys used are ``skeleton``, the name of the model's
            skeleton (H36M-17 by default); ``fps``, the [lowest, highest] frame rate of the
            training; ``span``, the longest time in seconds that a window should cover;
            ``window``, ``image`` if the network's input is normalised by the whole picture, not
            by the ``crop`` around the keypoints; ``root``, ``relative`` if predictions are
            relative to the pelvis in the picture too; ``axes``, ``ray`` if predictions are in the
            axes of a camera that looks at the pelvis; ``expected_error``, the calibration of the
            errors; and for ``compat`` ``root_relative``.

    Attributes:
        skeleton: the skeleton of the model's input and output.
        batch_size: windows per batch.
        error_model: estimates the expected error; None if the weights have no calibration, and
            without flip averaging and in ``compat``, to which it does not apply.

    Raises:
        ConfigError: an option that this machine or model does not support.
        WeightsError: the model's dimensions are not its skeleton's joints with 3 numbers each, or
            its skeleton or calibration is not valid.
    """

    def __init__(
        self,
        model: DSTformer | WithFeet | ExportedLifter,
        options: LiftOptions | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        options = LiftOptions() if options is None else options
        self.metadata = dict(metadata or {})
        self.skeleton = skeleton_of(self.metadata)
        dimensions = (model.config.num_joints, model.config.dim_in, model.config.dim_out)
        if dimensions != (len(self.skeleton), 3, 3):
            raise WeightsError(
                f"a lifter of {self.skeleton.name} must have {len(self.skeleton)} joints with 3 "
                f"numbers in and out, got {dimensions[0]} with {dimensions[1]} and {dimensions[2]}"
            )
        if options.compat is not None and self.skeleton != H36M17:
            raise ConfigError(
                f"--compat {options.compat} must have weights of {H36M17.name}, got weights of "
                f"{self.skeleton.name}"
            )
        longest = min(MAX_WINDOW, model.config.maxlen)
        if options.window is not None and options.window > longest:
            raise ConfigError(
                f"the window must be at most {longest} frames with these weights, "
                f"got {options.window}"
            )
        self.options = options
        self.window = options.window or longest
        self.span = math.inf if options.window else float(self.metadata.get("span", math.inf))
        self.whole_picture = self.metadata.get("window") == "image"
        self.root_relative = self.metadata.get("root") == "relative"
        self.along_ray = self.metadata.get("axes") == "ray"
        calibrated = options.flip and options.compat is None
        self.error_model = (
            ErrorModel.from_metadata(self.metadata, self.skeleton) if calibrated else None
        )
        self.network = _running(model, options, self.skeleton)
        self.batch_size = options.batch_size or (_BATCH_CPU if self.network.on_cpu else _BATCH_GPU)
        self._pelvis = self.skeleton.index("pelvis")
        # Joints by which a window is framed: feet are lifted in the frame of their body.
        self._framed = _framed(model, self.skeleton)

    def lift(self, keypoints: Keypoints2D, progress: Progress | None = None) -> FloatArray:
        """Lift every person of a clip.

        A track is split wherever its person is absent for more than a second or half a window.
        Windows overlap. Each is normalised by its own confident keypoints, or by the picture if
        the weights were trained that way, and the results are converted back to pixels before
        they are cross-faded.

        The result is in image units: (x, y) in pixels minus the centre of the picture, divided by
        half its shorter side, so that a pose lies on the person; z in the same unit, away from
        the camera, 0 at the pelvis of each frame. With ``compat`` units and root are as published;
        see ``compat.lift_as_published``.

        A clip with a higher frame rate than the weights were trained on is lifted as several
        interleaved clips of a lower rate. People who appear sideways or upside down because the
        camera is rolled are lifted upright; see `mbcli.lift.upright`.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: receives (windows done, windows in all).

        Returns:
            (T, P, J, 3) float32 image units, NaN where the person is absent.

        Raises:
            ValueError: keypoints of another skeleton.
        """
        return self._lift(keypoints, progress, measure=False).poses

    def lift_with_disagreement(
        self, keypoints: Keypoints2D, progress: Progress | None = None
    ) -> Lifted:
        """Lift every person of a clip and measure the disagreement; see :meth:`lift`.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: receives (windows done, windows in all).

        Raises:
            ValueError: keypoints of another skeleton.
        """
        return self._lift(keypoints, progress, measure=self.options.flip)

    def _lift(self, keypoints: Keypoints2D, progress: Progress | None, *, measure: bool) -> Lifted:
        self._check(keypoints)
        parts = list(self._in_groups(keypoints, progress, measure=measure))
        names = ("poses", "disagreement") if measure and self.options.compat is None else ("poses",)
        rows = {
            name: np.concatenate([kept(part, name).rows for _, part in parts]) for name in names
        }
        values = {name: PerPerson(keypoints.spans, part, np.nan) for name, part in rows.items()}
        apart = values.get("disagreement")
        return build(Lifted, poses=values["poses"], disagreement=apart)

    def lift_in_groups(
        self, keypoints: Keypoints2D, progress: Progress | None = None
    ) -> Iterator[tuple[range, Lifted]]:
        """Lift people with their disagreement, some at a time, so that memory stays bounded.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: receives (windows done, windows in all).

        Yields:
            Consecutive columns of ``keypoints``, and what was lifted of these people.

        Raises:
            ValueError: keypoints of another skeleton.
        """
        self._check(keypoints)
        yield from self._in_groups(keypoints, progress, measure=self.options.flip)

    def _check(self, keypoints: Keypoints2D) -> None:
        if keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"this lifter takes {self.skeleton.name} keypoints, got {keypoints.skeleton.name}"
            )

    def _in_groups(
        self, keypoints: Keypoints2D, progress: Progress | None, *, measure: bool
    ) -> Iterator[tuple[range, Lifted]]:
        spans = keypoints.spans
        if self.options.compat is not None:
            poses = self._lift_compat(keypoints, progress)
            yield range(len(spans)), build(Lifted, poses=poses, disagreement=None)
            return
        turns = PerPerson(spans, turns_of(keypoints), 0.0)
        each, whole = [*groups(spans, _ROWS)] or [range(0)], slice(0, spans.frames)
        some = [keypoints.part(whole, group) for group in each]
        jobs = [cut_tracks(part, self._cutting, self.options.overlap) for part in some]
        count, done = sum(len(w) for job in jobs for w in job.values()), 0

        def said(windows: int) -> None:
            nonlocal done
            done += windows
            if progress is not None:
                progress(done, count)

        for group, part, job in zip(each, some, jobs, strict=True):
            yield group, self._lift_some(part, turns.select(group), job, said, measure=measure)

    def _lift_some(
        self,
        keypoints: Keypoints2D,
        turns: PerPerson,
        jobs: Mapping[int, Sequence[tuple[int, IntArray]]],
        said: Callable[[int], None],
        *,
        measure: bool,
    ) -> Lifted:
        """Lift windows of tracks, and cross-fade them.

        The sums are made where the result will be, so that nothing else grows with a track.
        """
        points = kept(keypoints, "data")
        spans = points.spans
        total = np.zeros((spans.rows, len(self.skeleton), 3), np.float32)
        apart = np.zeros_like(total) if measure else None
        weight = np.zeros((spans.rows, 1, 1), np.float32)
        for length, windows in jobs.items():
            weights = fade(length)[:, None, None]
            for start in range(0, len(windows), self.batch_size):
                batch = [
                    (who, np.where(frames >= 0, frames - spans.first[who], -1))
                    for who, frames in windows[start : start + self.batch_size]
                ]
                predictions = self._windows(
                    [held(points[who], frames) for who, frames in batch],
                    keypoints.size,
                    measure,
                    [float(turns[who][frames.max()]) for who, frames in batch],
                )
                for (who, frames), (pose, disagreement) in zip(batch, predictions, strict=True):
                    there = frames >= 0
                    rows, share = spans.offsets[who] + frames[there], weights[there]
                    total[rows] += share * _image_units(pose[there], keypoints.size)
                    weight[rows] += share
                    if apart is not None and disagreement is not None:
                        apart[rows] += share * disagreement[there] / (min(keypoints.size) / 2)
                said(len(batch))
        absent = ~keypoints.there.rows
        weight[absent] = 1.0
        for summed in (total, apart):
            if summed is not None:
                summed /= weight
                summed[absent] = np.nan
        return build(
            Lifted,
            poses=PerPerson(spans, total, np.nan),
            disagreement=None if apart is None else PerPerson(spans, apart, np.nan),
        )

    def expected_error(
        self, lifted: Lifted, keypoints: Keypoints2D, positions: FloatArray, height: float
    ) -> FloatArray | None:
        """Expected error of each joint; None without ``error_model``.

        Args:
            lifted: the output for ``keypoints``.
            keypoints: the keypoints that were lifted.
            positions: (T, P, J, 3) metres, the output once placed.
            height: height of everybody in metres.

        Returns:
            (T, P, J) float32 metres, NaN where the person is absent.
        """
        return expected_error(self.error_model, lifted, keypoints, positions, height)

    def person_error(
        self,
        lifted: Lifted,
        keypoints: Keypoints2D,
        column: int,
        positions: FloatArray,
        height: float,
    ) -> FloatArray | None:
        """Expected error of one person; see :func:`mbcli.lift.expected_error.person_error`."""
        return person_error(self.error_model, lifted, keypoints, column, positions, height)

    def _cutting(self, fps: float) -> Cutting:
        stride = self._stride(fps)
        # Rounded first: a rate that was computed from time stamps is 30.000000000000004.
        frames = round(self.span * fps / stride, 6)
        window = round(min(self.window, max(_SHORTEST, frames)))
        return Cutting(window, max_gap=min(round(fps / stride), window // 2), stride=stride)

    def _stride(self, fps: float) -> int:
        known = self.metadata.get("fps")
        return 1 if known is None else max(1, round(fps / float(np.max(known))))

    def lift_windows(self, windows: list[FloatArray], size: tuple[int, int]) -> list[FloatArray]:
        """Lift sections of tracks independently in one batch.

        Args:
            windows: (t, J, 3) pixels and confidence, all of equal length, at most ``window``.
            size: (width, height) of the pictures in pixels.

        Returns:
            For each window (t, J, 3): x, y in pixels; z in pixels, 0 at the pelvis of each frame.
        """
        return [pose for pose, _ in self._windows(windows, size, False)]

    def _windows(
        self,
        windows: list[FloatArray],
        size: tuple[int, int],
        measure: bool,
        turns: Sequence[float] = (),
    ) -> list[tuple[FloatArray, FloatArray | None]]:
        """Lift windows, with their disagreement in pixels if ``measure``; see ``Lifted``.

        Each window is rotated clockwise by ``turns`` (radians) about the centre of the picture
        before it enters the network, and the prediction is rotated back.
        """
        middle = np.array([*size, 0.0]) / 2
        turns = turns or [0.0] * len(windows)
        windows = [
            turned(window - middle, turn) + middle if turn else window
            for window, turn in zip(windows, turns, strict=True)
        ]
        frames = [self._frame(window, size) for window in windows]
        clips = [network_input(w, *frame) for w, frame in zip(windows, frames, strict=True)]
        predictions: list[tuple[FloatArray, FloatArray | None]] = []
        batch = np.stack(clips)
        outs, apart = (
            self.network.with_disagreement(batch) if measure else (self.network(batch), None)
        )
        for number, (out, seen, (center, scale)) in enumerate(
            zip(outs, clips, frames, strict=True)
        ):
            pose = _placed(out, seen, self._pelvis) if self.root_relative else out
            # A model of global depth measures it from another origin in every window.
            depth = pose[..., 2] - pose[:, [self._pelvis], 2]
            xy = pose[..., :2] * scale + center
            disagreement = None
            if apart is not None:
                disagreement = np.abs(apart[number] - apart[number][:, [self._pelvis]]) * scale
            pose = np.concatenate([xy, depth[..., None] * scale], axis=-1)
            if turns[number]:
                pose = turned(pose - middle, -turns[number]) + middle
            predictions.append((pose, disagreement))
        return predictions

    def _frame(self, window: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, float]:
        """Centre and half side of the square by which a window is normalised."""
        if self.whole_picture:
            return np.array(size) / 2, size[0] / 2
        body = window[:, : self._framed]
        return fit_window(body[..., :2], body[..., 2])

    def _lift_compat(self, keypoints: Keypoints2D, progress: Progress | None) -> PerPerson:
        root_relative = self.options.root_relative
        if root_relative is None:
            root_relative = bool(self.metadata.get("root_relative", False))
        points, there = kept(keypoints, "data"), keypoints.there
        result = np.full(points.rows.shape, np.nan, dtype=np.float32)
        people = len(points.spans)
        for who in range(people):
            seen = there[who]
            if seen.any():
                result[points.spans.rows_of(who)][seen] = lift_as_published(
                    points[who][seen],
                    self.network,
                    window=self.window,
                    root_relative=root_relative,
                )
            if progress is not None:
                progress(who + 1, people)
        return PerPerson(points.spans, result, np.nan)


def _framed(model: DSTformer | WithFeet | ExportedLifter, skeleton: Skeleton) -> int:
    if isinstance(model, ExportedLifter):
        return len(skeleton)
    from mbcli.lift.feet import WithFeet

    return len(H36M17) if isinstance(model, WithFeet) else len(skeleton)


def _running(
    model: DSTformer | WithFeet | ExportedLifter, options: LiftOptions, skeleton: Skeleton
) -> MirroredNetwork:
    """A model on a device, without torch if it was exported."""
    chosen = (options.device, options.precision, options.flip, skeleton)
    if isinstance(model, ExportedLifter):
        return ExportedNetwork(model, *chosen)
    from mbcli.lift.runtime import Network

    return Network(model, *chosen)


def _placed(pose: FloatArray, seen: FloatArray, pelvis: int) -> FloatArray:
    """Move poses relative to the pelvis onto the keypoints they were lifted from.

    Args:
        pose: (t, J, 3) in the window's units, the pelvis at 0 up to the network's error.
        seen: (t, J, 3) the network's input.
        pelvis: index of the pelvis.

    Returns:
        (t, J, 3) moved by the confidence-weighted mean offset to the keypoints; frames without
        keypoints move with their neighbours.
    """
    moved = pose.copy()
    moved[:, pelvis] = 0  # as published: the training defines it there
    weights = seen[..., 2:]
    total = weights.sum(axis=1)  # (t, 1)
    there = total[:, 0] > 0
    if there.any():
        away = (weights * (seen[..., :2] - moved[..., :2])).sum(axis=1)[there] / total[there]
        times, known = np.arange(len(pose)), np.flatnonzero(there)
        for axis in (0, 1):
            moved[..., axis] += np.interp(times, known, away[:, axis])[:, None]
    return moved


def _image_units(pixels: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Convert (..., 3) pixels to image units; see ``Lifter.lift``."""
    middle = np.array([size[0] / 2, size[1] / 2, 0.0])
    return (pixels - middle) / (min(size) / 2)
