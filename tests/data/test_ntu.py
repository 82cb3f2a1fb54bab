from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.datasets.ntu import ACTIONS, PROTOCOLS, NtuSample, ntu_split
from mbcli.data.datasets.ntu_skeleton import KINECT25, read_ntu_skeleton
from mbcli.data.datasets.pyskl import read_pyskl
from mbcli.data.datasets.sequence_import import import_sequences
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import COCO17, H36M17

J = H36M17.index
C = COCO17.index
Floats = npt.NDArray[np.float64]

# Someone who faces the camera, in pixels: the person's left is right in the picture.
FRONT = {
    "nose": (0, -80),
    "eye": (6, -85),
    "ear": (12, -82),
    "shoulder": (25, -60),
    "elbow": (35, -25),
    "wrist": (38, 5),
    "hip": (15, 0),
    "knee": (16, 45),
    "ankle": (17, 90),
}


def coco(frames: int, x: float = 900.0) -> Floats:
    """(T, 17, 2) someone who walks to the right by 2 pixels a frame."""
    out = np.zeros((frames, 17, 2))
    for number, joint in enumerate(COCO17.joints):
        side, _, part = joint.rpartition("_")
        dx, dy = FRONT[part]
        out[:, number] = x - dx if side == "right" else x + dx, 500 + dy
    out[..., 0] += 2 * np.arange(frames)[:, None]
    return out


def film(name: str, people: int = 1, frames: int = 40, **changes: Any) -> dict[str, Any]:
    keypoint = np.stack([coco(frames, 900 + 300 * m) for m in range(people)])
    return {
        "frame_dir": name,
        "label": int(name[-3:]) - 1 if name[-3:].isdecimal() else 0,
        "img_shape": (1080, 1920),
        "original_shape": (1080, 1920),
        "total_frames": frames,
        "keypoint": keypoint.astype(np.float16),
        "keypoint_score": np.full((people, frames, 17), 0.75, dtype=np.float16),
    } | changes


def write_pyskl(path: Path, films: list[Any], split: dict[str, list[str]] | None = None) -> Path:
    path.write_bytes(pickle.dumps({"split": split or {}, "annotations": films}))
    return path


def test_pyskl_becomes_a_store(tmp_path: Path) -> None:
    lost = film("S001C001P001R001A002", people=2)
    lost["keypoint_score"][0, 3, C("left_hip")] = 0.0
    lost["keypoint_score"][1, :, C("nose")] = 0.5
    films = [film("S001C002P003R002A013"), lost, film("S017C003P040R001A060", people=3)]
    source = write_pyskl(tmp_path / "ntu60_hrnet.pkl", films, {"xsub_train": []})
    report = import_sequences(read_pyskl, source, tmp_path / "s", prefix="ntu-", licence="NTU")
    assert report.imported == tuple(f"ntu-{f['frame_dir']}" for f in films)
    assert [note for _, note in report.notes] == ["left out 1 more people"]
    store = SequenceStore.open(tmp_path / "s")
    assert (store.people, store.arrays) == (2, ("keypoints",))
    assert store.labels == ACTIONS[:60]
    first = store.sequences[0]
    metadata = (first.subject, first.camera, first.action, first.label, first.fps, first.size)
    assert metadata == ("ntu-P003", "C002", "A013", 12, 30.0, (1920, 1080))

    points = store.array("keypoints", first)
    assert points.shape == (40, 2, 17, 3)
    body = points[5, 0]
    # float16 has steps of half a pixel here: 910, 911 .. are exact.
    np.testing.assert_array_equal(body[J("left_hip")], (925.0, 500.0, 0.75))
    np.testing.assert_array_equal(body[J("pelvis"), :2], (910.0, 500.0))
    assert body[J("left_shoulder"), 0] > body[J("right_shoulder"), 0]
    assert body[J("head"), 1] < body[J("thorax"), 1] < body[J("left_ankle"), 1]
    assert np.isnan(points[:, 1, :, :2]).all()
    assert (points[:, 1, :, 2] == 0).all()

    second = store.array("keypoints", store.sequences[1])
    np.testing.assert_array_equal(np.isnan(second[3, 0, :, 0]).nonzero()[0], [0, 4, 7])
    assert second[4, 1, J("nose"), 2] == 0.5
    np.testing.assert_array_equal(second[0, 1, J("pelvis"), :2], (1200.0, 500.0))


def test_pyskl_of_other_data_keeps_its_split(tmp_path: Path) -> None:
    films = [film(name, label=n) for n, name in enumerate(("jump_3", "run_1", "sit_2"))]
    split = {"train": ["jump_3"], "val": ["run_1"], "fold2_train": ["sit_2"]}
    report = import_sequences(
        read_pyskl, write_pyskl(tmp_path / "x.pkl", films, split), tmp_path / "s", fps=25.0
    )
    assert report.refused == ()
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.subject, s.split, s.label, s.fps) for s in store.sequences] == [
        ("jump_3", "train", 0, 25.0),
        ("run_1", "val", 1, 25.0),
        ("sit_2", "", 2, 25.0),
    ]
    assert store.labels == ("class 0", "class 1", "class 2")


def test_ntu120_has_120_labels(tmp_path: Path) -> None:
    found = read_pyskl(write_pyskl(tmp_path / "x.pkl", [film("S018C001P041R001A061")]))
    assert found.labels == ACTIONS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"keypoint": np.zeros((1, 40, 25, 3))},
            r"COCO's joints in the picture, got \(1, 40, 25, 3\)",
        ),
        ({"keypoint": np.zeros((1, 39, 17, 2))}, "in 40 frames, got"),
        ({"keypoint": np.zeros((0, 40, 17, 2))}, "at least 1 person"),
        ({"keypoint_score": np.zeros((1, 40, 18))}, "keypoint_score must be"),
        ({"keypoint_score": np.full((1, 40, 17), np.nan)}, "must be finite"),
        ({"label": 3}, "the label of action A001 must be 0, got 3"),
        ({"label": "drink"}, "a label must be a whole number"),
        ({"img_shape": 1080}, "img_shape must be"),
        ({"keypoint": "none"}, "must be an array of numbers"),
    ],
)
def test_broken_films_do_not_stop_the_rest(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    films = [film("S001C001P001R001A001", **change), film("S001C001P001R001A002"), 5]
    report = import_sequences(read_pyskl, write_pyskl(tmp_path / "x.pkl", films), tmp_path / "s")
    assert report.imported == ("S001C001P001R001A002",)
    (place, why), (other, _) = report.refused
    assert (place, other) == ("x.pkl: S001C001P001R001A001", "x.pkl: 2")
    assert re.search(reason, why), why
    assert "\n" not in why


def test_broken_pickles(tmp_path: Path) -> None:
    path = write_pyskl(tmp_path / "x.pkl", [film("S001C001P001R001A001")])
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"x\.pkl is not a complete pickle"):
        read_pyskl(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(DataError, match="must hold a dict with"):
        read_pyskl(path)
    path.write_bytes(pickle.dumps({"annotations": [], "split": {"train": 3}}))
    with pytest.raises(DataError, match="a split must be a list"):
        read_pyskl(path)


# ---------------------------------------------------------------------------- raw skeletons


def kinect(frames: int, x: float = 0.0, sway: float = 0.1) -> Floats:
    """(F, 25, 3) someone who faces the sensor: x to the sensor's left, y up, z away, metres.

    The sensor's left is the person's right: left joints have smaller x.
    """
    middle = {"pelvis": 0.0, "spine": 0.25, "upper_neck": 0.55, "head_top": 0.7, "thorax": 0.5}
    parts = {
        "shoulder": (0.18, 0.48),
        "elbow": (0.22, 0.2),
        "wrist": (0.24, -0.05),
        "hand": (0.25, -0.1),
        "hand_tip": (0.25, -0.15),
        "thumb": (0.23, -0.1),
        "hip": (0.1, -0.03),
        "knee": (0.11, -0.43),
        "ankle": (0.12, -0.83),
        "foot": (0.12, -0.88),
    }
    out = np.zeros((frames, 25, 3))
    for number, joint in enumerate(KINECT25.joints):
        if joint in middle:
            out[:, number] = 0, middle[joint], 3
        else:
            side, _, part = joint.partition("_")
            dx, dy = parts[part]
            out[:, number] = -dx if side == "left" else dx, dy, 3
    out[..., 0] += x + sway * np.sin(np.arange(frames))[:, None]
    return out


def skeleton_text(
    frames: int, bodies: dict[str, tuple[int, Floats]], *, mirrored: bool = True
) -> list[str]:
    """Lines of a file; a body is its first frame and its places."""
    sign = 1 if mirrored else -1
    lines = [str(frames)]
    for frame in range(frames):
        here = {k: (s, p) for k, (s, p) in bodies.items() if s <= frame < s + len(p)}
        lines.append(str(len(here)))
        for identity, (start, places) in here.items():
            lines += [f"{identity} 0 1 1 1 1 0 0.0276 -0.0575 2", "25"]
            for x, y, z in places[frame - start]:
                u, v = 959.5 + sign * 1050 * x / z, 540 - 1050 * y / z
                lines.append(
                    f"{x:.7g} {y:.7g} {z:.7g} 277.4 191.8 {u:.7g} {v:.7g} -0.2 0.05 0.97 -0.12 2"
                )
    return lines


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(lines: list[str], name: str = "S001C003P002R001A010") -> Path:
        path = tmp_path / "raw" / "nturgb+d_skeletons" / f"{name}.skeleton"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\r\n".join(lines) + "\r\n")
        return path

    return write_file


def stored(tmp_path: Path) -> SequenceStore:
    import_sequences(read_ntu_skeleton, tmp_path / "raw", tmp_path / "s", overwrite=True)
    return SequenceStore.open(tmp_path / "s")


# Identities differ in their last digits only, beyond what a float can tell apart.
ID = "72057594037931101"
NEXT = "72057594037931102"


@pytest.mark.parametrize("mirrored", [True, False])
def test_left_is_left(tmp_path: Path, write: Callable[..., Path], mirrored: bool) -> None:
    write(skeleton_text(30, {ID: (0, kinect(30))}, mirrored=mirrored))
    store = stored(tmp_path)
    assert store.labels == ACTIONS[:60]
    sequence = store.sequences[0]
    metadata = (sequence.subject, sequence.camera, sequence.label, sequence.size, sequence.frames)
    assert metadata == ("P002", "C003", 9, (1920, 1080), 30)
    points, truth = store.array("keypoints", sequence), store.array("truth", sequence)
    first = points[0, 0]
    # 959.5 + 1050 * 0.1 / 3: the person's left hip is right in the picture.
    np.testing.assert_allclose(first[J("left_hip")], (994.5, 550.5, 1), atol=1e-3)
    np.testing.assert_allclose(first[J("right_wrist")], (875.5, 557.5, 1), atol=1e-3)
    np.testing.assert_allclose(first[J("pelvis"), :2], (959.5, 540), atol=1e-3)
    np.testing.assert_allclose(truth[0, J("left_hip")], (100, 30, 3000), atol=1e-2)
    np.testing.assert_allclose(truth[0, J("nose")], (0, -625, 3000), atol=1e-2)
    np.testing.assert_allclose(truth[0, J("head")], (0, -700, 3000), atol=1e-2)
    assert np.isnan(points[:, 1, :, 0]).all()
    # Everything that is known of a camera agrees with itself.
    ideal = 959.5 + 1050 * truth[..., 0] / truth[..., 2]
    np.testing.assert_allclose(points[:, 0, :, 0], ideal, atol=1e-2)


def test_states_become_confidence(tmp_path: Path, write: Callable[..., Path]) -> None:
    lines = skeleton_text(20, {ID: (0, kinect(20))})
    head = 4  # lines before the first joint
    wrist, knee, foot = (
        head + KINECT25.index(n) for n in ("left_wrist", "right_knee", "left_ankle")
    )
    lines[wrist] = lines[wrist][:-1] + "1"
    lines[knee] = lines[knee][:-1] + "0"
    words = lines[foot].split()
    words[5], words[6] = "-Infinity", "NaN"
    lines[foot] = " ".join(words)
    write(lines)
    store = stored(tmp_path)
    points = store.array("keypoints", store.sequences[0])
    assert points[0, 0, J("left_wrist"), 2] == 0.5
    for joint in ("right_knee", "left_ankle"):
        np.testing.assert_array_equal(points[0, 0, J(joint)], (np.nan, np.nan, 0))
    assert points[1, 0, J("left_ankle"), 2] == 1


def test_two_people_and_what_is_none(tmp_path: Path, write: Callable[..., Path]) -> None:
    chair = kinect(40)
    chair[..., 1] *= 0.1
    bodies = {
        ID: (0, kinect(40, x=-1.0, sway=0.02)),
        NEXT: (0, kinect(18, x=1.0, sway=0.5)),
        "72057594037931103": (20, kinect(20, x=1.0, sway=0.4)),  # the same person, found again
        "72057594037931104": (5, kinect(6)),  # a ghost of six frames
        "72057594037931105": (0, chair),
    }
    write(skeleton_text(40, bodies))
    report = import_sequences(read_ntu_skeleton, tmp_path / "raw", tmp_path / "s")
    assert [note for _, note in report.notes] == ["left out 2 of 5 bodies"]
    store = SequenceStore.open(tmp_path / "s")
    points = store.array("keypoints", store.sequences[0])
    # x = 1 is to the sensor's left. The one that moves most comes first.
    left, right = points[:, 0, J("pelvis"), 0], points[:, 1, J("pelvis"), 0]
    assert (left[:18] < 959).all()
    assert (right > 959).all()
    assert np.isnan(left[18:20]).all()
    assert (left[20:] < 959).all()
    truth = store.array("truth", store.sequences[0])
    assert np.isnan(truth[18:20]).all()
    assert (truth[20:, J("pelvis"), 0] < 0).all()


def test_broken_skeletons(tmp_path: Path, write: Callable[..., Path]) -> None:
    good = skeleton_text(20, {ID: (0, kinect(20))})
    write(good)
    cases = {
        "S001C001P001R001A001": (good[:200], "expected the number of|25 joints of 12"),
        "S001C001P001R001A002": ([*good, "1 2 3"], "got 3 more words"),
        "S001C001P001R001A003": (
            ["5", *["0"] * 5],
            "at least one frame must contain a body, got none",
        ),
        "S001C001P001R001A004": ([*good[:3], "24", *good[4:]], "25 joints, got 24 in frame 0"),
        "S001C001P001R001A005": (
            [*good[:4], good[4].replace("277.4", "x"), *good[5:]],
            "of 12 numbers",
        ),
        "S001C001P001R001A006": (["many"], "expected the number of frames, got 'many'"),
        "S001C001P001R001A121": (good, "an action must be within 1..120"),
        "walking": (good, "must be named SsssCcccPpppRrrrAaaa"),
        "S001C001P001R001A007": (
            [good[0], good[1], good[2], good[3], *[g[:-1] + "7" for g in good[4:29]], *good[29:]],
            "state must be 0, 1 or 2",
        ),
    }
    for name, (lines, _) in cases.items():
        write(lines, name)
    report = import_sequences(read_ntu_skeleton, tmp_path / "raw", tmp_path / "s")
    assert report.imported == ("S001C003P002R001A010",)
    reasons = {Path(place).stem: reason for place, reason in report.refused}
    assert set(reasons) == set(cases)
    for name, (_, wanted) in cases.items():
        assert any(part in reasons[name] for part in wanted.split("|")), reasons[name]
        assert "\n" not in reasons[name]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"must hold \.skeleton files"):
        read_ntu_skeleton(tmp_path / "empty")


# ------------------------------------------------------------------------------- protocols


def test_names_are_read() -> None:
    assert NtuSample.parse("ntu-S001C002P003R002A013") == NtuSample(1, 2, 3, 2, 13)
    with pytest.raises(DataError, match="must be named"):
        NtuSample.parse("S001C002P003R002")


@pytest.mark.parametrize(
    ("protocol", "train", "test", "out"),
    [
        ("ntu60-xsub", "S003C001P038R001A001", "S003C001P003R001A060", "S018C001P001R001A001"),
        ("ntu60-xview", "S002C002P007R001A001", "S002C001P008R001A001", "S002C001P008R001A061"),
        ("ntu120-xsub", "S031C001P103R001A119", "S031C001P051R001A119", None),
        ("ntu120-xset", "S032C001P001R001A001", "S031C001P001R001A001", None),
        ("ntu120-oneshot", "S001C003P008R001A002", "S001C003P008R002A001", None),
    ],
)
def test_published_protocols(protocol: str, train: str, test: str, out: str | None) -> None:
    assert ntu_split(train, protocol) == "train"
    assert ntu_split(test, protocol) == "test"
    if out is not None:
        assert ntu_split(out, protocol) == ""


def test_sides_have_the_published_sizes() -> None:
    persons = [f"S001C001P{p:03}R001A001" for p in range(1, 107)]
    assert sum(ntu_split(n, "ntu120-xsub") == "train" for n in persons) == 53
    assert sum(ntu_split(n, "ntu60-xsub") == "train" for n in persons[:40]) == 20
    actions = [f"S001C001P001R001A{a:03}" for a in range(1, 121)]
    assert sum(ntu_split(n, "ntu120-oneshot") == "train" for n in actions) == 100
    every = [
        f"S{s:03}C{c:03}P008R{r:03}A{a:03}"
        for s in range(1, 33)
        for c in (1, 2, 3)
        for r in (1, 2)
        for a in range(1, 121)
    ]
    exemplars = [n for n in every if ntu_split(n, "ntu120-oneshot") == "exemplar"]
    assert len(exemplars) == 20
    assert exemplars[0] == "S001C003P008R001A001"
    assert exemplars[9:11] == ["S001C003P008R001A055", "S018C003P008R001A061"]
    assert exemplars[-1] == "S018C003P008R001A115"
    with pytest.raises(ConfigError, match=f"one of {', '.join(PROTOCOLS)}, got xsub"):
        ntu_split(persons[0], "xsub")
