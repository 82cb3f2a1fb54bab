"""The focal length that walking people show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from walkers import walker

from mbcli.camera import DEFAULT_FOV, camera_from, focal_of
from mbcli.data.recordings.body import body_positions
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.placing.lens import ASSUMED_DOUBT, lens_of, walked_lens
from mbcli.placing.walkers import walked_focal
from mbcli.skeleton import BODY21, H36M17
from mbcli.spans import PerPerson, Spans
from mbcli.tracks.detection import Detection
from mbcli.types import Keypoints2D

FPS, FRAMES = 30.0, 60
TIMES = np.arange(FRAMES) / FPS
WHOLE = [slice(0, FRAMES)]


def walks(
    headings: Sequence[float], *, factor: float, speed: float = 1.3, aside: float = 0.0
) -> PerPerson:
    """People as they are placed by a focal length that is too short by ``factor``.

    Args:
        headings: degrees of their ways, from away to the right.
        factor: the true focal length over the one they are placed with.
        speed: metres a second.
        aside: degrees by which they face to the right of their way.
    """
    bodies = []
    for number, heading in enumerate(np.radians(headings)):
        way = np.array([np.sin(heading), 0.0, np.cos(heading)])
        middle = np.array([number - (len(headings) - 1) / 2, 0.3, 6.0 + 0.5 * number])
        root = middle + speed * (TIMES - TIMES.mean())[:, None] * way
        # Lifted along the ray: the body is turned by as much as the ray is off.
        seen = root / [1.0, 1.0, factor]
        off = np.arctan2(root[:, 0], root[:, 2]) - np.arctan2(seen[:, 0], seen[:, 2])
        face = heading + np.radians(aside) - off
        body = np.broadcast_to(seen[:, None], (FRAMES, 17, 3)).copy()
        left = np.stack([-np.cos(face), 0 * face, np.sin(face)], axis=-1)
        for part, half in (("hip", 0.1), ("shoulder", 0.18)):
            body[:, H36M17.index(f"left_{part}")] += half * left
            body[:, H36M17.index(f"right_{part}")] -= half * left
        bodies.append(body)
    people = len(bodies)
    spans = Spans(FRAMES, np.zeros(people, np.int64), np.full(people, FRAMES))
    rows = np.concatenate([np.zeros((0, 17, 3)), *bodies])
    return PerPerson(spans, rows, np.nan)


SLANTING = (40.0, -45.0, 135.0, -130.0, 50.0)


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.0, 1.3, 1.8])
def test_people_who_walk_at_a_slant_show_it(factor: float) -> None:
    found, doubt = walked_focal(walks(SLANTING, factor=factor), TIMES, WHOLE, H36M17, ASSUMED_DOUBT)
    assert doubt < 0.12
    # What is said beforehand, and people seen to face ahead, count together.
    share = 1 - (doubt / ASSUMED_DOUBT) ** 2
    assert np.log(found) == pytest.approx(share * np.log(factor), abs=0.05)


def test_the_doubt_is_that_of_where_people_face() -> None:
    one = walked_focal(walks([45.0], factor=1.0), TIMES, WHOLE, H36M17, 10.0)[1]
    # An angle of 45 degrees changes by half a radian with the logarithm of the focal length.
    assert one == pytest.approx(2 * np.radians(5.3), rel=0.6)
    four = walked_focal(walks([45.0] * 4, factor=1.0), TIMES, WHOLE, H36M17, 10.0)[1]
    assert four == pytest.approx(np.radians(5.3), rel=0.35)


@pytest.mark.parametrize(
    "people",
    [
        walks(SLANTING, factor=1.4, speed=0.1),
        walks((90.0, -90.0, 90.0), factor=1.4),
        walks(SLANTING, factor=1.4, aside=180.0),
        walks((), factor=1.4),
    ],
    ids=["stand", "walk across", "walk backwards", "nobody"],
)
def test_others_tell_little(people: PerPerson) -> None:
    found, doubt = walked_focal(people, TIMES, WHOLE, H36M17, ASSUMED_DOUBT)
    assert doubt > 0.18
    assert abs(np.log(found)) < 0.2


def test_one_who_goes_backwards_among_others_is_left_out() -> None:
    plain = walks(SLANTING, factor=1.3)
    turned = walks(SLANTING, factor=1.3, aside=180.0)
    rows = plain.rows.copy()
    rows[:FRAMES] = turned.rows[:FRAMES]
    found, doubt = walked_focal(
        PerPerson(plain.spans, rows, np.nan), TIMES, WHOLE, H36M17, ASSUMED_DOUBT
    )
    assert found == pytest.approx(1.3, rel=0.06)
    assert doubt < 0.15


def test_nobody_walks_across_a_cut() -> None:
    people = walks([45.0] * 5, factor=1.5)
    rows = people.rows.copy()
    rows[:, :, 0] += np.tile(np.where(np.arange(FRAMES) < 40, 0.0, 3.0), 5)[:, None]
    jumping = PerPerson(people.spans, rows, np.nan)
    shots = [slice(0, 40), slice(40, FRAMES)]
    found, _ = walked_focal(jumping, TIMES, shots, H36M17, ASSUMED_DOUBT)
    assert found == pytest.approx(1.5, rel=0.06)
    assert abs(walked_focal(jumping, TIMES, WHOLE, H36M17, ASSUMED_DOUBT)[0] / 1.5 - 1) > 0.06


def test_the_lens_says_what_people_told() -> None:
    size = (1280, 720)
    assumed = lens_of(size, FRAMES)
    taken = walked_lens(assumed, walks(SLANTING, factor=1.3), TIMES, WHOLE, H36M17)
    assert taken.source == "clip"
    assert taken.doubt is not None
    assert taken.doubt < 0.15
    focal = camera_from(size).focal * 1.3
    np.testing.assert_allclose(taken.camera.focal, focal, rtol=0.06)
    assert "walking people" in taken.words
    unsure = walked_lens(assumed, walks([45.0], factor=1.3), TIMES, WHOLE, H36M17)
    assert (unsure.source, unsure.camera, unsure.doubt) == ("assumed", assumed.camera, 0.3)
    assert unsure.words.startswith("assumed: walking people tell it to within 1")
    nothing = walked_lens(assumed, walks([90.0], factor=1.3), TIMES, WHOLE, H36M17)
    assert nothing.words.endswith("nor people who walk at a slant tell it")
    given = lens_of(size, FRAMES, focal=1000.0)
    assert walked_lens(given, walks(SLANTING, factor=1.3), TIMES, WHOLE, H36M17) is given
    noted = replace(given, source="file")
    assert walked_lens(noted, walks(SLANTING, factor=1.3), TIMES, WHOLE, H36M17) is noted


def test_a_clip_of_people_who_walk_is_placed_with_it() -> None:
    columns = [BODY21.index(joint) for joint in H36M17.joints]
    body = body_positions(walker(FRAMES))[:, columns] * np.array([1.0, -1.0, -1.0])
    body = body - body[:, :1].mean(axis=0)
    size, places = (1280, 720), []
    for number, heading in enumerate(np.radians([40, -50, 130, -130, 45])):
        turn = Rotation.from_rotvec([0.0, heading, 0.0]).as_matrix()
        places.append(body @ turn.T + [1.2 * (number - 2), 0.2, 8.0 + 0.5 * number])
    true = focal_of(35.0, size)
    points = np.stack(places, axis=1)
    pixels = true * points[..., :2] / points[..., 2:] + np.array(size) / 2
    keypoints = Keypoints2D(
        data=np.append(pixels, np.full((FRAMES, 5, 17, 1), 0.9), axis=-1),
        skeleton=H36M17,
        fps=FPS,
        timestamps=TIMES,
        size=size,
        track_ids=np.arange(5) + 1,
        boxes=np.zeros((FRAMES, 5, 4)),
        frame_index=np.arange(FRAMES),
    )
    motion = Pipeline(InferOptions(height=1.7)).lift(Detection(keypoints, "walk.json", "mbcli"))
    lens = motion.meta["assumptions"]["focal"]
    assert lens["source"] == "clip"
    assumed = focal_of(DEFAULT_FOV, size)
    assert lens["pixels"] / true == pytest.approx(1, abs=0.2)
    assert true / assumed > 1.6
    assert motion.camera.focal[0] == lens["pixels"]
    away = np.median(motion.root[..., 2], axis=0) / np.median(points[:, :, 0, 2], axis=0)
    assert (np.abs(away - 1) < 0.25).all(), away
    given = Pipeline(InferOptions(height=1.7, focal=lens["pixels"]))
    again = given.lift(Detection(keypoints, "walk.json", "mbcli"))
    np.testing.assert_allclose(motion.root, again.root, atol=1e-4)
    np.testing.assert_allclose(motion.positions, again.positions, atol=1e-4)
