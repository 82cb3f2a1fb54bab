"""What each piece of the truth would be worth to the lifter.

    python -m research.oracles STORE [--weights NAME|PATH] [--pieces 24]

The sets of `benchmarks.judges` are filmed and lifted as there. Then one thing at a time is replaced
by the truth, and the pose is put together again from its bones. What gains nothing even then need
not be built. The truth of a clip (bone lengths, camera) is one number for all its frames.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.figures import mean_figures
from benchmarks.accuracy.heldout import lifted
from benchmarks.accuracy.people import held_out_lifter, score
from benchmarks.judges.sets import SETS
from mbcli.data.stores.store import ClipStore
from mbcli.skeleton import H36M17
from mbcli.types import BoolArray, FloatArray

# From (T, 17, 3) of ours and of the truth, metres and the pelvis at 0, to (T, 17, 3).
Oracle = Callable[[FloatArray, FloatArray], FloatArray]

_PARENTS = [parent for parent, _ in H36M17.bones]
_CHILDREN = [child for _, child in H36M17.bones]
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
    y, z = ours[..., 1], ours[..., 2]
    sine = (y * truth[..., 2] - z * truth[..., 1]).sum()
    cosine = (y * truth[..., 1] + z * truth[..., 2]).sum()
    length = np.hypot(sine, cosine)
    s, c = sine / length, cosine / length
    return np.stack([ours[..., 0], c * y - s * z, s * y + c * z], axis=-1)


def with_limbs(*parts: str) -> Oracle:
    """The true place of some joints, against the joint above them."""
    chosen = [H36M17.joints[child].partition("_")[2] in parts for child in _CHILDREN]

    def replaced(ours: FloatArray, truth: FloatArray) -> FloatArray:
        return from_bones(np.where(np.array(chosen)[:, None], bones(truth), bones(ours)))

    return replaced


ORACLES: dict[str, Oracle] = {
    "as it is": lambda ours, truth: ours,
    "every joint's depth": with_depth,
    "which end of each bone is nearer": with_signs,
    "bone lengths, our directions": with_lengths,
    "bone lengths, depth from them": with_lengths_in_depth,
    "bone lengths and nearer ends": with_lengths_and_signs,
    "the camera's pitch": with_pitch,
    "both arms": with_limbs(*_ARMS),
    "both legs": with_limbs(*_LEGS),
}


def _lengths(truth: FloatArray) -> FloatArray:
    """(16,) metres."""
    return np.asarray(np.median(np.linalg.norm(bones(truth), axis=-1), axis=0))


def _there(poses: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(poses).all(axis=(1, 2)))


def main() -> None:
    """Film, lift, replace, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="clip store with the held-out people")
    parser.add_argument("--weights", default="mbcli-lifter", help="name or path")
    parser.add_argument("--pieces", type=int, default=24, help="stretches of each set, about")
    given = parser.parse_args()
    store, lifter = ClipStore.open(given.store), held_out_lifter(given.weights)
    table = Table("the truth of", title="P-MPJPE / MPJPE, mm", title_justify="left")
    columns: list[list[str]] = []
    for chosen in SETS:
        filmed = list(chosen.film(store, given.pieces))
        for name in chosen.inputs:
            table.add_column(f"{chosen.name}, {name}", justify="right")
            poses = [lifted(piece, name, lifter) for piece in filmed]
            column = []
            for oracle in ORACLES.values():
                parts = []
                for piece, ours in zip(filmed, poses, strict=True):
                    there = _there(ours)
                    better = np.full_like(ours, np.nan)
                    better[there] = oracle(ours[there], piece.target[there])
                    parts.append(score(piece, better))
                overall = mean_figures([part for part in parts if part], by_frames=True)
                column.append(f"{overall.p_mpjpe:.1f} / {overall.mpjpe:.1f}")
            columns.append(column)
    for row, oracle_name in enumerate(ORACLES):
        table.add_row(oracle_name, *(column[row] for column in columns))
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
