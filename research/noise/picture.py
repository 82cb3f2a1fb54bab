"""Real and drawn errors of a front end side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mbcli.skeleton import COCO17
from mbcli.types import FloatArray
from research.noise.fit import Fit
from research.noise.measures import usual
from research.noise.misses import Misses

_TRACKS = ("left_wrist", "right_knee", "left_hip")
_INK = {"real": "#1f77b4", "drawn": "#ff7f0e"}
_LONGEST = 24  # frames of the autocorrelation


def draw_picture(found: Fit, path: Path) -> None:
    """Tracks, autocorrelation and histograms of held-out errors, real and drawn.

    Args:
        found: the fit; the tracks are shown without the shift of the whole body.
        path: of the picture.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    both = {"real": found.misses, "drawn": found.drawn_misses}
    shifts = {"real": found.real.common, "drawn": found.drawn[0].common}  # (N, V, 2)
    figure, axes = plt.subplots(3, 3, figsize=(15, 11), layout="constrained")
    for column, name in enumerate(_TRACKS):
        for row, (kind, people) in enumerate(both.items()):
            panel = axes[row, column]
            times = np.arange(people[0].error.shape[1]) / people[0].fps
            for person, shift in zip(people, shifts[kind], strict=True):
                error = person.error[:, :, COCO17.index(name), 0] - shift[:, :1]
                known = person.agreed[:, :, COCO17.index(name)]
                for track in np.where(known, 100 * error, np.nan):
                    panel.plot(times, track, color=_INK[kind], linewidth=0.9, alpha=0.7)
            panel.set(ylim=(-9, 9), title=f"{name.replace('_', ' ')}, x, {kind}")
            panel.set(xlabel="s", ylabel="% of the height")
            panel.grid(alpha=0.3)
    bottom = axes[2]
    for kind, people in both.items():
        rests = [_rest(person) for person in people]
        bottom[0].plot(
            np.arange(_LONGEST) / people[0].fps, _autocorrelation(rests), "o-", color=_INK[kind]
        )
        values = 100 * np.concatenate([rest[np.isfinite(rest)] for rest in rests])
        edges = np.linspace(-6, 6, 61)
        bottom[1].hist(values, edges, density=True, histtype="step", color=_INK[kind], label=kind)
        sure = np.concatenate([person.confidence[person.agreed] for person in people])
        bottom[2].hist(sure, np.linspace(0, 1, 41), density=True, histtype="step", color=_INK[kind])
    bottom[0].set(title="autocorrelation, all joints", xlabel="s", ylim=(-0.1, 1.02))
    bottom[1].set(title="errors less their view's offset", xlabel="% of the height", yscale="log")
    bottom[2].set(title="confidences", xlabel="confidence")
    for panel in bottom:
        panel.grid(alpha=0.3)
    bottom[1].legend()
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _rest(person: Misses) -> FloatArray:
    """(V, T, 17, 2) errors of good keypoints less their view's usual offset."""
    offset, good, _ = usual(person)
    return np.where(good[..., None], person.error - offset[:, None], np.nan)


def _autocorrelation(rests: Sequence[FloatArray]) -> FloatArray:
    """(L,) over all joints, views and people."""
    sums = np.zeros((_LONGEST, 2))
    for rest in rests:
        for lag in range(_LONGEST):
            product = rest[:, lag:] * rest[:, : rest.shape[1] - lag]
            sums[lag] += (np.nansum(product), np.isfinite(product).sum())
    covariance = sums[:, 0] / np.maximum(sums[:, 1], 1)
    return covariance / covariance[0]
