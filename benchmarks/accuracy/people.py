"""What is measured on the held-out recordings, gathered by subject and by action."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy.figures import Figures, figures, mean_figures
from benchmarks.accuracy.heldout import (
    FPS,
    HIPS,
    INPUTS,
    NEW_ACTIONS,
    SUBJECTS,
    Piece,
    depth_zero,
    lifted,
    pieces,
)
from benchmarks.accuracy.pictures import WorstPiece
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray
from mbcli.weights import resolve

PICTURED = "noisy"
_WORST = 10


@dataclass(frozen=True)
class Group:
    """The figures of one prediction.

    Attributes:
        overall: mean over the frames.
        actions: the same by action.
        news: the same by whether the action was kept from the training too.
        subjects: the same by subject.
    """

    overall: Figures
    actions: dict[str, Figures]
    news: dict[str, Figures]
    subjects: dict[str, Figures]


@dataclass(frozen=True)
class HeldOut:
    """Everything about the held-out recordings.

    Attributes:
        groups: by prediction and input.
        worst: the pieces that the first weights get most wrong from noisy 2D, worst first.
    """

    groups: dict[str, Group]
    worst: tuple[WorstPiece, ...]


def measure_people(
    store: ClipStore,
    weights: Sequence[str],
    training_mean: FloatArray,
    *,
    people: Sequence[str] = SUBJECTS,
    cameras: int,
    every: int,
) -> HeldOut:
    """Lift everything and gather the figures.

    Args:
        store: the recordings.
        weights: names or paths of lifters.
        training_mean: (17, 3) mean pose of the training people.
        people: who is measured.
        cameras: for each recording.
        every: measure every n-th piece.

    Raises:
        ConfigError: weights that were trained on the held-out subjects.
        WeightsError: weights that cannot be used.
    """
    lifters = {Path(name).stem: held_out_lifter(name, people=people) for name in weights}
    found: dict[str, list[tuple[Piece, Figures]]] = defaultdict(list)
    worst: list[WorstPiece] = []
    for piece in pieces(store, lambda clip: clip.subject in people, cameras, every=every):
        for who, lifter in lifters.items():
            for name in INPUTS:
                poses = lifted(piece, name, lifter)
                scored = score(piece, poses)
                if scored is None:
                    continue
                found[f"{who}, {name}"].append((piece, scored))
                steady = score(piece, _with_constant_bones(poses))
                assert steady is not None
                found[f"{who}, {name}, --bones --symmetric"].append((piece, steady))
                if name == PICTURED and who == Path(weights[0]).stem:
                    worst.append(WorstPiece(piece, poses, scored.p_mpjpe))
                    worst = sorted(worst, key=lambda w: -w.error)[:_WORST]
        trivial = {f"depth zero, {name}": depth_zero(piece, name) for name in ("clean", "noisy")}
        trivial["mean pose of the training people"] = np.broadcast_to(
            training_mean, piece.target.shape
        )
        for name, poses in trivial.items():
            scored = score(piece, poses)
            assert scored is not None
            found[name].append((piece, scored))
    return HeldOut({name: _group(parts) for name, parts in found.items()}, tuple(worst))


def held_out_lifter(
    name: str, options: LiftOptions | None = None, *, people: Sequence[str] = SUBJECTS
) -> Lifter:
    """A lifter that was not trained on the held-out people, as far as its weights record.

    Postures that `research.postures` made with somebody's recording are held out with them.

    Raises:
        ConfigError: it was.
        WeightsError: weights that cannot be used.
    """
    model, info = load_lifter(resolve(name))
    known = info.metadata.get("config", {}).get("data", {}).get("holdout")
    if known is not None:
        seen = {person.removeprefix("posed-") for person in people} - set(known)
        if seen:
            raise ConfigError(
                f"{name} must not have been trained on the held-out people, "
                f"got {', '.join(sorted(seen))}"
            )
    return Lifter(model, options, info.metadata)


def score(piece: Piece, poses: FloatArray) -> Figures | None:
    """The figures of a prediction for a piece; None if it has none in any frame."""
    return figures(poses, piece.target, fps=FPS, hips=HIPS, bones=H36M17.bones)


def _with_constant_bones(poses: FloatArray) -> FloatArray:
    return with_lengths(poses, usual_lengths(poses, H36M17, symmetric=True), H36M17)


def _group(parts: Sequence[tuple[Piece, Figures]]) -> Group:
    actions: dict[str, list[Figures]] = defaultdict(list)
    news: dict[str, list[Figures]] = defaultdict(list)
    subjects: dict[str, list[Figures]] = defaultdict(list)
    for piece, scored in parts:
        actions[piece.action].append(scored)
        news["new" if piece.action in NEW_ACTIONS else "known"].append(scored)
        subjects[piece.subject].append(scored)

    def means(rows: dict[str, list[Figures]]) -> dict[str, Figures]:
        return {name: mean_figures(part, by_frames=True) for name, part in sorted(rows.items())}

    overall = mean_figures([scored for _, scored in parts], by_frames=True)
    return Group(overall, means(actions), means(news), means(subjects))
