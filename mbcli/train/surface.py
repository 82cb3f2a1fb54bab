"""Keypoints as annotators see them: on the surface of a body, not at its joints.

An annotated shoulder lies above its joint, a hip outside, and faces differ. The packaged table
holds, for each of many bodies, the offset from a joint of ``BODY21`` to the keypoint of the same
name; `research.surface` measures it on the open body model Anny.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mbcli.boundary import reading
from mbcli.errors import ConfigError
from mbcli.lift.body.body_model import JOINTS, world_rotations
from mbcli.lift.body.posing import pose_from_joints
from mbcli.skeleton import BODY21, COCO17, COCO_OF_BODY21, H36M17
from mbcli.storage.arrays import read_npz
from mbcli.train.bodies import stature
from mbcli.train.draw import Draw

PARTS = ("nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
"""Keypoints of the table's rows, with left and right combined."""

PACKAGED = Path(__file__).parent / "surfaces" / "anny.npz"
STRENGTH = (0.5, 1.2)
"""Lowest and highest factor on the table's offsets: annotators differ."""

# The joint whose frame an offset refers to. A limb's frame is that of the bone above it, since the
# joint below may bend; its twist about the bone is that of the bone's parent.
_FRAME_OF = {
    "shoulder": "spine3",
    "elbow": "{side}_shoulder",
    "wrist": "{side}_elbow",
    "hip": "pelvis",
    "knee": "{side}_hip",
    "ankle": "{side}_knee",
}


def _part(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def _frame_number(name: str) -> int:
    """Index in ``JOINTS`` of the frame of a COCO keypoint."""
    frame = _FRAME_OF.get(_part(name), "head")
    return JOINTS.index(frame.format(side=name.partition("_")[0]))


_FRAMES = [_frame_number(name) for name in COCO17.joints]


def frames(joints: Tensor) -> Tensor:
    """Axes in which the offsets of COCO-17 keypoints are expressed.

    Args:
        joints: (N, 21, 3) ``BODY21`` in any unit, in a right-handed frame.

    Returns:
        (N, 17, 3, 3) rotations whose columns are left, up and forward for a person standing with
        arms stretched out to the sides.
    """
    world = world_rotations(pose_from_joints(joints[:, : len(H36M17)]))  # (N, 24, 3, 3)
    axes = world[:, _FRAMES]  # (N, 17, 3, 3)
    left_ear, right_ear = (joints[:, BODY21.index(f"{side}_ear")] for side in ("left", "right"))
    # In `mbcli.data.recordings.body` the head joint lies directly above the midpoint of the ears.
    left = normalize(left_ear - right_ear, dim=-1)  # (N, 3)
    up = joints[:, BODY21.index("head")] - (left_ear + right_ear) / 2
    forward = normalize(torch.linalg.cross(left, up), dim=-1)
    head = torch.stack([left, torch.linalg.cross(forward, left), forward], dim=-1)  # (N, 3, 3)
    on_head = torch.tensor([part == JOINTS.index("head") for part in _FRAMES]).to(joints.device)
    return torch.where(on_head[:, None, None], head[:, None], axes)


def origins(joints: Tensor) -> Tensor:
    """(..., 17, 3) origins of the offsets: the head for the face, else the keypoint's joint.

    Args:
        joints: (..., 21, 3) ``BODY21``.
    """
    head = JOINTS.index("head")
    numbers = [
        BODY21.index("head") if frame == head else body
        for frame, body in zip(_FRAMES, COCO_OF_BODY21, strict=True)
    ]
    return joints[..., numbers, :]


@dataclass(frozen=True, eq=False)
class SurfaceTable:
    """Offsets of many bodies.

    Attributes:
        offsets: (K, 9, 3) of ``PARTS`` on the left, fractions of the stature; axes of `frames`.
            The right ones are their mirror image, and the nose's first number is 0.
        about: origin of the numbers.
    """

    offsets: Tensor
    about: str

    @classmethod
    def read(cls, path: Path = PACKAGED) -> SurfaceTable:
        """Read a table written by :meth:`write`; by default, the packaged one.

        Raises:
            ConfigError: the file does not exist, or is not such a table.
        """
        with reading(path, "a table of surface keypoints", ConfigError):
            arrays = read_npz(path, ("parts", "about", "offsets"))
            parts, about = tuple(arrays["parts"].tolist()), str(arrays["about"])
            offsets = torch.from_numpy(arrays["offsets"].astype(np.float32))
        if parts != PARTS or offsets.shape[1:] != (len(PARTS), 3) or not len(offsets):
            raise ConfigError(
                f"{path} must hold offsets (K, {len(PARTS)}, 3) of {', '.join(PARTS)}, "
                f"got {tuple(offsets.shape)} of {', '.join(parts)}"
            )
        return cls(offsets, about)

    def write(self, path: Path) -> None:
        """Write an ``.npz`` file, rounded to 0.0001 of the stature; ``path`` must end in .npz."""
        np.savez_compressed(
            path,
            parts=np.array(PARTS),
            offsets=self.offsets.numpy().round(4).astype(np.float32),
            about=np.array(self.about),
        )

    def both_sides(self) -> Tensor:
        """(K, 17, 3) offsets of COCO-17."""
        wide = self.offsets[:, [PARTS.index(_part(name)) for name in COCO17.joints]]
        sign = [-1.0 if name.startswith("right_") else 1.0 for name in COCO17.joints]
        mirror = torch.ones(len(COCO17), 3)
        mirror[:, 0] = torch.tensor(sign)
        return wide * mirror.to(wide)


class SurfaceKeypoints:
    """Moves the keypoints of some clips from the joints to a body's surface.

    Args:
        table: offsets of the bodies.
        share: share of the clips whose keypoints are moved.
        device: the device of all tensors.
    """

    def __init__(self, table: SurfaceTable, share: float, device: torch.device) -> None:
        self._offsets = table.both_sides().to(device)  # (K, 17, 3)
        self._share = share

    def place(self, joints: Tensor, draw: Draw) -> Tensor:
        """COCO-17 keypoints in space, with one body and one strength per clip.

        Args:
            joints: (B, T, 21, 3) ``BODY21`` in any unit, in a right-handed frame.
            draw: random numbers on the same device.

        Returns:
            (B, T, 17, 3); the joints themselves in clips outside the share.
        """
        batch, time = joints.shape[:2]
        plain = joints[:, :, COCO_OF_BODY21]  # (B, T, 17, 3)
        which = (draw.uniform(batch) * len(self._offsets)).long()  # (B,)
        low, high = STRENGTH
        strength = draw.uniform(batch, 1, 1, 1, low=low, high=high)
        chosen = draw.chance(batch, 1, 1, 1, probability=self._share)  # (B, 1, 1, 1)
        offset = self._offsets[which.clamp_max(len(self._offsets) - 1)]  # (B, 17, 3)
        offset = offset * stature(joints)[:, None, None]
        axes = frames(joints.flatten(0, 1)).view(batch, time, -1, 3, 3)  # (B, T, 17, 3, 3)
        surface = origins(joints) + (axes @ offset[:, None, ..., None])[..., 0]  # (B, T, 17, 3)
        return torch.where(chosen, plain + strength * (surface - plain), plain)
