"""New motions from recorded ones: one recording's arms or legs on another's body, time reversed.

A limb keeps its pose relative to the trunk, so that it bends only as a recorded limb has bent; only
the combination is new.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mbcli.skeleton import BODY27, FOOT
from mbcli.train.draw import Draw

_AT = BODY27.index
_PELVIS = _AT("pelvis")
# The trunk's (low, high) joints, and the chain of joints of each limb.
_ARMS = ((_PELVIS, _AT("thorax")), ("shoulder", "elbow", "wrist"))
_LEGS = ((_PELVIS, _AT("spine")), ("hip", "knee", "ankle", *FOOT))


def recombined(joints: Tensor, probability: float, draw: Draw) -> Tensor:
    """Give some clips the arms or the legs of their neighbour in the batch.

    Args:
        joints: (B, T, 21, 3), or with feet (B, T, 27, 3), metres.
        probability: probability that a clip gets arms, and again that it gets legs.
        draw: random numbers on the same device.

    Returns:
        As ``joints``; limbs keep their lengths.
    """
    other = joints.roll(1, dims=0)
    which = draw.uniform(len(joints), 1, 1, 1)  # (B, 1, 1, 1)
    with_arms = torch.where(which < probability, _transplanted(joints, other, *_ARMS), joints)
    legs = (which >= probability) & (which < 2 * probability)
    return torch.where(legs, _transplanted(joints, other, *_LEGS), with_arms)


def reversed_in_time(joints: Tensor, probability: float, draw: Draw) -> Tensor:
    """Play some clips (B, T, J, 3) backwards."""
    chosen = draw.chance(len(joints), 1, 1, 1, probability=probability)
    return torch.where(chosen, joints.flip(1), joints)


def _transplanted(
    host: Tensor, donor: Tensor, trunk: tuple[int, int], chain: tuple[str, ...]
) -> Tensor:
    """The host with both of the donor's limbs, rotated from the donor's trunk to the host's."""
    ends = [_AT(f"{side}_{chain[0]}") for side in ("left", "right")]
    frames = (_frame(body, trunk, ends) for body in (host, donor))
    to_host, to_donor = frames
    turn = to_host @ to_donor.transpose(-1, -2)  # (B, T, 3, 3)
    result = host.clone()
    for side in ("left", "right"):
        first, *rest = (_AT(f"{side}_{joint}") for joint in chain)
        for joint in (number for number in rest if number < host.shape[2]):
            along = donor[:, :, joint] - donor[:, :, first]  # (B, T, 3)
            result[:, :, joint] = host[:, :, first] + (turn @ along[..., None])[..., 0]
    return result


def _frame(body: Tensor, trunk: tuple[int, int], ends: list[int]) -> Tensor:
    """(B, T, 3, 3) columns: left to right orthogonal to the trunk, along the trunk, the third."""
    low, high = trunk
    along = normalize(body[:, :, high] - body[:, :, low], dim=-1)  # (B, T, 3)
    across = body[:, :, ends[1]] - body[:, :, ends[0]]
    across = normalize(across - (across * along).sum(-1, keepdim=True) * along, dim=-1)
    return torch.stack([across, along, torch.linalg.cross(across, along)], dim=-1)
