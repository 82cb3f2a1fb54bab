"""From 2D keypoint tracks to 3D poses in image units."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import fit_window, network_input
from mbcli.lift.compat import lift_as_published
from mbcli.lift.expected_error import ErrorModel, Lifted, expected_error
from mbcli.lift.model import DSTformer
from mbcli.lift.runtime import Network
from mbcli.lift.upright import turned, upright_turns
from mbcli.lift.windows import Cutting, cut_tracks, fade, held
from mbcli.skeleton import H36M17, SKELETONS, Skeleton, check_body
from mbcli.types import FloatArray, Keypoints2D

MAX_WINDOW = 243  # frames of a window, as in the paper
COMPAT_MODES = ("motionbert",)

_SHORTEST = 9  # frames of a window, however long they last: as in training

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LiftOptions:
    """How to lift.

    Attributes:
        flip: average with the prediction for the mirror image.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``float32``, ``bfloat16`` or ``float16``.
        window: frames of a window; if None the model's longest, at most 243, and no longer than
            the ``span`` of the weights.
        overlap: smallest share of a window that the next one covers too, 0.5 to less than 1.
        batch_size: windows of one batch (twice as many clips with ``flip``).
        compat: None, or ``motionbert`` for the published inference, defects included.
        root_relative: in ``compat``, whether the model predicts root-relative poses; if None, what
            the weights tell of themselves, or no if they do not tell.
    """

    flip: bool = True
    device: str = "auto"
    precision: str = "float32"
    window: int | None = None
    overlap: float = 0.5
    batch_size: int = 4
    compat: str | None = None
    root_relative: bool | None = None

    def __post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise ConfigError(f"the window must be at least 1 frame, got {self.window}")
        if not 0.5 <= self.overlap < 1:
            raise ConfigError(f"the overlap must be 0.5 or more, below 1, got {self.overlap}")
        if self.batch_size < 1:
            raise ConfigError(f"the batch size must be at least 1, got {self.batch_size}")
        if self.compat is not None and self.compat not in COMPAT_MODES:
            raise ConfigError(f"--compat must be {', '.join(COMPAT_MODES)}, got {self.compat!r}")


def skeleton_of_facts(facts: Mapping[str, Any]) -> Skeleton:
    """The joints that weights take and give; Human3.6M's if they tell none.

    Raises:
        WeightsError: a skeleton that is not known, or one without Human3.6M's joints.
    """
    name = facts.get("skeleton", H36M17.name)
    if not isinstance(name, str) or name not in SKELETONS:
        raise WeightsError(
            f"the weights must be for one of {', '.join(SKELETONS)}, got {name!r:.60}"
        )
    try:
        return check_body(SKELETONS[name])
    except ValueError as error:
        raise WeightsError(f"the weights are for no body: {error}") from error


class Lifter:
    """A model with the windowing around it.

    Args:
        model: a DSTformer; it is moved to the device.
        options: how to lift.
        facts: what the weights tell of themselves. Used are ``skeleton``, the name of the
            joints that the model takes and gives (H36M-17 if not told); ``fps``, the [lowest,
            highest] frame rate of the training; ``span``, the longest time in seconds that a
            window should hold;
            ``window``, ``image`` if the whole picture is the network's window and not the ``crop``
            around the keypoints; ``root``, ``relative`` if it answers relative to the pelvis in
            the picture too; ``axes``, ``ray`` if its answer is in the axes of a camera that looks
            at the pelvis; ``expected_error``, the weights' own calibration of their errors; and
            for ``compat`` ``root_relative``.

    Attributes:
        skeleton: the joints that the model takes and gives.
        error_model: tells the expected error of what is lifted; None where the weights carry no
            calibration, and without flip averaging and in ``compat``, to which it does not apply.

    Raises:
        ConfigError: an option that this machine or model cannot fulfil.
        WeightsError: a model of other dimensions than its skeleton's joints with 3 numbers each,
            or a skeleton or a calibration that is none.
    """

    def __init__(
        self,
        model: DSTformer,
        options: LiftOptions | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        options = LiftOptions() if options is None else options
        self.facts = dict(facts or {})
        self.skeleton = skeleton_of_facts(self.facts)
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
        self.span = math.inf if options.window else float(self.facts.get("span", math.inf))
        self.whole_picture = self.facts.get("window") == "image"
        self.root_relative = self.facts.get("root") == "relative"
        self.along_ray = self.facts.get("axes") == "ray"
        calibrated = options.flip and options.compat is None
        self.error_model = ErrorModel.of_facts(self.facts, self.skeleton) if calibrated else None
        self.network = Network(
            model, options.device, options.precision, options.flip, self.skeleton
        )
        self._pelvis = self.skeleton.index("pelvis")

    def lift(self, keypoints: Keypoints2D, progress: Progress | None = None) -> FloatArray:
        """Lift every person of a clip.

        Each person's track is cut where they are away for more than a second or half a window.
        Windows overlap, each is normalised by its own confident keypoints, or by the picture if
        the weights were trained so, and the results are brought back to pixels before they are
        faded into each other.

        Image units, the result's: (x, y) in pixels minus the middle of the picture, divided by
        half its shorter side, so that a pose lies on the person; z in the same unit, away from
        the camera, 0 at the pelvis of each frame. With ``compat`` the units and the root are the
        published ones instead: see ``compat.lift_as_published``.

        A clip of a higher frame rate than the weights were trained for is lifted as several
        interleaved clips of a rate that they know. People whom a turned camera shows across the
        picture or upside down are lifted upright; see `mbcli.lift.upright`.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: is told (windows done, windows in all).

        Returns:
            (T, P, J, 3) float32 image units, NaN where the person is absent.

        Raises:
            ValueError: keypoints of another skeleton.
        """
        return self._lift(keypoints, progress, judged=False).poses

    def lift_judged(self, keypoints: Keypoints2D, progress: Progress | None = None) -> Lifted:
        """Lift every person of a clip, with the doubt of it; see :meth:`lift`.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: is told (windows done, windows in all).

        Raises:
            ValueError: keypoints of another skeleton.
        """
        return self._lift(keypoints, progress, judged=self.options.flip)

    def _lift(self, keypoints: Keypoints2D, progress: Progress | None, *, judged: bool) -> Lifted:
        if keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"this lifter takes {self.skeleton.name} keypoints, got {keypoints.skeleton.name}"
            )
        if self.options.compat is not None:
            return Lifted(self._lift_compat(keypoints, progress), None)
        frames, people = keypoints.data.shape[:2]
        total = np.zeros((frames, people, len(self.skeleton), 3))
        doubts = np.zeros_like(total) if judged else None
        weight = np.zeros((frames, people))
        turns = upright_turns(keypoints)
        jobs = cut_tracks(keypoints, self._cutting, self.options.overlap)
        count, done = sum(map(len, jobs.values())), 0
        for length, windows in jobs.items():
            weights = fade(length)
            for first in range(0, len(windows), self.options.batch_size):
                batch = windows[first : first + self.options.batch_size]
                answers = self._windows(
                    [held(keypoints.data[:, who], frames) for who, frames in batch],
                    keypoints.size,
                    judged,
                    [float(turns[frames.max(), who]) for who, frames in batch],
                )
                for (who, frames), (pose, doubt) in zip(batch, answers, strict=True):
                    there = frames >= 0
                    times, share = frames[there], weights[there]
                    total[times, who] += share[:, None, None] * pose[there]
                    weight[times, who] += share
                    if doubts is not None and doubt is not None:
                        doubts[times, who] += share[:, None, None] * doubt[there]
                done += len(batch)
                if progress is not None:
                    progress(done, count)
        seen = keypoints.present
        result = np.full(total.shape, np.nan, dtype=np.float32)
        result[seen] = _image_units(total[seen] / weight[seen][:, None, None], keypoints.size)
        if doubts is None:
            return Lifted(result, None)
        doubt = np.full(total.shape, np.nan, dtype=np.float32)
        doubt[seen] = doubts[seen] / (weight[seen][:, None, None] * min(keypoints.size) / 2)
        return Lifted(result, doubt)

    def expected_error(
        self, lifted: Lifted, keypoints: Keypoints2D, positions: FloatArray, height: float
    ) -> FloatArray | None:
        """How far off each joint is likely to be; None without ``error_model``.

        Args:
            lifted: the answer for ``keypoints``.
            keypoints: what was lifted.
            positions: (T, P, J, 3) metres, what became of the answer.
            height: of everybody in metres.

        Returns:
            (T, P, J) float32 metres, NaN where the person is absent.
        """
        return expected_error(self.error_model, lifted, keypoints, positions, height)

    def _cutting(self, fps: float) -> Cutting:
        stride = self._stride(fps)
        window = round(min(self.window, max(_SHORTEST, self.span * fps / stride)))
        return Cutting(window, max_gap=min(round(fps / stride), window // 2), stride=stride)

    def _stride(self, fps: float) -> int:
        known = self.facts.get("fps")
        return 1 if known is None else max(1, round(fps / float(np.max(known))))

    def lift_windows(self, windows: list[FloatArray], size: tuple[int, int]) -> list[FloatArray]:
        """Lift stretches of tracks, each by itself, in one batch.

        Args:
            windows: (t, J, 3) pixels and confidence, all of one length, at most ``window``.
            size: (width, height) of the pictures in pixels.

        Returns:
            (t, J, 3) each: x, y in pixels, z in pixels and 0 at the pelvis of each frame.
        """
        return [pose for pose, _ in self._windows(windows, size, False)]

    def _windows(
        self,
        windows: list[FloatArray],
        size: tuple[int, int],
        judged: bool,
        turns: Sequence[float] = (),
    ) -> list[tuple[FloatArray, FloatArray | None]]:
        """The same, each with its doubt in pixels if it is ``judged``; see ``Lifted``.

        The network sees each window turned about the middle of the picture, clockwise by
        ``turns`` in radians, and what it gives is turned back.
        """
        middle = np.array([*size, 0.0]) / 2
        turns = turns or [0.0] * len(windows)
        windows = [
            turned(window - middle, turn) + middle if turn else window
            for window, turn in zip(windows, turns, strict=True)
        ]
        frames = [self._frame(window, size) for window in windows]
        clips = [network_input(w, *frame) for w, frame in zip(windows, frames, strict=True)]
        answers: list[tuple[FloatArray, FloatArray | None]] = []
        batch = np.stack(clips)
        outs, apart = self.network.judged(batch) if judged else (self.network(batch), None)
        for number, (out, seen, (center, scale)) in enumerate(
            zip(outs, clips, frames, strict=True)
        ):
            pose = _placed(out, seen, self._pelvis) if self.root_relative else out
            # A model of global depth counts it from a frame of its own in every window.
            depth = pose[..., 2] - pose[:, [self._pelvis], 2]
            xy = pose[..., :2] * scale + center
            doubt = None
            if apart is not None:
                doubt = np.abs(apart[number] - apart[number][:, [self._pelvis]]) * scale
            pose = np.concatenate([xy, depth[..., None] * scale], axis=-1)
            if turns[number]:
                pose = turned(pose - middle, -turns[number]) + middle
            answers.append((pose, doubt))
        return answers

    def _frame(self, window: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, float]:
        """Middle and half side of what the network sees of a window."""
        if self.whole_picture:
            return np.array(size) / 2, size[0] / 2
        return fit_window(window[..., :2], window[..., 2])

    def _lift_compat(self, keypoints: Keypoints2D, progress: Progress | None) -> FloatArray:
        root_relative = self.options.root_relative
        if root_relative is None:
            root_relative = bool(self.facts.get("root_relative", False))
        result = np.full(keypoints.data.shape, np.nan, dtype=np.float32)
        people = keypoints.data.shape[1]
        for who in range(people):
            seen = keypoints.present[:, who]
            if seen.any():
                result[seen, who] = lift_as_published(
                    keypoints.data[seen, who],
                    self.network,
                    window=self.window,
                    root_relative=root_relative,
                )
            if progress is not None:
                progress(who + 1, people)
        return result


def _placed(pose: FloatArray, seen: FloatArray, pelvis: int) -> FloatArray:
    """Put poses that are relative to the pelvis onto the keypoints that they were lifted from.

    Args:
        pose: (t, J, 3) in the window's units, the pelvis at 0 but for the network's error.
        seen: (t, J, 3) the network's input.
        pelvis: the number of the joint.

    Returns:
        (t, J, 3) moved by the mean distance to the keypoints, weighted by confidence; frames
        without any move with their neighbours.
    """
    moved = pose.copy()
    moved[:, pelvis] = 0  # as published: by the training it is known to be there
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
    """(..., 3) pixels to image units; see ``Lifter.lift``."""
    middle = np.array([size[0] / 2, size[1] / 2, 0.0])
    return (pixels - middle) / (min(size) / 2)
