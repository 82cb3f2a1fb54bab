"""From 2D keypoint tracks to the pose and shape of a body model, and to its mesh on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mbcli.camera import Camera
from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import fit_window, network_input
from mbcli.lift.body.body_model import JOINTS, BodyModel, mirrored_pose
from mbcli.lift.body.network import MeshNet
from mbcli.lift.body.rotations import (
    matrices_from_vectors,
    nearest_rotations,
    vectors_from_matrices,
)
from mbcli.lift.runtime import resolve_device
from mbcli.lift.windows import Cutting, cut_tracks, fade, held
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray, Keypoints2D

PUBLISHED_FRAMES = 16  # of a clip, in MotionBERT's configuration

_PELVIS = H36M17.index("pelvis")
_MIRROR = list(H36M17.mirror)
_FRAMES_AT_ONCE = 256  # bodies whose vertices are held at a time: 21 MB of SMPL

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class MeshOptions:
    """Options of mesh recovery.

    Attributes:
        flip: average with the prediction for the mirror image.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        overlap: smallest share of a clip that the next one also covers, 0.5 to less than 1.
        batch_size: clips per batch.
    """

    flip: bool = True
    device: str = "auto"
    overlap: float = 0.5
    batch_size: int = 32

    def __post_init__(self) -> None:
        if not 0.5 <= self.overlap < 1:
            raise ConfigError(f"the overlap must be 0.5 or more, below 1, got {self.overlap}")
        if self.batch_size < 1:
            raise ConfigError(f"the batch size must be at least 1, got {self.batch_size}")


@dataclass(frozen=True, eq=False)
class MeshMotion:
    """Bodies in motion. Vertices are computed on request and never stored.

    Attributes:
        pose: (T, P, 24, 3) float32 rotation vectors of ``body_model.JOINTS``, radians; NaN where
            the person is absent.
        shape: (P, S) float32, one shape per person; NaN for people who never appear.
        joints: (T, P, 17, 3) float32 metres, H36M-17 of the body, pelvis at 0, camera axes; NaN
            where absent.
        root: (T, P, 3) float32 metres, position of the pelvis in the camera's frame.
        keypoints: the input of the recovery.
        body: the body model.
    """

    pose: FloatArray
    shape: FloatArray
    joints: FloatArray
    root: FloatArray
    keypoints: Keypoints2D
    body: BodyModel

    @property
    def faces(self) -> npt.NDArray[np.int64]:
        """(F, 3) vertices of each triangle."""
        return self.body.faces.cpu().numpy()

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether a person is present in a frame."""
        return np.asarray(np.isfinite(self.pose).all(axis=(-1, -2)))

    def placed(self, root: FloatArray) -> MeshMotion:
        """A copy with the pelvis moved to ``root``, (T, P, 3) metres in the camera's frame."""
        if root.shape != self.root.shape:
            raise ValueError(f"MeshMotion.root must be {self.root.shape}, got {root.shape}")
        return replace(self, root=np.asarray(root, dtype=np.float32))

    def vertices(self, frame: int, person: int) -> npt.NDArray[np.float32] | None:
        """(V, 3) metres in the camera's frame; None where the person is absent."""
        if not self.present[frame, person]:
            return None
        device = self.body.faces.device
        pose = torch.from_numpy(self.pose[[frame], person]).to(device)
        shape = torch.from_numpy(self.shape[[person]]).to(device)
        with torch.inference_mode():
            vertices, joints = self.body.mesh(matrices_from_vectors(pose), shape)
            moved = (vertices - joints[:, [_PELVIS]])[0].cpu().numpy()
        return (moved + self.root[frame, person]).astype(np.float32)


class MeshRecoverer:
    """A mesh model, applied to tracks clip by clip.

    Args:
        model: takes H36M-17 keypoints; it is moved to the device.
        body: the body model whose pose and shape it predicts; moved to the device too.
        options: options of mesh recovery.
        metadata: metadata of the weights. The keys used are ``frames`` per clip (16, as published,
            by default), ``window`` (``crop`` by default) and ``fps``, the [lowest, highest] frame
            rate of the training.

    Attributes:
        skeleton: the skeleton of the keypoints and of the bodies.

    Raises:
        ConfigError: a device that this machine lacks.
        WeightsError: the model is for another body or other keypoints.
    """

    def __init__(
        self,
        model: MeshNet,
        body: BodyModel,
        options: MeshOptions | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        options = MeshOptions() if options is None else options
        metadata = dict(metadata or {})
        if model.head_config.shapes != body.shapes:
            raise WeightsError(
                f"the weights must be for the body model {body.name}, whose shape is "
                f"{body.shapes} numbers, got weights for {model.head_config.shapes}"
            )
        self.skeleton = H36M17  # of all weights for bodies
        if (model.config.num_joints, model.config.dim_in) != (len(self.skeleton), 3):
            raise WeightsError(
                f"a mesh model must take {len(self.skeleton)} joints with 3 numbers, "
                f"got {model.config.num_joints} with {model.config.dim_in}"
            )
        self.options = options
        self.metadata = metadata
        self.device = resolve_device(options.device)
        self.model = model.to(self.device).eval()
        self.body = body.to(self.device)
        self.frames = min(int(metadata.get("frames", PUBLISHED_FRAMES)), model.config.maxlen)

    def recover(self, keypoints: Keypoints2D, progress: Progress | None = None) -> MeshMotion:
        """Recover every person of a clip.

        Where clips overlap, rotations are averaged, with each clip weighted most in its middle. A
        person's shape is the average over all their clips. The pelvis is at 0; see
        :meth:`MeshMotion.placed`.

        Args:
            keypoints: tracks in :attr:`skeleton`; missing joints are (NaN, NaN, 0).
            progress: receives (clips done, clips in all).

        Raises:
            ValueError: keypoints of another skeleton.
        """
        if keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"mesh recovery takes {self.skeleton.name} keypoints, got {keypoints.skeleton.name}"
            )
        frames, people = keypoints.data.shape[:2]
        jobs = cut_tracks(keypoints, self._cutting, self.options.overlap)
        turns = np.zeros((frames, people, len(JOINTS), 3, 3), dtype=np.float32)
        shape = np.zeros((people, self.body.shapes))
        weight = np.zeros(people)
        count, done = sum(map(len, jobs.values())), 0
        for length, clips in jobs.items():
            weights = fade(length).astype(np.float32)
            for first in range(0, len(clips), self.options.batch_size):
                batch = clips[first : first + self.options.batch_size]
                windows = [held(keypoints.data[:, who], times) for who, times in batch]
                inputs = [self._input(window, keypoints.size) for window in windows]
                x = torch.from_numpy(np.stack(inputs)).to(self.device)
                rotations, shapes = recover(self.model, x, mirror=self.options.flip)
                found = rotations.cpu().numpy(), shapes.cpu().numpy()
                for (who, times), clip, numbers in zip(batch, *found, strict=True):
                    there = times >= 0
                    turns[times[there], who] += (weights[:, None, None, None] * clip)[there]
                    shape[who] += length * numbers
                    weight[who] += length
                done += len(batch)
                if progress is not None:
                    progress(done, count)
        seen = keypoints.present
        shapes_out = np.full(shape.shape, np.nan, dtype=np.float32)
        shapes_out[weight > 0] = shape[weight > 0] / weight[weight > 0, None]
        pose = np.full((*seen.shape, len(JOINTS), 3), np.nan, dtype=np.float32)
        joints = np.full((*seen.shape, len(self.skeleton), 3), np.nan, dtype=np.float32)
        pose[seen], joints[seen] = self._settled(turns[seen], shapes_out[np.nonzero(seen)[1]])
        root = np.where(seen[..., None], np.zeros(3), np.nan).astype(np.float32)
        return MeshMotion(pose, shapes_out, joints, root, keypoints, self.body)

    def _cutting(self, fps: float) -> Cutting:
        rates = self.metadata.get("fps")
        stride = 1 if rates is None else max(1, round(fps / float(np.max(rates))))
        return Cutting(self.frames, min(round(fps / stride), self.frames // 2), stride)

    def _input(self, window: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
        """The network's input for a clip (t, 17, 3) in pixels."""
        if self.metadata.get("window", "crop") == "image":
            return network_input(window, np.array(size) / 2, size[0] / 2)
        return network_input(window, *fit_window(window[..., :2], window[..., 2]))

    def _settled(self, turns: FloatArray, shape: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rotation vectors of summed rotations (N, 24, 3, 3), and the joints of the body."""
        poses, places = [np.zeros((0, len(JOINTS), 3))], [np.zeros((0, len(self.skeleton), 3))]
        for first in range(0, len(turns), _FRAMES_AT_ONCE):
            part = slice(first, first + _FRAMES_AT_ONCE)
            with torch.inference_mode():
                # On the CPU: the matrices are small, and mps has no singular value decomposition.
                rotations = nearest_rotations(torch.from_numpy(turns[part]))
                poses.append(vectors_from_matrices(rotations).numpy())
                numbers = torch.from_numpy(shape[part]).to(self.device)
                joints = self.body.joints(rotations.to(self.device), numbers)
                places.append((joints - joints[:, [_PELVIS]]).cpu().numpy())
        return np.concatenate(poses), np.concatenate(places)


@torch.no_grad()
def recover(model: nn.Module, clips: Tensor, *, mirror: bool) -> tuple[Tensor, Tensor]:
    """Rotations (B, T, 24, 3, 3) and shapes (B, S) of clips (B, T, 17, 3).

    Args:
        model: a ``MeshNet`` in evaluation mode.
        clips: see ``MeshNet.forward``.
        mirror: average with the prediction for the mirror image, both in one batch.
    """
    if not mirror:
        rotations, shape = model(clips)
        return rotations, shape
    other = clips[:, :, _MIRROR].clone()
    other[..., 0] *= -1
    rotations, shape = model(torch.cat([clips, other]))
    straight, mirrored = rotations.chunk(2)
    mean = nearest_rotations((straight + mirrored_pose(mirrored)).cpu()).to(clips.device)
    return mean, (shape[: len(clips)] + shape[len(clips) :]) / 2


def place_by_keypoints(motion: MeshMotion, camera: Camera) -> FloatArray:
    """The position of the pelvis that puts the body's joints on the 2D keypoints.

    A least-squares solution for each frame, with keypoints weighted by confidence: x - u z = 0 and
    y - v z = 0 for each joint (x, y, z) seen along the ray (u, v) are linear in the position of
    the pelvis.

    Args:
        motion: recovered bodies.
        camera: the camera that filmed them; its intrinsics are used.

    Returns:
        (T, P, 3) float32 metres in the camera's frame; NaN where the person is absent or too few
        joints were seen.
    """
    keypoints = motion.keypoints
    seen = camera.unproject(keypoints.data[..., :2])  # (T, P, 17, 2)
    weight = np.where(np.isfinite(seen[..., 0]), keypoints.data[..., 2], 0.0)[..., None]
    ray, points = np.nan_to_num(seen), np.nan_to_num(motion.joints).astype(np.float64)
    rows = np.zeros((*ray.shape, 3))  # (T, P, 17, 2, 3)
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -ray
    goal = ray * points[..., 2:] - points[..., :2]  # (T, P, 17, 2)
    rows, goal = weight[..., None] * rows, weight * goal
    left = np.einsum("tpjki,tpjkl->tpil", rows, rows)
    right = np.einsum("tpjki,tpjk->tpi", rows, goal)
    root = np.full(motion.root.shape, np.nan, dtype=np.float32)
    known = motion.present & (np.linalg.cond(left) < 1e8)
    root[known] = np.linalg.solve(left[known], right[known][..., None])[..., 0]
    return root
