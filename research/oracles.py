"""What each piece of the truth would be worth to the lifter.

    python -m research.oracles STORE [--weights NAME|PATH] [--pieces 24]
                               [--input [--multiview FOLDER]]

The sets of `benchmarks.judges` are filmed and lifted as there. Then one thing at a time is replaced
by the truth, and the pose is put together again from its bones. What gains nothing even then need
not be built. The truth of a clip (bone lengths, camera) is one number for all its frames.

With ``--input`` the truth goes into the lifter instead: what MoveNet would report, by its noise
model, is mended with what it could know of its errors at best. ``--multiview`` is the folder of
`benchmarks.accuracy`: the same with what it does report, of limb joints.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from scipy.ndimage import uniform_filter1d
from scipy.special import expit, logit

from benchmarks.accuracy.compare import measure
from benchmarks.accuracy.figures import Figures, mean_figures
from benchmarks.accuracy.footage import Footage, exact, lift, limbs_of, read_footage, stature
from benchmarks.accuracy.heldout import FOCAL, FPS, SIZE, Piece, lifted
from benchmarks.accuracy.people import held_out_lifter, score
from benchmarks.judges.limbs import pitch
from benchmarks.judges.sets import SETS, JudgeSet
from mbcli.camera import camera_from
from mbcli.conversion import convert
from mbcli.data.stores.store import ClipStore
from mbcli.geometry import unit
from mbcli.lift.lifter import Lifter
from mbcli.skeleton import COCO17, COCO_OF_BODY21, H36M17
from mbcli.tracks.source import Detection
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.train.occlusion import out_of_sight
from mbcli.types import FloatArray

# From (T, 17, 3) of ours and of the truth, metres and the pelvis at 0, to (T, 17, 3).
Oracle = Callable[[FloatArray, FloatArray], FloatArray]

# The heading, and for each kind of truth the poses of all stretches.
Column = tuple[str, list[list[FloatArray]]]

_PARENTS = [parent for parent, _ in H36M17.bones]
_CHILDREN = [child for _, child in H36M17.bones]
_NOISE = NoiseModel.read(None)
_GROSS, _WRONG = 0.06, 0.03  # of the height: above what `research.noise` finds of ordinary errors
_PELVIS, _THORAX = H36M17.index("pelvis"), H36M17.index("thorax")
_HIPS = [H36M17.index(f"{side}_hip") for side in ("left", "right")]
_ARMS = ("elbow", "wrist")
_LEGS = ("knee", "ankle")


def bones(poses: FloatArray) -> FloatArray:
    """(T, 16, 3) from the parent to the child."""
    return poses[:, _CHILDREN] - poses[:, _PARENTS]


def from_bones(vectors: FloatArray) -> FloatArray:
    """(T, 17, 3) with the pelvis at 0; parents come before their children in `H36M17`."""
    poses = np.zeros((len(vectors), len(H36M17), 3))
    for number, (parent, child) in enumerate(H36M17.bones):
        poses[:, child] = poses[:, parent] + vectors[:, number]
    return poses


def with_depth(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """Every joint's true depth, at our x and y."""
    return np.concatenate([ours[..., :2], truth[..., 2:]], axis=-1)


def with_signs(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """Which end of each bone is nearer."""
    vectors = bones(ours)
    vectors[..., 2] = np.copysign(vectors[..., 2], bones(truth)[..., 2])
    return from_bones(vectors)


def with_lengths(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """The person's bone lengths, in our directions."""
    vectors = bones(ours)
    return from_bones(vectors * (_lengths(truth) / np.linalg.norm(vectors, axis=-1))[..., None])


def with_lengths_in_depth(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """The person's bone lengths, each bone's depth the rest that its x and y leave."""
    vectors = bones(ours)
    rest = _lengths(truth) ** 2 - (vectors[..., :2] ** 2).sum(axis=-1)
    vectors[..., 2] = np.copysign(np.sqrt(rest.clip(0)), vectors[..., 2])
    return from_bones(vectors)


def with_lengths_and_signs(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """Both of the last two."""
    return with_lengths_in_depth(with_signs(ours, truth), truth)


def with_pitch(ours: FloatArray, truth: FloatArray) -> FloatArray:
    """The one turn about the picture's horizontal axis that suits the clip best."""
    y, z, turn = ours[..., 1], ours[..., 2], pitch(ours, truth)
    s, c = np.sin(turn), np.cos(turn)
    return np.stack([ours[..., 0], c * y - s * z, s * y + c * z], axis=-1)


def with_limbs(*parts: str) -> Oracle:
    """The true place of some joints, against the joint above them."""
    chosen = [H36M17.joints[child].partition("_")[2] in parts for child in _CHILDREN]

    def replaced(ours: FloatArray, truth: FloatArray) -> FloatArray:
        return from_bones(np.where(np.array(chosen)[:, None], bones(truth), bones(ours)))

    return replaced


def body_axes(poses: FloatArray) -> FloatArray:
    """(T, 3, 3) rows: to the left, along the trunk, and out of its front or back."""
    along = unit(poses[:, _THORAX] - poses[:, _PELVIS])
    across = poses[:, _HIPS[0]] - poses[:, _HIPS[1]]
    left = unit(across - (across * along).sum(axis=-1, keepdims=True) * along)
    return np.stack([left, along, np.cross(left, along)], axis=1)


def with_mean(seconds: float) -> Oracle:
    """The mean error of each bone about every frame, in the axes of our trunk."""

    def replaced(ours: FloatArray, truth: FloatArray) -> FloatArray:
        axes = body_axes(ours)
        error = (bones(truth) - bones(ours)) @ axes.swapaxes(1, 2)
        frames = min(round(seconds * FPS), 2 * len(ours))
        return from_bones(bones(ours) + uniform_filter1d(error, frames, axis=0) @ axes)

    return replaced


ORACLES: dict[str, Oracle] = {
    "as it is": lambda ours, truth: ours,
    "every joint's depth": with_depth,
    "which end of each bone is nearer": with_signs,
    "bone lengths, our directions": with_lengths,
    "bone lengths, depth from them": with_lengths_in_depth,
    "bone lengths and nearer ends": with_lengths_and_signs,
    "the camera's pitch": with_pitch,
    "every bone's mean error, 1.35 s": with_mean(1.35),
    "every bone's mean error, 4 s": with_mean(4),
    "every bone's mean error, 16 s": with_mean(16),
    "both arms": with_limbs(*_ARMS),
    "both legs": with_limbs(*_LEGS),
}


@dataclass(frozen=True)
class Report:
    """What MoveNet would report of a stretch, and the truth of it.

    Attributes:
        reported: (T, 17, 3) pixels and confidence, COCO keypoints.
        sided: the same without sides that are swapped or put onto each other.
        exact: (T, 17, 2) pixels.
        height: (T,) pixels, of the person standing.
    """

    reported: FloatArray
    sided: FloatArray
    exact: FloatArray
    height: FloatArray

    @classmethod
    def drawn(cls, piece: Piece, seed: int) -> Report:
        """By the noise model; equal seeds draw equal errors, whatever is swapped."""
        placed, fps = piece.seen[:, COCO_OF_BODY21], torch.tensor([FPS])
        exact = camera_from(SIZE, FOCAL).project(placed)
        height = piece.height * FOCAL / piece.seen[:, _PELVIS, 2]

        def reported(noise: NoiseModel) -> FloatArray:
            draw = Draw.seeded(seed)
            body = [torch.from_numpy(points)[None].float() for points in (placed, piece.seen)]
            unseen = out_of_sight(body[0], body[1], fps, noise, draw)
            pixels, size = (torch.from_numpy(part)[None].float() for part in (exact, height))
            sampler = NoiseSampler(noise, torch.device("cpu"))
            return sampler.report(pixels, size, fps, draw, unseen)[0].double().numpy()

        never = _NOISE.model_copy(update={"swapped": 0.0, "collapsed": 0.0})
        return cls(reported(_NOISE), reported(never), exact, height)

    @classmethod
    def of_view(cls, footage: Footage, view: int) -> Report:
        """Of real footage; keypoints without a reference count as exact."""
        joints, camera = footage.reference.joints, footage.views[view]
        track = footage.reference.tracks[view]
        reported = footage.detections[view].keypoints.data[: len(joints), track].astype(np.float64)
        there = exact(footage, view).keypoints.data[: len(joints), track, :, :2].astype(np.float64)
        depth = camera.to_camera(joints).mean(axis=1)[:, 2]
        found = cls(reported, reported.copy(), there, stature(joints) * camera.focal / depth)
        other = there[:, list(COCO17.mirror)]
        nearer = np.linalg.norm(reported[..., :2] - other, axis=-1) / found.height[:, None]
        wrong = (found.errors(reported) > _WRONG) & (nearer < found.errors(reported))
        found.sided[wrong, :2] += (there - other)[wrong]
        return found

    def without(self, keypoints: FloatArray, share: float) -> FloatArray:
        """Keypoints that err by more than a share of the height are left out."""
        left = keypoints.copy()
        left[self.errors(keypoints) > share, 2] = 0
        return left

    def trusted(self) -> FloatArray:
        """Confidence is what the noise model has for the true error, without chance."""
        found = self.reported.copy()
        less = _NOISE.confidence_slope * 100 * self.errors(found).clip(max=0.12)
        found[..., 2] = np.where(found[..., 2] > 0, expit(logit(_NOISE.confidence) - less), 0)
        return found

    def complete(self) -> FloatArray:
        """No errors, everything seen."""
        return np.concatenate([self.exact, np.ones_like(self.exact[..., :1])], axis=-1)

    def errors(self, keypoints: FloatArray) -> FloatArray:
        """(T, 17) shares of the height."""
        apart = np.linalg.norm(keypoints[..., :2] - self.exact, axis=-1)
        return np.asarray(apart / self.height[:, None])


INPUTS: dict[str, Callable[[Report], FloatArray]] = {
    "as it is": lambda report: report.reported,
    "errors above 6 % of the height, left out": lambda report: report.without(
        report.reported, _GROSS
    ),
    "errors above 3 %, left out": lambda report: report.without(report.reported, _WRONG),
    "every error, as confidence": Report.trusted,
    "sides": lambda report: report.sided,
    "sides, and errors above 3 %, left out": lambda report: report.without(report.sided, _WRONG),
    "every keypoint": Report.complete,
}


def _lengths(truth: FloatArray) -> FloatArray:
    """(16,) metres."""
    return np.asarray(np.median(np.linalg.norm(bones(truth), axis=-1), axis=0))


def _of_input(chosen: JudgeSet, filmed: list[Piece], lifter: Lifter) -> Iterator[Column]:
    """The stretches as MoveNet would report them, lifted anew with each kind of truth."""
    reports = [Report.drawn(piece, zlib.crc32(piece.name.encode())) for piece in filmed]
    better = []
    for mended in INPUTS.values():
        seen = [convert(mended(report), COCO17, H36M17) for report in reports]
        pieces = [
            replace(piece, inputs={"seen": data}) for piece, data in zip(filmed, seen, strict=True)
        ]
        better.append([lifted(piece, "seen", lifter) for piece in pieces])
    yield f"{chosen.name}, MoveNet", better


def _of_views(footage: Footage, weights: str) -> list[str]:
    """The cells of the four views."""
    views = range(len(footage.views))
    reports = [Report.of_view(footage, view) for view in views]
    answers = {
        name: [
            limbs_of(
                lift(
                    footage,
                    weights,
                    view,
                    _seen(footage, view, mended(reports[view])),
                    focal=True,
                    height=True,
                ),
                footage.reference.tracks[view],
            )
            for view in views
        ]
        for name, mended in INPUTS.items()
    }
    return [_figures(parts[0]) for parts in measure(footage, answers).values()]


def _seen(footage: Footage, view: int, keypoints: FloatArray) -> Detection:
    """The man's keypoints replaced."""
    found = footage.detections[view]
    data = np.array(found.keypoints.data)
    data[: len(keypoints), footage.reference.tracks[view]] = keypoints
    data[data[..., 2] == 0] = np.nan, np.nan, 0
    return replace(found, keypoints=replace(found.keypoints, data=data))


def _of_poses(chosen: JudgeSet, filmed: list[Piece], lifter: Lifter) -> Iterator[Column]:
    """The answers to each input of a set, each kind of truth put into them."""
    for name in chosen.inputs:
        poses = [lifted(piece, name, lifter) for piece in filmed]
        better = []
        for oracle in ORACLES.values():
            better.append([np.full_like(ours, np.nan) for ours in poses])
            for piece, ours, new in zip(filmed, poses, better[-1], strict=True):
                there = np.isfinite(ours).all(axis=(1, 2))
                if there.any():
                    new[there] = oracle(ours[there], piece.target[there])
        yield f"{chosen.name}, {name}", better


def main() -> None:
    """Film, lift, replace, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="clip store with the held-out people")
    parser.add_argument("--weights", default="mbcli-lifter", help="name or path")
    parser.add_argument("--pieces", type=int, default=24, help="stretches of each set, about")
    parser.add_argument("--input", action="store_true", help="the truth of MoveNet's keypoints")
    parser.add_argument("--multiview", type=Path, help="folder of calibrated videos, for --input")
    given = parser.parse_args()
    if given.multiview and not given.input:
        parser.error("--multiview must come with --input")
    if given.pieces < 1:
        parser.error(f"--pieces must be at least 1, got {given.pieces}")
    store, lifter = ClipStore.open(given.store), held_out_lifter(given.weights)
    table = Table("the truth of", title="P-MPJPE / MPJPE, mm", title_justify="left")
    columns: list[list[str]] = []
    for chosen in SETS:
        filmed = list(chosen.film(store, given.pieces))
        for name, rows in (_of_input if given.input else _of_poses)(chosen, filmed, lifter):
            table.add_column(name, justify="right")
            columns.append([_cell(filmed, poses) for poses in rows])
    if given.multiview:
        table.add_column("four views", justify="right")
        columns.append(_of_views(read_footage(given.multiview), given.weights))
    for row, name in enumerate(INPUTS if given.input else ORACLES):
        table.add_row(name, *(column[row] for column in columns))
    Console(width=150).print(table)


def _cell(filmed: list[Piece], poses: list[FloatArray]) -> str:
    parts = [score(piece, found) for piece, found in zip(filmed, poses, strict=True)]
    return _figures(mean_figures([part for part in parts if part], by_frames=True))


def _figures(overall: Figures) -> str:
    return f"{overall.p_mpjpe:.1f} / {overall.mpjpe:.1f}"


if __name__ == "__main__":
    main()
