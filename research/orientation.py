"""How well heads and hands are turned, on recordings that know it.

    python -m research.orientation FILE.bvh ... [--noise 0.015] [--seconds 3]

FILE are recordings of bodies with fingers, CMU's dances. Each is filmed by a virtual camera at 3.5
to 5.5 m, 1100 pixels of focal length. Its keypoints are those of BlazePose: the face put on the
recorded head (`mbcli.kinematics.templates`), the knuckles where the recording has them; they err by
``--noise`` metres, with a memory of some five frames. They are lifted, and what
`mbcli.placing.orientation` finds is compared with the recording, beside what exports do without it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.body import body_positions
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.known import mended
from mbcli.data.recordings.names import bare
from mbcli.geometry import nearest_rotation, unit
from mbcli.kinematics.named_rigs import face_ahead
from mbcli.kinematics.rig import JOINTS
from mbcli.kinematics.solving import solve
from mbcli.kinematics.templates import FACE
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.placing.orientation import FACING
from mbcli.skeleton import BLAZEPOSE33, BODY21, ORIENTED
from mbcli.tracks.detection import Detection
from mbcli.types import FloatArray, Keypoints2D

FPS, FOCAL, SIZE = 30.0, 1100.0, (1280, 720)
_KEPT = 0.8  # of the noise of one frame, in the next one
_FINGERS = {"index": "Index1", "pinky": "Pinky1", "thumb": "Thumb1"}
# Head and hands of the rig, as exports turn them by rule.
_BY_RULE = ("nose", "left_wrist", "right_wrist")


def truth(path: Path, seconds: float) -> tuple[dict[str, FloatArray], list[FloatArray]]:
    """Joints by name, (T, 3) metres, y up, and how head, left and right hand are turned, (T, 3, 3).

    Some seconds from the middle of a recording; turns lead from the T-pose.
    """
    recording = read_bvh(path, scale=0.01)
    recording = replace(recording, hierarchy=mended(recording.hierarchy))
    every = max(1, round(recording.fps / FPS))
    start = len(recording) // 3
    frames = slice(start, start + round(seconds * FPS) * every, every)
    body = body_positions(recording)[frames].astype(np.float64)
    places = recording.forward()[0][frames]
    names = [bare(name) for name in recording.hierarchy.names]
    joints: dict[str, FloatArray] = {
        name: body[:, number] for number, name in enumerate(BODY21.joints)
    }
    face = np.stack([joints[name] for name in FACE], axis=1)
    rest = np.array([(left, up, ahead) for ahead, up, left in FACE.values()])
    turns: list[FloatArray] = [
        nearest_rotation(
            np.einsum("tni,nj->tij", face - face.mean(1, keepdims=True), rest - rest.mean(0))
        )
    ]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        wrist = joints[f"{side}_wrist"]
        moved = wrist - places[:, names.index(f"{side[0]}Hand")]
        for name, finger in _FINGERS.items():
            joints[f"{side}_{name}"] = places[:, names.index(f"{side[0]}{finger}")] + moved
        index, pinky = joints[f"{side}_index"], joints[f"{side}_pinky"]
        x = sign * unit((index + pinky) / 2 - wrist)
        across = index - pinky
        z = unit(across - (across * x).sum(-1, keepdims=True) * x)
        turns.append(np.stack([x, np.cross(z, x), z], axis=-1))
    return joints, turns


def seen(
    joints: dict[str, FloatArray], noise: float, rng: np.random.Generator
) -> tuple[Keypoints2D, FloatArray]:
    """What a camera sees, and (3, 3) the rotation from the recording's axes to the camera's."""
    whole = np.stack([joints[name] for name in BODY21.joints], axis=1)
    around = Rotation.from_euler("yx", [rng.uniform(0, 360), -rng.uniform(0, 20)], degrees=True)
    turn = FACING @ around.as_matrix().T
    middle = whole.reshape(-1, 3).mean(axis=0)
    frames = len(whole)
    data = np.full((frames, 1, len(BLAZEPOSE33), 3), (np.nan, np.nan, 0.0))
    errors = rng.standard_normal((frames, len(BLAZEPOSE33), 2))
    for frame in range(1, frames):
        errors[frame] = _KEPT * errors[frame - 1] + np.sqrt(1 - _KEPT**2) * errors[frame]
    away = rng.uniform(3.5, 5.5)
    for number, name in enumerate(BLAZEPOSE33.joints):
        if name in joints:
            there = (joints[name] - middle) @ turn.T + [0, 0, away]
            off = there[:, :2] + noise * errors[:, number]
            data[:, 0, number, :2] = FOCAL * off / there[:, 2:] + np.array(SIZE) / 2
            data[:, 0, number, 2] = 0.85
    ends = [extreme(data[..., :2], axis=2) for extreme in (np.nanmin, np.nanmax)]
    keypoints = Keypoints2D(
        data=data,
        skeleton=BLAZEPOSE33,
        fps=FPS,
        timestamps=np.arange(frames) / FPS,
        size=SIZE,
        track_ids=np.array([1]),
        boxes=np.concatenate(ends, axis=-1),
        frame_index=np.arange(frames),
    )
    return keypoints, turn


def errors(
    pipeline: Pipeline, path: Path, noise: float, seconds: float, rng: np.random.Generator
) -> FloatArray:
    """(3, T, 3) for head and hands: degrees off, degrees off by rule, and confidence."""
    joints, turns = truth(path, seconds)
    keypoints, turn = seen(joints, noise, rng)
    motion = pipeline.lift(Detection(keypoints, str(path), "research"))
    assert motion.orientations is not None
    rig = solve(motion.in_camera[:, 0] @ FACING, FPS, motion.skeleton).chain[0]
    rows = []
    for number, joint in enumerate(_BY_RULE):
        found = motion.orientations[:, 0, number]
        rule = rig[:, JOINTS.index(joint)]
        rule = rule @ face_ahead().T if joint == "nose" else rule
        off = [
            np.degrees(
                Rotation.from_matrix(np.swapaxes(one, 1, 2) @ turn @ turns[number]).magnitude()
            )
            for one in (Rotation.from_rotvec(found[:, :3]).as_matrix() @ FACING, FACING @ rule)
        ]
        rows.append(np.stack([*off, found[:, 3]], axis=-1))
    return np.stack(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--noise", type=float, default=0.015, help="metres")
    parser.add_argument("--seconds", type=float, default=3.0)
    given = parser.parse_args()
    pipeline = Pipeline(InferOptions(focal=FOCAL, camera_motion="still"))
    rng = np.random.default_rng(0)
    every = np.concatenate(
        [errors(pipeline, path, given.noise, given.seconds, rng) for path in given.files], axis=1
    )
    title = f"degrees off, {every.shape[1]} frames of {len(given.files)} recordings"
    table = Table(
        "", "mean", "median", "by rule: mean", "median", "by confidence, thirds", title=title
    )
    for part, rows in zip(ORIENTED, every, strict=True):
        thirds = np.array_split(rows[np.argsort(rows[:, 2]), 0], 3)
        table.add_row(
            part.replace("_", " "),
            *(f"{of(rows[:, n]):.1f}" for n in (0, 1) for of in (np.mean, np.median)),
            ", ".join(f"{third.mean():.0f}" for third in thirds),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
