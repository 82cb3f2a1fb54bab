"""How far off paths may be, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import hidden, panned, walking

from mbcli.camera import CameraMotion
from mbcli.placing.path_error import path_error, path_meta

TIMES = np.array([0.0, 1.0, 2.0])
WHOLE = [slice(0, 3)]


def way(*places: tuple[float, float, float]) -> np.ndarray:
    return np.array(places)


def error(
    root: np.ndarray,
    motion: CameraMotion = "still",
    *,
    height: float | None = None,
    focal: float | None = None,
    walked: float | None = None,
) -> float:
    return path_error(root, TIMES, WHOLE, height=height, focal=focal, motion=motion, walked=walked)


def test_somebody_who_stays_is_off_by_a_share_of_the_distance() -> None:
    here = way(*[(0, 0, 4)] * 3)
    assert error(here) == pytest.approx(0.015 * 4)
    assert error(here, focal=0.3, height=0.06) == pytest.approx(0.015 * 4)


def test_the_focal_length_counts_towards_the_camera_and_the_height_in_all_directions() -> None:
    away = way((0, 0, 4), (0, 0, 5), (0, 0, 6))
    near = 0.015**2 * np.array([16, 25, 36])
    gone = np.array([0, 1, 4])
    expected = np.sqrt(np.mean(near + (0.3**2 + 0.06**2) * gone))
    assert error(away, focal=0.3, height=0.06) == pytest.approx(expected)
    aside = way((0, 0, 4), (1, 0, 4), (2, 0, 4))
    near = 0.015**2 * np.array([16, 17, 20])
    expected = np.sqrt(np.mean(near + 0.06**2 * gone))
    for focal in (None, 0.3):
        assert error(aside, height=0.06, focal=focal) == pytest.approx(expected)
    # Of a height that was given, what is left are the bones.
    assert error(aside) == pytest.approx(np.sqrt(np.mean(near + 0.03**2 * gone)))


def test_a_camera_that_moves_adds_its_own_movement() -> None:
    here = way(*[(0, 0, 4)] * 3)
    expected = np.sqrt(0.06**2 + np.mean((0.25 * TIMES) ** 2))
    assert error(here, "moving") == pytest.approx(expected)
    assert error(here, "turning") == error(here, "unknown") == error(here)


def test_a_camera_whose_way_feet_show_adds_to_the_way_that_people_walk() -> None:
    there = way((0, 0, 4), (1, 0, 4), (0, 0, 4))
    plain = error(there, height=0.06) ** 2
    for share in (1.0, 0.5):
        expected = np.sqrt(plain + np.mean((0.15 / share * np.array([0, 1, 2])) ** 2))
        assert error(there, "moving", height=0.06, walked=share) == pytest.approx(expected)
    assert error(there, "turning", height=0.06, walked=1.0) == pytest.approx(np.sqrt(plain))


def test_every_shot_begins_anew_and_who_is_absent_tells_nothing() -> None:
    jump = way((0, 0, 4), (9, 0, 4), (9, 0, 4))
    parted = path_error(
        jump, TIMES, [slice(0, 1), slice(1, 3)], height=0.06, focal=0.3, motion="still"
    )
    assert parted == pytest.approx(0.015 * np.sqrt((16 + 97 + 97) / 3))
    gone = np.full((3, 3), np.nan)
    assert np.isnan(error(gone))
    gone[1:] = (0, 0, 4)
    assert error(gone, "moving") == pytest.approx(np.sqrt(0.06**2 + 0.25**2 / 2))


def test_everybodys_path_in_words() -> None:
    motion = hidden(walking(60, people=2), slice(0, 60), person=1)
    found = path_meta(motion, np.array([np.nan, 0.06]), 0.3)
    assert list(found["people"]) == ["1"]
    metres = found["people"]["1"]
    assert found["found"] == f"off by about {metres:.2f} m (person 1)"
    # In axes that do not turn with the camera.
    turning = path_meta(panned(walking(60), 40), np.array([np.nan]), 0.3)
    assert turning["people"]["1"] == pytest.approx(metres, abs=1e-3)
    poses = motion.camera.world_from_camera
    moving = replace(motion, camera=motion.camera.posed(poses, motion="moving"))
    said = path_meta(moving, np.array([np.nan, 0.06]), 0.3)
    assert said["people"]["1"] > metres
    assert said["found"].endswith("paths contain the camera's own movement")
    many = path_meta(walking(60, people=9), np.full(9, 0.06), 0.3)
    low, high = min(many["people"].values()), max(many["people"].values())
    assert many["found"] == f"off by about {low:.2f} to {high:.2f} m (9 people)"
    once = path_meta(walking(1), np.array([0.06]), 0.3)
    assert once["found"] == "nobody's path is known"
    nobody = hidden(walking(10), slice(None))
    assert path_meta(nobody, np.array([0.06]), None)["found"] == "nobody's path is known"


def test_shots_are_counted_from_the_persons_first_frame() -> None:
    whole = walking(60)
    cut = replace(whole, keypoints=replace(whole.keypoints, cuts=np.array([30])))
    late = hidden(cut, slice(0, 20))
    doubts = np.array([0.06])
    shorter = path_meta(late, doubts, 0.3)["people"]["1"]
    alone = path_meta(hidden(whole, slice(0, 20)), doubts, 0.3)["people"]["1"]
    assert shorter < path_meta(whole, doubts, 0.3)["people"]["1"]
    assert shorter < alone
