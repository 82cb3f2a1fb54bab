"""USD: every person as a UsdSkel character, in one stage; needs the extra ``formats``.

Each person is a ``SkelRoot`` with a ``Skeleton`` of the joints of `mbcli.kinematics.rig`, or of the
bones of ``--rig``, a ``SkelAnimation`` and meshes of bones that follow it, in the colours of
`mbcli.show.colours`. y is along the limb in our own bones. Bind and rest transforms are a T-pose or
A-pose facing +z (z up: -y) with its toes on the ground. Joints keep the names of the rig in
``jointNames``; in paths, what USD does not allow becomes ``_``. Time codes count frames at the
motion's rate from the source's start, of a loop from its own; frames with uneven times lie in
between. The stage declares its up axis and metres per unit, and in ``customLayerData`` the axes and
assumptions.
`mbcli.kinematics.solving` describes how rotations are solved, and what happens in frames without
the person.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import NobodyFoundError
from mbcli.exports.axes import notes, turn
from mbcli.exports.format import library
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.exports.solids import bones, colour_of
from mbcli.kinematics.armature import Armature, ArmatureMotion
from mbcli.kinematics.rotations import quaternions
from mbcli.motion import Motion3D
from mbcli.types import FloatArray


def write_usd(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path``, text or binary by its suffix: ``.usda``, ``.usdc``, ``.usd``.

    Raises:
        NobodyFoundError: there are no people, or one of them is in no frame.
        ConfigError: usd-core is not installed.
        OSError: the file cannot be written.
    """
    usd = _Library()
    if not len(motion.track_ids):
        raise NobodyFoundError("a USD file needs a person, got none")
    up, scale = options.up or "y", 1.0 if options.scale is None else options.scale
    # Rounded, since users query whole time codes.
    times = np.round(motion.timestamps * motion.fps, 6)
    poses = posed(motion, options)
    poses = chain(
        [next(poses)], poses
    )  # refuses somebody who is in no frame, before a file is made

    layer = usd.sdf.Layer.CreateNew(str(path))
    stage = usd.usd.Stage.Open(layer)
    usd.geom.SetStageUpAxis(stage, up.upper())
    usd.geom.SetStageMetersPerUnit(stage, 1 / scale)
    stage.SetTimeCodesPerSecond(motion.fps)
    stage.SetFramesPerSecond(motion.fps)
    stage.SetStartTimeCode(float(times[0]))
    stage.SetEndTimeCode(float(times[-1]))
    said = "; ".join(notes(motion, up=up, per_metre=scale))
    layer.customLayerData = {"generator": "mbcli", "notes": said}
    stage.SetDefaultPrim(usd.geom.Xform.Define(stage, "/people").GetPrim())
    people = zip(motion.track_ids.tolist(), poses, strict=True)
    for column, (identity, (moving, frames)) in enumerate(people):
        person = f"/people/person_{identity}"
        turned = moving.turned(turn(up) @ turn("y").T, scale)
        _add(usd, stage, person, turned, times[frames])
        _show(usd, stage, person, turned.armature, column)
    try:
        layer.Save()
    except usd.tf.ErrorException as error:
        raise OSError("usd-core could not save it; is the disk full?") from error


class _Library:
    """The modules of usd-core, which ships no types."""

    def __init__(self) -> None:
        self.usd = library("pxr.Usd", "USD")
        self.sdf = library("pxr.Sdf", "USD")
        self.geom = library("pxr.UsdGeom", "USD")
        self.skel = library("pxr.UsdSkel", "USD")
        self.vt = library("pxr.Vt", "USD")
        self.tf = library("pxr.Tf", "USD")

    def matrices(self, turns: FloatArray, places: FloatArray) -> Any:
        """Matrices of rotations (N, 3, 3) and places (N, 3); USD's apply to row vectors."""
        matrices = np.tile(np.eye(4), (len(places), 1, 1))
        matrices[:, :3, :3] = np.swapaxes(turns, 1, 2)
        matrices[:, 3, :3] = places
        return self.vt.Matrix4dArrayFromBuffer(matrices)

    def vectors(self, vectors: FloatArray) -> Any:
        """Convert (N, 3) to USD's type."""
        return self.vt.Vec3fArrayFromBuffer(np.ascontiguousarray(vectors, dtype="<f4"))

    def integers(self, numbers: npt.ArrayLike) -> Any:
        """Convert (N,) to USD's type."""
        return self.vt.IntArrayFromBuffer(np.ascontiguousarray(numbers, dtype="<i4"))


def _add(usd: _Library, stage: Any, person: str, moving: ArmatureMotion, times: FloatArray) -> None:
    """Add a skeleton and its motion at the path ``person`` of the stage."""
    usd.skel.Root.Define(stage, person)
    skeleton = usd.skel.Skeleton.Define(stage, f"{person}/skeleton")
    armature = moving.armature
    paths: list[str] = []
    for name, parent in zip(armature.names, armature.parents, strict=True):
        allowed = usd.tf.MakeValidIdentifier(name)
        paths.append(f"{paths[parent]}/{allowed}" if parent >= 0 else allowed)
    skeleton.CreateJointsAttr(paths)
    skeleton.CreateJointNamesAttr(list(armature.names))
    skeleton.CreateBindTransformsAttr(usd.matrices(armature.axes, armature.heads))
    skeleton.CreateRestTransformsAttr(usd.matrices(armature.turns, armature.offsets))
    _animate(usd, stage, f"{person}/motion", moving, paths, times)
    binding = usd.skel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([f"{person}/motion"])


def _show(usd: _Library, stage: Any, person: str, armature: Armature, column: int) -> None:
    """Add meshes of bones that follow the skeleton at the path ``person``."""
    for name, solid in bones(armature).items():
        mesh = usd.geom.Mesh.Define(stage, f"{person}/bones_{name}")
        mesh.CreatePointsAttr(usd.vectors(solid.points))
        mesh.CreateExtentAttr(
            usd.vectors(np.stack([solid.points.min(axis=0), solid.points.max(axis=0)]))
        )
        mesh.CreateFaceVertexCountsAttr(usd.integers(np.full(len(solid.points) // 3, 3)))
        mesh.CreateFaceVertexIndicesAttr(usd.integers(np.arange(len(solid.points))))
        mesh.CreateNormalsAttr(usd.vectors(solid.normals))
        mesh.CreateSubdivisionSchemeAttr("none")
        mesh.CreateDisplayColorAttr([colour_of(name, column)])
        skin = usd.skel.BindingAPI.Apply(mesh.GetPrim())
        skin.CreateSkeletonRel().SetTargets([f"{person}/skeleton"])
        skin.CreateJointIndicesPrimvar(False, 1).Set(usd.integers(solid.joints))
        skin.CreateJointWeightsPrimvar(False, 1).Set([1.0] * len(solid.joints))


def _animate(
    usd: _Library,
    stage: Any,
    name: str,
    moving: ArmatureMotion,
    paths: list[str],
    times: FloatArray,
) -> None:
    animation = usd.skel.Animation.Define(stage, name)
    animation.CreateJointsAttr(paths)
    animation.CreateScalesAttr([(1.0, 1.0, 1.0)] * len(paths))
    rotations, translations = animation.CreateRotationsAttr(), animation.CreateTranslationsAttr()
    # USD stores quaternions as x y z w.
    turns = quaternions(moving.rotations).astype("<f4")
    offsets, mover = moving.armature.offsets.copy(), moving.armature.mover
    for time, turn_here, place in zip(times.tolist(), turns, moving.translation, strict=True):
        offsets[mover] = place
        rotations.Set(usd.vt.QuatfArrayFromBuffer(turn_here), time)
        translations.Set(usd.vectors(offsets), time)
