"""Motions whose every number is known: people who walk, planting their feet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mbcli.camera import camera_from
from mbcli.motion import Motion3D
from mbcli.skeleton import BODY23, H36M17, Skeleton
from mbcli.types import Keypoints2D

SIZE = (1280, 720)
FOCAL = 1000.0  # pixels
CAMERA_HEIGHT = 1.2  # metres above the floor; the camera is level

THIGH = SHANK = 0.43
UPPER_ARM, FOREARM = 0.31, 0.25
ANKLE_HEIGHT = 0.08
STRIDE, SECONDS = 1.1, 1.1  # metres and duration of two steps
RECORDED = ("2/2_01", "39/39_01", "16/16_15")  # subject/trial of walks in CMU's recordings
STANCE = 0.6  # share of the stride that a foot stands on the floor


def walking(frames: int = 60, people: int = 1, fps: float = 30.0) -> Motion3D:
    """People who walk straight on a level floor at 1 m/s, in front of a level camera.

    Bone lengths are constant, and a foot that stands keeps its place to the last digit. The first
    person crosses the picture from left to right, slightly away from the camera; the second comes
    towards it; the next ones take the same two ways further off. After some 9 seconds they would
    walk into the camera. Ids are 1, 2, ... Nothing is random.

    Args:
        frames: how many, from time 0.
        people: how many.
        fps: frames per second.
    """
    times = np.arange(frames) / fps
    camera = np.zeros((frames, people, 17, 3))
    for who in range(people):
        heading = np.deg2rad((15.0, -100.0)[who % 2])
        middle = np.array([0.3 * who, CAMERA_HEIGHT, 4.5 + 1.2 * who])
        body = _body(times + 0.3 * who, times - (times.mean() if frames else 0.0))
        forward = np.array([np.cos(heading), 0.0, np.sin(heading)])
        up = np.array([0.0, -1.0, 0.0])
        axes = np.stack([np.cross(forward, up), up, forward])  # rows: right, up, forward
        camera[:, who] = body @ axes + middle
    return _motion(camera, times, fps)


def hidden(motion: Motion3D, frames: slice, person: int = 0) -> Motion3D:
    """A motion with a person (a column) absent from some frames."""
    keypoints = motion.keypoints
    data, boxes = keypoints.data.copy(), keypoints.boxes.copy()
    positions, root = motion.positions.copy(), motion.root.copy()
    normalized, confidence = motion.positions_normalized.copy(), motion.confidence.copy()
    for array in (positions, root, normalized, boxes):
        array[frames, person] = np.nan
    data[frames, person] = np.nan, np.nan, 0
    confidence[frames, person] = 0
    return replace(
        motion,
        positions=positions,
        root=root,
        positions_normalized=normalized,
        confidence=confidence,
        keypoints=replace(keypoints, data=data, boxes=boxes),
    )


def standing_feet(frames: int = 60, fps: float = 30.0, person: int = 0) -> np.ndarray:
    """(T, 2) whether the right and the left foot of a walking person stand on the floor."""
    phase = (np.arange(frames) / fps + 0.3 * person) / SECONDS
    return np.stack([phase % 1 < STANCE, (phase + 0.5) % 1 < STANCE], axis=-1)


def _body(gait: np.ndarray, path: np.ndarray) -> np.ndarray:
    """(T, 17, 3) metres: right, up from the floor, forward along the way.

    Args:
        gait: (T,) seconds, for the phase of the steps.
        path: (T,) seconds, for the place on the way.
    """
    speed, phase = STRIDE / SECONDS, gait / SECONDS
    places = {}
    zero = np.zeros_like(phase)
    along = speed * path
    # Highest over the standing foot, lowest between the steps.
    height = 0.88 - 0.02 * np.cos(4 * np.pi * (phase - STANCE / 2 + 0.25))
    pelvis = np.stack([zero, height, along], axis=-1)
    places["pelvis"] = pelvis
    for side, sign, shift in (("right", 1.0, 0.0), ("left", -1.0, 0.5)):
        hip = pelvis + np.array([sign * 0.11, 0.0, 0.0])
        ankle = _ankle(phase + shift, along, sign * 0.11)
        places[f"{side}_hip"], places[f"{side}_ankle"] = hip, ankle
        places[f"{side}_knee"] = _bend(hip, ankle)
    lean = np.array([0.0, np.cos(0.05), np.sin(0.05)])
    places["spine"], places["thorax"] = pelvis + 0.25 * lean, pelvis + 0.5 * lean
    places["nose"] = places["thorax"] + [0.0, 0.09, 0.09]
    places["head"] = places["thorax"] + [0.0, 0.22, 0.02]
    for side, sign, shift in (("right", 1.0, 0.5), ("left", -1.0, 0.0)):
        swing = 0.4 * np.cos(2 * np.pi * (phase + shift))
        elbow = swing + 0.35 + 0.15 * np.cos(2 * np.pi * (phase + shift))
        places[f"{side}_shoulder"] = places["thorax"] + [sign * 0.18, -0.02, 0.0]
        places[f"{side}_elbow"] = places[f"{side}_shoulder"] + UPPER_ARM * _hanging(swing, sign)
        places[f"{side}_wrist"] = places[f"{side}_elbow"] + FOREARM * _hanging(elbow, sign)
    return np.stack([places[joint] for joint in H36M17.joints], axis=-2)


def grounded(motion: Motion3D, world: np.ndarray) -> Motion3D:
    """Filmed by a camera that stands still in a world on a floor; ``world`` is (4, 4)."""
    poses = np.broadcast_to(world, motion.camera.world_from_camera.shape)
    return replace(motion, camera=motion.camera.posed(poses, motion="still", grounded=True))


def with_feet(motion: Motion3D, skeleton: Skeleton = BODY23) -> Motion3D:
    """Toes and heels for a motion of H36M-17, flat on the floor under the ankles.

    Args:
        motion: of people who walk away from the camera.
        skeleton: the joints of ``BODY23`` in any order.
    """
    # Right, down and forward of the ankle; the small toe lies outside.
    places = {
        "big_toe": (0.0, 0.07, 0.19),
        "small_toe": (0.06, 0.07, 0.15),
        "heel": (0, 0.07, -0.05),
    }
    positions, normalized = (
        np.full((*motion.root.shape[:2], len(skeleton), 3), np.nan) for _ in range(2)
    )
    confidence = np.zeros(positions.shape[:3])
    size = (FOCAL / motion.root[..., 2] / (min(SIZE) / 2))[..., None]  # image units of a metre
    for number, joint in enumerate(skeleton.joints):
        side, _, part = joint.partition("_")
        source = H36M17.index(f"{side}_ankle" if part in places else joint)
        away = np.array(places.get(part, (0.0, 0.0, 0.0))) * [1 if side == "right" else -1, 1, 1]
        positions[:, :, number] = motion.positions[:, :, source] + away
        normalized[:, :, number] = motion.positions_normalized[:, :, source] + size * away
        confidence[:, :, number] = motion.confidence[:, :, source]
    pixels = motion.camera.project(positions + motion.root[:, :, None])
    seen = np.where(np.isnan(pixels[..., 0]), 0.0, confidence)
    data = np.concatenate([pixels, seen[..., None]], axis=-1)
    kept = [skeleton.index(joint) for joint in H36M17.joints]
    data[:, :, kept] = motion.keypoints.data
    return replace(
        motion,
        positions=positions,
        positions_normalized=normalized,
        confidence=confidence,
        keypoints=replace(motion.keypoints, data=data, skeleton=skeleton),
        skeleton=skeleton,
    )


def panned(motion: Motion3D, degrees: float) -> Motion3D:
    """Filmed by a camera that turns to the right by ``degrees`` over the clip, on its place.

    Where people are in the world, whose axes are those of the first frame's camera, stays.
    """
    angles = np.deg2rad(np.linspace(0, degrees, len(motion.timestamps)))
    poses = np.tile(np.eye(4), (len(angles), 1, 1))
    poses[:, 0, 0] = poses[:, 2, 2] = np.cos(angles)
    poses[:, 0, 2], poses[:, 2, 0] = np.sin(angles), -np.sin(angles)
    camera = motion.camera.posed(poses, motion="turning")
    seen = camera.from_world(motion.in_world)
    root = seen[:, :, 0]
    return replace(motion, camera=camera, positions=seen - root[:, :, None], root=root)


def _ankle(phase: np.ndarray, along: np.ndarray, right: float) -> np.ndarray:
    """(T, 3) an ankle that stands for `STANCE` of the stride and swings for the rest."""
    share = phase % 1
    swing = np.clip((share - STANCE) / (1 - STANCE), 0, 1)
    # Relative to the body a standing foot goes back evenly, from half the stance ahead.
    ahead = STRIDE * (STANCE / 2 - share)
    smooth = swing**2 * (3 - 2 * swing)
    forward = along + ahead + STRIDE * smooth
    lifted = ANKLE_HEIGHT + 0.1 * np.sin(np.pi * swing) ** 2
    return np.stack([np.full_like(phase, right), lifted, forward], axis=-1)


def _bend(hip: np.ndarray, ankle: np.ndarray) -> np.ndarray:
    """(T, 3) the knee between them, bent forwards."""
    line = ankle - hip
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    across = np.stack([0 * line[:, 0], line[:, 2], -line[:, 1]], axis=-1)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    return hip + line / 2 + across * np.sqrt(THIGH**2 - (length / 2) ** 2)


def _hanging(angle: np.ndarray, sign: float) -> np.ndarray:
    """(T, 3) direction of an arm that is swung forwards by ``angle`` and 0.12 rad to the side."""
    down = np.cos(0.12)
    return np.stack(
        [np.full_like(angle, sign * np.sin(0.12)), -down * np.cos(angle), down * np.sin(angle)],
        axis=-1,
    )


def _motion(camera: np.ndarray, times: np.ndarray, fps: float) -> Motion3D:
    frames, people = camera.shape[:2]
    root = camera[:, :, 0]
    positions = camera - root[:, :, None]
    middle, half = np.array(SIZE) / 2, min(SIZE) / 2
    pixels = FOCAL * camera[..., :2] / camera[..., 2:] + middle
    wave = np.sin(np.arange(frames)[:, None, None] / 7 + np.arange(17))
    confidence = np.broadcast_to(0.85 + 0.1 * wave, (frames, people, 17))
    # The network's units: the shorter half of the picture, from its middle; depth from the first
    # frame's pelvis.
    size = (FOCAL / root[..., 2] / half)[..., None, None]
    place = np.concatenate([(pixels[:, :, :1] - middle) / half, 0 * root[:, :, None, :1]], axis=-1)
    keypoints = Keypoints2D(
        data=np.concatenate([pixels, confidence[..., None]], axis=-1),
        skeleton=H36M17,
        fps=fps,
        timestamps=times,
        size=SIZE,
        track_ids=np.arange(people) + 1,
        boxes=np.concatenate([pixels.min(axis=2) - 20, pixels.max(axis=2) + 20], axis=-1),
        frame_index=np.arange(frames),
    )
    fov = float(np.rad2deg(2 * np.arctan(max(SIZE) / 2 / FOCAL)))
    return Motion3D(
        positions=positions,
        root=root,
        positions_normalized=positions * size + place,
        confidence=confidence,
        keypoints=keypoints,
        camera=replace(camera_from(SIZE, FOCAL, frames=frames), focal_given=False),
        meta={
            "version": "0.1.0",
            "assumptions": {
                "height": {"metres": 1.65, "given": True},
                "focal": {"pixels": FOCAL, "given": False, "fov": fov},
            },
        },
    )
