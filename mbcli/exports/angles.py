"""Joint angles as tables: CSV, and OpenSim's storage and motion files.

`mbcli.kinematics.angles` defines each angle: its zero pose and its positive direction. All are in
degrees.

    CSV   every angle of every person; a field is empty where the angle is undefined
    STO   every angle of one person, for computation; "nan" where undefined, which OpenSim's
          TimeSeriesTable reads, whereas its older Storage, used by its window, stops at the
          first one. Frames without the person are left out
    MOT   the coordinates of OpenSim's full-body models (Rajagopal et al. 2016) for one person, to
          drive such a model: without "nan", so undefined values are interpolated and held at the
          ends, and frames without the person are left out

STO and MOT are text, as in the OpenSim documentation: a name, "key=value" lines and remarks up to
"endheader", then a line of names and rows of numbers, separated by tabs; the first column is the
time in seconds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mbcli.exports.axes import assumptions, turn, vertical
from mbcli.exports.by_frame import table_rows
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.angles import (
    ANGLES,
    LEVEL,
    angle_confidence,
    angle_names,
    angles_by_person,
    motion_angles,
    opensim_pelvis,
    without_jumps,
)
from mbcli.motion import Motion3D, heights
from mbcli.placing.metric import DEFAULT_HEIGHT
from mbcli.types import FloatArray
from mbcli.values import kept

_ROWS = 4096  # of a table, at a time
_DECIMALS = 4  # of a degree: a thousandth of the accuracy

_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
_PLACE = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
# Middle of the hip joints as seen from the pelvis, x forward and y up, in body heights: -0.056276
# and -0.07849 m in the generic model of Rajagopal et al. 2016, which is 1.70 m tall.
_HIPS = (-0.056276 / 1.70, -0.07849 / 1.70, 0.0)
_MODEL = (
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle"),
    *("arm_flex", "arm_add", "arm_rot", "elbow_flex"),
)


def write_angles_csv(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write a table of angles: frame, time in seconds, person, degrees.

    With ``options.shape`` wide there is one column per angle; with long, one row per angle with
    its confidence, which is that of its least certain joint. An absent person keeps their rows,
    with empty cells and confidence 0.
    """
    names, degrees = angles_by_person(motion)
    confidence = kept(motion, "confidence")
    wide = options.shape == "wide"
    head = names if wide else ("angle", "degrees", "confidence")
    with path.open("x", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(("frame", "time", "person", *head))
        for rows in table_rows(motion, _ROWS):
            scores = angle_confidence(rows.of(confidence), names, motion.skeleton).tolist()
            frames, times = motion.keypoints.frame_index[rows.frame], motion.timestamps[rows.frame]
            cells = zip(
                frames.tolist(), times.tolist(), motion.track_ids[rows.person].tolist(), strict=True
            )
            for start, found, sure in zip(cells, rows.of(degrees).tolist(), scores, strict=True):
                frame, time, person = start
                values = [_text(value, "") for value in found]
                if wide:
                    table.writerow((frame, f"{time:.6f}", person, *values))
                    continue
                table.writerows(
                    (frame, f"{time:.6f}", person, name, value, f"{score:.4f}")
                    for name, value, score in zip(names, values, sure, strict=True)
                )


def write_sto(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write all angles of the only person of ``motion`` for each frame with the person."""
    angles = motion_angles(motion)
    there = motion.glimpsed.dense()[:, 0]
    remarks = [
        *_remarks(motion),
        "nan: the angle has no meaning in this pose",
        _left_out(~there),
        *(_meaning(name) for name in angles.names),
    ]
    _write(path, motion.timestamps[there], angles.names, angles.degrees[there, 0], remarks)


def write_mot(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the coordinates that move an OpenSim model like the only person of ``motion``.

    A coordinate that is never determined is left out, and the model keeps its own value.
    """
    angles = motion_angles(motion)
    points = motion.in_world[:, 0]  # (T, J, 3)
    hips = points[:, motion.skeleton.index("pelvis")] @ turn("y").T
    standing = motion.camera.to_world(motion.in_camera)[:, 0]
    pelvis = opensim_pelvis(standing, LEVEL, motion.skeleton)
    known_limbs = (f"{name}_{side}" for side in "rl" for name in _MODEL)
    limbs = tuple(name for name in known_limbs if name in angles.names)
    trunk = ("lumbar_extension", "lumbar_bending", "lumbar_rotation")
    places = hips - _hips_from_pelvis(pelvis, _height(motion))
    names = (*_PELVIS, *_PLACE, *limbs, *trunk)
    turned = np.column_stack([angles.of(name)[:, 0] for name in (*limbs, *trunk)])
    values = np.column_stack([without_jumps(pelvis), places, turned])
    there = motion.glimpsed.dense()[:, 0]
    times, values = motion.timestamps[there], values[there]
    known = np.isfinite(values)
    used = np.flatnonzero(known.any(axis=0)).tolist()
    filled = [_without_gaps(times, _unwrapped(values[:, column], names[column])) for column in used]
    remarks = [
        *_remarks(motion),
        "coordinates of the full-body model of Rajagopal et al. 2016; a bent knee is positive",
        "pelvis_tx, pelvis_ty, pelvis_tz: metres, the origin of the model's pelvis, which lies "
        f"{100 * _height(motion) * np.hypot(*_HIPS[:2]):.1f} cm above and ahead of the hip joints "
        "at this body height; y up",
        _left_out(~there),
        *(
            f"{names[column]}: undetermined in {float(np.mean(~known[:, column])):.0%} of the "
            "frames, interpolated there"
            for column in used
            if not known[:, column].all()
        ),
    ]
    table = np.column_stack(filled) if filled else np.empty((0, 0))
    _write(path, times, [names[column] for column in used], table, remarks)


def _left_out(absent: npt.NDArray[np.bool_]) -> str:
    return f"{int(absent.sum())} frames without the person are left out"


def _hips_from_pelvis(pelvis: FloatArray, height: float) -> FloatArray:
    """(T, 3) from the origin of the model's pelvis to the middle of its hip joints, metres.

    Args:
        pelvis: (T, 3) degrees, tilt, list and rotation.
        height: height of the body in metres.
    """
    from scipy.spatial.transform import Rotation

    offsets = np.full(pelvis.shape, np.nan)
    known = np.isfinite(pelvis).all(axis=-1)
    if known.any():
        turned = Rotation.from_euler("ZXY", pelvis[known], degrees=True)
        offsets[known] = turned.apply(np.array(_HIPS) * height)
    return offsets


def _height(motion: Motion3D) -> float:
    """Height of the body in metres, as given or assumed."""
    known = heights(motion)
    return known[0] if known else DEFAULT_HEIGHT


def _unwrapped(values: FloatArray, name: str) -> FloatArray:
    """Let an angle continue beyond 180 degrees instead of jumping; lengths stay."""
    return values if name in _PLACE else without_jumps(values)


def _without_gaps(times: FloatArray, values: FloatArray) -> FloatArray:
    """Interpolate over time and hold the ends; at least one value must be known."""
    there = np.isfinite(values)
    return np.interp(times, times[there], values[there])


def _remarks(motion: Motion3D) -> list[str]:
    person = motion.track_ids.tolist()[0]
    with_feet = "ankle_angle_r" in angle_names(motion.skeleton)
    return [
        f"joint angles of person {person} by mbcli, from the places of "
        f"{len(motion.skeleton)} joints",
        "units: degrees, seconds",
        vertical(motion),
        "places of joints carry no twist: rotation of hip and arm is read from the plane of the "
        f"bent knee or elbow, {'foot' if with_feet else 'ankle'} and forearm rotation cannot be "
        "had",
        *assumptions(motion),
    ]


def _meaning(name: str) -> str:
    angle = ANGLES[name]
    return f"{name}: {angle.label}, 0 {angle.zero}, positive {angle.positive}"


def _write(
    path: Path,
    times: FloatArray,
    names: Sequence[str],
    values: FloatArray,
    remarks: Iterable[str],
) -> None:
    # An equals sign or a tab in a remark would be read as one of the keys.
    said = [" ".join(remark.replace("=", ":").split()) for remark in remarks]
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write("Coordinates\nversion=1\n")
        stream.write(f"nRows={len(times)}\nnColumns={len(names) + 1}\ninDegrees=yes\n\n")
        stream.writelines(f"{line}\n" for line in (*said, "endheader"))
        stream.write("\t".join(("time", *names)) + "\n")
        for time, row in zip(times.tolist(), values.tolist(), strict=True):
            stream.write("\t".join((f"{time:.6f}", *(_text(value, "nan") for value in row))) + "\n")


def _text(value: float, missing: str) -> str:
    # Only NaN differs from itself.
    return missing if value != value else f"{value:.{_DECIMALS}f}"
