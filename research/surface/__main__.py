"""Measure where keypoints lie on bodies, and write the table that training takes them from.

    python -m research.surface [--out TABLE.npz] [--bodies 192] [--seed 0]
        [--picture surface.png]

Anny, an open body model (code Apache-2.0, data CC0), is drawn in many ages, sexes, statures and
weights, with arms from hanging to raised; nothing of a body but the ways from its joints to its
keypoints is kept. `research.surface.bodies` says where those lie. Equal seeds give equal tables.
Needs ``mbcli[train,mesh]``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mbcli.errors import MbcliError
from mbcli.skeleton import COCO17
from mbcli.storage.output import written_whole
from mbcli.train.bodies import stature
from mbcli.train.draw import Draw
from mbcli.train.surface import PACKAGED, PARTS, SurfaceTable, frames, origins
from research.surface.bodies import Bodies
from research.surface.picture import draw_picture

# Lowest and highest of Anny's numbers; an age of a third is a child of about ten, two thirds a
# young grown-up. Sexes lie at both ends.
PHENOTYPES = {
    "age": (0.62, 1.0),
    "muscle": (0.15, 0.85),
    "weight": (0.1, 0.9),
    "height": (0.1, 0.9),
    "proportions": (0.2, 0.9),
}
ORDER = ("gender", *PHENOTYPES)
_CHILDREN, _CHILD_AGE = 0.2, (0.2, 0.62)
# The axis of a limb's frame along the bone above, along which a keypoint is at its joint.
_ALONG = {"elbow": 0, "wrist": 0, "knee": 1, "ankle": 1}
_ARMS = (10.0, 10.0, 45.0, 90.0, 150.0)  # degrees from hanging: arms mostly hang


def population(count: int, draw: Draw) -> Tensor:
    """(N, 6) phenotypes of ``ORDER``, within 0..1."""
    sex = draw.chance(count, probability=0.5).float()
    columns = [(sex - draw.uniform(count, high=0.2)).abs()]
    for name, (low, high) in PHENOTYPES.items():
        value = draw.uniform(count, low=low, high=high)
        if name == "age":
            child = draw.uniform(count, low=_CHILD_AGE[0], high=_CHILD_AGE[1])
            value = torch.where(draw.chance(count, probability=_CHILDREN), child, value)
        columns.append(value)
    return torch.stack(columns, dim=1)


def measure(bodies: Bodies, numbers: Tensor) -> Tensor:
    """(N, 9, 3) offsets of the left side, mean over the arms' places, fractions of stature."""
    left = [COCO17.index(name if name == "nose" else f"left_{name}") for name in PARTS]
    means = []
    for chunk in torch.split(numbers, 16):
        found = []
        for arms in _ARMS:
            body = bodies.posed(chunk, arms)
            away = body.keypoints - origins(body.joints)  # (N, 17, 3)
            local = (frames(body.joints).mT @ away[..., None])[..., 0]
            found.append(local[:, left] / body.height[:, None, None])
        means.append(torch.stack(found).mean(dim=0))
    offsets = torch.cat(means)
    for part, axis in _ALONG.items():
        offsets[:, PARTS.index(part), axis] = 0
    return offsets


def main() -> int:
    """Make the table and the picture, and tell the sizes."""
    parser = argparse.ArgumentParser(
        prog="python -m research.surface",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=PACKAGED, help="the table, .npz")
    parser.add_argument("--bodies", type=int, default=192, help="how many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="joints and keypoints of some bodies, .png")
    arguments = parser.parse_args()
    console = Console()
    bodies = Bodies()
    numbers = population(arguments.bodies, Draw.seeded(arguments.seed))
    offsets = measure(bodies, numbers)
    about = (
        f"{len(offsets)} bodies of Anny (code Apache-2.0, data CC0), seed {arguments.seed}; "
        f"by benchmarks/accuracy/surface.py"
    )
    try:
        with written_whole(arguments.out, overwrite=True) as path:
            SurfaceTable(offsets, about).write(path)
    except MbcliError as error:
        console.print(str(error))
        return 1
    tell(offsets, console)
    if arguments.picture is not None:
        shown = torch.tensor(
            [
                [0.0, 2 / 3, 0.5, 0.5, 0.5, 0.5],
                [1.0, 2 / 3, 0.5, 0.5, 0.5, 0.5],
                [0.5, 0.30, 0.5, 0.5, 0.5, 0.5],
                [0.0, 0.9, 0.4, 0.95, 0.4, 0.4],
            ]
        )
        posed = [bodies.posed(shown, arms) for arms in (10.0, 150.0)]
        for body in posed:
            ratio = stature(body.joints[:, None]) / body.height
            console.print(f"heights {body.height.tolist()}, by bones over that {ratio.tolist()}")
        draw_picture(posed, arguments.picture)
    return 0


def tell(offsets: Tensor, console: Console) -> None:
    """Print the offsets of a person of 1.75 m: mean and standard deviation over the bodies."""
    table = Table(title="mm from the joint (face: from the head), 1.75 m, mean ± sd")
    for column in ("", "left / out", "up", "forward"):
        table.add_column(column, justify="right")
    for part, mean, sd in zip(PARTS, offsets.mean(dim=0), offsets.std(dim=0), strict=True):
        cells = [f"{1750 * m:+.0f} ± {1750 * s:.0f}" for m, s in zip(mean, sd, strict=True)]
        table.add_row(part, *cells)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
