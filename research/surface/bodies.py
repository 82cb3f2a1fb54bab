"""Anny's bodies with the joints of ``BODY21`` and the keypoints of COCO-17.

Nose, eyes and ears are points of the face. Elbows, wrists, knees and ankles lie in the middle of
the limb. Shoulders and hips lie a part of the way from the joint to the skin: `_TO_SKIN` is a
guess, chosen so that hips come out about 1.2 times as far apart as the joints, the ratio by which
the configurations under ``examples`` widen them (``clips.bones.hip``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mbcli.skeleton import BODY21, COCO17

# The bone that begins at a joint.
_BONES = {
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
}
# Between the hips over stature. Anny's bones begin 0.125 apart, those of recordings are 0.110,
# and anatomy has about 0.10.
_HIPS = 0.110
# How far up from the ears to the vertex the head joint of `mbcli.data.recordings.body` lies.
_HEAD = 6 / 13
# Degrees above the horizontal, outwards, of the skin that is seen: the acromion and the outside
# of the hip; and which part of the way to it is marked.
_TOWARDS = {"shoulder": 70.0, "hip": 20.0}
_TO_SKIN = {"shoulder": 0.5, "hip": 0.35}
_AXIS = {  # where limbs of the resting body point at a joint
    "elbow": ("upperarm01", "wrist"),
    "wrist": ("lowerarm01", "finger3-1"),
    "knee": ("upperleg01", "foot"),
    "ankle": ("lowerleg01", "foot"),
}
# How deep a joint's cross-section is to both sides, and how far it reaches, over stature.
_SLAB = 0.011
_REACH = {"elbow": 0.045, "wrist": 0.04, "knee": 0.065, "ankle": 0.033}
# From Anny's axes (x left, y back, z up) to left, up, forward.
_TURN = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class Posed:
    """Bodies, metres, axes left, up, forward.

    Attributes:
        vertices: (N, V, 3).
        joints: (N, 21, 3) ``BODY21``; the face's are its keypoints.
        keypoints: (N, 17, 3) COCO-17 on the surface.
        height: (N,) standing.
    """

    vertices: Tensor
    joints: Tensor
    keypoints: Tensor
    height: Tensor


class Bodies:
    """Anny with landmarks, found once on the mean body."""

    def __init__(self) -> None:
        import anny

        # Warp, the default for skinning, compiles kernels on first use.
        self._body: Any = anny.Anny(skinning_method="lbs").float()
        self._labels = list(self._body.bone_labels)
        coco = anny.KeypointsRegressor.coco(self._body)
        self._face = dict(zip(coco.labels, coco.regression_weights.float(), strict=True))
        vertices, heads = self._shaped(torch.tensor([[0.5, 2 / 3, 0.5, 0.5, 0.5, 0.5]]), 45.0)
        mean, bones = vertices[0], heads[0]
        self._marks = {}
        for part in _TOWARDS:
            angle = math.radians(_TOWARDS[part])
            towards = torch.tensor([math.cos(angle), math.sin(angle), 0.0])
            away = mean - self._at(bones, part)
            near = away.norm(dim=-1) < 0.16
            cosine = torch.where(near, away @ towards / away.norm(dim=-1), -1.0)
            self._marks[part] = cosine.topk(4).indices
        near = (mean - self._face["nose"] @ mean).norm(dim=-1) < 0.03
        self._marks["nose"] = torch.where(near, mean[:, 2], -1.0).topk(5).indices

    def posed(self, numbers: Tensor, arms: float) -> Posed:
        """Bodies of the phenotypes (N, 6) whose arms are raised by some degrees from hanging."""
        rest, bones = self._shaped(numbers, 45.0)
        height = rest[..., 1].amax(dim=-1) - rest[..., 1].amin(dim=-1)  # (N,)
        vertices, heads = self._shaped(numbers, arms)
        left = self._side(vertices, heads, height, self._rings(rest, bones, height))
        mirror = torch.tensor([-1.0, 1.0, 1.0])
        # Anny is symmetric: the right side is the mirror image of the left one.
        joints, points = torch.zeros(len(height), 21, 3), torch.zeros(len(height), 17, 3)
        for name in {*COCO17.joints, *BODY21.joints}:
            part = name.removeprefix("left_").removeprefix("right_")
            sign = mirror if name.startswith("right_") else 1.0
            if name in COCO17.joints:
                points[:, COCO17.index(name)] = left[f"{part} seen"] * sign
            if part in left:
                joints[:, BODY21.index(name)] = left[part] * sign

        def middle(first: str, second: str) -> Tensor:
            return (joints[:, BODY21.index(first)] + joints[:, BODY21.index(second)]) / 2

        joints[:, BODY21.index("pelvis")] = middle("left_hip", "right_hip")
        joints[:, BODY21.index("thorax")] = middle("left_shoulder", "right_shoulder")
        joints[:, BODY21.index("spine")] = middle("pelvis", "thorax")
        return Posed(vertices, joints, points, height)

    def _rings(self, rest: Tensor, heads: Tensor, height: Tensor) -> dict[str, Tensor]:
        """(N, V) which vertices are around a joint of the left side, by part."""
        rings = {}
        for part, (first, last) in _AXIS.items():
            ends = [self._labels.index(f"{bone}.L") for bone in (first, last)]
            limb = torch.nn.functional.normalize(heads[:, ends[1]] - heads[:, ends[0]], dim=-1)
            away = (rest - self._at(heads, part)[:, None]) / height[:, None, None]  # (N, V, 3)
            level = (away @ limb[..., None])[..., 0].abs() < _SLAB
            rings[part] = level & (away.norm(dim=-1) < _REACH[part])
        return rings

    def _side(
        self, vertices: Tensor, heads: Tensor, height: Tensor, rings: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Joints (N, 3) by part, and ``PART seen`` for keypoints, of the left side."""
        found = {}
        for part in _BONES:
            joint = self._at(heads, part).clone()
            if part == "hip":
                joint[:, 0] = _HIPS / 2 * height
            if part in _TO_SKIN:
                skin = vertices[:, self._marks[part]].mean(dim=1)  # (N, 3)
                seen = joint + _TO_SKIN[part] * (skin - joint)
            else:  # of the bounding box, since vertices are denser here than there
                outside = ~rings[part][..., None]  # (N, V, 1)
                low = vertices.masked_fill(outside, torch.inf).amin(dim=1)  # (N, 3)
                high = vertices.masked_fill(outside, -torch.inf).amax(dim=1)
                seen = (low + high) / 2
            found[part], found[f"{part} seen"] = joint, seen
        for part in ("eye", "ear"):
            found[part] = self._face[f"left_{part}"] @ vertices
        found["nose"] = vertices[:, self._marks["nose"]].mean(dim=1)
        found["nose"][:, 0] = 0
        ears = found["ear"] * torch.tensor([0.0, 1.0, 1.0])
        vertex = vertices[..., 1].where(vertices[..., 0].abs() < 0.1, -1.0).amax(dim=-1)  # (N,)
        ears[:, 1] += _HEAD * (vertex - ears[:, 1])
        found["head"] = ears
        return found | {f"{part} seen": found[part] for part in ("nose", "eye", "ear")}

    def _at(self, heads: Tensor, part: str) -> Tensor:
        return heads[..., self._labels.index(f"{_BONES[part]}.L"), :]

    @torch.no_grad()
    def _shaped(self, numbers: Tensor, arms: float) -> tuple[Tensor, Tensor]:
        """(N, V, 3) vertices and (N, bones, 3) where bones begin."""
        rest = self._body(phenotype_kwargs=numbers)
        pose = torch.zeros_like(rest["rest_bone_poses"])  # (N, bones, 4, 4)
        for bone, label in enumerate(self._labels):
            turn = _about_forward(self._raised(label, arms))
            pose[:, bone, :3, :3] = turn @ rest["rest_bone_poses"][:, bone, :3, :3]
        pose[..., 3, 3] = 1
        out = self._body(
            pose_parameters=pose, phenotype_kwargs=numbers, pose_parameterization="world-orient"
        )
        return out["vertices"] @ _TURN.T, out["bone_poses"][..., :3, 3] @ _TURN.T

    @staticmethod
    def _raised(label: str, arms: float) -> float:
        """Degrees by which a bone is turned, up on the left; Anny's arms rest at 45."""
        side = {"L": 1.0, "R": -1.0}.get(label.rpartition(".")[2], 0.0)
        if label.startswith(("upperarm", "lowerarm", "wrist", "metacarpal", "finger")):
            return side * (arms - 45.0)
        # The shoulder girdle takes a third of what an arm rises beyond 30 degrees.
        girdle = label.startswith(("clavicle", "shoulder"))
        return side * max(0.0, arms - 45.0) / 3 if girdle else 0.0


def _about_forward(degrees: float) -> Tensor:
    """(3, 3) rotation in Anny's axes that lifts what points left."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])
