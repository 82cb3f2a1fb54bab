"""The weights that come with the project, on the example: what any viewer would notice at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mbcli
from mbcli.skeleton import H36M17

AT = {name: number for number, name in enumerate(H36M17.joints)}
UP = np.array([0.0, -1.0, 0.0])


@pytest.fixture(scope="module")
def motion(walk: Path) -> mbcli.Motion3D:
    return mbcli.infer(walk, mbcli.InferOptions(start=1.0, end=2.2))


@pytest.fixture(scope="module")
def walker(motion: mbcli.Motion3D) -> int:
    """Column of the woman who walks from right to left through the picture."""
    travelled = motion.root[-1, :, 0] - motion.root[0, :, 0]
    return int(np.nanargmin(travelled))


def joint(motion: mbcli.Motion3D, who: int, name: str) -> np.ndarray:
    return motion.positions[:, who, AT[name]].astype(float)


def test_two_people_are_there_all_the_time(motion: mbcli.Motion3D) -> None:
    assert motion.track_ids.tolist() == [1, 2]
    assert motion.present.all()


def test_everybody_is_upright(motion: mbcli.Motion3D) -> None:
    for who in range(2):
        for side in ("left", "right"):
            rise = (joint(motion, who, "head") - joint(motion, who, f"{side}_ankle")) @ UP
            assert np.all(rise > 1.2)
            assert np.all(rise < 1.8)


def test_the_walker_faces_where_she_goes(motion: mbcli.Motion3D, walker: int) -> None:
    travelled = motion.root[-1, walker] - motion.root[0, walker]
    assert -2.5 < travelled[0] < -0.7
    left = joint(motion, walker, "left_hip") - joint(motion, walker, "right_hip")
    forward = np.cross(left, UP)
    assert np.all(forward[:, 0] < 0)
    nose = joint(motion, walker, "nose") - joint(motion, walker, "thorax")
    assert np.mean(nose[:, 0] < 0) > 0.9


def test_knees_bend_forward_and_elbows_backward(motion: mbcli.Motion3D, walker: int) -> None:
    left = joint(motion, walker, "left_hip") - joint(motion, walker, "right_hip")
    forward = np.cross(left, UP)
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    for side in ("left", "right"):
        hip, knee, ankle = (joint(motion, walker, f"{side}_{n}") for n in ("hip", "knee", "ankle"))
        bend = np.einsum("td,td->t", knee - (hip + ankle) / 2, forward)
        assert np.mean(bend) > 0.02
        assert np.mean(bend > -0.02) > 0.9
        shoulder, elbow, wrist = (
            joint(motion, walker, f"{side}_{n}") for n in ("shoulder", "elbow", "wrist")
        )
        bend = np.einsum("td,td->t", elbow - (shoulder + wrist) / 2, forward)
        assert np.mean(bend) < 0


def test_the_legs_take_turns_as_in_the_picture(motion: mbcli.Motion3D, walker: int) -> None:
    lead = joint(motion, walker, "left_ankle") - joint(motion, walker, "right_ankle")
    seen = motion.keypoints.data[:, walker]
    seen_lead = seen[:, AT["left_ankle"], 0] - seen[:, AT["right_ankle"], 0]
    assert np.corrcoef(lead[:, 0], seen_lead)[0, 1] > 0.95
    assert np.ptp(lead[:, 0]) > 0.6


def test_bones_have_human_and_steady_lengths(motion: mbcli.Motion3D, walker: int) -> None:
    for parent, child, low, high in (
        ("left_hip", "left_knee", 0.33, 0.50),
        ("right_hip", "right_knee", 0.33, 0.50),
        ("left_knee", "left_ankle", 0.33, 0.50),
        ("right_knee", "right_ankle", 0.33, 0.50),
        ("left_shoulder", "left_elbow", 0.20, 0.36),
        ("right_shoulder", "right_elbow", 0.20, 0.36),
    ):
        length = np.linalg.norm(
            joint(motion, walker, parent) - joint(motion, walker, child), axis=-1
        )
        assert low < np.median(length) < high, (parent, child)
        assert length.std() / length.mean() < 0.12, (parent, child)


def test_the_skeleton_projects_onto_the_person(motion: mbcli.Motion3D) -> None:
    focal = motion.meta["assumptions"]["focal"]["pixels"]
    points = motion.positions + motion.root[:, :, None]
    middle = np.array(motion.keypoints.size) / 2
    pixels = focal * points[..., :2] / points[..., 2:] + middle
    limbs = [AT[n] for n in AT if n.split("_")[-1] in ("hip", "knee", "ankle", "shoulder", "elbow")]
    error = np.linalg.norm(pixels - motion.keypoints.data[..., :2], axis=-1)[:, :, limbs]
    size = motion.keypoints.boxes[..., 3] - motion.keypoints.boxes[..., 1]
    assert np.median(error / size[..., None]) < 0.03
