"""Tables of angles, read back by a small reader of OpenSim's storage files and by pandas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from motions import hidden, walking, with_feet
from scipy.spatial.transform import Rotation

from mbcli.exports.angles import write_angles_csv, write_mot, write_sto
from mbcli.exports.options import ExportOptions
from mbcli.geometry import unit
from mbcli.kinematics.angles import LEVEL, angle_names, motion_angles, opensim_pelvis
from mbcli.motion import Motion3D
from mbcli.skeleton import BODY23, H36M17

OPTIONS = ExportOptions()
PLAIN = angle_names(H36M17)
# Coordinates of the full-body model of Rajagopal et al. that positions can give.
COORDINATES = {
    *("pelvis_tilt", "pelvis_list", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz"),
    *(f"{name}_{s}" for s in "rl" for name in ("hip_flexion", "hip_adduction", "hip_rotation")),
    *(f"{name}_{s}" for s in "rl" for name in ("knee_angle", "elbow_flex")),
    *(f"arm_{name}_{s}" for s in "rl" for name in ("flex", "add", "rot")),
    *("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
}


def read_storage(path: Path) -> tuple[dict[str, str], list[str], np.ndarray]:
    """Keys, column names and numbers, by the description of the format alone."""
    lines = path.read_text(encoding="utf-8").split("\n")
    end = lines.index("endheader")
    keys = dict(line.split("=") for line in lines[:end] if "=" in line)
    rows = [[float(cell) for cell in line.split("\t")] for line in lines[end + 2 :] if line]
    return keys, lines[end + 1].split("\t"), np.array(rows)


def test_sto_holds_every_angle_in_every_frame(tmp_path: Path) -> None:
    motion = hidden(walking(frames=40), slice(10, 14))
    write_sto(motion, tmp_path / "walk.sto", OPTIONS)
    keys, names, table = read_storage(tmp_path / "walk.sto")
    assert keys == {
        "version": "1",
        "nRows": "36",
        "nColumns": str(len(PLAIN) + 1),
        "inDegrees": "yes",
    }
    assert names == ["time", *PLAIN]
    there = motion.present[:, 0]
    np.testing.assert_allclose(table[:, 0], motion.timestamps[there], atol=1e-6)
    np.testing.assert_allclose(table[:, 1:], motion_angles(motion).degrees[there, 0], atol=1e-4)
    assert "4 frames without the person are left out" in (tmp_path / "walk.sto").read_text()


def test_mot_moves_a_model_without_gaps(tmp_path: Path) -> None:
    motion = hidden(walking(frames=80, fps=60.0), slice(10, 14))
    write_mot(motion, tmp_path / "walk.mot", OPTIONS)
    keys, names, table = read_storage(tmp_path / "walk.mot")
    assert (keys["nRows"], keys["inDegrees"]) == ("76", "yes")
    assert names[0] == "time"
    # Arms that hang nearly straight never show their rotation.
    angles = motion_angles(motion)
    never = {n for n in angles.names if np.isnan(angles.of(n)).all()}
    assert set(names[1:]) == COORDINATES - never
    assert np.isfinite(table).all()
    there = motion.present[:, 0]
    np.testing.assert_allclose(table[:, 0], motion.timestamps[there], atol=1e-6)
    pelvis = motion.in_camera[there, 0, 0] * [1, -1, -1]
    places = table[:, [names.index(f"pelvis_t{axis}") for axis in "xyz"]]
    turned = opensim_pelvis(motion.in_camera[there, 0], LEVEL)
    # The hip joints of the model of Rajagopal et al. 2016, which is 1.70 m tall, in its pelvis.
    hips = Rotation.from_euler("ZXY", turned, degrees=True).apply([-0.056276, -0.07849, 0])
    np.testing.assert_allclose(places + hips * height_of(motion) / 1.70, pelvis, atol=1e-4)
    np.testing.assert_allclose(table[:, 1:4], turned, atol=1e-3)
    rotation, known = table[:, names.index("hip_rotation_r")], angles.of("hip_rotation_r")[there, 0]
    sure = np.isfinite(known)
    assert 0.1 < sure.mean() < 0.9
    np.testing.assert_allclose(rotation[sure], known[sure], atol=1e-4)
    assert rotation.min() > known[sure].min() - 0.001
    text = (tmp_path / "walk.mot").read_text()
    assert f"hip_rotation_r: undetermined in {1 - sure.mean():.0%} of the frames" in text
    assert "4 frames without the person are left out" in text


def height_of(motion: Motion3D) -> float:
    return float(motion.meta.get("assumptions", {}).get("height", {}).get("metres", 1.70))


def test_an_arm_that_goes_over_the_head_makes_no_jump(tmp_path: Path) -> None:
    """Both arms from hanging to overhead and down behind, through where the angles wrap."""
    motion = walking(frames=60)
    positions = motion.positions.copy()
    index = motion.skeleton.index
    for side, sign in (("right", -1.0), ("left", 1.0)):
        shoulder = positions[:, 0, index(f"{side}_shoulder")]
        turn = np.radians(np.linspace(10, 340, 60))
        arm = np.stack([0.2 * sign + 0 * turn, np.cos(turn), np.sin(turn)], axis=-1)
        bend = np.stack([0 * turn, -np.sin(turn), np.cos(turn)], axis=-1)
        positions[:, 0, index(f"{side}_elbow")] = shoulder + 0.3 * arm
        positions[:, 0, index(f"{side}_wrist")] = shoulder + 0.3 * arm + 0.25 * (arm + bend) / 1.4
    write_mot(replace(motion, positions=positions), tmp_path / "a.mot", OPTIONS)
    _, names, table = read_storage(tmp_path / "a.mot")
    arms = [n for n, name in enumerate(names) if name.startswith("arm_")]
    assert len(arms) == 6
    assert np.abs(np.diff(table[:, arms], axis=0)).max() < 180


def test_the_coordinates_put_the_joints_of_a_model_where_they_were(tmp_path: Path) -> None:
    motion = walking(frames=50)
    write_mot(motion, tmp_path / "walk.mot", OPTIONS)
    _, names, table = read_storage(tmp_path / "walk.mot")
    row = dict(zip(names, table.T, strict=True))

    def turns(axis: int, name: str, sign: float = 1.0) -> np.ndarray:
        """(T, 3, 3) about one axis of x forward, y up, z right."""
        angle = sign * np.radians(row[name])
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.tile(np.eye(3), (len(angle), 1, 1))
        turn[:, a, a] = turn[:, b, b] = np.cos(angle)
        turn[:, b, a], turn[:, a, b] = np.sin(angle), -np.sin(angle)
        return turn

    body = motion.in_camera[:, 0] * np.array([1, -1, -1])
    pelvis = turns(2, "pelvis_tilt") @ turns(0, "pelvis_list") @ turns(1, "pelvis_rotation")
    place = np.stack([row[f"pelvis_t{axis}"] for axis in "xyz"], axis=-1)
    ahead = np.array([-0.056276, -0.07849, 0]) * height_of(motion) / 1.70
    middle = body[:, H36M17.index("pelvis")]
    np.testing.assert_allclose(place + pelvis @ ahead, middle, atol=1e-4)
    for side, sign in (("right", 1.0), ("left", -1.0)):
        end = side[0]
        hip = body[:, H36M17.index("pelvis")] + pelvis @ [0, 0, sign * 0.11]
        thigh = pelvis @ turns(2, f"hip_flexion_{end}") @ turns(0, f"hip_adduction_{end}", sign)
        shank = thigh @ turns(1, f"hip_rotation_{end}", sign) @ turns(2, f"knee_angle_{end}", -1)
        knee = hip + thigh @ [0, -0.43, 0]
        ankle = knee + shank @ [0, -0.43, 0]
        for joint, place in (("hip", hip), ("knee", knee), ("ankle", ankle)):
            want = body[:, H36M17.index(f"{side}_{joint}")]
            np.testing.assert_allclose(place, want, atol=1e-4, err_msg=f"{side} {joint}")


def test_feet_turn_the_ankles_of_a_model(tmp_path: Path) -> None:
    motion = with_feet(walking(frames=40))
    for write, name in ((write_sto, "a.sto"), (write_mot, "a.mot")):
        write(motion, tmp_path / name, OPTIONS)
    _, names, table = read_storage(tmp_path / "a.mot")
    assert names.index("ankle_angle_r") == names.index("knee_angle_r") + 1
    for side, name in (("r", "right"), ("l", "left")):
        # The soles are level, so that the shank alone turns the ankle.
        foot = np.array([0.03 if side == "r" else -0.03, 0.0, 0.22])
        knee, ankle = (
            motion.in_camera[:, 0, BODY23.index(f"{name}_{j}")] for j in ("knee", "ankle")
        )
        cosine = unit(knee - ankle) @ unit(foot)
        want = 90 - np.degrees(np.arccos(cosine))
        assert np.ptp(want) > 5
        np.testing.assert_allclose(table[:, names.index(f"ankle_angle_{side}")], want, atol=1e-3)
    assert "foot_progression_r" not in names  # is no coordinate of a model
    _, names, table = read_storage(tmp_path / "a.sto")
    assert names == ["time", *angle_names(BODY23)]
    assert np.isfinite(table[:, names.index("foot_progression_l")]).all()
    text = (tmp_path / "a.sto").read_text()
    assert "ankle_angle_r: ankle flexion, 0 line from heel to toes at a right angle" in text
    assert "ankle and forearm rotation cannot be had" not in text


def test_a_csv_of_everybody(tmp_path: Path) -> None:
    motion = hidden(walking(frames=20, people=2), slice(0, 3), person=1)
    write_angles_csv(motion, tmp_path / "wide.csv", OPTIONS)
    table = pd.read_csv(tmp_path / "wide.csv")
    assert list(table) == ["frame", "time", "person", *PLAIN]
    assert len(table) == 40
    second = table[table.person == 2]
    assert second.knee_angle_l.isna().tolist() == [True] * 3 + [False] * 17
    want = motion_angles(motion)
    np.testing.assert_allclose(second.knee_angle_l, want.of("knee_angle_l")[:, 1], atol=1e-4)
    np.testing.assert_allclose(second.time, motion.timestamps, atol=1e-6)

    write_angles_csv(motion, tmp_path / "long.csv", ExportOptions(shape="long"))
    tall = pd.read_csv(tmp_path / "long.csv")
    assert list(tall) == ["frame", "time", "person", "angle", "degrees", "confidence"]
    back = tall.pivot(index=("frame", "person"), columns="angle", values="degrees")
    wide = table.set_index(["frame", "person"])[list(back)]
    pd.testing.assert_frame_equal(back, wide, check_names=False)
    sure = tall[(tall.person == 2) & (tall.angle == "elbow_flex_r")].confidence.to_numpy()
    joints = [H36M17.index(f"right_{joint}") for joint in ("shoulder", "elbow", "wrist")]
    np.testing.assert_allclose(sure, motion.confidence[:, 1, joints].min(axis=-1), atol=1e-4)


@pytest.mark.parametrize("write", [write_sto, write_mot])
def test_one_frame_and_nothing_but_gaps_give_a_file_that_reads(write, tmp_path: Path) -> None:
    write(walking(frames=1), tmp_path / "one.sto", OPTIONS)
    keys, names, table = read_storage(tmp_path / "one.sto")
    assert table.shape == (int(keys["nRows"]), int(keys["nColumns"])) == (1, len(names))
    write(hidden(walking(frames=5), slice(None)), tmp_path / "none.sto", OPTIONS)
    keys, names, table = read_storage(tmp_path / "none.sto")
    assert int(keys["nRows"]) == len(table) == 0
    assert int(keys["nColumns"]) == len(names)


def in_opensim(path: Path) -> dict[str, np.ndarray]:
    opensim = pytest.importorskip("opensim", reason="opensim is not installed")
    table = opensim.TimeSeriesTable(str(path))
    assert table.getTableMetaDataAsString("inDegrees") == "yes"
    columns = {}
    for name in table.getColumnLabels():
        column = table.getDependentColumn(name)
        columns[name] = np.array([column[row] for row in range(table.getNumRows())])
    return columns


def test_opensim_reads_both(tmp_path: Path) -> None:
    motion: Motion3D = walking(frames=30)
    for write, name in ((write_sto, "a.sto"), (write_mot, "a.mot")):
        write(motion, tmp_path / name, OPTIONS)
        _, names, table = read_storage(tmp_path / name)
        found = in_opensim(tmp_path / name)
        assert list(found) == names[1:]
        for column, label in enumerate(names[1:], start=1):
            np.testing.assert_allclose(found[label], table[:, column])
