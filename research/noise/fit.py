"""From what held-out views tell to the numbers of `mbcli.train.noise_model`.

The reference of a held-out view comes from the same front end, so it errs itself, and its
low-pass, the choice of agreeing views and the short clip change what is measured. All this is
taken out by measuring drawn noise in the same way: the model draws errors onto the reference's
own motion, through the same cameras; the views are held out again; and the numbers are changed
until the drawn errors measure like the real ones. Common random numbers make that settle in a few
rounds. The spread between draws says how far one such clip can be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mbcli.errors import InputError
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.types import FloatArray
from research.noise.measures import GROUPS, KINDS, LAGS, OF_GROUP, Measures, measured, roughness
from research.noise.misses import Misses, Person, misses, missing, truth

# What is taken to hold before anything is seen, and how many clips that is worth. A clip of
# seconds has some tens of limbs and few events: it moves these rates a little, no more. They come
# from looking at results on everyday video: limbs behind bodies are common, swaps short and rare.
PRIOR_SHARE = {"hidden": 0.08, "collapsed": 0.04, "swapped": 0.03, "dropped": 0.05}
PRIOR_LIMBS = 50
PRIOR_OUTLIER = 0.002
PRIOR_KEYPOINTS = 5000
PRIOR_CROPPED = 0.08  # calibrated footage shows whole bodies, so it never tells
PRIOR_STRETCH = (0.1, 2.0)
PRIOR_DIFFICULTY = 0.35
PRIOR_VIEWS = 8
# A view tells a constant offset but once, so the prior has a say: as a rule MoveNet's limb joints
# are off by 0.5 to 1.3 % of the height.
PRIOR_OFFSET = 0.010
PRIOR_SERIES = 16
# Sizes where a joint group has fewer series (people times views times sides) than this.
PRIOR_SIZE = {"offset": PRIOR_OFFSET, "slow": 0.010, "white": 0.003}
FEWEST_SERIES = 4
FEWEST_STRETCHES = 10

_LEAST = 0.0005  # of the height: a tenth of a pixel in a person of 200
_EARLY, _LATE = 1, len(LAGS)  # rows of the covariances between which the decay is measured


@dataclass(frozen=True)
class Fit:
    """The numbers and how they came about.

    Attributes:
        numbers: for training.
        real: measures of the footage.
        drawn: measures of the last draws.
        points: (T, 17, 3) what all the views say of each person, metres in the world.
        misses: held-out errors of the footage.
        drawn_misses: of the first of the last draws.
        notes: what this footage could not tell, one line each.
    """

    numbers: NoiseModel
    real: Measures
    drawn: list[Measures]
    points: list[FloatArray]
    misses: list[Misses]
    drawn_misses: list[Misses]
    notes: list[str]


@dataclass
class _Sizes:
    """What is searched for, before it becomes a NoiseModel: (G,) standard deviations an axis."""

    offset: FloatArray
    slow: FloatArray
    white: FloatArray
    time_constant: float
    logit: float
    logit_sd: float
    slope: float
    steady: float

    def numbers(self, **more: object) -> NoiseModel:
        def spread(values: FloatArray) -> tuple[float, ...]:
            return tuple(round(float(value), 4) for value in values[OF_GROUP])

        return NoiseModel.model_validate(
            {
                "offset": spread(self.offset),
                "slow": spread(self.slow),
                "white": spread(self.white),
                "time_constant": round(self.time_constant, 3),
                "confidence": round(1 / (1 + math.exp(-self.logit)), 3),
                "confidence_sd": round(self.logit_sd, 2),
                "confidence_slope": round(self.slope, 3),
                "confidence_steady": round(self.steady, 2),
                **more,
            }
        )


def fit(
    people: Sequence[Person], name: str, *, draws: int = 4, rounds: int = 6, seed: int = 0
) -> Fit:
    """Fit the model to some people of one clip.

    Args:
        people: seen by the same views.
        name: of the front end.
        draws: repetitions of the footage that are drawn in each round.
        rounds: how often the numbers are changed.
        seed: of the draws.

    Raises:
        InputError: no joint is known in enough views.
    """
    truths = [truth(person) for person in people]
    held_out = [misses(p, height) for p, (_, height) in zip(people, truths, strict=True)]
    real = measured(held_out, [missing(person.pixels) for person in people])
    notes: list[str] = []
    rates = _rates(real, notes)
    known = real.series >= FEWEST_SERIES
    if not known.any():
        raise InputError("the views agree on too few keypoints; is the calibration theirs?")
    sizes = _first_guess(real, known, people[0].fps)
    for _ in range(rounds):
        numbers = sizes.numbers(difficulty_sd=0.0, cropped=0.0, **rates)
        drawn, one = _redrawn(people, truths, numbers, draws, seed)
        _adjust(sizes, real, drawn, known)
    difficulty = _difficulty(real, drawn, notes)
    # The views' mean square is what was matched, and a factor that varies adds to it.
    for values in (sizes.offset, sizes.slow, sizes.white):
        values[known] /= math.exp(difficulty**2)
    told = np.where(known, real.series, 0.0)
    blended = PRIOR_OFFSET**2 * PRIOR_SERIES + told * sizes.offset**2
    sizes.offset = np.sqrt(blended / (PRIOR_SERIES + told))
    notes.append(
        f"offset: told once a view and side, so mixed with the prior's {PRIOR_OFFSET:.1%}, worth "
        f"{PRIOR_SERIES} of them"
    )
    for group in np.flatnonzero(~known):
        sizes.offset[group], sizes.slow[group], sizes.white[group] = PRIOR_SIZE.values()
        notes.append(
            f"{GROUPS[group]}: known in {real.series[group]:.0f} series only, so its sizes are "
            f"the prior's"
        )
    final = sizes.numbers(
        name=name, difficulty_sd=round(difficulty, 2), cropped=PRIOR_CROPPED, **rates
    )
    notes.append(f"cropped: whole bodies are seen, so it is the prior's, {PRIOR_CROPPED:g}")
    return Fit(final, real, drawn, [points for points, _ in truths], held_out, one, notes)


def _first_guess(real: Measures, known: np.ndarray, fps: float) -> _Sizes:
    decay = _decay(real)
    constant = (LAGS[_LATE - 1] - LAGS[_EARLY - 1]) / -math.log(decay)
    keep = math.exp(-1 / (fps * constant))
    sizes = {part: np.full(len(GROUPS), value) for part, value in PRIOR_SIZE.items()}
    sizes["offset"][known] = np.sqrt(real.offset_variance[known])
    slow = np.maximum(real.covariance[known, _EARLY], _LEAST**2) / keep
    sizes["slow"][known] = np.sqrt(slow)
    white = real.rough[known] - slow * roughness(keep)
    sizes["white"][known] = np.sqrt(np.maximum(white, _LEAST**2))
    told = real.confidence
    return _Sizes(
        **sizes,
        time_constant=constant,
        logit=told.mean + told.slope * told.error,
        logit_sd=told.sd,
        slope=max(told.slope, 0.01),
        steady=told.steady,
    )


def _decay(measures: Measures) -> float:
    """What is left of the errors' covariance between two of the lags."""
    ratio = measures.pooled[_LATE] / measures.pooled[_EARLY]
    return float(np.clip(ratio, 0.02, 0.98))


def _redrawn(
    people: Sequence[Person],
    truths: Sequence[tuple[FloatArray, FloatArray]],
    numbers: NoiseModel,
    draws: int,
    seed: int,
) -> tuple[list[Measures], list[Misses]]:
    """Measures of drawn footage, and the held-out errors of its first draw."""
    noise = NoiseSampler(numbers, torch.device("cpu"))
    result: list[Measures] = []
    first: list[Misses] = []
    for number in range(draws):
        drawn = []
        for place, (person, (points, heights)) in enumerate(zip(people, truths, strict=True)):
            draw = Draw.seeded(seed + 1000 * number + place)
            drawn.append(
                Person(person.views, _seen(person, points, heights, noise, draw), person.fps)
            )
        held_out = [misses(p, height) for p, (_, height) in zip(drawn, truths, strict=True)]
        result.append(measured(held_out, [missing(person.pixels) for person in drawn]))
        first = first or held_out
    return result, first


def _seen(
    person: Person, points: FloatArray, heights: FloatArray, noise: NoiseSampler, draw: Draw
) -> FloatArray:
    """(V, T, 17, 3) what the model says the views would report."""
    xy = np.stack([view.project(points) for view in person.views])  # (V, T, 17, 2)
    rate = torch.full((len(xy),), person.fps, dtype=torch.float32)
    reported = noise.report(
        torch.from_numpy(xy).float(), torch.from_numpy(heights).float(), rate, draw
    )
    pixels = reported.numpy().astype(np.float64)
    pixels[pixels[..., 2] <= 0] = np.nan, np.nan, 0
    return pixels


def _adjust(sizes: _Sizes, real: Measures, drawn: Sequence[Measures], known: np.ndarray) -> None:
    """Change the sizes by what the drawn errors lack, or have too much."""

    def mean(values: list[FloatArray]) -> FloatArray:
        return np.nanmean(np.stack(values)[:, known], axis=0)

    def ratio(wanted: FloatArray, got: FloatArray) -> FloatArray:
        least = np.full_like(wanted, _LEAST**2)
        change: FloatArray = np.sqrt(np.maximum(wanted, least) / np.maximum(got, least))
        return np.clip(change, 0.5, 2.0)

    sizes.offset[known] *= ratio(
        real.offset_variance[known], mean([m.offset_variance for m in drawn])
    )
    sizes.slow[known] *= ratio(
        real.covariance[known, _EARLY], mean([m.covariance[:, _EARLY] for m in drawn])
    )
    lacking = real.rough[known] - mean([m.rough for m in drawn])
    sizes.white[known] = np.sqrt(np.maximum(sizes.white[known] ** 2 + lacking, _LEAST**2))
    got = float(np.mean([math.log(_decay(m)) for m in drawn]))
    sizes.time_constant *= float(np.clip(got / math.log(_decay(real)), 0.5, 2.0))
    told, wanted = [m.confidence for m in drawn], real.confidence
    before = sizes.slope
    slope = float(np.mean([t.slope for t in told]))
    sizes.slope *= float(np.clip(wanted.slope / max(slope, 1e-3), 0.5, 2.0))
    sizes.logit += wanted.mean - float(np.mean([t.mean for t in told]))
    sizes.logit += (sizes.slope - before) * wanted.error
    sizes.logit_sd *= float(np.clip(wanted.sd / np.mean([t.sd for t in told]), 0.5, 2.0))
    steady = sizes.steady + wanted.steady - float(np.mean([t.steady for t in told]))
    sizes.steady = float(np.clip(steady, 0.0, 1.0))


def _difficulty(real: Measures, drawn: Sequence[Measures], notes: list[str]) -> float:
    """How much views differ beyond what draws of the same size do, with the prior."""
    views = real.factor.size
    seen = float(np.nanvar(np.log(real.factor)))
    by_chance = float(np.mean([np.nanvar(np.log(m.factor)) for m in drawn]))
    own = max(seen - by_chance, 0.0)
    blended = math.sqrt((PRIOR_DIFFICULTY**2 * PRIOR_VIEWS + own * views) / (PRIOR_VIEWS + views))
    notes.append(
        f"difficulty_sd: {own**0.5:.2f} between {views} views; with the prior's "
        f"{PRIOR_DIFFICULTY:g}, worth {PRIOR_VIEWS} views, {blended:.2f}"
    )
    return blended


def _rates(real: Measures, notes: list[str]) -> dict[str, object]:
    """Shares of what goes wrong for a while: the prior moved by what was counted."""
    rates: dict[str, object] = {}
    for kind in KINDS:
        chances, prior = real.chances[kind], PRIOR_SHARE[kind]
        # A limb that goes wrong twice in one view still is one limb.
        limbs = {(s.limb, s.person, s.view) for s in real.stretches if s.kind == kind}
        count = min(len(limbs), chances)
        rates[kind] = round((prior * PRIOR_LIMBS + count) / (PRIOR_LIMBS + chances), 3)
        notes.append(
            f"{kind}: {count} of {chances} limbs, too few to tell alone; with the prior's "
            f"{prior:g}, worth {PRIOR_LIMBS} limbs, {rates[kind]:g}"
        )
    outlier = (PRIOR_OUTLIER * PRIOR_KEYPOINTS + real.outliers) / (PRIOR_KEYPOINTS + real.known)
    rates["outlier"] = round(outlier, 4)
    lengths = [s.frames for s in real.stretches]
    if len(lengths) < FEWEST_STRETCHES:
        notes.append(
            f"stretch: {len(lengths)} stretches are too few for their lengths, so they are the "
            f"prior's, {PRIOR_STRETCH[0]:g} to {PRIOR_STRETCH[1]:g} s"
        )
    else:
        notes.append(
            "stretch: a clip cuts off what lasts longer than it, so the lengths are the prior's, "
            f"{PRIOR_STRETCH[0]:g} to {PRIOR_STRETCH[1]:g} s"
        )
    rates["stretch"] = PRIOR_STRETCH
    return rates
