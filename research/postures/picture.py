"""Some motions from the front and from the side, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

_TIMES = 12
_COLOURS = {"left": "tab:red", "right": "tab:blue"}


def draw_sheet(shown: Sequence[tuple[str, FloatArray]], path: Path) -> None:
    """Draw motions, two rows each: from the front, and from the person's left.

    Args:
        shown: a title and (F, 21, 3) in the heading frame.
        path: the picture.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, grid = plt.subplots(
        2 * len(shown), _TIMES, figsize=(1.5 * _TIMES, 2.6 * len(shown)), squeeze=False
    )
    for number, (title, body) in enumerate(shown):
        for column, frame in enumerate(np.linspace(0, len(body) - 1, _TIMES).astype(int)):
            pose = body[frame] - body[frame, 0] * np.array([1.0, 0.0, 1.0])
            for row, across in enumerate((0, 2)):
                ax = grid[2 * number + row, column]
                for joint, parent in enumerate(BODY21.parents):
                    if parent >= 0:
                        bone = pose[[joint, parent]]
                        side = BODY21.joints[joint].partition("_")[0]
                        ax.plot(bone[:, across], bone[:, 1], c=_COLOURS.get(side, "k"), lw=1.5)
                ax.axhline(0, c="g", lw=0.6)
                ax.set_aspect("equal")
                ax.set_xlim(-1.15, 1.15)
                ax.set_ylim(-0.1, 2.2)
                ax.set_xticks([])
                ax.set_yticks([])
                if not column:
                    ax.set_ylabel(title.rpartition("/")[2], fontsize=7)
                if not row:
                    ax.set_title(f"{frame / 60:.1f} s", fontsize=6)
    figure.subplots_adjust(0.03, 0.01, 0.995, 0.975, 0.03, 0.05)
    figure.savefig(path, dpi=70)
    plt.close(figure)
