from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from mbcli.camera import camera_from
from mbcli.motion import Motion3D, Refinement
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import Frame, FramePoses, Keypoints2D


def keypoints(frames=4, people=2, **changes):
    data = np.ones((frames, people, 17, 3), dtype=np.float32)
    values = {
        "data": data,
        "skeleton": H36M17,
        "fps": 30.0,
        "timestamps": np.arange(frames) / 30,
        "size": (640, 480),
        "track_ids": np.arange(people),
        "boxes": np.ones((frames, people, 4)),
        "frame_index": np.arange(frames),
    }
    return Keypoints2D(**{**values, **changes})


def motion(kp, **changes):
    frames, people = kp.data.shape[:2]
    values = {
        "positions": np.zeros((frames, people, 17, 3)),
        "root": np.ones((frames, people, 3)),
        "positions_normalized": np.zeros((frames, people, 17, 3)),
        "confidence": np.ones((frames, people, 17)),
        "keypoints": kp,
        "camera": camera_from(kp.size, frames=frames),
    }
    return Motion3D(**{**values, **changes})


def test_frame_knows_its_size():
    frame = Frame(0, 0.0, np.zeros((48, 64, 3), dtype=np.uint8))
    assert frame.size == (64, 48)
    with pytest.raises(ValueError, match="uint8"):
        Frame(0, 0.0, np.zeros((48, 64, 3)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(any, any, 3\), got \(48, 64\)"):
        Frame(0, 0.0, np.zeros((48, 64), dtype=np.uint8))


def changed(array):
    out = np.array(array)
    out.flat[-1] = 0 if out.flat[-1] else 1
    return out


def test_what_holds_the_same_is_equal_and_has_one_hash():
    absent = np.full((4, 2, 17, 3), np.nan)
    raw = Refinement(positions=absent, root=np.ones((4, 2, 3)), confidence=np.ones((4, 2, 17)))
    things = [
        (Frame(0, 0.0, np.zeros((4, 6, 3), np.uint8)), ("image",)),
        (FramePoses(0, 0.0, np.ones((1, 4)), np.ones((1, 17, 3))), ("boxes", "keypoints")),
        (keypoints(), ("data", "track_ids", "boxes", "frame_index")),
        (raw, ("root", "confidence")),
        (motion(keypoints(), positions=absent, refinement=raw, meta={"a": [1]}), ("root",)),
    ]
    for thing, arrays in things:
        twin = replace(thing)
        assert thing == twin
        assert len({thing, twin}) == 1
        for name in arrays:
            assert thing != replace(thing, **{name: changed(getattr(thing, name))})
        assert thing != 1
    assert keypoints() != keypoints(timestamps=np.arange(4) / 15)
    whole = things[-1][0]
    for other in (
        {"meta": {"a": [2]}},
        {"refinement": None},
        {"expected_error": np.zeros((4, 2, 17))},
    ):
        assert whole != replace(whole, **other)
        assert replace(whole, **other) != whole


def test_arrays_are_copies_and_read_only():
    source = np.ones((1, 4))
    poses = FramePoses(0, 0.0, source, np.ones((1, 17, 3)))
    source[:] = 7
    assert poses.boxes.max() == 1
    assert len(poses) == 1
    with pytest.raises(ValueError, match="read-only"):
        poses.boxes[0] = 0
    with pytest.raises(FrozenInstanceError):
        poses.time = 1.0  # type: ignore[misc]


def test_frame_poses_checks_itself():
    with pytest.raises(ValueError, match=r"FramePoses.boxes"):
        FramePoses(0, 0.0, np.ones((1, 3)), np.ones((1, 17, 3)))
    with pytest.raises(ValueError, match=r"FramePoses.keypoints .*\(2, any, 3\)"):
        FramePoses(0, 0.0, np.ones((2, 4)), np.ones((1, 17, 3)))
    with pytest.raises(ValueError, match=r"within 0\.\.1, got 1\.\.2"):
        FramePoses(0, 0.0, np.ones((2, 4)), np.stack([np.ones((17, 3)), np.full((17, 3), 2)]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timestamps": np.arange(3) / 30}, "timestamps must have shape"),
        ({"timestamps": np.zeros(4)}, "strictly increasing"),
        ({"fps": 0.0}, "fps must be a positive number, got 0"),
        ({"fps": np.nan}, "fps must be a positive number"),
        ({"track_ids": np.arange(3)}, "track_ids"),
        ({"boxes": np.ones((4, 2, 3))}, "boxes"),
        ({"frame_index": np.arange(5)}, "frame_index"),
        ({"data": np.ones((4, 2, 26, 3))}, "data must have shape"),
        ({"data": np.full((4, 2, 17, 3), np.nan)}, "within 0..1"),
        ({"data": np.full((4, 2, 17, 3), [np.nan, 1, 0.5])}, "must have confidence 0"),
    ],
)
def test_keypoints_check_themselves(changes, message):
    with pytest.raises(ValueError, match=message):
        keypoints(**changes)


def test_presence_is_any_keypoint():
    data = np.ones((4, 2, 17, 3), dtype=np.float32)
    data[1, 0] = np.nan, np.nan, 0
    data[2, 1, 1:] = np.nan, np.nan, 0
    kp = keypoints(data=data)
    assert kp.present.tolist() == [[True, True], [False, True], [True, True], [True, True]]


def test_motion_checks_itself_and_follows_its_keypoints():
    kp = keypoints()
    positions = np.zeros((4, 2, 17, 3))
    positions[3, 1] = np.nan
    result = motion(kp, positions=positions)
    assert result.positions.dtype == np.float32
    assert result.present.sum() == 7
    assert result.fps == 30
    assert np.array_equal(result.timestamps, kp.timestamps)
    assert np.array_equal(result.track_ids, kp.track_ids)
    with pytest.raises(ValueError, match=r"Motion3D.root"):
        motion(kp, root=np.zeros((4, 2, 2)))
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        motion(kp, confidence=np.full((4, 2, 17), -1.0))
    with pytest.raises(ValueError, match="must be in h36m17, got coco17"):
        motion(replace(kp, skeleton=COCO17))


def test_nobody_is_allowed():
    kp = keypoints(people=0, track_ids=np.zeros(0))
    assert motion(kp).present.shape == (4, 0)
