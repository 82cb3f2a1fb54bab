"""Picture of an evaluation: errors by action and by joint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.evaluate.figures import Evaluation
from mbcli.storage.output import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES = (".png", ".jpg", ".pdf", ".svg")

_INK, _SECOND = "#2b5c8a", "#9dbcd8"
_ROW = 0.32  # inches


def draw_evaluation(evaluation: Evaluation, path: Path, *, title: str, overwrite: bool) -> None:
    """Draw MPJPE and P-MPJPE of each action, and the MPJPE of each joint.

    Args:
        evaluation: the evaluation to draw.
        path: the picture, with one of ``SUFFIXES``.
        title: title of the picture.
        overwrite: whether an existing file may be replaced.

    Raises:
        OutputError: it cannot be written.
    """
    # Imported on use: most evaluations draw nothing. A plain Figure needs no window system.
    from matplotlib.figure import Figure

    overall = evaluation.overall
    actions = [(name or "all", part) for name, part in evaluation.actions.items()]
    rows = max(len(actions) + 1, len(overall.joints))
    figure = Figure(figsize=(11, 1.6 + _ROW * rows), layout="constrained")
    figure.suptitle(
        f"{title}\n{evaluation.protocol}: MPJPE {overall.mpjpe:.1f} mm, "
        f"P-MPJPE {overall.p_mpjpe:.1f} mm, mean over {evaluation.mean}",
        fontsize=11,
    )
    left, right = figure.subplots(1, 2)
    parts = [*actions, ("mean", overall)]
    _bars(
        left,
        [name for name, _ in parts],
        {"MPJPE": [p.mpjpe for _, p in parts], "P-MPJPE": [p.p_mpjpe for _, p in parts]},
    )
    left.set_title("by action", fontsize=10)
    names = [name.replace("_", " ") for name in overall.joints]
    _bars(right, names, {"MPJPE": list(overall.joints.values())})
    right.set_title("by joint", fontsize=10)
    with written_whole(path, overwrite=overwrite) as part:
        figure.savefig(part, dpi=120)


def _bars(axes: Axes, names: list[str], series: dict[str, list[float]]) -> None:
    """Horizontal bars, the first name on top, each with its value."""
    height = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        places = [row + (number - (len(series) - 1) / 2) * height for row in range(len(names))]
        bars = axes.barh(places, values, height, label=label, color=(_INK, _SECOND)[number])
        axes.bar_label(bars, fmt="%.1f", fontsize=7, padding=2)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.01)
    axes.set_xlabel("mm", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(fontsize=8, frameon=False)
