"""Joints and keypoints on a few bodies, from the front and from their left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mbcli.skeleton import COCO17

if TYPE_CHECKING:
    from research.surface.bodies import Posed

_SIDES = {"left": "#d62728", "right": "#2ca02c"}


def draw_picture(posed: Sequence[Posed], path: Path) -> None:
    """Two rows a pose, front (their left is at the right) and side; a column a body.

    Args:
        posed: the same bodies in some poses; joints are blue, keypoints red on the left, green on
            the right, black for the nose.
        path: of the picture.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    count = len(posed[0].height)
    figure, axes = plt.subplots(
        2 * len(posed), count + 1, figsize=(5 * count + 5, 12 * len(posed)), layout="constrained"
    )
    for number, body in enumerate(posed):
        for view, (across, title) in enumerate(((0, "front"), (2, "from the left"))):
            for column in range(count + 1):
                panel = axes[2 * number + view, column]
                one = column % count  # after the last, the head of the first
                for cloud, colour, size in (
                    (body.vertices, "#bbbbbb", 0.3),
                    (body.joints, "#1f77b4", 30),
                ):
                    panel.scatter(cloud[one, :, across], cloud[one, :, 1], s=size, color=colour)
                for name, point in zip(COCO17.joints, body.keypoints[one], strict=True):
                    colour = _SIDES.get(name.partition("_")[0], "black")
                    panel.plot(point[across], point[1], "x", color=colour, markersize=7)
                panel.set(aspect="equal", title=title)
                if column == count:
                    head = body.keypoints[one, :5].mean(dim=0)
                    panel.set(
                        xlim=(head[across] - 0.25, head[across] + 0.25),
                        ylim=(head[1] - 0.35, head[1] + 0.25),
                    )
    figure.savefig(path, dpi=50)
    plt.close(figure)
