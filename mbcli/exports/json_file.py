"""JSON with all contents of a motion, format "mbcli.motion-json/2".

`motion_json.schema.json` next to this file is its JSON Schema (draft 2020-12), which describes each
member. Metres and y up by default; missing values are null. Each frame of a person is one line, so
that long files can be read and compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.camera import Camera
from mbcli.exports.axes import Axes, axes_of, turn
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

FORMAT = "mbcli.motion-json/2"
SCHEMA = Path(__file__).with_name("motion_json.schema.json")


def write_json(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write everybody in ``motion``.

    Args:
        motion: the motion.
        path: the file to create.
        options: ``up`` and ``scale``.

    Raises:
        OSError: the file cannot be written.
    """
    axes = axes_of(motion, options)
    camera = motion.camera
    head: dict[str, Any] = {
        "format": FORMAT,
        "units_per_metre": axes.per_metre,
        "axes": {
            "up": axes.up,
            "right_handed": True,
            "origin": "floor" if camera.grounded else "camera",
            # Maps the camera's axes, x right, y down, z away, to those of the file.
            "file_from_camera": _in_file(turn(axes.up), camera).tolist(),
        },
        "camera": {
            "focal": camera.focal.tolist(),
            "centre": camera.centre.tolist(),
            "distortion": camera.distortion.tolist(),
            "given": {
                "focal": camera.focal_given,
                "centre": camera.centre_given,
                "distortion": camera.distortion_given,
            },
            "motion": camera.motion,
            "model": camera.model,
            **({"zooms": camera.zooms.tolist()} if camera.zooming else {}),
        },
        "notes": list(axes.notes),
        "fps": motion.fps,
        "image_size": list(motion.keypoints.size),
        "joint_names": list(motion.skeleton.joints),
        "parents": list(motion.skeleton.parents),
        "frame_index": motion.keypoints.frame_index.tolist(),
        "timestamps": motion.timestamps.tolist(),
        "meta": dict(motion.meta),
    }
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write("{\n")
        for name, value in head.items():
            stream.write(f'"{name}": {_text(value)},\n')
        stream.write('"people": [')
        for column, number in enumerate(motion.track_ids.tolist()):
            dense = motion.fits_dense
            alone = motion.whole(column) if dense else motion.alone(column)
            start = "" if dense else f'"first_frame": {int(motion.spans.first[column])},\n'
            stream.write((",\n" if column else "\n") + f'{{"id": {number},\n{start}"frames": [\n')
            for row, line in enumerate(_frames(alone, axes)):
                stream.write((",\n" if row else "") + line)
            stream.write("\n]}")
        stream.write("\n]}\n")


def _frames(motion: Motion3D, axes: Axes) -> Iterator[str]:
    """The text of each frame of a motion of one person."""
    refinement, expected = motion.refinement, motion.expected_error
    contacts = None if refinement is None else refinement.foot_contacts
    feet = None if contacts is None else contacts[:, 0]
    errors = None if expected is None else expected[:, 0] * axes.per_metre
    confidence, keypoints = motion.confidence[:, 0], motion.keypoints.data[:, 0]
    for row, points in enumerate(axes.place(motion.in_world[:, 0])):
        frame: dict[str, Any] = {
            "positions": _numbers(points, 6),
            "confidence": [round(value, 4) for value in confidence[row].tolist()],
            "keypoints_2d": _numbers(keypoints[row], 3),
        }
        if feet is not None:
            frame["feet_on_floor"] = feet[row].tolist()
        if errors is not None:
            frame["expected_error"] = [
                round(value, 5) if value == value else None for value in errors[row].tolist()
            ]
        yield _text(frame)


def _numbers(points: FloatArray, digits: int) -> list[list[float] | None] | None:
    """(J, 3) as lists, with null for a missing joint; None if all are missing."""
    there = np.asarray(np.isfinite(points).all(axis=-1))
    if not there.any():
        return None
    rounded = np.round(points.astype(np.float64), digits).tolist()
    return [row if known else None for row, known in zip(rounded, there, strict=True)]


def _in_file(turned: FloatArray, camera: Camera) -> FloatArray:
    """Rigid transform from the camera's axes in metres to those of the file.

    (4, 4), or (T, 4, 4) for a camera that moves.
    """
    whole = np.eye(4)
    whole[:3, :3] = turned
    return whole @ (camera.first_pose if camera.fixed else camera.world_from_camera)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
