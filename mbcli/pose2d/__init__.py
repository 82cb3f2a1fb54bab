"""2D front ends: from a frame to the keypoints of everybody in it.

A front end is one file here and one row in `BACKENDS`. It need not know who is who: identities
over time are the tracker's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.skeleton import Skeleton
    from mbcli.types import Frame, FramePoses


class Pose2D(Protocol):
    """A 2D front end. Frames of one video are given to one instance, in order.

    Attributes:
        name: its key in `BACKENDS`.
        skeleton: joints of the keypoints it returns.
        weights: the weights it loads: names of ``mbcli.weights.TABLE``, or paths of files that
            the user gave.
        facts: what else a result should note of it, ready for JSON: models, sizes, the device.
    """

    name: str
    skeleton: Skeleton
    weights: tuple[str, ...]
    facts: Mapping[str, Any]

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order, possibly none."""
        ...

    def close(self) -> None:
        """Give back models and threads; the instance is not used afterwards."""
        ...


@dataclass(frozen=True)
class Pose2DOptions:
    """What a front end can be told; None leaves the choice to it.

    Attributes:
        threads: CPU threads of the networks.
        person_threshold: 0..1, score from which somebody is taken to be a person. Lower it when
            small, dark or half-hidden people are missed.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        mode: ``light``, ``balanced`` or ``accurate``: how large its models are.
        config: name or path of the configuration of the keypoint model.
        checkpoint: name or path of the weights of the keypoint model.
        det_config: name or path of the configuration of the person detector.
        det_checkpoint: name or path of the weights of the person detector.
        flip_test: average the keypoints with those of the mirrored crop.
        batch_size: crops that go through the network at a time.
    """

    threads: int | None = None
    person_threshold: float | None = None
    device: str = "auto"
    mode: str | None = None
    config: str | None = None
    checkpoint: str | None = None
    det_config: str | None = None
    det_checkpoint: str | None = None
    flip_test: bool | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"threads must be 1 or more, got {self.threads}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigError(f"--pose2d-batch must be 1 or more, got {self.batch_size}")
        if self.person_threshold is not None and not 0 < self.person_threshold < 1:
            raise ConfigError(
                f"--min-score must lie between 0 and 1, got {self.person_threshold:g}"
            )
        if self.mode is not None and self.mode not in MODES:
            raise ConfigError(f"--pose2d-mode must be {', '.join(MODES)}, got {self.mode!r}")

    def only(self, backend: str, *taken: str) -> None:
        """Refuse what the front end ``backend`` could only ignore.

        Raises:
            ConfigError: an option is given that is none of ``taken``.
        """
        for name, option in _OPTION_NAMES.items():
            if name not in taken and getattr(self, name) is not None:
                raise ConfigError(f"{option} has no meaning with --pose2d {backend}")


AUTO = "auto"  # as a front end: the best that is ready to run, see mbcli.pose2d.choose
MODES = ("light", "balanced", "accurate")

_OPTION_NAMES = {
    "mode": "--pose2d-mode",
    "config": "--pose2d-config",
    "checkpoint": "--pose2d-checkpoint",
    "det_config": "--det-config",
    "det_checkpoint": "--det-checkpoint",
    "flip_test": "--pose2d-flip",
    "batch_size": "--pose2d-batch",
}


# Imported on use: networks' runtimes take a noticeable part of a second, or seconds, to load.
def _movenet(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.movenet import MoveNet

    options.only("movenet")
    chosen = (
        {} if options.person_threshold is None else {"person_threshold": options.person_threshold}
    )
    return MoveNet(threads=options.threads, **chosen)


def _rtmpose(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.rtmpose import RTMPose

    return RTMPose(options)


def _mmpose(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.mmpose import MMPose

    return MMPose(options)


BACKENDS: dict[str, Callable[[Pose2DOptions], Pose2D]] = {
    "mmpose": _mmpose,
    "rtmpose": _rtmpose,
    "movenet": _movenet,
}
