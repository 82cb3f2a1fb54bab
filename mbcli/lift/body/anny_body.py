"""Anny (Bregier et al. 2025), an open body model: code Apache-2.0, data CC0, no registration.

Anny's rig has 104 bones and a rest pose with lowered arms and parted legs. Here it is driven by
the 24 rotations of `mbcli.lift.body.body_model`: each bone follows one of those joints, and arms
and legs are first aligned with that model's rest pose. Shape is six numbers, 0 for the mean adult:
a phenotype of Anny's, within 0..1, is the logistic function of the number (plus log 2 for age, so
that 0 means a young adult): gender (0 = male, 1 = female), age, muscle, weight, height,
proportions.

The first use builds Anny's tables, which takes a minute and 0.8 GB in ``~/.cache/anny`` (or in
``ANNY_CACHE_DIR``); later uses load them at once.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor, nn

from mbcli.lift.body.body_model import JOINTS, world_rotations
from mbcli.lift.body.rotations import swing
from mbcli.skeleton import H36M17

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
_OFFSET = {"age": math.log(2)}  # two thirds: a young adult

# The joint that a bone follows, by the prefix of the bone's name; the first match counts.
_FOLLOWS = (
    ("upperleg", "hip"),
    ("lowerleg", "knee"),
    ("foot", "ankle"),
    ("toe", "foot"),
    ("clavicle", "collar"),
    ("shoulder", "collar"),
    ("upperarm", "shoulder"),
    ("lowerarm", "elbow"),
    ("wrist", "wrist"),
    ("metacarpal", "hand"),
    ("finger", "hand"),
    ("spine04", "spine1"),
    ("spine03", "spine1"),
    ("spine02", "spine2"),
    ("spine01", "spine3"),
    ("neck", "neck"),
    ("head", "head"),
    ("eye", "head"),
)

# Limbs with another rest pose: their bones, the two bones they lie between, and their direction
# at rest in the axes of `mbcli.lift.body.body_model`, on the left.
_LIMBS = (
    (("upperleg",), "upperleg01", "lowerleg01", (0.0, -1.0, 0.0)),
    (("lowerleg",), "lowerleg01", "foot", (0.0, -1.0, 0.0)),
    (("upperarm",), "upperarm01", "lowerarm01", (1.0, 0.0, 0.0)),
    (("lowerarm",), "lowerarm01", "wrist", (1.0, 0.0, 0.0)),
    (("wrist", "metacarpal", "finger"), "wrist", "finger3-1", (1.0, 0.0, 0.0)),
)

_MIDDLES = {
    "pelvis": ("left_hip", "right_hip"),
    "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "thorax": ("left_shoulder", "right_shoulder"),
}

# Vertex weights of a joint below this are dropped, half a percent of the sum in all. That moves
# the joints by 0.3 mm at most, and the joints alone then need 6 % of the vertices, not 33 %.
_NEGLIGIBLE = 1e-4

# From Anny's axes (x left, y back, z up) to those of a body at rest (x left, y up, z forward).
_TURN = ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))


class AnnyBody(nn.Module):
    """Anny as a :class:`mbcli.lift.body.body_model.BodyModel`."""

    name = "anny"
    shapes = len(PHENOTYPES)
    faces: Tensor
    template: Tensor

    def __init__(self) -> None:
        super().__init__()
        import anny

        # Warp, the default for skinning, compiles kernels on first use and prints meanwhile.
        self.body = anny.Anny(skinning_method="lbs").float()
        self.register_buffer("turn", torch.tensor(_TURN))
        self.register_buffer("offset", torch.tensor([_OFFSET.get(n, 0.0) for n in PHENOTYPES]))
        labels = list(self.body.bone_labels)
        self.register_buffer("follows", torch.tensor([_followed(label) for label in labels]))
        with torch.no_grad():
            rest = self._rest(self.body, torch.zeros(1, self.shapes))
        heads = rest["rest_bone_poses"][0, :, :3, 3] @ self._own_turn.T  # (bones, 3)
        self.register_buffer("aligned", _alignments(labels, heads))
        self.register_buffer("faces", self.body.faces.long())
        self.register_buffer("template", rest["rest_vertices"][0] @ self._own_turn.T)
        regressor = self._regressor(rest["rest_vertices"][0])
        few = regressor.any(dim=0).nonzero()[:, 0]
        self.register_buffer("regressor", regressor)
        self.register_buffer("few_regressor", regressor[:, few])
        self.few = _reduced(self.body, few)

    @property
    def _own_turn(self) -> Tensor:
        return self.get_buffer("turn")

    def mesh(self, rotations: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (N, V, 3) and joints (N, 17, 3); see the protocol."""
        vertices = self._skin(self.body, rotations, shape)  # (N, V, 3)
        return vertices, self.get_buffer("regressor") @ vertices

    def joints(self, rotations: Tensor, shape: Tensor) -> Tensor:
        """Joints (N, 17, 3); see the protocol."""
        return self.get_buffer("few_regressor") @ self._skin(self.few, rotations, shape)

    def _rest(self, body: Any, shape: Tensor) -> dict[str, Tensor]:
        phenotypes = torch.sigmoid(shape + self.get_buffer("offset"))  # (N, 6)
        return body(phenotype_kwargs=phenotypes)

    def _skin(self, body: Any, rotations: Tensor, shape: Tensor) -> Tensor:
        turn = self._own_turn
        rest = self._rest(body, shape)
        world = world_rotations(rotations)[:, self.get_buffer("follows")]  # (N, bones, 3, 3)
        turned = turn.T @ world @ self.get_buffer("aligned") @ turn  # (N, bones, 3, 3)
        pose = torch.zeros_like(rest["rest_bone_poses"])  # (N, bones, 4, 4)
        pose[..., :3, :3] = turned @ rest["rest_bone_poses"][..., :3, :3]
        pose[..., 3, 3] = 1
        moved, _ = body.get_bone_transforms(pose, rest["rest_bone_poses"], "world-orient")
        vertices: Tensor = body.get_skinned_vertices(rest["rest_vertices"], moved)
        return vertices @ turn.T  # (N, V, 3)

    def _regressor(self, rest: Tensor) -> Tensor:
        """(17, V) H36M-17 from vertices: Anny's COCO keypoints, and the top of the head."""
        from anny import KeypointsRegressor

        coco = KeypointsRegressor.coco(self.body)
        rows = dict(zip(coco.labels, coco.regression_weights.float(), strict=True))
        top = torch.zeros(len(rest))
        top[rest[:, 2].argmax()] = 1
        rows["head"] = top
        out = []
        for joint in H36M17.joints:
            parts = _MIDDLES.get(joint, (joint,))
            row = torch.stack([rows[part] for part in parts]).mean(dim=0)
            row = torch.where(row < _NEGLIGIBLE, 0.0, row)
            out.append(row / row.sum())
        return torch.stack(out)


def _followed(label: str) -> int:
    """Index of the joint that a bone follows."""
    side = {"L": "left_", "R": "right_"}.get(label.rpartition(".")[2], "")
    for beginning, joint in _FOLLOWS:
        if label.startswith(beginning):
            return JOINTS.index(joint if joint in JOINTS else side + joint)
    return JOINTS.index("pelvis")


def _alignments(labels: list[str], heads: Tensor) -> Tensor:
    """(bones, 3, 3) rotations of each bone from Anny's rest pose to ours.

    Args:
        labels: names of the bones.
        heads: (bones, 3) start points of the bones, in the axes of a body at rest.
    """
    out = torch.eye(3).repeat(len(labels), 1, 1)
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        for beginnings, first, last, goal in _LIMBS:
            limb = heads[labels.index(last + side)] - heads[labels.index(first + side)]
            wanted = torch.tensor(goal) * torch.tensor([sign, 1.0, 1.0])
            turn = swing(limb / limb.norm(), wanted)
            for number, label in enumerate(labels):
                if label.startswith(beginnings) and label.endswith(side):
                    out[number] = turn
    return out


def _reduced(body: Any, vertices: Tensor) -> Any:
    """A copy of a body with only some of its vertices."""
    data = body.to_model_data()
    few = dataclasses.replace(
        data,
        template_vertices=data.template_vertices[vertices],
        blendshapes=data.blendshapes[:, vertices],
        vertex_bone_weights=data.vertex_bone_weights[vertices],
        vertex_bone_indices=data.vertex_bone_indices[vertices],
        base_mesh_vertex_indices=data.base_mesh_vertex_indices[vertices],
        faces=data.faces[:0],
        texture_coordinates=None,
        face_texture_coordinate_indices=None,
    )
    return type(body).from_model_data(
        few,
        skinning_method="lbs",
        pose_parameterization=body.pose_parameterization,
        bone_orientation=body.bone_orientation,
        root_identity_orientation=body.root_identity_orientation,
    )
