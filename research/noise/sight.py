"""What a front end reports of keypoints that the body itself, or another person, hides from a view.

The body is that of `mbcli.train.occlusion`, laid over what all the views say together; the errors
are those of held-out views, where all the others agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rich.table import Table

from mbcli.conversion import conversion_matrix
from mbcli.skeleton import BODY21, COCO17
from mbcli.train.occlusion import behind_itself, covered
from mbcli.types import BoolArray, FloatArray
from research.noise.measures import GROSS, log_odds
from research.noise.misses import Misses, Person

_TO_BODY = torch.from_numpy(conversion_matrix(COCO17, BODY21)).float()
_PARTS = {
    "face": ("nose", "eye", "ear"),
    "shoulder, hip": ("shoulder", "hip"),
    "elbow, knee": ("elbow", "knee"),
    "wrist, ankle": ("wrist", "ankle"),
}
# Quantiles of the length of an error that is normal with a standard deviation of 1 on both axes.
_MEDIAN, _EIGHTY = 1.177, 1.794


def unseen(people: Sequence[Person], points: Sequence[FloatArray]) -> tuple[BoolArray, BoolArray]:
    """(N, V, T, 17) hidden by the body itself; hidden by somebody else.

    Args:
        people: N people of the same views.
        points: (T, 17, 3) of each, metres in the world.
    """
    own, others = [], []
    for number, person in enumerate(people):
        for view in person.views:
            placed = [torch.from_numpy(view.to_camera(p)).float()[None] for p in points]
            bodies = [_TO_BODY @ p for p in placed]
            own.append(behind_itself(placed[number], bodies[number])[0])
            hidden = torch.zeros_like(own[-1])
            for other, body in enumerate(bodies):
                if other != number:
                    hidden |= covered(placed[number], body)[0].any(dim=-1)
            others.append(hidden)
    shape = (len(people), len(people[0].views), *own[0].shape)
    return torch.stack(own).view(shape).numpy(), torch.stack(others).view(shape).numpy()


def sight(people: Sequence[Misses], own: BoolArray, others: BoolArray) -> Table:
    """Errors and confidences of what is seen and what is hidden, by part of the body.

    Args:
        people: errors of N people.
        own: (N, V, T, 17) hidden by the body itself.
        others: likewise by somebody else.
    """
    error = np.stack([person.error for person in people])  # (N, V, T, 17, 2)
    # A whole body that is shifted is the calibration's error.
    error = error - np.nanmedian(error[..., 5:, :], axis=(2, 3), keepdims=True)
    known = np.stack([person.agreed for person in people]) & np.isfinite(error).all(axis=-1)
    size = np.linalg.norm(error, axis=-1)
    logit = log_odds(np.stack([person.confidence for person in people]))
    twin = np.stack([person.to_twin for person in people]) < 0.6 * size
    table = Table(title="keypoints in and out of sight, where all the other views agree")
    for column in ("", "", "series", "keypoints", "sd an axis by median, 80 %", "lost", "twin"):
        table.add_column(column, justify="right")
    table.add_column("logit", justify="right")
    for part, names in _PARTS.items():
        of_part = np.array([name.split("_")[-1] in names for name in COCO17.joints])
        for kind, chosen in (
            ("seen", ~own & ~others),
            ("behind itself", own & ~others),
            ("behind another", others),
        ):
            mask = chosen & known & of_part
            if not mask.any():
                continue
            far = size[mask]
            spread = np.percentile(far, (50, 80)) / (_MEDIAN, _EIGHTY)
            lost = far > GROSS
            table.add_row(
                *(part, kind, str(mask.any(axis=2).sum()), str(mask.sum())),
                ", ".join(f"{value:.1%}" for value in spread),
                *(f"{share.mean():.1%}" for share in (lost, lost & twin[mask])),
                f"{logit[mask].mean():.2f}",
            )
    return table
