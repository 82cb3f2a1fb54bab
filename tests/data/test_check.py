from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.stores.check import check_store
from mbcli.data.stores.sequences import SequenceStore, SequenceWriter
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.data.stores.summary import describe
from mbcli.skeleton import BODY21, H36M17

Array = npt.NDArray[np.float64]

# Metres, y up: a person who stands and looks along z.
STANDING = {
    "pelvis": (0, 0.95, 0),
    "spine": (0, 1.2, 0),
    "thorax": (0, 1.45, 0),
    "nose": (0, 1.55, 0.1),
    "head": (0, 1.65, 0),
    "hip": (0.1, 0.95, 0),
    "knee": (0.1, 0.5, 0.02),
    "ankle": (0.1, 0.1, 0),
    "shoulder": (0.18, 1.42, 0),
    "elbow": (0.2, 1.13, 0),
    "wrist": (0.2, 0.88, 0.05),
    "eye": (0.03, 1.6, 0.09),
    "ear": (0.07, 1.58, 0),
}


def standing(joints: tuple[str, ...], frames: int = 60) -> Array:
    body = np.array(
        [STANDING[name.removeprefix("left_").removeprefix("right_")] for name in joints]
    )
    body[[name.startswith("right_") for name in joints], 0] *= -1
    return body + np.linspace(0, 0.5, frames)[:, None, None] * np.array([1.0, 0, 0.2])


def seen() -> dict[str, Array]:
    """A valid sequence: the person four metres in front of a camera of focal length 1000."""
    truth = (standing(H36M17.joints) * [1, -1, 1] + [0, 1, 4]) * 1000
    factor = truth[:, 0, 2] / 1000
    flat = truth[..., :2] / truth[..., 2:] * 1000 + 500
    depth = (truth[..., 2:] - truth[:, :1, 2:]) / factor[:, None, None]
    return {
        "keypoints": np.concatenate([flat, np.ones((60, 17, 1))], axis=-1),
        "target": np.concatenate([flat, depth], axis=-1),
        "truth": truth,
        "factor": factor,
        "pose": np.zeros((60, 72)),
        "shape": np.zeros((60, 10)),
    }


def clip_faults(tmp_path: Path, *bodies: Array, fps: float = 30) -> list[tuple[str, str]]:
    with StoreWriter(tmp_path / "s", overwrite=True) as writer:
        for number, body in enumerate(bodies):
            writer.add(body, name=f"c{number}", subject="a", source="", fps=fps)
    return list(check_store(ClipStore.open(tmp_path / "s")))


def sequence_faults(
    tmp_path: Path, *many: dict[str, Any], **metadata: Any
) -> list[tuple[str, str]]:
    with SequenceWriter(
        tmp_path / "s", arrays=tuple(seen())[1:], labels=("x",), overwrite=True
    ) as writer:
        for number, arrays in enumerate(many):
            defaults: dict[str, Any] = {
                "subject": "a",
                "source": "",
                "fps": 30,
                "size": (1000, 1000),
                **metadata,
            }
            writer.add(name=f"s{number}", **{**defaults, **arrays})
    return list(check_store(SequenceStore.open(tmp_path / "s")))


def test_sound_stores_have_no_faults(tmp_path: Path) -> None:
    assert clip_faults(tmp_path, standing(BODY21.joints)) == []
    assert sequence_faults(tmp_path, seen()) == []
    unknown = {"keypoints": seen()["keypoints"]}
    assert sequence_faults(tmp_path, unknown, size=(0, 0)) == []


def jump(body: Array) -> Array:
    body[30:, 3] += 3
    return body


def grow(body: Array) -> Array:
    body[:, BODY21.index("left_knee"), 2] += np.linspace(0, 0.4, 60)
    return body


def looking_back(body: Array) -> Array:
    face = [BODY21.index(name) for name in ("nose", "left_eye", "right_eye")]
    head = body[:, [BODY21.index("head")]]
    body[:, face] = head + (body[:, face] - head) * [1, 1, -1]
    return body


def lopsided(body: Array) -> Array:
    body[:, [BODY21.index("right_elbow"), BODY21.index("right_wrist")], 1] -= 0.4
    return body


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda body: body * 1000, "m tall, got"),
        (jump, "joints jump: an import would have cut out"),
        (grow, "bones must keep their length, but left hip to knee goes from"),
        (lopsided, "both sides must be equal, but shoulder to elbow is 0.29"),
        (looking_back, "the face must look where the trunk does, but looks behind it"),
        (lambda body: body[:5], "0.5 s or more"),
    ],
)
def test_broken_clips_are_named(
    tmp_path: Path, spoil: Callable[[Array], Array], reason: str
) -> None:
    good = standing(BODY21.joints)
    faults = clip_faults(tmp_path, good, spoil(good.copy()))
    assert faults
    assert {name for name, _ in faults} == {"c1"}
    assert reason in faults[0][1]


def test_a_store_upside_down(tmp_path: Path) -> None:
    body = standing(BODY21.joints) * [1, -1, -1]
    assert clip_faults(tmp_path, body) == [
        ("", "y must point up, but the head is below the feet in 1 clips")
    ]
    arrays = {"keypoints": seen()["keypoints"] * [1, -1, 1] + [0, 1000, 0]}
    assert sequence_faults(tmp_path, arrays) == [
        ("", "y must point down, but the head is below the feet in 1 sequences")
    ]
    # One who stands on his hands is no fault.
    assert clip_faults(tmp_path, body, standing(BODY21.joints), standing(BODY21.joints)) == []


def test_a_rate_that_no_camera_has(tmp_path: Path) -> None:
    assert (
        "fps must be within 5..1000, got 1"
        in clip_faults(tmp_path, standing(BODY21.joints), fps=1)[0][1]
    )
    assert "fps must be within" in sequence_faults(tmp_path, seen(), fps=5000.0)[0][1]


def spoilt(name: str, change: Callable[[Array], Array]) -> dict[str, Array]:
    arrays = seen()
    arrays[name] = change(arrays[name])
    return arrays


def cut(points: Array) -> Array:
    points[30:, :, :2] += 1600
    return points


def swapped(points: Array) -> Array:
    """One millimetre joint at another place for a frame."""
    points[30, 3] += 2000
    return points


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        (spoilt("keypoints", lambda a: np.full_like(a, np.nan) * [1, 1, 0]), "missing"),
        (spoilt("keypoints", lambda a: a * [10, 10, 1]), "must be pixels of 1000x1000"),
        (spoilt("keypoints", lambda a: a * [0, 0, 1] + [5, 5, 0]), "coincide"),
        (spoilt("keypoints", cut), "the body jumps by 2264 pixels, first at frame 30"),
        (spoilt("truth", lambda a: a / 1000), "truth must be millimetres of a person 700..3450"),
        (spoilt("truth", swapped), "joints jump at up to"),
        (spoilt("target", lambda a: a / 1000), "body sizes off: another unit or camera"),
        (spoilt("factor", lambda a: -a), "factor must be positive, got -4"),
        (spoilt("pose", lambda a: a + 90), "pose must be axis times angle in radians, got 156"),
        (spoilt("shape", lambda a: a + 100), "shape must be betas, got 100"),
    ],
)
def test_broken_sequences_are_named(tmp_path: Path, arrays: dict[str, Array], reason: str) -> None:
    if np.isnan(arrays["keypoints"]).any():
        arrays["keypoints"][..., 2] = 0
    faults = sequence_faults(tmp_path, seen(), arrays)
    assert faults
    assert {name for name, _ in faults} == {"s1"}
    assert any(reason in said for _, said in faults), faults


def test_what_a_damaged_disk_does(tmp_path: Path) -> None:
    assert sequence_faults(tmp_path, seen()) == []
    with (tmp_path / "s" / "keypoints.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(np.float32(np.inf).tobytes())
    faults = list(check_store(SequenceStore.open(tmp_path / "s")))
    assert faults == [("s0", "keypoints must be finite, or (NaN, NaN, 0) where missing")]


def test_a_store_in_numbers(tmp_path: Path) -> None:
    clip_faults(tmp_path, standing(BODY21.joints), standing(BODY21.joints, 30))
    metadata = describe(ClipStore.open(tmp_path / "s"))
    assert (metadata["format"], metadata["clips"], metadata["frames"]) == ("mbcli.clips/1", 2, 90)
    assert metadata["hours"] == pytest.approx(3 / 3600)
    assert metadata["subjects"] == {"a": pytest.approx(3 / 3600)}
    assert metadata["fps"] == {"30": 2}
    head = metadata["ranges"]["joints"]["head"]
    assert head["min"] == pytest.approx([0, 1.65, 0])
    assert head["max"] == pytest.approx([0.5, 1.65, 0.1])

    arrays = seen()
    arrays["keypoints"][:15, 3] = np.nan, np.nan, 0
    partly = {"keypoints": seen()["keypoints"]}
    sequence_faults(tmp_path, arrays, partly, split="test", action="walk", label=0)
    metadata = describe(SequenceStore.open(tmp_path / "s"))
    assert (metadata["clips"], metadata["frames"], metadata["people"]) == (2, 120, 1)
    assert metadata["arrays"] == dict.fromkeys(("target", "truth", "factor", "pose", "shape"), 0.5)
    assert (metadata["splits"], metadata["actions"]) == ({"test": 2}, {"walk": 2})
    assert metadata["ranges"]["keypoints"]["right_ankle"]["missing"] == 0.125
    assert metadata["ranges"]["truth"]["pelvis"]["max"] == pytest.approx([500, 50, 4100])
    json.dumps(metadata, allow_nan=False)


def test_numbers_of_joints_that_are_never_there(tmp_path: Path) -> None:
    arrays = {"keypoints": seen()["keypoints"]}
    arrays["keypoints"][:, 9] = np.nan, np.nan, 0
    sequence_faults(tmp_path, arrays)
    nose = describe(SequenceStore.open(tmp_path / "s"))["ranges"]["keypoints"]["nose"]
    assert nose == {"min": [None, None, 0.0], "max": [None, None, 0.0], "missing": 1.0}
