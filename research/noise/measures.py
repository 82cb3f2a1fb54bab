"""What held-out views tell about a front end: sizes and times of its errors, and its rare ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mbcli.skeleton import COCO17
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray
from research.noise.misses import Misses

# Both sides of the body are taken together.
GROUPS = tuple(dict.fromkeys(name.split("_")[-1] for name in COCO17.joints))
OF_GROUP = np.array([GROUPS.index(name.split("_")[-1]) for name in COCO17.joints])  # (17,)
GROSS = 0.06  # of the height from where the view usually puts it: something has gone wrong
LAGS = (1 / 60, 3 / 60, 6 / 60)  # seconds after which the errors are compared
SIDES = ("left", "right")
# By their ends, which tell first that a limb is lost.
LIMBS = {"wrist": ("shoulder", "elbow", "wrist"), "ankle": ("hip", "knee", "ankle")}
_LIMB_JOINTS = [COCO17.index(f"{s}_{j}") for s in SIDES for js in LIMBS.values() for j in js]
KINDS = ("hidden", "collapsed", "swapped", "dropped")
_FAR = 0.10  # where the search for a view's usual place begins
_EVENT = 0.1  # seconds: what is over sooner is an outlier; the model's shortest stretch
_SURE = 0.25  # share of a stretch in which all the other views must agree on where the limb is
_BRIDGE = 2  # frames of good keypoints that do not end a stretch
_MIN_FRAMES = 20  # good frames from which a keypoint's errors in a view are known
_THIRD = np.array([20.0, -30.0, 12.0, -2.0]) / 20  # third differences by lag, 1 for white noise
_LOGIT_LIMIT = 0.02  # confidences are kept so far from 0 and 1
_WORST = 12.0  # per cent of the height: worse is not told apart, as in the model


@dataclass
class Stretch:
    """A limb that goes wrong for a while.

    Attributes:
        kind: one of ``KINDS``.
        limb: name of its end, ``left_wrist`` for an arm; of one side for a swap of both.
        person: number of the person.
        view: number of the view.
        first: frame.
        frames: how many.
        away: median distance from where it is, fraction of the height.
    """

    kind: str
    limb: str
    person: int
    view: int
    first: int
    frames: int
    away: float


@dataclass(frozen=True)
class Logits:
    """How confidences' logits depend on errors.

    Attributes:
        mean: of all.
        error: mean error in per cent of the height.
        slope: what 1 % takes.
        sd: what scatters around that line: standard deviation.
        steady: share of that scatter's variance that stays over a view.
    """

    mean: float
    error: float
    slope: float
    sd: float
    steady: float


_UNKNOWN = Logits(*(math.nan,) * 5)


@dataclass
class Measures:
    """The figures; fractions of the height, variances an axis.

    Attributes:
        common: (N, V, 2) mean constant offset of the limbs' joints: where a whole body is shifted
            it is the calibration that errs, or nothing that matters to a pose. It is taken off:
        offset: (N, V, 17, 2) constant offsets of N people, NaN where too few frames are good.
        offset_variance: (G,) their mean square.
        covariance: (G, 1 + lags) of what remains at lag 0 and ``LAGS``.
        pooled: (1 + lags,) the same over all keypoints.
        rough: (G,) variance of white noise that would have the same third differences.
        series: (G,) how many keypoints, people and views these rest on.
        factor: (N, V) each view's size of errors against the mean of all.
        stretches: what went wrong for a while.
        chances: for each kind, how many limbs (pairs of limbs for swaps) could have.
        outliers: keypoints of the limbs that are gross for a moment.
        known: of so many on which the other views agree.
        confidence: of the logits of all whose error is known; NaN where they are too few.
        curve: rows of error's lower end in %, median confidence, number of keypoints.
    """

    common: FloatArray
    offset: FloatArray
    offset_variance: FloatArray
    covariance: FloatArray
    pooled: FloatArray
    rough: FloatArray
    series: FloatArray
    factor: FloatArray
    stretches: list[Stretch] = field(default_factory=list)
    chances: dict[str, int] = field(default_factory=dict)
    outliers: int = 0
    known: int = 0
    confidence: Logits = _UNKNOWN
    curve: list[tuple[float, float, int]] = field(default_factory=list)


def log_odds(confidence: FloatArray) -> FloatArray:
    """Logits of confidences that are kept off 0 and 1."""
    limited = np.clip(confidence, _LOGIT_LIMIT, 1 - _LOGIT_LIMIT)
    result: FloatArray = np.log(limited / (1 - limited))
    return result


def roughness(keep: float) -> float:
    """White variance with the third differences of unit noise that keeps so much a frame."""
    return float(_THIRD @ keep ** np.arange(4))


def measured(people: Sequence[Misses], absent: Sequence[BoolArray]) -> Measures:
    """All figures of some people.

    Args:
        people: of one clip.
        absent: for each (V, T, 17) what is not reported although the person is there.
    """
    fps = people[0].fps
    lags = [0, *(max(1, round(lag * fps)) for lag in LAGS)]
    sums = np.zeros((len(GROUPS), len(lags), 2))  # of products, and of how many
    rough = np.zeros((len(GROUPS), 2))
    squares = np.zeros((len(GROUPS), 2))
    views = len(people[0].error)
    offsets = np.full((len(people), views, len(COCO17), 2), np.nan)
    common = np.empty((len(people), views, 2))
    found = Measures(*(np.empty(0),) * 8, chances=dict.fromkeys(KINDS, 0))
    sizes = np.full((len(people), views, len(COCO17), 2), np.nan)  # offset's and rest's squares
    points: list[FloatArray] = []
    for number, (person, gone) in enumerate(zip(people, absent, strict=True)):
        centre, good, gross = usual(person)
        rest = np.where(good[..., None], person.error - centre[:, None], np.nan)
        offset = centre + _mean(rest, (1,))[:, 0]
        common[number] = _mean(offset[:, _LIMB_JOINTS], (1,))[:, 0]
        offset = offset - common[number, :, None]
        offsets[number] = offset
        for view, joint in np.argwhere(np.isfinite(offset).all(axis=-1)):
            group, series = OF_GROUP[joint], rest[view, :, joint]
            series = series - _mean(series, (0,))
            squares[group] += ((offset[view, joint] ** 2).sum(), 2)
            sizes[number, view, joint] = (offset[view, joint] ** 2).mean(), np.nanmean(series**2)
            for row, lag in enumerate(lags):
                product = series[lag:] * series[: len(series) - lag]
                sums[group, row] += (np.nansum(product), np.isfinite(product).sum())
            jerk = np.diff(series, n=3, axis=0) ** 2 / 20
            rough[group] += (np.nansum(jerk), np.isfinite(jerk).sum())
        _find_stretches(found, number, person, gross, gone)
        points.append(_confidences(number, person, gross))
    with np.errstate(invalid="ignore", divide="ignore"):
        found.common, found.offset = common, offsets
        found.offset_variance = squares[:, 0] / squares[:, 1]
        found.covariance = sums[..., 0] / sums[..., 1]
        found.pooled = sums[..., 0].sum(axis=0) / sums[..., 1].sum(axis=0)
        found.rough = rough[:, 0] / rough[:, 1]
    found.series = squares[:, 1] / 2
    found.factor = _factors(sizes)
    _fit_confidence(found, np.concatenate(points))
    return found


def usual(person: Misses) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Where each view usually puts each keypoint.

    Returns:
        (V, 17, 2) constant offset, NaN where too few frames tell; (V, T, 17) whether a keypoint
        lies about there; (V, T, 17) whether it is gross, which the views must agree on.
    """
    size = np.linalg.norm(person.error, axis=-1)  # (V, T, 17)
    good = person.agreed & (size < _FAR)
    for _ in range(3):
        tells = good.sum(axis=1) >= _MIN_FRAMES  # (V, 17)
        total = np.where(good[..., None], person.error, 0.0).sum(axis=1)  # (V, 17, 2)
        offset = total / np.maximum(good.sum(axis=1), 1)[..., None]
        away = np.linalg.norm(person.error - offset[:, None], axis=-1)
        good = person.agreed & (away < GROSS)
    centre = np.where(tells[..., None], offset, 0.0)
    gross = np.linalg.norm(person.error - centre[:, None], axis=-1) > GROSS
    return np.where(tells[..., None], offset, np.nan), good, gross & person.contradicted


def _find_stretches(
    found: Measures, number: int, person: Misses, gross: BoolArray, gone: BoolArray
) -> None:
    """Stretches of limbs, and the rest as outliers."""
    shortest = max(2, round(_EVENT * person.fps))
    size = np.linalg.norm(person.error, axis=-1)
    on_twin = gross & (person.to_twin < np.minimum(GROSS, size / 2))
    both = on_twin & on_twin[..., list(COCO17.mirror)]
    wrong = np.zeros_like(gross)  # what the stretches explain
    for view, (joint, name) in itertools.product(range(len(size)), enumerate(COCO17.joints)):
        side, _, part = name.partition("_")
        if part not in LIMBS:
            continue
        limb = [COCO17.index(f"{side}_{other}") for other in LIMBS[part]]
        judged = np.isfinite(size[view, :, joint]).mean() >= 0.5
        for kind in KINDS:
            found.chances[kind] += int(judged and (kind != "swapped" or side == "left"))
        lost = [("dropped", a, b) for a, b in runs(gone[view, :, joint]) if b - a >= shortest]
        for a, b in runs(_closed(gross[view, :, joint])):
            swap, twin = both[view, a:b, joint].mean(), on_twin[view, a:b, joint].mean()
            kind = "swapped" if swap > 0.5 else "collapsed" if twin > 0.5 else "hidden"
            # Where the others never agree, it may be they who err.
            if b - a >= shortest and person.agreed[view, a:b, joint].mean() >= _SURE:
                lost.append((kind, a, b))
        for kind, a, b in lost:
            wrong[view, a:b, limb] = True
            if kind == "swapped" and side == "right":
                continue  # told of the left
            away = size[view, a:b, joint]
            middle = float(np.median(away[np.isfinite(away)])) if kind != "dropped" else math.nan
            found.stretches.append(Stretch(kind, name, number, view, a, b - a, middle))
    # Faces are left out: those turned away are guessed all the time.
    judged_at = person.agreed & ~wrong & np.isin(np.arange(len(COCO17)), _LIMB_JOINTS)
    for view, joint in itertools.product(range(len(size)), _LIMB_JOINTS):
        for a, b in runs(_closed(gross[view, :, joint])):
            if b - a < shortest:
                found.outliers += int((gross & judged_at)[view, a:b, joint].sum())
    found.known += int(judged_at.sum())


def _closed(bad: BoolArray) -> BoolArray:
    """The mask with short interruptions filled."""
    filled = bad.copy()
    for a, b in runs(~bad):
        if a > 0 and b < len(bad) and b - a <= _BRIDGE:
            filled[a:b] = True
    return filled


def _factors(sizes: FloatArray) -> FloatArray:
    """(N, V, 17, 2) squares to (N, V) how much larger a view's errors are than usual."""
    with np.errstate(invalid="ignore"):
        relative = sizes / _mean(sizes, (0, 1))
    return np.sqrt(_mean(relative, (2, 3))[..., 0, 0])


def _mean(values: FloatArray, axes: tuple[int, ...]) -> FloatArray:
    """Mean of what is known, axes kept, NaN where nothing is."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=axes, keepdims=True)
    count = known.sum(axis=axes, keepdims=True)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _confidences(number: int, person: Misses, gross: BoolArray) -> FloatArray:
    """Rows of series, error in % and logit, of keypoints whose error is known."""
    size = np.linalg.norm(person.error, axis=-1)
    on_twin = gross & (person.to_twin < np.minimum(GROSS, size / 2))
    sure = (person.agreed | gross) & ~on_twin & np.isfinite(size)
    view, _, joint = np.nonzero(sure)
    series = (number * len(size) + view) * len(COCO17) + joint
    return np.stack([series, 100 * size[sure], log_odds(person.confidence[sure])], axis=1)


def _fit_confidence(found: Measures, points: FloatArray) -> None:
    """A line through logits over errors; what scatters around it, and how long that stays."""
    if len(points) < _MIN_FRAMES:
        return
    series, error, logit = points.T
    limited = np.minimum(error, _WORST)
    slope, start = np.polyfit(limited, logit, 1)
    rest = logit - start - slope * limited
    means = {s: rest[series == s].mean() for s in np.unique(series)}
    total = max(float(rest.var()), 1e-9)
    steady = float(np.var([means[s] for s in series])) / total
    found.confidence = Logits(
        float(logit.mean()), float(limited.mean()), float(-slope), total**0.5, steady
    )
    for low, high in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 10), (10, np.inf)):
        inside = (error >= low) & (error < high)
        if inside.any():
            middle = float(1 / (1 + np.exp(-np.median(logit[inside]))))
            found.curve.append((float(low), middle, int(inside.sum())))
