"""Recordings of people, filmed by virtual cameras of which everything is known."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from mbcli.camera import focal_of
from mbcli.data.recordings.importing import take_of
from mbcli.data.recordings.reading import IMPORT_FORMATS, ImportOptions
from mbcli.errors import DataError
from mbcli.skeleton import BODY21, COCO17, COCO_OF_BODY21, H36M17
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.types import FloatArray, Keypoints2D

SIZE, FPS = (1280, 720), 30.0
_Y_DOWN = np.diag([1.0, -1.0, -1.0])


def arguments(doc: str | None, *, seconds: float, seed: int) -> argparse.ArgumentParser:
    """The command line of a benchmark: a folder of recordings, seconds of each, and a seed."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--seed", type=int, default=seed)
    return parser


@dataclass(frozen=True, eq=False)
class Filmed:
    """What a virtual camera sees of a recording.

    Attributes:
        keypoints: with the errors of a 2D stage.
        poses: (T, 4, 4) from the camera's axes to the world's: y down, the floor at 0.
        joints: (T, 17, 3) metres in the world, of H36M-17.
        focal: true focal length in pixels.
    """

    keypoints: Keypoints2D
    poses: FloatArray
    joints: FloatArray
    focal: float


def recordings(folder: Path, seconds: float) -> Iterator[tuple[str, FloatArray]]:
    """Names and bodies (T, 21, 3) at 30 frames a second, y down, the floor at 0.

    Each is the middle of a file of ASF/AMC or BVH under ``folder``, its first place over the
    origin.
    """
    readers = dict(IMPORT_FORMATS.values())
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in readers:
            continue
        options = ImportOptions()
        try:
            take = take_of(readers[path.suffix.lower()](path, options), options)
        except DataError:
            continue
        step = max(1, round(take.fps / FPS))
        body = take.body[::step].astype(np.float64)
        count = round(seconds * FPS)
        if len(body) < count or not np.isfinite(body).all():
            continue
        start = (len(body) - count) // 2
        low = np.percentile(body[..., 1].min(axis=1), 5)
        body = (body[start : start + count] - [0, low, 0]) @ _Y_DOWN.T
        yield path.stem, body - body[0, BODY21.index("pelvis")] * [1, 0, 1]


def still_camera(rng: np.random.Generator, body: FloatArray) -> FloatArray:
    """(T, 4, 4) poses of a camera that stands still and has the body in its picture.

    It looks up or down by some 10 degrees, is held upright within 2, and stands 3 to 6 m beside
    the middle of the way, at the height of a hand or a tripod.
    """
    middle = body[:, BODY21.index("pelvis")].mean(axis=0)
    reach = np.abs(body - middle).max()
    pitch, roll = np.radians(rng.normal(-4, 8)), np.radians(rng.normal(0, 2))
    heading, away = rng.uniform(-np.pi, np.pi), rng.uniform(3, 6) + reach
    # x right, y down, z away: a camera that looks down has its own z below the horizon.
    turn = Rotation.from_euler("YXZ", [heading, pitch, roll]).as_matrix()
    # It looks at the middle of the body, or beside it.
    place = middle - away * turn[:, 2] + rng.normal(0, 0.1, 3) * [1, 1, 1]
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, place
    return np.tile(pose, (len(body), 1, 1))


def film(
    rng: np.random.Generator,
    body: FloatArray,
    poses: FloatArray,
    fov: float,
    size: tuple[int, int] = SIZE,
) -> Filmed:
    """What a camera sees of a body (T, 21, 3) in the world, with MoveNet's errors.

    Args:
        rng: randomness.
        body: metres, y down.
        poses: (T, 4, 4) of the camera.
        fov: degrees across the longer side.
        size: (width, height) of the pictures in pixels.
    """
    focal = focal_of(fov, size)
    ahead = np.einsum("tji,tkj->tki", poses[:, :3, :3], body - poses[:, None, :3, 3])
    xy = focal * ahead[..., :2] / ahead[..., 2:] + np.array(size) / 2
    coco = torch.tensor(xy[None, :, COCO_OF_BODY21], dtype=torch.float32)
    height = torch.tensor(focal * 1.7 / ahead[None, :, BODY21.index("pelvis"), 2])
    sampler = NoiseSampler(
        NoiseModel.read(None).model_copy(update={"cropped": 0.0}), torch.device("cpu")
    )
    draw = Draw.seeded(int(rng.integers(2**31)), torch.device("cpu"))
    seen = sampler.report(coco, height.float(), torch.tensor([FPS]), draw)[0].numpy()
    low, high = xy.min(axis=1), xy.max(axis=1)
    pad = 0.1 * (high - low)
    keypoints = Keypoints2D(
        data=seen[:, None],
        skeleton=COCO17,
        fps=FPS,
        timestamps=np.arange(len(body)) / FPS,
        size=size,
        track_ids=np.array([1]),
        boxes=np.concatenate([low - pad, high + pad], axis=-1)[:, None],
        frame_index=np.arange(len(body)),
    )
    share = np.zeros((len(H36M17), len(BODY21)))
    for target, name in enumerate(H36M17.joints):
        share[target, BODY21.index(name)] = 1
    return Filmed(keypoints, poses, share @ body, focal)
