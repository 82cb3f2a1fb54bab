from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.geometry import unit
from mbcli.skeleton import BODY21
from research.postures.__main__ import calm, make
from research.postures.body import FPS, Sizes, Stretch, at
from research.postures.chairs import seated
from research.postures.faults import faults
from research.postures.floors import supine
from research.postures.limbs import FLEXED, flexion, reach
from research.postures.motion import perform
from research.postures.plans import PLANS
from research.postures.posture import SOLE, Draw, Posture, hinges, pair
from research.postures.standing import upright

STANDING = {
    "pelvis": (0, 0.92, 0),
    "hip": (0.09, 0.92, 0),
    "knee": (0.09, 0.51, 0.01),
    "ankle": (0.09, 0.08, 0),
    "spine": (0, 1.17, 0),
    "thorax": (0, 1.43, 0),
    "nose": (0, 1.58, 0.11),
    "head": (0, 1.66, 0),
    "shoulder": (0.18, 1.43, 0),
    "elbow": (0.2, 1.14, -0.02),
    "wrist": (0.2, 0.9, 0.03),
    "eye": (0.03, 1.62, 0.085),
    "ear": (0.07, 1.6, 0),
}


def recording(frames: int = 240) -> np.ndarray:
    """(F, 21, 3) somebody who stands, faces +x and swings the forearms; their lengths stay."""
    body = np.zeros((frames, len(BODY21), 3))
    for number, joint in enumerate(BODY21.joints):
        x, y, z = STANDING[joint.removeprefix("left_").removeprefix("right_")]
        body[:, number] = (-x if joint.startswith("right_") else x, y, z)
    angle = 0.6 + 0.4 * np.sin(np.arange(frames) / FPS * 3)
    for side in ("left", "right"):
        elbow = at(body, f"{side}_elbow")
        wrist = elbow + 0.25 * np.stack([0 * angle, -np.cos(angle), np.sin(angle)], axis=-1)
        body[:, BODY21.index(f"{side}_wrist")] = wrist
    return body[..., [2, 1, 0]] * np.array([1.0, 1.0, -1.0])


@pytest.fixture
def stretch() -> Stretch:
    body = recording()
    return Stretch.of(body, Sizes.of(body), calm=90)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    path = tmp_path_factory.mktemp("recorded") / "store"
    with StoreWriter(path) as writer:
        writer.add(recording(), name="ann/1", subject="ann", source="ann.bvh", fps=FPS)
        writer.add(recording()[::2], name="bob/1", subject="bob", source="bob.bvh", fps=FPS / 2)
    return ClipStore.open(path)


def test_a_limb_reaches_what_is_near_and_points_at_what_is_far() -> None:
    start = np.zeros((3, 3))
    target = np.array([[0.0, -0.6, 0.1], [0.0, 0.0, 2.0], [0.0, -0.05, 0.0]])
    pole = np.tile([0.0, 0.0, 1.0], (3, 1))
    pole[1] = (0.0, 1.0, 0.0)
    knee, end = reach(start, target, pole, 0.4, 0.42, FLEXED["knee"])
    assert np.allclose(np.linalg.norm(knee, axis=-1), 0.4)
    assert np.allclose(np.linalg.norm(end - knee, axis=-1), 0.42)
    assert np.allclose(end[0], target[0])
    assert np.allclose(unit(end[1]), (0, 0, 1))
    assert knee[0, 2] > 0.1, "towards the pole"
    assert flexion(knee - start, end - knee)[2] == pytest.approx(FLEXED["knee"])


def test_knees_point_forward_whatever_way_the_legs_lie() -> None:
    for ahead, legs in ((0.0, (0, -1, 0)), (1.0, (0, 0, 1)), (0.5, (0, -(0.5**0.5), 0.5**0.5))):
        for degrees in (0.0, 30.0):
            axes = hinges(degrees, ahead=ahead)
            left, right = np.cross(np.array(legs), axes)
            forward = np.cross(legs, (1.0, 0.0, 0.0))
            assert left @ unit(forward) == pytest.approx(np.cos(np.radians(degrees)), abs=0.01)
            assert left[0] == pytest.approx(np.sin(np.radians(degrees)), abs=0.01)
            assert np.allclose(right, left * (-1, 1, 1))


def test_sides_can_be_exchanged(stretch: Stretch) -> None:
    posture = seated(stretch.sizes, Draw(np.random.default_rng(3)))
    twice = posture.mirrored().mirrored()
    for name in ("pelvis", "hips", "chest", "ankles", "knees", "hands", "elbows"):
        assert np.allclose(getattr(twice, name), getattr(posture, name), equal_nan=True)
    assert np.allclose(posture.mirrored().ankles[0], posture.ankles[1] * (-1, 1, 1))


def test_what_rests_stays_and_bones_keep_their_lengths(stretch: Stretch) -> None:
    draw = Draw(np.random.default_rng(1))
    size = stretch.sizes
    chair = Posture(
        pelvis=np.array([0.0, 0.55, -0.35]),
        hips=np.zeros(4),
        chest=np.array([0.0, 10.0, 0.0, 0.0]),
        ankles=pair(0.1, SOLE, 0.0),
        knees=hinges(5, ahead=0.6),
        hands=pair(0.15, 0.68, 0.0),
        hold=2.0,
    )
    body = perform([upright(size, draw), chair], stretch, draw)
    last = slice(len(body) - int(FPS), None)
    assert np.abs(at(body, "pelvis")[last] - chair.pelvis).max() < 0.01
    for number, side in enumerate(("left", "right")):
        assert np.abs(at(body, f"{side}_ankle")[last] - chair.ankles[number]).max() < 1e-3
        assert np.abs(at(body, f"{side}_wrist")[last] - chair.hands[number]).max() < 0.01
        for a, b, length in (
            ("hip", "knee", size.thigh),
            ("knee", "ankle", size.shank),
            ("shoulder", "elbow", size.upper_arm),
            ("elbow", "wrist", size.forearm),
        ):
            found = np.linalg.norm(at(body, f"{side}_{a}") - at(body, f"{side}_{b}"), axis=-1)
            assert np.allclose(found, length, atol=1e-6)
    assert not faults(body)


def test_arms_that_nothing_holds_move_as_they_were_recorded(stretch: Stretch) -> None:
    draw = Draw(np.random.default_rng(1))
    row = [upright(stretch.sizes, draw), upright(stretch.sizes, draw)]
    body = perform(row, stretch, draw)
    swing = np.abs(np.diff(at(body, "left_wrist") - at(body, "left_elbow"), axis=0)).sum()
    recorded = recording()[: len(body)]
    given = np.abs(np.diff(at(recorded, "left_wrist") - at(recorded, "left_elbow"), axis=0)).sum()
    assert swing == pytest.approx(given, rel=0.3)
    bend = flexion(
        at(body, "left_elbow") - at(body, "left_shoulder"),
        at(body, "left_wrist") - at(body, "left_elbow"),
    )
    wanted = flexion(
        at(recorded, "left_elbow") - at(recorded, "left_shoulder"),
        at(recorded, "left_wrist") - at(recorded, "left_elbow"),
    )
    assert np.abs(bend - wanted).max() < 1.0


def test_who_lies_lies(stretch: Stretch) -> None:
    draw = Draw(np.random.default_rng(0))
    body = perform([supine(stretch.sizes, draw), supine(stretch.sizes, draw)], stretch, draw)
    assert at(body, "thorax")[..., 1].max() < 0.5
    assert at(body, "head")[..., 1].max() < 0.6
    assert (at(body, "thorax")[..., 2] < at(body, "pelvis")[..., 2] - 0.3).all()


@pytest.mark.parametrize("name", PLANS)
def test_each_kind_can_be_done_by_somebody(store: ClipStore, name: str) -> None:
    rng = np.random.default_rng(0)
    lowest = []
    for _ in range(12):
        body = make(store, store.clips[rng.integers(2)], name, rng)
        assert np.isfinite(body).all()
        if not faults(body):
            lowest.append(at(body, "pelvis")[:, 1].min())
    assert len(lowest) >= 2, "most of what is made is refused"
    if name.startswith("floor"):
        assert max(lowest) < 0.2
    elif name in ("crawl", "belly", "knees"):
        assert max(lowest) < 0.6


def test_faults_are_told(store: ClipStore) -> None:
    body = make(store, store.clips[0], "chair-only", np.random.default_rng(1))
    through = np.array(body)
    through[10:20, BODY21.index("left_wrist"), 1] = -0.5
    assert {"wrist in the floor", "speed"} <= {fault.kind for fault in faults(through)}
    backwards = np.array(body)
    for joint in ("knee", "ankle"):
        number = BODY21.index(f"left_{joint}")
        backwards[:, number] += (
            2 * (body[:, BODY21.index("left_hip")] - body[:, number]) * (0, 0, 1)
        )
    assert any("flexion" in fault.kind for fault in faults(backwards))


def test_wild_arms_are_not_put_onto_a_chair(store: ClipStore, tmp_path: Path) -> None:
    wild = recording()
    wild[::2, BODY21.index("left_wrist"), 0] += 0.05
    with StoreWriter(tmp_path / "wild") as writer:
        writer.add(wild, name="eve/1", subject="eve", source="eve.bvh", fps=FPS)
        writer.add(recording(), name="ann/1", subject="ann", source="ann.bvh", fps=FPS)
    assert [clip.subject for clip in calm(ClipStore.open(tmp_path / "wild"))] == ["ann"]


@pytest.mark.slow
def test_the_command_makes_a_store_that_holds_out_whom_the_recordings_do(
    store: ClipStore, tmp_path: Path
) -> None:
    def run(out: str) -> ClipStore:
        words = ["--out", str(tmp_path / out), "--minutes", "0.5", "--seed", "4"]
        picture = ["--picture", str(tmp_path / f"{out}.png")]
        subprocess.run(
            [sys.executable, "-m", "research.postures", str(store.path), *words, *picture],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
        )
        assert (tmp_path / f"{out}.png").stat().st_size > 10_000
        return ClipStore.open(tmp_path / out)

    one, two = run("one"), run("two")
    assert one.hours * 60 >= 0.5
    assert set(one.subjects) <= {"posed-ann", "posed-bob"}
    assert np.array_equal(one.rows, two.rows), "the seed decides all"
