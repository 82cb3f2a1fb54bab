"""Fitting the model of a lifter's errors, and measuring its reliability."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbcli.lift.error_features import FEATURES
from mbcli.lift.expected_error import ErrorModel, groups_of
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray

# Of the slopes, relative to the mean loss; features are divided by their standard deviation for it.
_SLOPE_PENALTY = 1e-3
_OFFSET_PENALTY = 1e-3  # of the difference between a joint's offset and its group's
_BINS = 10  # of equal counts, for the reliability


def fit_errors(features: FloatArray, errors: FloatArray, skeleton: Skeleton = H36M17) -> ErrorModel:
    """Fit the mean error of each joint by maximum likelihood.

    Errors are assumed to be exponentially distributed, as the lengths of three-dimensional errors
    roughly are: the loss is log m + e / m for the mean m, which is convex, and unbiased for any
    true distribution. Slopes are constrained to 0 or more.

    Args:
        features: (N, J, features) of samples without NaN.
        errors: (N, J) fractions of the height.
        skeleton: skeleton of the J joints.
    """
    from scipy.optimize import minimize

    low, high = (np.percentile(features, q, axis=(0, 1)) for q in (0.5, 99.5))
    within = np.clip(features, low, high)
    spread = np.maximum(within.std(axis=(0, 1)), 1e-6)
    middle = within.mean(axis=(0, 1))
    groups = groups_of(skeleton)
    offsets = np.zeros(len(skeleton))
    slopes = np.zeros((len(groups), len(FEATURES)))
    for number, joints in enumerate(map(list, groups.values())):
        x = ((within[:, joints] - middle) / spread).reshape(-1, len(FEATURES))  # (N J', F)
        y = errors[:, joints].reshape(-1)
        member = np.tile(np.eye(len(joints)), (len(errors), 1))  # (N J', J')
        design = np.concatenate([np.ones((len(x), 1)), member, x], axis=1)
        penalty = np.concatenate(
            [[0.0], np.full(len(joints), _OFFSET_PENALTY), np.full(x.shape[1], _SLOPE_PENALTY)]
        )

        def loss(
            w: FloatArray, design: Any = design, y: Any = y, penalty: Any = penalty
        ) -> tuple[float, FloatArray]:
            eta = design @ w
            ratio = y * np.exp(-eta)
            value = float((eta + ratio).mean() + (penalty * w * w).sum())
            return value, design.T @ (1 - ratio) / len(y) + 2 * penalty * w

        start = np.zeros(design.shape[1])
        start[0] = np.log(y.mean())
        free = [(None, None)] * (1 + len(joints))
        bounds = [*free, *[(0.0, None)] * x.shape[1]]
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        slopes[number] = best.x[1 + len(joints) :] / spread
        offsets[joints] = best.x[0] + best.x[1 : 1 + len(joints)] - (slopes[number] * middle).sum()
    return ErrorModel(offsets, slopes, low, high, skeleton=skeleton)


def reliability(
    expected: FloatArray, errors: FloatArray, skeleton: Skeleton = H36M17
) -> dict[str, Any]:
    """How well expected errors match observed ones; the pelvis does not count.

    Args:
        expected: (N, J) millimetres.
        errors: (N, J) millimetres.
        skeleton: skeleton of the J joints.

    Returns:
        JSON-ready, lengths in millimetres: ``expected`` and ``observed`` means; ``correlation``
        (Pearson) of the two; ``within_2x``, the share of errors between half and twice the
        expected error; ``below_2x``, the share of those not above twice; ``calibration_error``,
        the mean difference between expected and observed errors over tenths of the samples,
        sorted by expected error; those tenths as ``bins``, with the quartiles of the errors; and
        for each of the ``joints`` all these figures except the bins.
    """
    joints = sorted(joint for group in groups_of(skeleton).values() for joint in group)
    figures = _figures(expected[:, joints].ravel(), errors[:, joints].ravel())
    figures["joints"] = {}
    for number in joints:
        found = _figures(expected[:, number], errors[:, number])
        del found["bins"]
        figures["joints"][skeleton.joints[number]] = found
    return figures


def _figures(expected: FloatArray, errors: FloatArray) -> dict[str, Any]:
    order = np.argsort(expected, kind="stable")
    bins = []
    for part in np.array_split(order, _BINS):
        lower, upper = np.percentile(errors[part], [25, 75])
        bins.append(
            {
                "expected": round(float(expected[part].mean()), 2),
                "observed": round(float(errors[part].mean()), 2),
                "lower_quartile": round(float(lower), 2),
                "upper_quartile": round(float(upper), 2),
            }
        )
    off = [abs(row["expected"] - row["observed"]) for row in bins]
    above = errors <= 2 * expected
    return {
        "expected": round(float(expected.mean()), 2),
        "observed": round(float(errors.mean()), 2),
        "correlation": round(float(np.corrcoef(expected, errors)[0, 1]), 3),
        "within_2x": round(float((above & (errors >= expected / 2)).mean()), 3),
        "below_2x": round(float(above.mean()), 3),
        "calibration_error": round(float(np.mean(off)), 2),
        "bins": bins,
    }
