from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import mmpose
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import (
    COCO17,
    CROWDPOSE14,
    H36M17,
    HALPE26,
    MPII16,
    OPENPOSE18,
    POSETRACK17,
    WHOLEBODY23,
    WHOLEBODY27,
    Skeleton,
)

Read = Callable[[Any], KeypointFile]
Refused = Callable[..., Any]


def _points(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(5, 500, (count, 2)), rng.uniform(0.2, 1, count)])


def _instance(points: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "keypoints": points[:, :2].tolist(),
        "keypoint_scores": points[:, 2].tolist(),
        "bbox": [[10.0, 20.0, 110.5, 220.0]],
        "bbox_score": 0.93,
    } | more


def _frame(number: int, *instances: dict[str, Any]) -> dict[str, Any]:
    return {"frame_id": number, "instances": list(instances)}


def _meta(*names: str) -> dict[str, Any]:
    return {
        "dataset_name": "some",
        "num_keypoints": len(names),
        "keypoint_id2name": {str(number): name for number, name in enumerate(names)},
        "sigmas": {"__ndarray__": [0.1] * len(names), "dtype": "float32", "shape": [len(names)]},
    }


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(document: Any) -> KeypointFile:
        path = tmp_path / "walk.json"
        path.write_text(json.dumps(document, indent="  "))
        source = Source(path)
        assert mmpose.recognise(source)
        return mmpose.read(source)

    return read


@pytest.mark.parametrize(
    ("count", "skeleton"),
    [(17, COCO17), (26, HALPE26), (133, WHOLEBODY27), (136, HALPE26)],
    ids=str,
)
def test_inferencer_on_a_video(read: Read, count: int, skeleton: Skeleton) -> None:
    points = [_points(count, seed) for seed in range(3)]
    file = read(
        [
            _frame(0),
            _frame(1, _instance(points[0]), _instance(points[1])),
            _frame(2, _instance(points[2])),
            _frame(3),
        ]
    )
    assert file.skeleton == skeleton
    assert file.frame_index.tolist() == [1, 1, 2]
    assert file.frames == 4
    np.testing.assert_array_equal(file.keypoints, np.stack(points)[:, LAYOUTS[count].places])
    assert file.boxes is not None
    assert file.boxes[0].tolist() == [10.0, 20.0, 110.5, 220.0]
    assert (file.ids, file.warnings) == (None, ())


def test_demo_script_counts_from_one(read: Read) -> None:
    frames = [_frame(1), _frame(2, _instance(_points(17), bbox=[1, 2, 3, 4])), _frame(3)]
    file = read({"meta_info": _meta(*COCO17.joints), "instance_info": frames})
    assert file.frame_index.tolist() == [1]
    assert file.frames == 3
    file = read({"meta_info": {}, "instance_info": [_frame(0), *frames]})
    assert file.frame_index.tolist() == [2]
    assert file.frames == 4


def test_pictures(read: Read) -> None:
    instances = [_instance(_points(17, seed)) for seed in range(2)]
    for document in (instances, {"meta_info": _meta(*COCO17.joints), "instance_info": instances}):
        file = read(document)
        assert file.frame_index.tolist() == [0, 0]
        assert file.frames == 1


HANDS = [
    f"{side}_{point}"
    for side in ("left", "right")
    for point in (
        "hand_root",
        *(f"thumb{n}" for n in range(1, 5)),
        *(f"{f}{n}" for f in ("forefinger", "middle_finger") for n in range(1, 5)),
        *(f"{f}{n}" for f in ("ring_finger", "pinky_finger") for n in range(1, 5)),
    )
]


@pytest.mark.parametrize(
    ("names", "skeleton"),
    [
        (COCO17.joints, COCO17),
        (POSETRACK17.joints, POSETRACK17),
        (MPII16.joints, MPII16),
        (OPENPOSE18.joints, OPENPOSE18),
        ((*COCO17.joints, "head", "neck", "hip", *HALPE26.joints[20:]), HALPE26),
        ((*WHOLEBODY23.joints, *(f"face-{n}" for n in range(68)), *HANDS), WHOLEBODY27),
        ((*CROWDPOSE14.joints[:12], "top_head", "neck"), CROWDPOSE14),
        (
            (
                *("root", "right_hip", "right_knee", "right_foot"),
                *("left_hip", "left_knee", "left_foot", "spine", "thorax", "neck_base", "head"),
                *H36M17.joints[11:],
            ),
            H36M17,
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_joints_by_their_names(read: Read, names: tuple[str, ...], skeleton: Skeleton) -> None:
    points = _points(len(names))
    file = read({"meta_info": _meta(*names), "instance_info": [_frame(1, _instance(points))]})
    assert file.skeleton == skeleton
    places = LAYOUTS[133].places if len(names) == 133 else range(len(skeleton))
    np.testing.assert_array_equal(file.keypoints[0], points[[*places]])


def test_names_in_another_order(read: Read, refused: Refused) -> None:
    names, points = COCO17.joints[::-1], _points(17)
    file = read({"meta_info": _meta(*names), "instance_info": [_frame(1, _instance(points))]})
    for place, joint in enumerate(names):
        assert file.keypoints[0, file.skeleton.index(joint)].tolist() == points[place].tolist()
    with refused("must hold 17 keypoints a person (coco17), got 26 in frame 0"):
        document = [_frame(1, _instance(_points(26)))]
        read({"meta_info": _meta(*COCO17.joints), "instance_info": document})
    with refused("must have the hips or a pelvis and the shoulders", "paw"):
        names = tuple(f"paw_{n}" for n in range(4))
        read({"meta_info": _meta(*names), "instance_info": [_frame(1, _instance(_points(4)))]})


@pytest.mark.parametrize("count", [16, 21])
def test_other_numbers_of_keypoints(read: Read, refused: Refused, count: int) -> None:
    with refused("17 (coco17)", "26 (halpe26)", "133 (wholebody27)", f"got {count}"):
        read([_frame(5, _instance(_points(count)))])


def test_sapiens(read: Read, tmp_path: Path) -> None:
    """A file for each picture, 308 keypoints, the wrists among the hands."""
    points = _points(308)
    for frame in range(3):
        picture = {"instance_info": [_instance(points + np.array([frame, 0, 0]))]}
        (tmp_path / f"frame_{frame:04d}.json").write_text(json.dumps(picture, indent="\t"))
    (tmp_path / "frame_0003.json").write_text('{"instance_info": []}')
    source = Source(tmp_path)
    assert mmpose.recognise(source)
    file = mmpose.read(source)
    assert file.frame_index.tolist() == [0, 1, 2]
    assert file.frames == 4
    at = {"nose": 0, "right_hip": 10, "right_ankle": 14, "left_wrist": 62, "right_wrist": 41}
    at |= {"left_index": 49, "left_pinky": 61, "right_index": 28, "right_pinky": 40}
    for joint, place in {**at, "left_big_toe": 15, "right_heel": 20}.items():
        assert file.keypoints[0, file.skeleton.index(joint)].tolist() == points[place].tolist()


def test_folder_of_pictures(tmp_path: Path) -> None:
    for frame in range(12):
        (tmp_path / f"{frame:06d}.jpg").write_bytes(b"")
        people = [] if frame in (0, 5) else [_instance(_points(17, frame)), _instance(_points(17))]
        (tmp_path / f"{frame:06d}.json").write_text(json.dumps(people))
    (tmp_path / "camera.json").write_text('{"fps": 30}')
    source = Source(tmp_path)
    assert mmpose.recognise(source)
    file = mmpose.read(source)
    assert file.frames == 12
    assert sorted({*file.frame_index.tolist()}) == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    np.testing.assert_array_equal(file.keypoints[0], _points(17, 1))
    assert file.warnings == ("1 files that hold something else are left out: camera.json",)


def test_what_the_inferencer_returns(read: Read) -> None:
    one = {
        "visualization": [],
        "predictions": [[_instance(_points(17)), _instance(_points(17, 1))]],
    }
    assert read(one).frame_index.tolist() == [0, 0]
    file = read([one, {"visualization": [], "predictions": [[]]}, one])
    assert file.frame_index.tolist() == [0, 0, 2, 2]
    assert read([[_instance(_points(17))], [], [_instance(_points(17))]]).frames == 3


@pytest.mark.parametrize(
    "document",
    [
        lambda frames: {f"walk_{n:04d}.jpg": frame for n, frame in enumerate(frames)},
        lambda frames: {str(n): {"people": frame} for n, frame in enumerate(frames)},
        lambda frames: [{"image": f"{n}.png", "people": f} for n, f in enumerate(frames)][::-1],
        lambda frames: {"frames": [{"frame": n, "poses": f} for n, f in enumerate(frames)]},
        lambda frames: {"video": "walk.mp4", "results": frames},
    ],
)
def test_frames_of_other_programs(read: Read, document: Callable[[Any], Any]) -> None:
    frames = [[], [_instance(_points(17)), _instance(_points(17, 1))], [_instance(_points(17, 2))]]
    file = read(document(frames))
    assert file.frame_index.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(file.keypoints, [_points(17, seed) for seed in range(3)])


def test_transformers(read: Read) -> None:
    """ViTPose in the transformers library, its results dumped frame by frame."""
    points = _points(17)
    person = {
        "keypoints": points[:, :2].tolist(),
        "scores": points[:, 2].tolist(),
        "labels": list(range(17)),
        "bbox": [10, 20, 30, 40],
    }
    file = read([[person], [person]])
    np.testing.assert_array_equal(file.keypoints, [points, points])


def test_identities(read: Read) -> None:
    one, two, three = (_instance(_points(17, seed), track_id=4) for seed in range(3))
    ids = read([_frame(0, one, two | {"track_id": 2}), _frame(1, three)]).ids
    assert ids is not None
    assert ids.tolist() == [4, 2, 4]
    file = read([_frame(0, one), _frame(1, two, three)])
    assert file.ids is None
    assert "person 4 is twice in frame 1" in file.warnings[0]
    named = read([_frame(0, one | {"track_id": "me"}, two | {"track_id": "you"})]).ids
    assert named is not None
    assert named.tolist() == [0, 1]


@pytest.mark.parametrize("numbers", [(0, 2, 1), (2, 1, 0)])
def test_frames_in_any_order(read: Read, numbers: tuple[int, ...]) -> None:
    frames = [_frame(number, _instance(_points(17, number))) for number in numbers]
    file = read(frames)
    assert file.frame_index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(file.keypoints, [_points(17, number) for number in range(3)])


def test_scores_above_one_are_cut_and_told(read: Read) -> None:
    points = _points(133)
    points[:2, 2] = 1.1, 7.5
    file = read([_frame(0, _instance(points))])
    assert file.keypoints[0, :2, 2].tolist() == [1, 1]
    assert "2 of 69 confidences are cut" not in file.warnings[0]
    assert "2 of 27 confidences are cut to 0..1" in file.warnings[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints": [[1, 2, 3, 4]] * 17}, "x and y of each keypoint"),
        ({"keypoints": [[1, 2]] * 16}, "one score for each keypoint"),
        ({"keypoints": [3, "a"]}, "list of numbers as the keypoints of instance 0 of frame 1"),
        ({"keypoint_scores": [[1.0]] * 17}, "list of numbers"),
        ({"bbox": [1, 2]}, "four finite numbers as the bbox"),
    ],
)
def test_bad_instances(read: Read, refused: Refused, change: dict[str, Any], said: str) -> None:
    with refused(said):
        read([_frame(0, _instance(_points(17))), _frame(1, _instance(_points(17)) | change)])


def test_bad_frames(read: Read, refused: Refused) -> None:
    with refused("a list of people in frame 1"):
        read([_frame(0, _instance(_points(17))), 3])
    with refused("an object as instance 0 of frame 1"):
        read([_frame(0, _instance(_points(17))), {"frame_id": 1, "instances": [3]}])
    with refused("must number or name its frames, got 1.5"):
        read([_frame(0, _instance(_points(17))), {"frame_id": 1.5, "instances": []}])
    with refused("no person"):
        read([_frame(0), _frame(1)])


def test_real_mmpose_writes_what_is_read(tmp_path: Path) -> None:
    """MMPose's own packing of predictions, where it is installed."""
    pytest.importorskip("mmpose")
    structures = pytest.importorskip("mmengine.structures")
    from mmengine.fileio import dump
    from mmpose.structures.utils import split_instances

    points = np.stack([_points(17, seed) for seed in range(2)])
    instances = structures.InstanceData(
        keypoints=points[..., :2],
        keypoint_scores=points[..., 2],
        bboxes=np.array([[1.0, 2, 30, 40], [5, 6, 70, 80]]),
        bbox_scores=np.array([0.9, 0.8], dtype=np.float32),
    )
    path = tmp_path / "walk.json"
    dump([{"frame_id": 0, "instances": split_instances(instances)}], path, indent="  ")
    source = Source(path)
    assert mmpose.recognise(source)
    file = mmpose.read(source)
    np.testing.assert_array_equal(file.keypoints, points)
    np.testing.assert_array_equal(file.boxes, instances.bboxes)
