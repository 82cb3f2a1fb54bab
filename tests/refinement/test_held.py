"""Knees keep their curve while feet are kept from sliding: lifted footage, recordings, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motions import ANKLE_HEIGHT, CAMERA_HEIGHT, RECORDED, standing_feet, walking
from scipy.signal import butter, sosfiltfilt

import mbcli
from mbcli.data.recordings.figure import placed
from mbcli.data.recordings.reading import IMPORT_FORMATS, ImportOptions
from mbcli.pipeline import Pipeline
from mbcli.refinement.feet import foot_contacts
from mbcli.refinement.held import _bridge, without_sliding
from mbcli.skeleton import H36M17
from mbcli.timeline import runs
from mbcli.tracks.detection import Detection
from mbcli.tracks.repair import mend
from mbcli.types import BoolArray, FloatArray, Keypoints2D

FLOOR = np.eye(4)
FLOOR[1, 3] = -CAMERA_HEIGHT


def knees(body: FloatArray) -> FloatArray:
    """Degrees (T, 2) by which the knees of (T, 17, 3) are bent, right and left."""
    angles = []
    for side in ("right", "left"):
        hip, knee, ankle = (
            body[:, H36M17.index(f"{side}_{j}")].astype(np.float64)
            for j in ("hip", "knee", "ankle")
        )
        cosine = ((knee - hip) * (ankle - knee)).sum(axis=-1)
        cosine /= np.linalg.norm(knee - hip, axis=-1) * np.linalg.norm(ankle - knee, axis=-1)
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.stack(angles, axis=-1)


def bend_off(before: FloatArray, after: FloatArray, fps: float) -> float:
    """Degrees by which knees differ from the 6 Hz low-pass of what they were, at most."""
    worst = 0.0
    # Two passes of second order are 3 dB down together at 6 Hz.
    sections = butter(2, 6 / 0.802, fs=fps, output="sos")
    for start, stop in runs(np.asarray(np.isfinite(before).all(axis=(-1, -2)))):
        if stop - start > 10:
            smooth = sosfiltfilt(sections, knees(before[start:stop]), axis=0)
            worst = max(worst, float(np.abs(knees(after[start:stop]) - smooth).max()))
    return worst


def slide(body: FloatArray, contacts: BoolArray) -> float:
    """Millimetres that standing ankles of (T, 17, 3) move from a frame to the next, at most."""
    ankles = body[:, [H36M17.index("right_ankle"), H36M17.index("left_ankle")]].astype(np.float64)
    steps = np.linalg.norm(np.diff(ankles, axis=0), axis=-1) * 1000
    both = contacts[1:] & contacts[:-1]
    return float(steps[both].max(initial=0))


@pytest.fixture(scope="module")
def lifted(walk_keypoints: Keypoints2D) -> mbcli.Motion3D:
    """The example clip's people."""
    return Pipeline().lift(Detection(mend(walk_keypoints)[0], "walk.mp4", "movenet"))


@pytest.mark.parametrize("world", [False, True])
def test_knees_of_the_example(lifted: mbcli.Motion3D, world: bool) -> None:
    refined = mbcli.refine(lifted, mbcli.RefineOptions(feet=True, world=world))
    contacts = refined.refinement.foot_contacts if refined.refinement else None
    assert contacts is not None
    for person in range(2):
        before, after = lifted.in_camera[:, person], refined.in_camera[:, person]
        assert contacts[:, person].sum() > 60
        assert slide(before, contacts[:, person]) > 20
        assert slide(after, contacts[:, person]) < 1
        assert bend_off(before, after, lifted.fps) < 5


@pytest.mark.parametrize("fps", [30, 60])
@pytest.mark.parametrize("take", RECORDED)
def test_knees_of_recorded_walks(take: str, fps: int, recordings: Path) -> None:
    _, read = IMPORT_FORMATS["asf-amc"]
    walk = placed(read(recordings / f"{take}.amc", ImportOptions()))
    body = walk.body[:: 120 // fps, :17]
    body = body[: 4 * fps] * [1, -1, -1]  # y down
    ankles = [H36M17.index("right_ankle"), H36M17.index("left_ankle")]
    body += [0, CAMERA_HEIGHT - ANKLE_HEIGHT - np.percentile(body[:, ankles, 1], 95), 6]
    contacts = foot_contacts(body[:, None], FLOOR, fps)
    held = without_sliding(body[:, None], contacts, FLOOR, fps)
    assert held.contacts.sum() > 0.7 * contacts.sum() > fps
    after = held.in_camera[:, 0]
    assert slide(after, held.contacts[:, 0]) < 1
    assert bend_off(body, after, fps) < 5
    shake = [np.abs(np.diff(case[:, 0], 2, axis=0)).max() for case in (body, after)]
    assert shake[1] < 1.5 * shake[0]


def test_knees_that_tremble_are_steadied_where_feet_stand_only() -> None:
    """By at least as much as trembling exceeds 1.5 degrees, and not at all without a contact."""
    body = np.asarray(walking(90).in_camera, dtype=np.float64)
    rng = np.random.default_rng(0)
    knee = [H36M17.index("right_knee"), H36M17.index("left_knee")]
    body[:, :, knee] += 0.02 * rng.normal(size=(90, 1, 2, 3))
    contacts = standing_feet(90)[:, None]
    contacts[..., 1] = False
    held = without_sliding(body, contacts, FLOOR, 30.0)
    assert slide(held.in_camera[:, 0], held.contacts[:, 0]) < 1
    before, after = knees(body[:, 0]), knees(held.in_camera[:, 0])
    rough = [np.abs(np.diff(bend, 2, axis=0)).mean(axis=0) for bend in (before, after)]
    assert rough[1][0] < 0.6 * rough[0][0]
    np.testing.assert_allclose(after[:, 1], before[:, 1], atol=1e-3)


def test_a_foot_that_cannot_have_stood_is_let_go() -> None:
    """It rises by a step's height while the other stands; no knee bends for it."""
    body = np.asarray(walking(60).in_camera, dtype=np.float64)
    contacts = standing_feet(60)[:, None]
    false = contacts.copy()
    first = int(np.flatnonzero(~contacts[:, 0, 0])[0])
    false[first : first + 6, 0, 0] = True  # half of the swing
    held = without_sliding(body, false, FLOOR, 30.0)
    assert not held.contacts[first + 3 : first + 6, 0, 0].any()
    assert held.contacts[:, 0, 1].sum() >= contacts[:, 0, 1].sum() - 3
    assert bend_off(body[:, 0], held.in_camera[:, 0], 30.0) < 5.5


def test_no_foot_is_held_where_none_fits() -> None:
    """A body whose every contact is impossible stays as it is."""
    body = np.asarray(walking(20).in_camera, dtype=np.float64)
    ankle = H36M17.index("right_ankle")
    body[::2, :, ankle] = body[::2, :, H36M17.index("right_hip")] + [0, 0.1, 0.2]
    contacts = np.zeros((20, 1, 2), dtype=np.bool_)
    contacts[:, 0, 0] = True
    held = without_sliding(body, contacts, FLOOR, 30.0)
    assert held.contacts.sum() < 12
    assert np.isfinite(held.in_camera).all()


def test_a_contact_of_one_frame_is_none() -> None:
    """Every other frame of a contact is impossible, so that none of the others is beside one."""
    body = np.asarray(walking(20).in_camera, dtype=np.float64)
    ankle = H36M17.index("right_ankle")
    body[:] = body[:1]
    body[::2, :, ankle] = body[::2, :, H36M17.index("right_hip")] + [0, 0.1, 0.2]
    contacts = np.zeros((20, 1, 2), dtype=np.bool_)
    contacts[4:17, 0, 0] = True
    held = without_sliding(body, contacts, FLOOR, 30.0)
    assert not held.contacts.any()
    np.testing.assert_array_equal(held.in_camera, body.astype(np.float32))


def test_what_two_frames_show_goes_on_without_a_corner() -> None:
    """At the speed of the known frames, which dies away within six."""
    values = np.zeros((24, 1))
    known = np.zeros(24, np.bool_)
    known[[8, 9, 14, 15]] = True
    values[[8, 9, 14, 15], 0] = 0, 1, 3, 2
    _bridge(values, known, 6.0)
    steps = np.diff(values[:, 0])
    assert steps[7] == pytest.approx((5 / 6) ** 2)
    np.testing.assert_allclose(steps[5:8][::-1], -steps[15:18])
    assert steps[9] > 0.7
    assert steps[13] < -0.5
    assert (values[:3] == values[0]).all()
    # Of a single frame no speed is known.
    known[[8, 14, 15]] = False
    _bridge(values, known, 6.0)
    np.testing.assert_allclose(values, 1)


def test_steps_that_are_too_short_carry_the_body_little() -> None:
    """Where lifting shortens steps towards the camera, people stay nearly where they were seen."""
    body = np.asarray(walking(90, 2).in_camera[:, 1:], dtype=np.float64)
    root = body[:, :, :1]
    short = root + (body - root) * [1, 1, 0.85]
    contacts = standing_feet(90, person=1)[:, None]
    held = without_sliding(short, contacts, FLOOR, 30.0)
    assert slide(held.in_camera[:, 0], held.contacts[:, 0]) < 1
    # Feet alone would shorten the way of 2.9 m by 0.44 m.
    assert np.abs(held.in_camera[:, 0, 0] - root[:, 0, 0]).max() < 0.15
