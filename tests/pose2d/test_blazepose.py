from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli import weights
from mbcli.errors import ConfigError, WeightsError
from mbcli.options import InferOptions
from mbcli.pipeline import infer
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.blazepose import BlazePose, BlazePoseNet, refined
from mbcli.pose2d.movenet import MoveNet
from mbcli.pose2d.overlap import oks
from mbcli.pose2d.squares import SURE, crop_square
from mbcli.skeleton import BLAZEPOSE33, BODY23, COCO17
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.video import VideoReader

AT = BLAZEPOSE33.index
BODY = [AT(joint) for joint in COCO17.joints]
BODY_FIRST = [*BODY, *sorted({*range(len(BLAZEPOSE33))} - {*BODY})]


@pytest.fixture(scope="module")
def frames(walk: Path) -> list[Frame]:
    """Every third of the first 19 frames: ten a second, two people from the beginning."""
    with VideoReader(walk) as reader:
        taken = [frame for frame, _ in zip(reader, range(19), strict=False)]
    return taken[::3]


@pytest.fixture
def blazepose() -> Iterator[BlazePose]:
    model = BlazePose(threads=1)
    yield model
    model.close()


@pytest.fixture(scope="module")
def network() -> BlazePoseNet:
    return BlazePoseNet("blazepose-heavy", 1)


def by_height(poses: FramePoses) -> FloatArray:
    """Keypoints of the person on the roof, then of the walker below."""
    return poses.keypoints[np.argsort(poses.boxes[:, 1])]


def test_people_are_where_movenet_sees_them_and_have_feet(
    blazepose: BlazePose, frames: list[Frame]
) -> None:
    movenet = MoveNet(threads=1)
    likeness = []
    for frame in frames:
        found, other = blazepose(frame), movenet(frame)
        assert (len(found), len(other)) == (2, 2)
        assert found.keypoints.shape == (2, 33, 3)
        people = by_height(found)
        likeness += [
            oks(mine[BODY], theirs, SURE)
            for mine, theirs in zip(people, by_height(other), strict=True)
        ]
        for side in ("left", "right"):
            ankles, heels, toes = (
                people[:, AT(f"{side}_{part}")] for part in ("ankle", "heel", "foot_index")
            )
            assert (toes[:, 1] > ankles[:, 1]).all()
            assert toes[1, 0] < heels[1, 0] - 5  # the walker goes to the left
            assert np.linalg.norm(heels - ankles, axis=-1).max() < 40  # of 310 pixels of height
    assert np.mean(likeness) > 0.85  # in one frame it swaps left and right
    assert np.median(likeness) > 0.93


def test_boxes_hold_hands_and_feet(blazepose: BlazePose, frames: list[Frame]) -> None:
    poses = blazepose(frames[0])
    for box, keypoints in zip(poses.boxes, poses.keypoints, strict=True):
        seen = keypoints[keypoints[:, 2] > SURE, :2]
        inside = (seen > 0).all(axis=1)  # the hands on the roof are above the picture's edge
        assert (seen[inside] >= box[:2]).all()
        assert (seen[inside] <= box[2:]).all()


def test_nobody_is_seen_where_nobody_is(network: BlazePoseNet, frames: list[Frame]) -> None:
    """Unlike Thunder, the network knows: bushes and a wall."""
    person = np.column_stack([np.linspace(600, 700, 17), np.linspace(150, 400, 17), np.ones(17)])
    for shift in (0, 150):
        empty = network(frames[0].image, crop_square(person + np.array([0, shift, 0])))
        assert empty[:, 2].max() < 0.05


def test_whoever_is_turned_is_seen_as_if_upright(
    blazepose: BlazePose, network: BlazePoseNet, frames: list[Frame]
) -> None:
    image = frames[0].image
    height, width = image.shape[:2]
    turns = {
        cv2.ROTATE_180: lambda p: (width - p[:, 0], height - p[:, 1]),
        cv2.ROTATE_90_CLOCKWISE: lambda p: (height - p[:, 1], p[:, 0]),
    }
    for person in by_height(blazepose(frames[0]))[:, BODY_FIRST]:
        upright = network(image, crop_square(person))
        sure = upright[:, 2] > 0.5
        for code, turned in turns.items():
            near = np.column_stack([*turned(person), person[:, 2]])
            square = crop_square(near)
            found = network(np.ascontiguousarray(cv2.rotate(image, code)), square)
            apart = np.linalg.norm(found[:, :2] - np.column_stack(turned(upright)), axis=1)
            assert np.median(apart[sure]) < 0.01 * square.side
            assert found[sure, 2].mean() > 0.8


def test_points_move_to_the_peak_nearby() -> None:
    heatmaps = np.full((64, 64, 3), -20.0)
    heatmaps[10, 20, 0], heatmaps[10, 21, 0] = 10, 10
    heatmaps[40, 40, 1] = 10  # too far away
    points = np.array([[84.0, 43.0], [100.0, 100.0], [300.0, 20.0]])
    moved = refined(points, heatmaps)
    assert moved[0] == pytest.approx([20.5 * 4, 10 * 4], abs=1e-3)
    assert (moved[1:] == points[1:]).all()


@pytest.mark.parametrize("box", [(214, 0, 700, 170), (854, 322, 1241, 535)])
def test_people_cut_off_at_the_hips_keep_their_size(
    blazepose: BlazePose, frames: list[Frame], box: tuple[int, int, int, int]
) -> None:
    x1, y1, x2, y2 = box
    part = replace(frames[0], image=np.ascontiguousarray(frames[0].image[y1:y2, x1:x2]))
    whole = by_height(blazepose(frames[0]))[:, BODY] - (x1, y1, 0)
    person = whole[0 if y1 == 0 else 1]
    person[11:, 2] = 0  # from the hips down
    (found,) = blazepose(replace(part, cut=True)).keypoints
    assert oks(found[BODY], person, SURE) > 0.75


def test_somebody_who_is_found_twice_is_one_person(
    blazepose: BlazePose, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    poses, scores = blazepose._multipose(frames[0].image)
    best = poses[np.argsort(-scores)[:2]]
    twice = np.concatenate([best, best + np.array([3, 3, 0], np.float32)])
    found = twice, np.array([0.9, 0.8, 0.4, 0.4], np.float32)
    monkeypatch.setattr(blazepose, "_multipose", lambda image: found)
    assert len(blazepose(frames[0])) == 2


def test_it_goes_on_from_a_state(blazepose: BlazePose, frames: list[Frame]) -> None:
    for frame in frames[:2]:
        blazepose(frame)
    other = BlazePose(threads=1)
    other.resume(blazepose.state())
    assert other(frames[2]) == blazepose(frames[2])


def test_where_the_network_is_elsewhere_multiposes_keypoints_remain(
    blazepose: BlazePose, frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = np.concatenate([np.random.default_rng(0).uniform(0, 50, (33, 2)), np.ones((33, 1))], 1)
    monkeypatch.setattr(blazepose, "_one", lambda image, square, prepare: far.astype(np.float32))
    people = blazepose(frames[0]).keypoints
    assert len(people) == 2
    assert np.isfinite(people[:, BODY]).all()
    feet = people[:, [AT("left_heel"), AT("right_foot_index")]]
    assert np.isnan(feet[..., :2]).all()
    assert not feet[..., 2].any()


def test_the_row_of_the_backend_table_works(frames: list[Frame]) -> None:
    backend = BACKENDS["blazepose"](Pose2DOptions(threads=1, min_score=0.3))
    assert backend.name == "blazepose"
    assert set(backend.weights) <= set(weights.TABLE)
    assert backend.metadata["person_threshold"] == 0.3
    assert backend(frames[0]).keypoints.shape[1] == len(backend.skeleton)
    with pytest.raises(ConfigError, match="--pose2d-mode has no meaning with --pose2d blazepose"):
        BACKENDS["blazepose"](Pose2DOptions(pose2d_mode="light"))


def test_another_network_is_refused() -> None:
    with pytest.raises(WeightsError, match=r"movenet_thunder\.onnx must be MediaPipe's BlazePose"):
        BACKENDS["blazepose"](Pose2DOptions(pose2d_checkpoint="movenet-thunder"))


@pytest.mark.parametrize("by_path", [False, True])
def test_the_smaller_network_by_name_or_path(
    by_path: bool, blazepose: BlazePose, frames: list[Frame]
) -> None:
    named = str(weights.resolve("blazepose-full")) if by_path else "blazepose-full"
    full = BACKENDS["blazepose"](Pose2DOptions(threads=1, pose2d_checkpoint=named))
    assert full.weights[0] == named
    found, other = by_height(full(frames[0])), by_height(blazepose(frames[0]))
    assert not np.allclose(found, other, atol=0.1)
    for one, heavy in zip(found, other, strict=True):
        assert oks(one[BODY], heavy[BODY], SURE) > 0.8


def test_the_example_gets_feet_that_are_seen(walk: Path) -> None:
    motion = infer(walk, InferOptions(pose2d="blazepose", end=0.5, camera_motion="still"))
    assert motion.skeleton == BODY23
    walker = int(np.argmax(motion.confidence[..., BODY23.index("left_heel")].mean(axis=0)))
    toes = BODY23.index("left_big_toe")
    assert motion.confidence[:, walker, toes].mean() > 0.5
    ahead = (
        motion.positions[:, walker, toes] - motion.positions[:, walker, BODY23.index("left_heel")]
    )
    length = np.linalg.norm(ahead, axis=-1)
    assert ((length > 0.1) & (length < 0.35)).all()  # metres
    assert (ahead[:, 0] < 0).all()  # to the left, where the walker goes
    # So does the face; the left hand hangs down, and its thumb is in front.
    assert motion.orientations is not None
    turned = motion.orientations[:, walker]
    assert turned[:, 0, 3].min() > 0.8
    face, hand, thumb = (
        Rotation.from_rotvec(turned[:, part, :3]).apply(axis)
        for part, axis in ((0, (0, 0, -1)), (1, (1, 0, 0)), (1, (0, 0, -1)))
    )
    assert face[:, 0].max() < -0.7
    assert hand[:, 1].mean() > 0.5
    assert thumb[:, 0].mean() < -0.3
