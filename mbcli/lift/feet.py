"""A lifter with feet: the body's own lifter, and a small one that adds toes and heels to it.

The body is lifted from its own keypoints alone, so that its joints are the same with and without
feet. A second DSTformer then says where toes and heels are relative to the lifted ankles, from
their keypoints and the lifted legs and trunk. Without such keypoints it guesses them from these.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.skeleton import BODY23, FEET, H36M17

ANKLES = tuple(BODY23.parents[BODY23.index(joint)] for joint in FEET)
"""The ankle of each of ``FEET``, by its number in ``H36M17``."""

_BODY = len(H36M17)
_KNEES = [H36M17.parents[ankle] for ankle in ANKLES]
_HIPS = [H36M17.parents[knee] for knee in _KNEES]
_ACROSS = (H36M17.index("right_hip"), H36M17.index("left_hip"))
_TRUNK = (H36M17.index("pelvis"), H36M17.index("thorax"))
# Numbers of a token: where the keypoint is from the ankle (2), its confidence, and four bones (3).
_TOKEN = 3 + 4 * 3


def feet_dimensions(wanted: DSTformerConfig) -> DSTformerConfig:
    """The dimensions of a network of feet, with the width and depth of another configuration."""
    return replace(wanted, dim_in=_TOKEN, dim_out=3, num_joints=len(FEET))


class WithFeet(nn.Module):
    """Maps 2D keypoints of ``BODY23`` to 3D poses of ``BODY23``.

    Args:
        body: a lifter of ``H36M17``.
        feet: a DSTformer of :func:`feet_dimensions`, at least as long.

    Raises:
        ValueError: their dimensions do not fit together.
    """

    def __init__(self, body: DSTformer, feet: DSTformer) -> None:
        super().__init__()
        one, other = body.config, feet.config
        if (one.dim_in, one.dim_out, one.num_joints) != (3, 3, _BODY):
            raise ValueError(f"feet are added to a lifter of {H36M17.name}, got {one}")
        if other != feet_dimensions(other) or other.maxlen < one.maxlen:
            raise ValueError(
                f"a network of feet must have {len(FEET)} joints of {_TOKEN} numbers and "
                f"{one.maxlen} frames or more, got {other}"
            )
        self.config = replace(one, num_joints=len(BODY23))
        self.body = body
        self.feet = feet

    def forward(self, x: Tensor) -> Tensor:
        """Lift a batch of clips.

        Args:
            x: (B, T, 23, 3) normalised x, y and confidence; missing joints are (0, 0, 0).

        Returns:
            (B, T, 23, 3) x, y, z in the units of the input; the first 17 are the body's.
        """
        return self.add(x, self.body(x[:, :, :_BODY]))

    def add(self, x: Tensor, body: Tensor) -> Tensor:
        """Add feet to a lifted body.

        Args:
            x: (B, T, 23, 3) as in :meth:`forward`.
            body: (B, T, 17, 3) the lifted body.

        Returns:
            (B, T, 23, 3).
        """
        ankles, knees, hips = (body[:, :, joints] for joints in (list(ANKLES), _KNEES, _HIPS))
        seen, own = x[:, :, _BODY:], x[:, :, list(ANKLES)]  # (B, T, 6, 3)
        # From where the ankle was seen: keypoints of one foot err together.
        start = torch.where(own[..., 2:] > 0, own, ankles)
        away = (seen - start)[..., :2] * (seen[..., 2:] > 0)  # (B, T, 6, 2)
        bones = [ankles - knees, knees - hips]
        for first, last in (_ACROSS, _TRUNK):
            bones.append((body[:, :, last] - body[:, :, first])[:, :, None].expand_as(ankles))
        tokens = torch.cat([away, seen[..., 2:], *bones], dim=-1)  # (B, T, 6, 15)
        # What is seen is where it is in the picture; the network adds depth, and the rest.
        offsets = self.feet(tokens) + F.pad(away, (0, 1))
        return torch.cat([body, ankles + offsets], dim=2)
