"""Export formats: one file each, and one row each in this table.

    from mbcli.exports.export import export

    export(motion, "walk.trc", ExportOptions(person="1"))

A module is loaded only when its format is written, so that no format waits for another's library.
"""

from __future__ import annotations

from mbcli.exports.format import ExportFormat
from mbcli.kinematics.rig_table import RIGS

__all__ = ["FORMATS", "ExportFormat"]

_DEGREES = (
    "degrees; mbcli.kinematics.angles says which way each angle grows, and that positions carry no "
    "twist"
)

_ANY_RIG = tuple(RIGS)

_BLENDER = (
    "in Blender's import, tick Scale FPS and Update Scene FPS: otherwise each frame lasts as long "
    "as one of the scene"
)

_ROWS = (
    ExportFormat(
        "bvh",
        (".bvh",),
        "skeleton with joint rotations, for Blender and others",
        "mbcli.exports.bvh:write_bvh",
        per_person=True,
        up="y",
        unit="m",
        steady=True,
        timeless=True,
        rigs=_ANY_RIG,
        declares=False,
        characters=(".bvh",),
        says=_BLENDER,
    ),
    ExportFormat(
        "glb",
        (".glb",),
        "animated skin in one glTF binary",
        "mbcli.exports.glb:write_glb",
        up="y",
        unit="m",
        fixed=True,
        rigs=_ANY_RIG,
        characters=(".glb", ".vrm"),
    ),
    ExportFormat(
        "fbx",
        (".fbx",),
        "the GLB, converted by Blender",
        "mbcli.exports.fbx:write_fbx",
        up="y",
        unit="m",
        fixed=True,
        steady=True,
        rigs=_ANY_RIG,
        characters=(".glb", ".vrm"),
        extra="fbx",
    ),
    ExportFormat(
        "vrma",
        (".vrma",),
        "animation of VRM 1.0 avatars",
        "mbcli.exports.vrma:write_vrma",
        per_person=True,
        up="y",
        unit="m",
        fixed=True,
        rigs=("vrm",),
    ),
    ExportFormat(
        "usd",
        (".usd", ".usda", ".usdc"),
        "animated UsdSkel characters",
        "mbcli.exports.usd:write_usd",
        up="y",
        unit="m",
        rigs=_ANY_RIG,
        extra="formats",
    ),
    ExportFormat(
        "trc",
        (".trc",),
        "marker positions for OpenSim",
        "mbcli.exports.trc:write_trc",
        per_person=True,
        up="y",
        unit="mm",
        steady=True,
        seen_only=True,
    ),
    ExportFormat(
        "c3d",
        (".c3d",),
        "marker positions for Mokka, Vicon and others",
        "mbcli.exports.c3d:write_c3d",
        per_person=True,
        up="z",
        unit="mm",
        steady=True,
        extra="formats",
    ),
    ExportFormat(
        "csv",
        (".csv",),
        "table of positions, wide or long",
        "mbcli.exports.tables:write_csv",
        up="y",
        unit="m",
        shapes=True,
        everywhere=True,
    ),
    ExportFormat(
        "parquet",
        (".parquet",),
        "the same table as Apache Parquet",
        "mbcli.exports.tables:write_parquet",
        up="y",
        unit="m",
        shapes=True,
        everywhere=True,
        extra="formats",
    ),
    ExportFormat(
        "json",
        (".json",),
        "everything, by a JSON Schema",
        "mbcli.exports.json_file:write_json",
        up="y",
        unit="m",
        everywhere=True,
    ),
    ExportFormat(
        "x3d",
        (".npy",),
        "MotionBERT's X3D array",
        "mbcli.exports.x3d:write_x3d",
        per_person=True,
        flat=True,
        says="(T, 17, 3) in image units: half the shorter side of the picture, from its middle, "
        "x right, y down, z away; the network's own output, which refinement leaves alone",
    ),
    ExportFormat(
        "coco",
        (".coco.json",),
        "2D keypoints as COCO results",
        "mbcli.exports.coco:write_coco",
        flat=True,
        seen_only=True,
        says="pixels of the picture; the keypoints that were lifted, whose eyes and ears are not "
        "kept and stand as 0, 0, 0",
    ),
    ExportFormat(
        "angles-csv",
        (".angles.csv",),
        "table of joint angles, wide or long",
        "mbcli.exports.angles:write_angles_csv",
        shapes=True,
        everywhere=True,
        says=_DEGREES,
    ),
    ExportFormat(
        "sto",
        (".sto",),
        "joint angles as OpenSim storage",
        "mbcli.exports.angles:write_sto",
        per_person=True,
        seen_only=True,
        says=f"{_DEGREES}; nan where an angle has no meaning. OpenSim's window stops at the first "
        "one: take .mot for it",
    ),
    ExportFormat(
        "mot",
        (".mot",),
        "coordinates that move an OpenSim full-body model",
        "mbcli.exports.angles:write_mot",
        per_person=True,
        seen_only=True,
        says=f"pelvis in metres, y up; the others in {_DEGREES}",
    ),
)

# name -> format
FORMATS: dict[str, ExportFormat] = {row.name: row for row in _ROWS}
