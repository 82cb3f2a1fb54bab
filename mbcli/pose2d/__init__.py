"""2D front ends: from a frame to the keypoints of everybody in it.

A front end is one file here and one row in `BACKENDS`. It need not know who is who: identities
over time are the tracker's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.skeleton import Skeleton
    from mbcli.types import Frame, FramePoses


class Pose2D(Protocol):
    """A 2D front end. Frames of one video are given to one instance, in order.

    Attributes:
        name: its key in `BACKENDS`.
        skeleton: joints of the keypoints it returns.
        weights: the weights it loads, names of ``mbcli.weights.TABLE``.
    """

    name: str
    skeleton: Skeleton
    weights: tuple[str, ...]

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order, possibly none."""
        ...

    def close(self) -> None:
        """Give back models and threads; the instance is not used afterwards."""
        ...


@dataclass(frozen=True)
class Pose2DOptions:
    """What every front end can be told.

    Attributes:
        threads: CPU threads of the networks; None lets the runtime choose.
        person_threshold: 0..1, score from which somebody is taken to be a person. Lower it when
            small, dark or half-hidden people are missed.
    """

    threads: int | None = None
    person_threshold: float = 0.2

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"threads must be 1 or more, got {self.threads}")
        if not 0 < self.person_threshold < 1:
            raise ConfigError(
                f"person_threshold must lie between 0 and 1, got {self.person_threshold}"
            )


def _movenet(options: Pose2DOptions) -> Pose2D:
    # Imported on use: onnxruntime and OpenCV take a noticeable part of a second to load.
    from mbcli.pose2d.movenet import MoveNet

    return MoveNet(threads=options.threads, person_threshold=options.person_threshold)


BACKENDS: dict[str, Callable[[Pose2DOptions], Pose2D]] = {"movenet": _movenet}
