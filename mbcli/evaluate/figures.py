"""Accumulation of evaluation metrics, action by action."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from mbcli.data.datasets.runs import equal_runs
from mbcli.evaluate import metrics
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

# The 14 joints of the MPI-INF-3DHP benchmark: Human3.6M's without these three.
_BENCHMARK = [name for name in H36M17.joints if name not in ("pelvis", "spine", "nose")]
_Metric = Callable[[FloatArray, FloatArray], float]
# Field to its metric, and the minimum number of consecutive frames that it needs.
_METRICS: dict[str, tuple[_Metric, int]] = {
    "mpjpe": (metrics.mpjpe, 1),
    "p_mpjpe": (metrics.p_mpjpe, 1),
    "n_mpjpe": (metrics.n_mpjpe, 1),
    "mpjve": (metrics.mpjve, 2),
    "acceleration": (metrics.acceleration_error, 3),
    "pck": (metrics.pck, 1),
    "auc": (metrics.auc, 1),
}
_OF_BENCHMARK = ("pck", "auc")


@dataclass(frozen=True)
class Figures:
    """Errors of root-relative poses; NaN where nothing could be measured.

    Attributes:
        mpjpe: mm.
        p_mpjpe: mm, after each frame's best similarity transform.
        n_mpjpe: mm, after each frame's best scale.
        mpjve: velocity error, mm per frame.
        acceleration: acceleration error, mm per frame squared.
        pck: percentage within 150 mm of the 14 joints of MPI-INF-3DHP.
        auc: mean of that percentage over thresholds of 0 to 150 mm.
        joints: MPJPE of each joint, mm.
        frames: number of frames compared.
    """

    mpjpe: float
    p_mpjpe: float
    n_mpjpe: float
    mpjve: float
    acceleration: float
    pck: float
    auc: float
    joints: Mapping[str, float]
    frames: int


@dataclass(frozen=True)
class Evaluation:
    """Result of an evaluation protocol.

    Attributes:
        protocol: its name.
        mean: what ``overall`` averages over: equally weighted ``actions``, or ``frames``.
        overall: the overall figures.
        actions: the figures of each action; one entry without a name if the data has no actions.
        sequences: number of sequences compared.
        left_out: names of sequences that the protocol excludes.
        missed: frames with ground truth but without a prediction.
        settings: settings of the lifter, ready for JSON.
    """

    protocol: str
    mean: Literal["actions", "frames"]
    overall: Figures
    actions: Mapping[str, Figures]
    sequences: int
    left_out: tuple[str, ...] = ()
    missed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """All results, ready for JSON: missing figures are None."""
        return _without_nan(asdict(self))


class Tally:
    """Accumulates the errors of stretches of motion.

    Args:
        skeleton: of the J joints.
    """

    def __init__(self, skeleton: Skeleton = H36M17) -> None:
        self._skeleton = skeleton
        self._benchmark = [skeleton.index(joint) for joint in _BENCHMARK]
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._joints: dict[str, FloatArray] = defaultdict(lambda: np.zeros(len(skeleton)))
        self.missed = 0

    @property
    def frames(self) -> int:
        """Number of frames compared."""
        return sum(counts["mpjpe"] for counts in self._counts.values())

    def add(self, prediction: FloatArray, target: FloatArray, action: str) -> None:
        """Compare a stretch of consecutive frames, each relative to its pelvis.

        Args:
            prediction: (F, J, 3) mm; frames without a prediction are NaN.
            target: (F, J, 3) mm; frames without ground truth are NaN.
            action: name of the action.
        """
        assert prediction.shape == target.shape, (prediction.shape, target.shape)
        root = self._skeleton.root
        prediction = metrics.root_relative(np.asarray(prediction, np.float64), root)
        target = metrics.root_relative(np.asarray(target, np.float64), root)
        found, known = (np.isfinite(poses).all(axis=(1, 2)) for poses in (prediction, target))
        self.missed += int((known & ~found).sum())
        usable = np.asarray(found & known)
        for start, stop in equal_runs(usable):
            if usable[start]:
                self._add(prediction[start:stop], target[start:stop], action)

    def _add(self, prediction: FloatArray, target: FloatArray, action: str) -> None:
        for name, (metric, least) in _METRICS.items():
            count = len(prediction) - least + 1
            if count > 0:
                joints = self._benchmark if name in _OF_BENCHMARK else slice(None)
                value = metric(prediction[:, joints], target[:, joints])
                self._sums[action][name] += count * value
                self._counts[action][name] += count
        self._joints[action] += metrics.joint_errors(prediction, target).sum(axis=0)

    def actions(self) -> dict[str, Figures]:
        """The figures of each action, by name."""
        return {action: self._figures([action]) for action in sorted(self._sums)}

    def over_frames(self) -> Figures:
        """The mean over all frames."""
        return self._figures(list(self._sums))

    def over_actions(self) -> Figures:
        """The mean over the actions, with equal weights."""
        parts = list(self.actions().values())
        return Figures(
            **{name: _mean(getattr(part, name) for part in parts) for name in _METRICS},
            joints={
                name: _mean(part.joints[name] for part in parts) for name in self._skeleton.joints
            },
            frames=self.frames,
        )

    def _figures(self, actions: list[str]) -> Figures:
        counts = {name: sum(self._counts[a][name] for a in actions) for name in _METRICS}
        sums = {name: sum(self._sums[a][name] for a in actions) for name in _METRICS}
        frames = counts["mpjpe"]
        by_joint = np.sum([self._joints[action] for action in actions], axis=0) / max(1, frames)
        return Figures(
            **{n: sums[n] / counts[n] if counts[n] else math.nan for n in _METRICS},
            joints=dict(zip(self._skeleton.joints, by_joint.tolist(), strict=True)),
            frames=frames,
        )


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
