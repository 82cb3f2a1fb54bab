"""The way of a camera that moves, from feet that stand: walkers whose every place is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import ANKLE_HEIGHT, RECORDED, hidden, standing_feet, walking
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.figure import placed
from mbcli.data.recordings.reading import IMPORT_FORMATS, ImportOptions
from mbcli.motion import Motion3D
from mbcli.refinement import walked
from mbcli.refinement.ground import with_world
from mbcli.refinement.walked import with_way
from mbcli.types import FloatArray

FRAMES = 90
# Their ankles do not roll; when feet are put down and lifted, ways come out a twentieth short.
ROLLS = 1.05


def poses(kind: str, motion: Motion3D) -> FloatArray:
    """(T, 4, 4) of a camera, in the axes of its first picture."""
    times = motion.timestamps
    found = np.tile(np.eye(4), (len(times), 1, 1))
    if kind == "beside":
        found[:, 0, 3] = 1.2 * times
    elif kind == "ahead":
        found[:, 2, 3] = 0.8 * times
    elif kind == "with the first":
        found[:, :3, 3] = motion.root[:, 0] - motion.root[0, 0]
    elif kind == "around":
        middle = motion.root[:, 0].mean(axis=0)
        turns = Rotation.from_rotvec(np.outer(times / 3, [0, 1, 0])).as_matrix()
        found[:, :3, :3], found[:, :3, 3] = turns, middle - turns @ middle
    return found


def carried(motion: Motion3D, kind: str) -> tuple[Motion3D, FloatArray]:
    """What a camera that moves sees of a motion, its turns known and its way not; and its way."""
    moved = poses(kind, motion)
    turned = moved.copy()
    turned[:, :3, 3] = 0
    camera = motion.camera.posed(moved, motion="moving")
    seen = camera.from_world(motion.in_world)
    root = seen[:, :, :1]
    found = replace(
        motion,
        root=root[:, :, 0].astype(np.float32),
        positions=(seen - root).astype(np.float32),
        camera=camera.posed(turned, motion="moving"),
        meta={**motion.meta, "camera": {"tied": len(moved), "carried": [0]}},
    )
    return found, moved[:, :3, 3]


@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("kind", ["still", "beside", "ahead", "with the first", "around"])
def test_people_walk_where_they_walk_though_the_camera_moves(
    kind: str, people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walked, "_ROLLS", ROLLS)
    truth = walking(FRAMES, people)
    seen, way = carried(truth, kind)
    found = with_way(seen)
    np.testing.assert_array_equal(found.root, seen.root)
    assert not found.camera.astray
    assert np.linalg.norm(found.camera.world_from_camera[:, :3, 3] - way, axis=-1).max() < 0.1
    off = found.in_world[:, :, 0] - truth.in_world[:, :, 0]
    assert np.linalg.norm(off, axis=-1).max() < 0.1  # of a way of 3 m
    # Feet that stand stay in place.
    ankle = found.skeleton.index("right_ankle")
    stands = standing_feet(FRAMES)[:, 0]
    both = stands[1:] & stands[:-1]
    steps = np.linalg.norm(np.diff(found.in_world[:, 0, ankle], axis=0), axis=-1)[both]
    assert np.median(steps) < 0.005


def test_who_stands_stays_though_the_camera_goes_around_them() -> None:
    truth = walking(FRAMES)
    still = replace(
        truth,
        positions=np.repeat(truth.positions[:1], FRAMES, axis=0),
        root=np.repeat(truth.root[:1], FRAMES, axis=0),
    )
    seen, way = carried(still, "around")
    found = with_way(seen)
    assert np.linalg.norm(way[-1]) > 3
    assert np.abs(found.in_world - still.in_world).max() < 0.01


def test_an_unknown_way_stays_unknown() -> None:
    """Nobody's feet are seen to stand, or the turns are not known; and a still camera is still."""
    seen, _ = carried(walking(FRAMES), "beside")
    few = replace(seen, meta={**seen.meta, "camera": {"tied": FRAMES // 3, "carried": [0]}})
    assert with_way(few) is few
    assert few.camera.astray
    still = replace(seen, meta={**seen.meta, "camera": {"tied": FRAMES}})
    assert with_way(still) is still
    gone = hidden(seen, slice(4, FRAMES))
    found = with_way(gone)
    assert found.camera.astray
    assert found.meta["camera"]["walked"] < 0.1


def test_the_floor_is_found_under_a_camera_that_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walked, "_ROLLS", ROLLS)
    found = with_world(with_way(carried(walking(FRAMES), "around")[0]))
    assert found.camera.grounded
    low = found.in_world[:, 0, [found.skeleton.index("right_ankle")], 1].max()
    assert low == pytest.approx(-ANKLE_HEIGHT, abs=0.03)


@pytest.mark.parametrize("take", RECORDED)
def test_recorded_people_walk_as_far_as_they_do(take: str, recordings: Path) -> None:
    """Bodies without errors: what is left is how ankles roll."""
    _, read = IMPORT_FORMATS["asf-amc"]
    walk = placed(read(recordings / f"{take}.amc", ImportOptions()))
    body = walk.body[::4, :17][:FRAMES] * [1, -1, -1]
    body += np.array([0, 1.2 - np.percentile(body[..., 1], 95), 6])
    root = body[:, :1]
    truth = walking(len(body))
    truth = replace(truth, positions=(body - root)[:, None], root=root)
    seen, _ = carried(truth, "with the first")
    found = with_way(seen)
    ways = [one.in_world[-1, 0, 0] - one.in_world[0, 0, 0] for one in (found, truth)]
    assert np.linalg.norm(ways[0] - ways[1]) < 0.08 * np.linalg.norm(ways[1])


def test_only_shots_in_which_the_camera_moves_have_a_way() -> None:
    seen, _ = carried(walking(FRAMES), "beside")
    cut = replace(seen, keypoints=replace(seen.keypoints, cuts=np.array([40])))
    report = {"tied": FRAMES, "carried": [1]}
    found = with_way(replace(cut, meta={**seen.meta, "camera": report}))
    places = found.camera.world_from_camera[:, :3, 3]
    assert not places[:41].any()
    assert np.linalg.norm(places[-1]) == pytest.approx(1.2 * 49 / 30, rel=0.15)
