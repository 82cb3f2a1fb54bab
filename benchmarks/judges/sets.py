"""The fixed sets of held-out recordings, and how they are filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.accuracy.heldout import CAMERA, SUBJECTS, Piece, pieces, stretches
from mbcli.data.stores.store import Clip, ClipStore
from mbcli.errors import ConfigError
from mbcli.train.config import CameraConfig

# People who stand and wait, kept from the training: two of ReActIdle's, both recordings of each.
STANDING = ("idle-007", "idle-012")

WALKING = "cmu-8"  # CMU lists nothing else of this person

# Straight legs are seen from a child's chair and from a ladder.
_ALL_HEIGHTS = CAMERA.model_copy(update={"height": (0.2, 4.0)})

_POSED = "posed-"
_SEATS = ("chair", "chair-only")
_FLOORS = ("floor", "floor-only", "knees", "belly", "crawl")


@dataclass(frozen=True)
class JudgeSet:
    """One set.

    Attributes:
        name: of the set.
        chosen: which recordings of a store belong to it.
        inputs: what the lifter is given, of `benchmarks.accuracy.heldout.INPUTS`.
        camera: who films it.
    """

    name: str
    chosen: Callable[[Clip], bool]
    inputs: tuple[str, ...] = ("noisy",)
    camera: CameraConfig = CAMERA

    def film(self, store: ClipStore, count: int) -> Iterator[Piece]:
        """About ``count`` stretches, evenly spaced over all there are; always the same ones.

        Raises:
            ConfigError: the store has none.
        """
        found = sum(1 for _ in stretches(store, self.chosen, cameras=1))
        if not found:
            raise ConfigError(f"the store must hold recordings for the set {self.name!r}, got none")
        return pieces(
            store, self.chosen, cameras=1, every=max(1, found // count), camera=self.camera
        )


def _posture(clip: Clip) -> str:
    """``chair-only`` of ``posed-cmu-8/chair-only-0012``, as `research.postures` names clips."""
    return clip.name.rpartition("/")[2].rpartition("-")[0]


def _posed(kinds: tuple[str, ...]) -> Callable[[Clip], bool]:
    people = {f"{_POSED}{who}" for who in (*SUBJECTS, *STANDING)}
    return lambda clip: clip.subject in people and _posture(clip) in kinds


SETS = (
    JudgeSet("recordings", lambda clip: clip.subject in SUBJECTS, ("noisy", "occluded")),
    JudgeSet("sitting", _posed(_SEATS)),
    JudgeSet("floor", _posed(_FLOORS)),
    JudgeSet("standing", lambda clip: clip.subject in STANDING, camera=_ALL_HEIGHTS),
    JudgeSet("walking", lambda clip: clip.subject == WALKING, camera=_ALL_HEIGHTS),
)
