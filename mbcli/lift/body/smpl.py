"""SMPL (Loper et al. 2015), computed by ``smplx`` from the user's licensed model file.

The file is read as plain data, see `mbcli.storage.plainpickle`; its layout is described in
`mbcli.data.recordings.smpl`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mbcli.boundary import reading
from mbcli.errors import WeightsError
from mbcli.lift.body.body_model import JOINTS, PARENTS
from mbcli.skeleton import H36M17
from mbcli.storage.plainpickle import dense, load_plain_npy, load_plain_npz, load_plain_pickle

SHAPES = 10  # of the published model; files may hold more

_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_RECORDS = ("chumpy", "scipy.sparse")  # packages of the array types in the original pickles

# SMPL's mesh, and its vertices at H36M's nose and top of the head.
_VERTICES = 6890
_HEAD = {"nose": 332, "head": 411}
_MIDDLES = {
    "pelvis": ("left_hip", "right_hip"),
    "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "thorax": ("left_shoulder", "right_shoulder"),
}


class Smpl(nn.Module):
    """SMPL as a :class:`mbcli.lift.body.body_model.BodyModel`.

    Args:
        arrays: the file's arrays by name, dense, as the file has them.
        regressor: (17, V) H36M-17 joints from vertices, None for SMPL's own joints.
    """

    name = "smpl"
    shapes = SHAPES
    faces: Tensor
    template: Tensor

    def __init__(
        self, arrays: dict[str, npt.NDArray[Any]], regressor: npt.NDArray[Any] | None = None
    ) -> None:
        super().__init__()
        from_joints, from_vertices = _own_joints() if regressor is None else _given(regressor)
        whole = {
            "template": arrays["v_template"],
            "shapedirs": arrays["shapedirs"][..., :SHAPES],
            "posedirs": arrays["posedirs"].reshape(-1, arrays["posedirs"].shape[-1]).T,
            "regressor": arrays["J_regressor"],
            "weights": arrays["weights"],
            "from_joints": from_joints,
            "from_vertices": from_vertices,
        }
        for name, array in whole.items():
            self.register_buffer(name, torch.from_numpy(np.array(array, dtype=np.float32)))
        faces = torch.from_numpy(np.asarray(arrays["f"]).astype(np.int64))
        self.register_buffer("faces", faces)
        self.register_buffer("parents", torch.tensor(PARENTS))
        # A joint is a sum of few vertices: the joints alone need no others.
        used = np.flatnonzero(arrays["J_regressor"].any(axis=0) | from_vertices.any(axis=0))
        kept = torch.from_numpy(used)
        self.register_buffer("few_template", self.template[kept])
        self.register_buffer("few_shapedirs", self._buffer("shapedirs")[kept])
        posedirs = self._buffer("posedirs")
        few = posedirs.view(len(posedirs), -1, 3)[:, kept].flatten(1)
        self.register_buffer("few_posedirs", few)
        self.register_buffer("few_regressor", self._buffer("regressor")[:, kept])
        self.register_buffer("few_weights", self._buffer("weights")[kept])
        self.register_buffer("few_from_vertices", self._buffer("from_vertices")[:, kept])

    @classmethod
    def load(cls, path: Path, joint_regressor: Path | None = None) -> Smpl:
        """Read a model file, ``.pkl`` or ``.npz``, and optionally a joint regressor, ``.npy``.

        Raises:
            WeightsError: a file is missing, damaged, or does not fit.
        """
        with reading(path, "a body model", WeightsError):
            arrays = _read(path)
        regressor = None
        if joint_regressor is not None:
            with reading(joint_regressor, "a joint regressor", WeightsError):
                regressor = load_plain_npy(joint_regressor.read_bytes(), str(joint_regressor))
        vertices = len(arrays["v_template"])
        if regressor is not None and regressor.shape != (len(H36M17), vertices):
            raise WeightsError(
                f"{joint_regressor} must be ({len(H36M17)}, {vertices}), got {regressor.shape}"
            )
        if regressor is None and vertices != _VERTICES:
            raise WeightsError(
                f"{path} must have SMPL's {_VERTICES} vertices, or a joint regressor, "
                f"got {vertices} vertices"
            )
        return cls(arrays, regressor)

    def mesh(self, rotations: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (N, V, 3) and joints (N, 17, 3); see the protocol."""
        vertices, own = self._skin(rotations, shape, "")
        return vertices, self._h36m(own, vertices, "")

    def joints(self, rotations: Tensor, shape: Tensor) -> Tensor:
        """Joints (N, 17, 3); see the protocol."""
        vertices, own = self._skin(rotations, shape, "few_")
        return self._h36m(own, vertices, "few_")

    def _skin(self, rotations: Tensor, shape: Tensor, which: str) -> tuple[Tensor, Tensor]:
        from smplx.lbs import lbs

        vertices, own = lbs(
            shape,
            rotations,
            self._buffer(f"{which}template"),
            self._buffer(f"{which}shapedirs"),
            self._buffer(f"{which}posedirs"),
            self._buffer(f"{which}regressor"),
            self._buffer("parents"),
            self._buffer(f"{which}weights"),
            pose2rot=False,
        )
        return vertices, own

    def _h36m(self, own: Tensor, vertices: Tensor, which: str) -> Tensor:
        given = self._buffer(f"{which}from_vertices") @ vertices  # (N, 17, 3)
        return given + self._buffer("from_joints") @ own  # (N, 17, 3)

    def _buffer(self, name: str) -> Tensor:
        return self.get_buffer(name)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    if path.suffix.lower() == ".npz":
        content: Any = load_plain_npz(path, _KEYS)
    else:
        with path.open("rb") as stream:
            content = load_plain_pickle(stream, str(path), records=_RECORDS)
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: a body model is a dict, got {type(content).__name__}")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise WeightsError(f"{path}: a body model must hold {', '.join(missing)}")
    arrays = {key: np.asarray(dense(content[key])) for key in _KEYS}
    joints, vertices = len(JOINTS), len(np.atleast_1d(arrays["v_template"]))
    wanted = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, None),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "kintree_table": (2, joints),
        "f": (None, 3),
    }
    for key, shape in wanted.items():
        array = arrays[key]
        fits = array.ndim == len(shape) and array.dtype.kind in "iuf"
        if not fits or any(n not in (None, g) for n, g in zip(shape, array.shape, strict=True)):
            sizes = ", ".join("any" if n is None else str(n) for n in shape)
            raise WeightsError(
                f"{path}: {key} must be numbers of shape ({sizes}), got {array.dtype} {array.shape}"
            )
        if not np.isfinite(array).all():
            raise WeightsError(f"{path}: {key} must hold finite numbers only")
    if arrays["shapedirs"].shape[-1] < SHAPES:
        raise WeightsError(
            f"{path}: shapedirs must have {SHAPES} shapes or more, "
            f"got {arrays['shapedirs'].shape[-1]}"
        )
    if tuple(arrays["kintree_table"][0, 1:].tolist()) != PARENTS[1:]:
        raise WeightsError(f"{path}: kintree_table must hold the parents of SMPL's 24 joints")
    if arrays["f"].size and not 0 <= arrays["f"].min() <= arrays["f"].max() < vertices:
        raise WeightsError(f"{path}: f must name vertices, 0 to {vertices - 1}")
    return arrays


def _given(regressor: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return np.zeros((len(H36M17), len(JOINTS))), regressor


def _own_joints() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """H36M-17 as sums of SMPL's joints (17, 24) and of its vertices (17, V)."""
    from_joints = np.zeros((len(H36M17), len(JOINTS)))
    from_vertices = np.zeros((len(H36M17), _VERTICES))
    for row, joint in enumerate(H36M17.joints):
        if joint in _HEAD:
            from_vertices[row, _HEAD[joint]] = 1
            continue
        parts = _MIDDLES.get(joint, (joint,))
        for part in parts:
            from_joints[row, JOINTS.index(part)] = 1 / len(parts)
    return from_joints, from_vertices
