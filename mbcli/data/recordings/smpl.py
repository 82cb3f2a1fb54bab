"""SMPL and SMPL-H body models, as far as motion needs them: joints and single vertices.

A model file (Loper et al. 2015; Romero et al. 2017) is a Python pickle or ``.npz`` of

============== ================ ==========================================================
v_template     (V, 3)           vertices of the mean person, metres: y up, left at +x, facing
                                +z, arms stretched out; V = 6890
shapedirs      (V, 3, B)        their displacement per shape coefficient (beta)
posedirs       (V, 3, 9 (J-1))  and per entry of R - 1 of all joints except the root
J_regressor    (J, V)           rest joints from the vertices; dense or scipy.sparse
weights        (V, J)           skinning weight of each joint for each vertex
kintree_table  (2, J)           parent and number of each joint; the root's parent is 2^32 - 1
============== ================ ==========================================================

J is 24 (SMPL) or 52 (SMPL-H: 22 of the body, then 15 per hand). A pose is an axis times angle for
each joint; the root rotates about its own joint, not about the origin. The files are licensed by
the Max Planck Institute and must be requested there; none comes with mbcli. The ``smplx`` package
computes all vertices with torch and is for non-commercial use only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.hierarchy import Hierarchy, Recording
from mbcli.errors import DataError, InputError
from mbcli.kinematics.rotations import from_vectors
from mbcli.skeleton import SMPL24
from mbcli.storage.plainpickle import dense, load_plain_npz, load_plain_pickle
from mbcli.types import FloatArray

JOINTS = SMPL24.joints[:22]
"""The body joints that SMPL and SMPL-H share, in their order; the hands follow."""

VERTICES = 6890
"""Number of vertices of SMPL's and SMPL-H's mesh, the only one ``FACE`` is valid for."""

FACE = {"nose": 332, "left_eye": 2800, "right_eye": 6260, "left_ear": 583, "right_ear": 4071}
"""Vertices at the face's keypoints, as published by ``smplx`` for COCO's joints."""

# The head joint of BODY21 is at the level of a headband, this far below the top of the head.
_BELOW_CROWN = 0.07

_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")

# Packages whose array types occur in the original pickles.
_RECORDS = ("chumpy", "scipy.sparse")


@dataclass(frozen=True, eq=False)
class SmplModel:
    """A body model.

    Attributes:
        template: (V, 3) float64 metres.
        shapedirs: (V, 3, B) float64.
        posedirs: (V, 3, 9 (J-1)), in the file's float type.
        regressor: (J, V) float64.
        weights: (V, J) float64.
        parents: index of each joint's parent, -1 for the root.
    """

    template: FloatArray
    shapedirs: FloatArray
    posedirs: npt.NDArray[Any]
    regressor: FloatArray
    weights: FloatArray
    parents: tuple[int, ...]

    @classmethod
    def load(cls, path: Path) -> SmplModel:
        """Read a model file, ``.pkl`` or ``.npz``.

        Raises:
            DataError: no such file, or it is damaged or not an SMPL model.
        """
        data = _read(path)
        template = _floats(path, data, "v_template", (None, 3))
        vertices = len(template)
        regressor = _floats(path, data, "J_regressor", (None, vertices))
        joints = len(regressor)
        if joints < len(JOINTS):
            raise DataError(
                f"{path}: a body model must have at least {len(JOINTS)} joints, got {joints}"
            )
        tree = _floats(path, data, "kintree_table", (2, joints))
        parents = (-1, *(int(parent) for parent in tree[0, 1:]))
        if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
            raise DataError(f"{path}: kintree_table must list parents before children")
        return cls(
            template,
            _floats(path, data, "shapedirs", (vertices, 3, None)),
            _floats(path, data, "posedirs", (vertices, 3, 9 * (joints - 1))),
            regressor,
            _floats(path, data, "weights", (vertices, joints)),
            parents,
        )

    @cached_property
    def _joint_shapes(self) -> tuple[FloatArray, FloatArray]:
        """Joints of the mean person (J, 3), and their displacement per beta (J, 3, B)."""
        moved = np.tensordot(self.regressor, self.shapedirs, axes=1)
        return self.regressor @ self.template, moved

    def joints_at_rest(self, betas: FloatArray) -> FloatArray:
        """(J, 3) metres in the model's axes; coefficients beyond the model's own are ignored."""
        mean, moved = self._joint_shapes
        count = min(len(betas), moved.shape[-1])
        return mean + moved[..., :count] @ betas[:count]

    def vertices_at_rest(self, betas: FloatArray, vertices: Sequence[int] | slice) -> FloatArray:
        """(K, 3) metres in the model's axes, in the rest pose."""
        count = min(len(betas), self.shapedirs.shape[-1])
        return self.template[vertices] + self.shapedirs[vertices, :, :count] @ betas[:count]

    def recording(
        self, poses: FloatArray, trans: FloatArray, betas: FloatArray, *, fps: float, source: Path
    ) -> Recording:
        """A motion of the model's joints, and of ``head_end``, in the world of ``trans``.

        Args:
            poses: (F, J, 3) axis times angle, radians.
            trans: (F, 3) metres, added to every joint.
            betas: (any number,) shape coefficients.
            fps: frames per second.
            source: file name for messages.
        """
        rest = self.joints_at_rest(betas)
        body = self.vertices_at_rest(betas, slice(None))
        crown = body[body[:, 1].argmax()] - (0.0, _BELOW_CROWN, 0.0)
        skull = JOINTS.index("head")
        offsets = rest.copy()
        offsets[1:] -= rest[list(self.parents[1:])]
        extra = tuple(f"joint{number}" for number in range(len(JOINTS), len(rest)))
        hierarchy = Hierarchy(
            (*JOINTS, *extra, "head_end"),
            (*self.parents, skull),
            np.concatenate([offsets, [crown - rest[skull]]]),
        )
        turns = np.concatenate([from_vectors(poses), np.tile(np.eye(3), (len(poses), 1, 1, 1))], 1)
        return Recording(hierarchy, turns, {0: rest[0] + trans}, fps, source)

    def surface(self, motion: Recording, betas: FloatArray, vertices: Sequence[int]) -> FloatArray:
        """Selected vertices of the moving body, by linear blend skinning.

        Args:
            motion: from `recording`, possibly in other world axes.
            betas: those of ``motion``.
            vertices: K vertex indices.

        Returns:
            (F, K, 3) float64 metres in the world of ``motion``.
        """
        chosen = list(vertices)
        joints = len(self.parents)
        places, turns = motion.forward()
        bent = motion.rotations[:, 1:joints] - np.eye(3)
        feature = bent.reshape(len(motion), -1)
        posed = np.tensordot(feature, self.posedirs[chosen].astype(np.float64), axes=(1, 2))
        posed += self.vertices_at_rest(betas, chosen)  # (F, K, 3)
        rest = self.joints_at_rest(betas)
        out = np.zeros_like(posed)
        for joint in np.flatnonzero(self.weights[chosen].any(axis=0)).tolist():
            turned = (posed - rest[joint]) @ turns[:, joint].swapaxes(-1, -2)
            share = self.weights[chosen, joint][:, None]
            out += share * (turned + places[:, joint, None])
        return out


def turned(motion: Recording, turn: FloatArray) -> Recording:
    """Rotate a whole motion by ``turn`` (3, 3) about the origin."""
    whole = motion.rotations.copy()
    whole[:, 0] = turn @ whole[:, 0]
    return replace(motion, rotations=whole, translations={0: motion.translations[0] @ turn.T})


def _read(path: Path) -> dict[str, Any]:
    """The file's arrays by name."""
    try:
        if path.suffix.lower() == ".npz":
            return dict(load_plain_npz(path, _KEYS))
        with path.open("rb") as stream:
            content = load_plain_pickle(stream, str(path), records=_RECORDS)
    except InputError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path}: a body model must be a dict, got {type(content).__name__}")
    return content


def _floats(
    path: Path, data: dict[str, Any], key: str, shape: tuple[int | None, ...]
) -> npt.NDArray[Any]:
    """Check an array of the model and return it; None in ``shape`` allows any length."""
    if key not in data:
        raise DataError(f"{path}: a body model must hold {key}, got {', '.join(map(str, data))}")
    try:
        array = np.asarray(dense(data[key]))
        if array.dtype.kind not in "iuf":
            raise ValueError(f"an array of {array.dtype}")
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DataError(f"{path}: {key} must be an array of numbers, got {error}") from error
    fits = array.ndim == len(shape)
    if not fits or any(n not in (None, got) for n, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(f"{path}: {key} must be ({wanted}), got {array.shape}")
    if not np.isfinite(array).all():
        raise DataError(f"{path}: {key} must hold finite numbers only")
    # posedirs is by far the largest; it keeps its type until vertices have been selected.
    return array if key == "posedirs" else array.astype(np.float64)
