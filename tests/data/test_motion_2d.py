"""PoseTrack, InstaVariety and people's own keypoints: data without depth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.datasets.instavariety import read_instavariety
from mbcli.data.datasets.posetrack import read_posetrack
from mbcli.data.datasets.runs import equal_runs, unbroken_runs
from mbcli.data.datasets.sequence_import import Found, Refused, SequenceImport, import_sequences
from mbcli.data.datasets.tracks import read_tracks
from mbcli.data.stores.sequences import SequenceStore
from mbcli.errors import ConfigError, DataError, InputError
from mbcli.skeleton import COCO17, H36M17, POSETRACK17
from mbcli.types import Keypoints2D

Array = npt.NDArray[np.float64]

# x to the picture's right, y downwards: a person who looks at the camera.
FRONT = {
    "nose": (300, 100),
    "head_bottom": (300, 130),
    "head_top": (300, 60),
    "left_eye": (308, 92),
    "right_eye": (292, 92),
    "left_ear": (316, 95),
    "right_ear": (284, 95),
    "left_shoulder": (340, 150),
    "right_shoulder": (260, 152),
    "left_elbow": (350, 210),
    "right_elbow": (250, 212),
    "left_wrist": (355, 270),
    "right_wrist": (245, 272),
    "left_hip": (325, 300),
    "right_hip": (275, 302),
    "left_knee": (326, 400),
    "right_knee": (274, 402),
    "left_ankle": (327, 500),
    "right_ankle": (273, 502),
}


def front(names: tuple[str, ...]) -> Array:
    return np.array([FRONT[name] for name in names], dtype=float)


def place(points: Array, joint: str) -> list[float]:
    return points[H36M17.index(joint), :2].tolist()


def posetrack(frames: list[int], **more: Any) -> dict[str, Any]:
    """A video of which these frames are annotated, with two people."""
    images = [
        {
            "id": 10000010000 + number,
            "frame_id": 10000010000 + number,
            "vid_id": "000001",
            "file_name": f"images/train/000001_bonn_train/{number:06d}.jpg",
            "nframes": 200,
            "is_labeled": number in frames,
        }
        for number in range(200)
    ]
    annotations = []
    for track in (0, 3):
        for number in frames:
            points = np.zeros((17, 3))
            points[:, :2] = front(POSETRACK17.joints) + np.array([number, track * 100])
            points[:, 2] = 1
            points[3:5] = 0  # ears are never annotated
            points[POSETRACK17.index("left_wrist")] = 0
            annotations.append(
                {
                    "image_id": 10000010000 + number,
                    "track_id": track,
                    "keypoints": points.ravel().tolist(),
                    "bbox": [0, 0, 10, 10],
                    "category_id": 1,
                }
            )
    categories = [{"name": "person", "keypoints": list(POSETRACK17.joints)}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    return document | more


@pytest.fixture(name="annotations")
def posetrack_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "annotations" / "train"
    folder.mkdir(parents=True)
    (folder / "000001_bonn_train.json").write_text(json.dumps(posetrack(list(range(50, 80)))))
    return folder


def test_posetrack_people_become_sequences(annotations: Path, tmp_path: Path) -> None:
    report = import_sequences(read_posetrack, annotations, tmp_path / "s")
    assert report.refused == ()
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.name, s.frames, s.split, s.size, s.fps) for s in store.sequences] == [
        ("000001_bonn_train/0/50", 30, "train", (0, 0), 30),
        ("000001_bonn_train/3/50", 30, "train", (0, 0), 30),
    ]
    points = store.array("keypoints", store.sequences[1])[4, 0].astype(float)
    assert place(points, "right_wrist") == [245 + 54, 272 + 300]
    assert place(points, "pelvis") == [300 + 54, 301 + 300]
    assert place(points, "thorax") == [300 + 54, 130 + 300]
    assert place(points, "head") == [300 + 54, 60 + 300]
    assert place(points, "nose") == [300 + 54, 100 + 300]
    assert place(points, "left_knee")[0] > place(points, "right_knee")[0]
    np.testing.assert_array_equal(points[H36M17.index("left_wrist")], [np.nan, np.nan, 0])
    assert (np.delete(points[:, 2], H36M17.index("left_wrist")) == 1).all()


def test_gaps_split_people(annotations: Path, tmp_path: Path) -> None:
    # As in the validation part: every fourth frame, and 30 in the middle.
    frames = [*range(0, 60, 4), *range(60, 90), *range(92, 150, 4)]
    (annotations / "000001_bonn_train.json").write_text(json.dumps(posetrack(frames)))
    report = import_sequences(read_posetrack, annotations, tmp_path / "s", fps=25.0)
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.frames, s.fps) for s in store.sequences] == [(30, 25), (30, 25)]
    assert [reason.split(" in ")[0] for _, reason in report.refused] == ["30 frames"] * 2


def test_broken_posetrack_files_do_not_stop_the_rest(annotations: Path, tmp_path: Path) -> None:
    good = posetrack(list(range(30)))
    short = dict(good["annotations"][0], keypoints=[1.0] * 48)
    names = [*POSETRACK17.joints[:-1], "tail"]
    for name, document in {
        "a": {"images": []},
        "b": good | {"annotations": [short]},
        "c": good | {"annotations": [good["annotations"][0]] * 2},
        "d": good | {"categories": [{"keypoints": names}]},
        "e": [],
        "f": good | {"images": [{"id": 1, "file_name": "x"}]},
    }.items():
        (annotations / f"{name}.json").write_text(json.dumps(document))
    (annotations / "g.json").write_text('{"images": [')
    report = import_sequences(read_posetrack, annotations, tmp_path / "s")
    assert len(report.imported) == 2
    reasons = dict(report.refused)
    assert sorted(reasons) == [f"{name}.json" for name in "abcdefg"]
    assert "51 finite numbers, got 48" in reasons["b.json"]
    assert "twice in frame 0" in reasons["c.json"]
    assert "keypoints must be those of PoseTrack" in reasons["d.json"]
    assert "not a complete JSON" in reasons["g.json"]
    assert not any("\n" in reason for reason in reasons.values())
    with pytest.raises(DataError, match=r"must hold \.json files"):
        read_posetrack(tmp_path / "s" / "x")
    with pytest.raises(ConfigError, match="fps must be a positive number, got 0"):
        read_posetrack(annotations, fps=0)


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """Two tracks as the published conversion leaves them, and one that is too short."""
    folder = tmp_path / "insta"
    folder.mkdir()
    names = [n if n in FRONT else "nose" for n in H36M17.joints]
    motion = np.zeros((74, 17, 3))
    motion[..., :2] = (front(tuple(names)) - [300, 301]) / 250
    motion[..., 2] = 0.5
    motion[:, [H36M17.index("spine"), H36M17.index("head")]] = 0
    motion[:, 0, :2] = 0
    motion[40, H36M17.index("left_wrist")] = 0
    np.save(folder / "motion_all.npy", motion)
    np.save(folder / "id_all.npy", np.repeat([0.0, 1.0, 2.0], [30, 40, 4]))
    return folder


def test_instavariety_comes_back_by_the_published_way(arrays: Path, tmp_path: Path) -> None:
    report = import_sequences(read_instavariety, arrays, tmp_path / "s")
    assert [reason for _, reason in report.refused] == ["4 frames are less than 0.5 s"]
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.frames, s.size) for s in store.sequences] == [(30, (1000, 1000)), (40, (1000, 1000))]
    motion = np.load(arrays / "motion_all.npy")[30:70]
    points = store.array("keypoints", store.sequences[1])[:, 0]
    seen = motion[..., 2] > 0
    np.testing.assert_allclose((points[..., :2] / 500 - 1)[seen], motion[seen][:, :2], atol=1e-6)
    np.testing.assert_array_equal(np.isnan(points[..., 0]), ~seen)
    assert (points[..., 2] == motion[..., 2]).all()
    first = points[0].astype(float)
    assert place(first, "pelvis") == [500, 500]
    assert place(first, "left_ankle")[1] > place(first, "left_hip")[1] > place(first, "nose")[1]
    assert place(first, "left_hip")[0] > place(first, "right_hip")[0]


def test_broken_instavariety(arrays: Path, tmp_path: Path) -> None:
    motion = np.load(arrays / "motion_all.npy")
    motion[3, 4, 0] = np.nan
    motion[33, 4, 0] = 700
    np.save(arrays / "motion_all.npy", motion)
    with pytest.raises(DataError, match="all 3 sequences were refused; must hold finite"):
        import_sequences(read_instavariety, arrays, tmp_path / "s")
    np.save(arrays / "id_all.npy", np.zeros(5))
    with pytest.raises(DataError, match=r"id_all.npy must be \(74,\), got \(5,\)"):
        read_instavariety(arrays)
    np.save(arrays / "motion_all.npy", np.zeros((5, 16, 3)))
    with pytest.raises(DataError, match=r"must be \(N, 17, 3\), got \(5, 16, 3\)"):
        read_instavariety(arrays)
    np.save(arrays / "motion_all.npy", np.array([{}]))
    with pytest.raises(DataError, match="array of numbers or text, got object"):
        read_instavariety(arrays)
    (arrays / "motion_all.npy").unlink()
    with pytest.raises(DataError, match=r"motion_all\.npy"):
        read_instavariety(arrays)


def test_runs() -> None:
    assert equal_runs(np.array([1, 1, 2, 1])) == [(0, 2), (2, 3), (3, 4)]
    assert equal_runs(np.array([])) == []
    assert equal_runs(np.array(["a", "a", "b"]), np.array([0, 1, 1])) == [(0, 1), (1, 2), (2, 3)]
    assert unbroken_runs(np.array([3, 4, 7, 8, 9])) == [(0, 2), (2, 5)]


def coco_tracks(frames: int, gone: dict[int, list[int]]) -> Keypoints2D:
    """Two people, ids 5 and 9, who are not there in the given frames."""
    data = np.ones((frames, 2, 17, 3))
    data[..., :2] = front(COCO17.joints) + np.arange(frames)[:, None, None, None]
    for person, lost in gone.items():
        data[lost, person] = np.nan, np.nan, 0
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=25,
        timestamps=np.arange(frames) / 25,
        size=(640, 560),
        track_ids=np.array([5, 9]),
        boxes=np.full((frames, 2, 4), np.nan),
        frame_index=np.arange(frames) + 100,
    )


def test_people_of_a_keypoint_file_become_sequences(tmp_path: Path) -> None:
    # One is away for two frames, which is bridged, then for ten, which ends the sequence.
    tracks = coco_tracks(80, {1: [*range(20, 22), *range(40, 50), *range(55, 80)]})

    def reader(path: Path) -> Keypoints2D:
        if path.name == "bad.json":
            raise InputError("bad.json is none")
        return tracks

    files = [tmp_path / "a" / "good.json", tmp_path / "bad.json"]
    report = import_sequences(read_tracks, tmp_path, tmp_path / "s", files=files, reader=reader)
    assert report.refused == (
        ("a/good.json: person 9", "5 frames in runs of less than 0.5 s"),
        ("bad.json", "bad.json is none"),
    )
    store = SequenceStore.open(tmp_path / "s")
    assert [(s.name, s.frames, s.fps, s.size) for s in store.sequences] == [
        ("a/good.json/5/100", 80, 25, (640, 560)),
        ("a/good.json/9/100", 40, 25, (640, 560)),
    ]
    second = store.array("keypoints", store.sequences[1])[:, 0]
    assert np.isnan(second[20:22, :, 0]).all()
    assert (second[20:22, :, 2] == 0).all()
    points = second[7].astype(float)
    assert place(points, "left_wrist") == [355 + 7, 270 + 7]
    assert place(points, "pelvis") == [300 + 7, 301 + 7]


def test_import_counts_refusals_and_keeps_the_rest(tmp_path: Path) -> None:
    def found(name: str, frames: int) -> Found:
        points = np.ones((frames, 17, 3))
        return Found(name, f"{name}.x", points, {"subject": name, "fps": 30}, note="n")

    def reader(source: Path) -> SequenceImport:
        items: list[Found | Refused] = [found("a", 3), Refused("b.x", "why")]
        items += [found("a", 2), found("c", 0), found("d", 1)]
        return SequenceImport(items, 5)

    seen: list[tuple[int, int]] = []
    report = import_sequences(
        reader,
        tmp_path,
        tmp_path / "s",
        prefix="p-",
        licence="CC0",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert report.imported == ("p-a", "p-d")
    assert [source for source, _ in report.refused] == ["b.x", "a.x", "c.x"]
    assert report.notes == (("a.x", "n"), ("d.x", "n"))
    assert seen[-1] == (5, 5)
    first = SequenceStore.open(tmp_path / "s").sequences[0]
    assert (first.subject, first.licence) == ("p-a", "CC0")
    with pytest.raises(DataError, match="must contain at least one sequence, got none"):
        import_sequences(lambda _: SequenceImport([], 0), tmp_path, tmp_path / "t")
    assert not (tmp_path / "t").exists()
