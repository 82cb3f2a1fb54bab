"""Recordings of people who were kept from the training, through virtual cameras with fixed seeds.

Every recording of the held-out subjects is filmed whole at 30 frames a second, in pieces of at
most 243 frames, by cameras that never change: 2 to 12 m away, 0.3 to 2.5 m high, 8 degrees off
the axis and 3 degrees rolled in the standard deviation, in a picture of 1920x1080 with a focal
length of 1,500 pixels (65 degrees across). Body height and focal length are given to the lifter.

Inputs: ``clean``, exact COCO keypoints; ``noisy``, the published detector noise with 27 key frames
over 243; ``occluded``, the same, with forearms, hands, shins and feet hidden for stretches of a
third of a second to a second, some 15 % of the time each, and whole frames missing, one by one
(5 %) and in runs of up to a third of a second. A frame that is missing whole has no answer and is
not scored, unless the lifter gives one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mbcli.camera import camera_from
from mbcli.conversion import convert
from mbcli.data.stores.store import Clip, ClipStore
from mbcli.evaluate.metrics import root_relative
from mbcli.lift.lifter import Lifter
from mbcli.options import DEFAULT_LOW_PASS
from mbcli.placing.place import place
from mbcli.skeleton import COCO17, COCO_OF_BODY21, H36M17
from mbcli.train.bodies import stature
from mbcli.train.cameras import view
from mbcli.train.config import CameraConfig, ClipConfig
from mbcli.train.corruption import DetectorNoise
from mbcli.train.draw import Draw
from mbcli.train.sampling import ClipSampler
from mbcli.types import FloatArray, Keypoints2D

SUBJECTS = ("cmu-6", "cmu-8", "cmu-9", "cmu-127", "cmu-131", "hdm05-dg")
INPUTS = ("clean", "noisy", "occluded")
FPS = 30.0
SIZE = (1920, 1080)
FOCAL = 1500.0
HIPS = (H36M17.index("pelvis"),) * 2

_LONGEST, _SHORTEST = 243, 27
_KEY_FRAMES = 9.0
CAMERA = CameraConfig(
    distance=(2.0, 12.0), height=(0.3, 2.5), off_axis_sd=8.0, roll_sd=3.0, tilted=0.0
)
_LIMBS = [
    [H36M17.index(f"{side}_{joint}") for joint in part]
    for side in ("left", "right")
    for part in (("knee", "ankle"), ("elbow", "wrist"))
]
_HIDDEN_EVERY = 4.0  # seconds from one hiding of a limb to the next, in the mean
_HIDDEN = (FPS / 3, FPS)  # frames
_GONE_EVERY, _GONE = 6.0, (3.0, FPS / 3)
_GONE_ALONE = 0.05

# What the subjects do, as mocap.cs.cmu.edu lists them; of HDM05 the file names tell.
_CMU_ACTIONS = {
    "cmu-6": "basketball",
    "cmu-8": "walking",
    "cmu-9": "running",
    "cmu-127": "action adventure",
    "cmu-131": "dance (Michael Jackson)",
}


# Kept from the training whole: nobody in its recordings does this, by the same list.
NEW_ACTIONS = frozenset({"basketball", "action adventure", "dance (Michael Jackson)"})


@dataclass(frozen=True)
class Piece:
    """One stretch of one recording through one camera.

    Attributes:
        name: the recording, the frame it begins at, and the camera.
        subject: whose it is.
        action: what is done.
        target: (T, 17, 3) metres, the pelvis at 0, in camera axes.
        inputs: (T, 17, 3) pixels and confidence by the name of the input.
        height: metres.
        seen: (T, 21, 3) metres, the joints of ``BODY21`` in the camera's frame.
    """

    name: str
    subject: str
    action: str
    target: FloatArray
    inputs: dict[str, FloatArray]
    height: float
    seen: FloatArray


def action_of(clip: Clip) -> str:
    """What is done in a recording: HDM05's motion class, else what CMU says of the subject."""
    named = re.search(r"HDM_[a-z]+_([A-Za-z]+)", clip.name)
    if named:
        # Classes end in how often and on which side: walk4StepsRstart, punchLFront1Reps.
        return re.split(r"(?<=[a-z])(?=[A-Z0-9])", named.group(1))[0]
    return _CMU_ACTIONS.get(clip.subject, clip.subject)


def pieces(
    store: ClipStore,
    chosen: Callable[[Clip], bool],
    cameras: int,
    *,
    every: int = 1,
    camera: CameraConfig = CAMERA,
) -> Iterator[Piece]:
    """Film the stretches of some recordings; a piece is the same whatever else is filmed.

    Args:
        store: the recordings.
        chosen: which of them.
        cameras: for each stretch.
        every: film every n-th piece.
        camera: who films.
    """
    for number, (clip, start, which) in enumerate(stretches(store, chosen, cameras)):
        if number % every:
            continue
        step = _step(clip)
        rows = store.joints(clip)[start * step : (start + _LONGEST) * step : step]
        draw = Draw.seeded(number + 1)
        seen = view(torch.from_numpy(np.array(rows))[None], camera, draw)  # (1, T, 21, 3)
        joints = seen[0].double().numpy()
        yield Piece(
            f"{clip.name} from {start / FPS:.1f} s, camera {which + 1}",
            clip.subject,
            action_of(clip),
            root_relative(joints[:, : len(H36M17)]),
            _inputs(joints, draw),
            float(stature(seen)),
            joints,
        )


def stretches(
    store: ClipStore, chosen: Callable[[Clip], bool], cameras: int
) -> Iterator[tuple[Clip, int, int]]:
    """Every recording, first frame at `FPS`, and camera; what is too short is left out."""
    for clip in filter(chosen, store.clips):
        frames = len(range(0, clip.frames, _step(clip)))
        for start in range(0, frames, _LONGEST):
            if frames - start >= _SHORTEST:
                yield from ((clip, start, camera) for camera in range(cameras))


def _step(clip: Clip) -> int:
    """Frames of a recording for one at `FPS`."""
    return max(1, round(clip.fps / FPS))


def _inputs(seen: FloatArray, draw: Draw) -> dict[str, FloatArray]:
    """(T, 21, 3) metres to (T, 17, 3) pixels and confidence, without and with errors."""
    coco = camera_from(SIZE, FOCAL).project(seen[:, COCO_OF_BODY21])
    ones = np.ones((*coco.shape[:2], 1))
    clean = convert(np.concatenate([coco, ones], axis=-1), COCO17, H36M17)
    low, high = clean[..., :2].min(axis=(0, 1)), clean[..., :2].max(axis=(0, 1))
    centre, half = (low + high) / 2, float((high - low).max()) / 2
    units = torch.from_numpy((clean[None, ..., :2] - centre) / half).float()
    drawn = DetectorNoise.on(torch.device("cpu")).corrupt(units, _KEY_FRAMES, draw)[0]
    noisy = np.array(drawn.double().numpy())
    noisy[..., :2] = noisy[..., :2] * half + centre
    return {"clean": clean, "noisy": noisy, "occluded": occluded(noisy, draw)}


def occluded(keypoints: FloatArray, draw: Draw) -> FloatArray:
    """Hide limbs for stretches, and whole frames.

    Args:
        keypoints: (T, 17, 3) pixels and confidence.
        draw: on the CPU.
    """
    hidden = np.zeros(keypoints.shape[:2], dtype=bool)
    for limb in _LIMBS:
        hidden[:, limb] |= _stretches(len(hidden), _HIDDEN_EVERY, _HIDDEN, draw)[:, None]
    hidden |= _stretches(len(hidden), _GONE_EVERY, _GONE, draw)[:, None]
    hidden |= draw.chance(len(hidden), 1, probability=_GONE_ALONE).numpy()
    left = keypoints.copy()
    left[hidden] = np.nan, np.nan, 0.0
    return left


def _stretches(
    frames: int, every: float, length: tuple[float, float], draw: Draw
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(T,) true in stretches that begin once in ``every`` seconds in the mean."""
    begins = draw.chance(frames, probability=1 / (every * FPS)).numpy()
    lengths = draw.uniform(frames, low=length[0], high=length[1]).round().int().numpy()
    result = np.zeros(frames, dtype=bool)
    for start in np.flatnonzero(begins):
        result[start : start + lengths[start]] = True
    return result


def lifted(piece: Piece, name: str, lifter: Lifter) -> FloatArray:
    """(T, 17, 3) metres, the pelvis at 0, as ``mbcli infer`` would give them; NaN where absent."""
    frames = len(piece.target)
    data = piece.inputs[name].copy()
    data[data[..., 2] == 0] = np.nan, np.nan, 0.0
    keypoints = Keypoints2D(
        data=data[:, None],
        skeleton=H36M17,
        fps=FPS,
        timestamps=np.arange(frames) / FPS,
        size=SIZE,
        track_ids=np.array([1]),
        boxes=np.zeros((frames, 1, 4)),
        frame_index=np.arange(frames),
    )
    _, positions, _ = place(
        lifter.lift(keypoints),
        keypoints,
        height=piece.height,
        camera=camera_from(SIZE, FOCAL),
        along_ray=lifter.along_ray,
        cutoff=DEFAULT_LOW_PASS,
    )
    return positions[:, 0].astype(np.float64)


def depth_zero(piece: Piece, name: str) -> FloatArray:
    """(T, 17, 3) the picture itself at the scale that fits the clip best; NaN where unseen."""
    xy = piece.inputs[name][..., :2]
    flat = root_relative(np.concatenate([xy, np.zeros_like(xy[..., :1])], axis=-1))
    there = np.isfinite(flat).all(axis=(1, 2))
    scale = (flat * piece.target)[there].sum() / (flat**2)[there].sum()
    return np.asarray(flat * scale, dtype=np.float64)


def training_mean(store: ClipStore, held_out: Sequence[str], count: int = 512) -> FloatArray:
    """(17, 3) metres: the mean pose of the other people under the same kind of cameras."""
    config = ClipConfig(frames=9, fps=(FPS, FPS), speed=(1.0, 1.0))
    sampler = ClipSampler(store, sorted(set(store.subjects) - set(held_out)), config)
    draw = Draw.seeded(0)
    world, _ = sampler.draw(count, draw)
    seen = view(world, CAMERA, draw)[:, :, : len(H36M17)].double().numpy()
    return np.asarray(root_relative(seen).mean(axis=(0, 1)), dtype=np.float64)
