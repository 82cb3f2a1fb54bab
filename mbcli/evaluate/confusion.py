"""Picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError
from mbcli.storage.output import written_whole

_INCH_A_CLASS = 0.19  # at least: two lines of the small letters
_INCH_A_LETTER = 0.0085  # for each point of the letters' size
_MOST_WITH_NUMBERS = 20  # classes; with more, three digits do not fit into a cell
_LONGEST_NAME = 32  # letters, some two inches


def draw_confusion(
    counts: npt.NDArray[np.int64],
    classes: Sequence[str],
    path: Path,
    *,
    title: str = "",
    overwrite: bool = True,
) -> None:
    """Draw a confusion matrix as PNG: one row per true class, shares of its clips in percent.

    Args:
        counts: (C, C) clips by true class (row) and predicted class (column). Rows without clips
            are omitted, and columns whose class has no row and was never predicted.
        classes: C names.
        path: the picture.
        title: title of the picture.
        overwrite: whether an existing file may be replaced.

    Raises:
        ConfigError: matplotlib is not installed, or no clip was evaluated.
        OutputError: the picture cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "a picture of the confusion needs matplotlib: pip install 'mbcli[train]'"
        ) from error
    rows = np.flatnonzero(counts.sum(axis=1))
    if not len(rows):
        raise ConfigError("a confusion matrix needs evaluated clips, got none")
    columns = np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))
    shown = counts[np.ix_(rows, columns)]
    share = 100 * shown / shown.sum(axis=1, keepdims=True)

    names = [_short(name) for name in classes]
    small = 7 if len(columns) > _MOST_WITH_NUMBERS else 9
    label = _INCH_A_LETTER * small * max(len(names[i]) for i in {*rows, *columns}) + 0.4
    cell = max(_INCH_A_CLASS, 4.0 / len(columns))
    width, height = cell * len(columns), cell * len(rows)
    bar, top = 0.9, 0.45
    figure = Figure(figsize=(label + width + bar, top + height + label))
    FigureCanvasAgg(figure)
    across, tall = figure.get_size_inches()
    axes = figure.add_axes((label / across, label / tall, width / across, height / tall))
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(columns)), [names[i] for i in columns], rotation=90, fontsize=small)
    axes.set_yticks(range(len(rows)), [names[i] for i in rows], fontsize=small)
    axes.set_xlabel("predicted")
    axes.set_ylabel("action")
    axes.set_title(title, fontsize=10, loc="left")
    if len(columns) <= _MOST_WITH_NUMBERS:
        for y, row in enumerate(share):
            for x, value in enumerate(row):
                if value:
                    ink = "white" if value > 60 else "black"
                    text = f"{value:.0f}"
                    axes.text(x, y, text, ha="center", va="center", color=ink, fontsize=9)
    scale = figure.add_axes(
        ((label + width + 0.12) / across, label / tall, 0.12 / across, height / tall)
    )
    figure.colorbar(image, cax=scale, format="%d %%").ax.tick_params(labelsize=8)
    with written_whole(path, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
