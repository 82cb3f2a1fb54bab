"""Triangulation, the camera estimated anew, and the solution over a clip, on synthetic cameras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy.association import same_person
from benchmarks.accuracy.bundle import solve_clip
from benchmarks.accuracy.calibration import View, read_qualisys
from benchmarks.accuracy.reference import BONES, LIMBS, reference, renewed
from benchmarks.accuracy.triangulation import rays_of, triangulate
from mbcli.errors import InputError
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

FPS, FRAMES = 60.0, 60


def _view(angle: float, height: float) -> View:
    """A camera 4 m from the origin that looks at a point 1 m above the floor, z up."""
    centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), height])
    forward = np.array([0, 0, 1.0]) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    return View(
        matrix=np.array([[1000.0, 0, 540], [0, 1005.0, 960], [0, 0, 1]]),
        lens=np.array([-0.1, 0.02, 0.001, -0.002, 0.0]),
        rotation=np.stack([right, np.cross(forward, right), forward]),
        centre=centre,
    )


def _views() -> list[View]:
    return [_view(a, h) for a, h in ((0.3, 1.5), (1.8, 2.0), (3.4, 1.2), (4.9, 1.8))]


def _walker(sway: float = 1.0, place: float = 0.0) -> FloatArray:
    """(T, 17, 3) metres: a stiff figure that turns and sways; bones keep their lengths."""
    rest = np.zeros((17, 3))
    for number, name in enumerate(H36M17.joints):
        side = -1.0 if name.startswith("left") else 1.0 if name.startswith("right") else 0.0
        part = name.split("_")[-1]
        tall = {"hip": 0.95, "knee": 0.5, "ankle": 0.1, "shoulder": 1.45, "elbow": 1.2}
        wide = {"hip": 0.13, "knee": 0.15, "ankle": 0.16, "shoulder": 0.2, "elbow": 0.3}
        rest[number] = [side * wide.get(part, 0.4), 0.05 * number % 0.2, tall.get(part, 1.0)]
    time = np.arange(FRAMES) / FPS
    angle = 0.8 * sway * np.sin(2 * np.pi * 0.7 * time)
    turn = np.zeros((FRAMES, 3, 3))
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 1, 0], turn[:, 0, 1] = np.sin(angle), -np.sin(angle)
    turn[:, 2, 2] = 1
    shift = np.stack([place + 0.3 * sway * np.sin(time), 0.2 * sway * time, 0 * time], axis=-1)
    return rest @ np.swapaxes(turn, 1, 2) + shift[:, None]


def _seen(views: list[View], joints: FloatArray) -> FloatArray:
    pixels = np.stack([view.project(joints) for view in views])
    return np.concatenate([pixels, np.full((*pixels.shape[:-1], 1), 0.8)], axis=-1)


def test_exact_keypoints_give_the_joints_back() -> None:
    views, joints = _views(), _walker()
    points, used = triangulate(views, _seen(views, joints))
    assert np.abs(points - joints).max() < 1e-6
    assert (used == 4).all()


def test_a_view_that_errs_grossly_drops_out() -> None:
    views, joints = _views(), _walker()
    pixels = _seen(views, joints)
    pixels[2, 10:20, :, 0] += 150
    points, used = triangulate(views, pixels)
    assert np.abs(points - joints).max() < 1e-6
    assert (used[10:20] == 3).all()


def test_a_joint_of_one_view_has_no_place() -> None:
    views, joints = _views(), _walker()
    pixels = _seen(views, joints)
    pixels[1:, 5, 3] = np.nan, np.nan, 0
    points, used = triangulate(views, pixels)
    assert np.isnan(points[5, 3]).all()
    assert used[5, 3] == 0
    assert np.isfinite(np.delete(points, 5, axis=0)).all()


def test_the_turned_camera_is_found_and_turned_back() -> None:
    views, joints = _views(), _walker()
    turned = list(views)
    by, _ = cv2.Rodrigues(np.radians([0.5, 1.6, -0.4]))
    turned[1] = replace(views[1], rotation=by @ views[1].rotation)
    people = [seen[:, None] for seen in _seen(views, joints)]
    found = reference(turned, people, FPS)
    assert found.renewed == 1
    assert np.abs(found.views[1].rotation - views[1].rotation).max() < 1e-5
    assert np.abs(found.views[1].centre - views[1].centre).max() < 1e-4
    assert np.abs(found.joints - joints[:, LIMBS])[6:-6].max() < 0.005
    again = renewed(turned, _seen(views, joints), 1)
    assert np.abs(again.centre - views[1].centre).max() < 1e-4


def test_the_one_who_moves_is_chosen_whatever_the_order() -> None:
    views = _views()
    mover, still = _seen(views, _walker()), _seen(views, _walker(sway=0.0, place=0.9))
    people = [np.stack([m, s], axis=1) for m, s in zip(mover, still, strict=True)]
    people[2] = people[2][:, ::-1]
    assert same_person(views, people) == (0, 0, 1, 0)


def test_nobody_whom_all_see_is_reported() -> None:
    views = _views()
    pixels = _seen(views, _walker())
    pixels[0] = _seen(views, _walker(place=2.0))[0]
    with pytest.raises(InputError, match="seen by all"):
        same_person(views, [seen[:, None] for seen in pixels])


def test_a_limb_that_two_views_disagree_on_follows_its_bone() -> None:
    views, joints = _views(), _walker()[:, LIMBS]
    pixels = _seen(views, joints)
    wrist = LIMBS.index(H36M17.index("left_wrist"))
    pixels[:2, 20:30, wrist] = np.nan, np.nan, 0
    pixels[3, 20:30, wrist, :2] += 200
    rays, weights = rays_of(views, pixels)
    start = joints + np.random.default_rng(0).normal(0, 0.02, joints.shape)
    solved = solve_clip(views, rays, weights, start, BONES, FPS)
    assert np.linalg.norm(solved - joints, axis=-1)[5:-5].max() < 0.03


def test_qualisys_units_and_axes(tmp_path: Path) -> None:
    path = tmp_path / "Calib.qca.txt"
    path.write_text(
        "<calibration><cameras><camera><transform x='1000' y='2000' z='3000' r11='1' r12='0' "
        "r13='0' r21='0' r22='1' r23='0' r31='0' r32='0' r33='1'/><intrinsic focalLengthU='64000' "
        "focalLengthV='64640' centerPointU='32000' centerPointV='61440' radialDistortion1='0' "
        "radialDistortion2='0' radialDistortion3='0' tangentalDistortion1='0' "
        "tangentalDistortion2='0'/></camera></cameras></calibration>"
    )
    (view,) = read_qualisys(path)
    assert view.focal == pytest.approx(1005)
    assert view.to_camera(np.array([1.0, 2.0, 1.0])) == pytest.approx([0, 0, 2])
    assert view.project(np.array([[1.2, 2.0, 1.0]]))[0] == pytest.approx([600, 960])
