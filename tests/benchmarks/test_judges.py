"""The judges' figures mean what they say, and their sets stay the same."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from motions import walking

from benchmarks.accuracy.heldout import SUBJECTS, pieces
from benchmarks.judges.limbs import facing, flexions, limbs, pitch
from benchmarks.judges.sets import SETS, JudgeSet
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.errors import ConfigError
from mbcli.skeleton import BODY21, H36M17
from mbcli.types import FloatArray

FPS = 30.0
CLIPS: dict[str, set[str]] = {
    "cmu-8/walk": {"recordings", "walking"},
    "cmu-1/walk": set(),
    "posed-cmu-8/chair-only-0004": {"sitting"},
    "posed-cmu-8/crawl-0005": {"floor"},
    "posed-cmu-8/things-0006": set(),
    "posed-cmu-1/chair-0007": set(),
    "idle-007/007_acted": {"standing"},
}


def _person(frames: int = 60) -> FloatArray:
    """(F, 17, 3) somebody who crosses the picture: x right, y down, z away."""
    return walking(frames).positions[:, 0].astype(np.float64)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    body = _person(600) * [1, -1, -1]
    face = np.repeat(body[:, H36M17.index("nose"), None], len(BODY21) - len(H36M17), axis=1)
    path = tmp_path_factory.mktemp("judges") / "store"
    with StoreWriter(path) as writer:
        for name in CLIPS:
            joints = np.concatenate([body, face], axis=1)
            writer.add(joints, name=name, subject=name.partition("/")[0], source=name, fps=FPS)
    return ClipStore.open(path)


def _turned(pose: FloatArray, degrees: float) -> FloatArray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return pose @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def test_a_perfect_prediction_has_the_truth_s_figures() -> None:
    target = _turned(_person(), 90)
    found = limbs(target, target)
    assert facing(target).all()
    assert found.knees == found.knees_true < 15
    assert found.elbows == found.elbows_true
    assert found.trunk == pitch(target, target) == 0
    assert found.forearm_depth == pytest.approx(1)
    assert found.forearm_length == pytest.approx(1)
    assert found.nearer_ankle_wrong == found.nearer_knee_wrong == 0


def test_flattened_depth_is_seen_and_the_wrong_leg_in_front() -> None:
    target = _turned(_person(), 30)
    flat = limbs(target * [1, 1, 0.6], target)
    assert flat.forearm_depth == pytest.approx(0.6)
    assert flat.forearm_length < 1
    assert flat.nearer_ankle_wrong == 0
    assert limbs(target * [1, 1, -1], target).nearer_ankle_wrong == 100


def test_bent_knees_count_where_they_are_straight_and_seen_from_the_front() -> None:
    target = _turned(_person(), 90)
    bent = target.copy()
    for side in ("left", "right"):
        bent[:, H36M17.index(f"{side}_knee"), 2] -= 0.1  # towards the camera, or away from it
    straight = flexions(target)[0] <= 15
    found = limbs(bent, target)
    assert found.knees == pytest.approx(flexions(bent)[0][straight].mean())
    assert found.knees > found.knees_true + 5
    assert np.isnan(limbs(bent, _turned(target, 90)).knees)  # from the side


def test_a_tilted_camera_is_a_pitch_and_a_trunk_that_leans() -> None:
    target = _turned(_person(), 30)
    c, s = np.cos(np.radians(10)), np.sin(np.radians(10))
    tilted = target @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    assert np.degrees(pitch(target, tilted)) == pytest.approx(10)
    assert np.degrees(pitch(tilted, target)) == pytest.approx(-10)
    assert 9.5 < limbs(tilted, target).trunk <= 10


def test_bent_elbows_count_where_they_are_straight() -> None:
    target = _person()
    target[:, :, 0] -= target[:, :1, 0]
    for side in ("left", "right"):
        upper, joint, end = (
            H36M17.index(f"{side}_{part}") for part in ("shoulder", "elbow", "wrist")
        )
        target[:, joint] = target[:, upper] + [0, 0.3, 0]
        target[:, end] = target[:, joint] + [0, 0.25, 0]
    bent = target.copy()
    bent[:, [H36M17.index("left_wrist"), H36M17.index("right_wrist")], 2] -= 0.25
    found = limbs(bent, target)
    assert found.elbows == pytest.approx(45)
    assert found.elbows_true == pytest.approx(0, abs=1e-3)


def test_frames_without_a_prediction_do_not_count() -> None:
    target = _person()
    poses = target * [1, 1, 0.6]
    whole = limbs(poses[20:], target[20:])
    assert np.isnan(pitch(np.full_like(poses, np.nan), target))
    poses[:20] = np.nan
    assert asdict(limbs(poses, target)) == pytest.approx(asdict(whole), nan_ok=True)


@pytest.mark.parametrize("chosen", SETS, ids=lambda chosen: chosen.name)
def test_each_set_takes_its_recordings_and_no_others(store: ClipStore, chosen: JudgeSet) -> None:
    expected = {name for name, of in CLIPS.items() if chosen.name in of}
    filmed = list(chosen.film(store, 3))
    assert {piece.name.partition(" from ")[0] for piece in filmed} == expected
    assert len(filmed) == 3  # 600 frames: 243, 243 and the rest


def test_a_piece_is_the_same_whatever_else_is_filmed(store: ClipStore) -> None:
    everything = list(pieces(store, lambda clip: clip.subject in SUBJECTS, 2))
    some = list(pieces(store, lambda clip: clip.subject in SUBJECTS, 2, every=2))
    assert len(everything) == 6
    for whole, part in zip(islice(everything, 0, None, 2), some, strict=True):
        assert whole.name == part.name
        for name, keypoints in whole.inputs.items():
            np.testing.assert_array_equal(keypoints, part.inputs[name])


def test_a_store_without_a_set_is_refused(tmp_path: Path, store: ClipStore) -> None:
    with StoreWriter(tmp_path / "other") as writer:
        writer.add(store.rows[:60], name="a/1", subject="a", source="a", fps=FPS)
    with pytest.raises(ConfigError, match="the set 'recordings', got none"):
        SETS[0].film(ClipStore.open(tmp_path / "other"), 1)


def test_the_command_judges_every_set(tmp_path: Path, store: ClipStore) -> None:
    out = tmp_path / "judges.json"
    names = ["mbcli-lifter-small", "mbcli-lifter"]
    words = [str(store.path), "--weights", *names, "--pieces", "1", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.judges", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text(encoding="utf-8"))
    assert set(found) == {
        *("recordings, noisy", "recordings, occluded"),
        *("sitting, noisy", "floor, noisy", "standing, noisy", "walking, noisy"),
    }
    for part in found.values():
        assert list(part) == names
        errors = [figures["p_mpjpe"] for figures in part.values()]
        assert all(5 < error < 150 for error in errors)
        assert errors[0] != errors[1]
    assert "recordings, noisy" in done.stdout
