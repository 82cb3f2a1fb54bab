"""2D front ends: from a frame to the keypoints of everybody in it.

A front end is one file here and one row in `BACKENDS`. It need not know who is who: identities
over time are the tracker's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mbcli.errors import ConfigError
from mbcli.flags import DEVICE, DEVICES, check, flag, option

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


AUTO = "auto"  # as a front end: the best that is ready to run, see mbcli.pose2d.choose
MODES = ("light", "balanced", "accurate")

_PANEL, _NAMED = "2D stage", "NAME|PATH"


@dataclass(frozen=True)
class Pose2DOptions:
    """What a front end can be told; None leaves the choice to it.

    Attributes:
        threads: CPU threads of the networks.
        min_score: 0..1, score from which somebody is taken to be a person. Lower it when small,
            dark or half-hidden people are missed.
        pose2d_mode: ``light``, ``balanced`` or ``accurate``: how large its models are.
        pose2d_config: name or path of the configuration of the keypoint model.
        pose2d_checkpoint: name or path of the weights of the keypoint model.
        det_config: name or path of the configuration of the person detector.
        det_checkpoint: name or path of the weights of the person detector.
        pose2d_flip: average the keypoints with those of the mirrored crop; None is no.
        pose2d_batch: crops that go through the network at a time.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ConfigError: a value outside its rule.
    """

    threads: int | None = None
    min_score: float | None = option(
        None,
        "0 to 1: how sure it must be of a person; lower finds more, also ghosts.",
        panel=_PANEL,
        above=0,
        below=1,
        must="between 0 and 1",
        shown="that of --pose2d",
    )
    pose2d_mode: str | None = option(
        None,
        "How large the models of rtmpose are.",
        panel=_PANEL,
        choices=MODES,
        shown="balanced",
    )
    pose2d_config: str | None = option(
        None,
        "MMPose configuration of the keypoint model.",
        panel=_PANEL,
        metavar=_NAMED,
        reads=True,
    )
    pose2d_checkpoint: str | None = option(
        None,
        "Its weights: .pth for mmpose, .onnx for rtmpose.",
        panel=_PANEL,
        metavar=_NAMED,
        reads=True,
    )
    det_config: str | None = option(
        None,
        "MMDetection configuration of the person detector.",
        panel=_PANEL,
        metavar=_NAMED,
        reads=True,
    )
    det_checkpoint: str | None = option(
        None,
        "Its weights: .pth for mmpose, .onnx for rtmpose.",
        panel=_PANEL,
        metavar=_NAMED,
        reads=True,
    )
    pose2d_flip: bool | None = option(
        None,
        "Average keypoints with those of the mirrored crop: better, and half as fast.",
        panel=_PANEL,
        shown="off",
    )
    pose2d_batch: int | None = option(
        None,
        "People that go through the network together.",
        panel=_PANEL,
        least=1,
        shown="that of --pose2d",
    )
    device: str = option(
        "auto",
        "Where to run.",
        panel="Networks",
        metavar="auto|cpu|cuda|cuda:N|mps",
        pattern=DEVICE,
        must=DEVICES,
    )

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ConfigError(f"threads must be 1 or more, got {self.threads}")
        check(self)

    @property
    def pose2d_device(self) -> str:
        """Where the front end runs: none of them knows mps."""
        return "cpu" if self.device == "mps" else self.device

    def only(self, backend: str, *taken: str) -> None:
        """Refuse what the front end ``backend`` could only ignore.

        Raises:
            ConfigError: an option is given that is none of ``taken``.
        """
        for name in _SPECIAL:
            if name not in taken and getattr(self, name) is not None:
                raise ConfigError(f"{flag(name)} has no meaning with --pose2d {backend}")


# Options that not every front end knows.
_SPECIAL = (
    "pose2d_mode",
    "pose2d_config",
    "pose2d_checkpoint",
    "det_config",
    "det_checkpoint",
    "pose2d_flip",
    "pose2d_batch",
)


# Imported on use: networks' runtimes take a noticeable part of a second, or seconds, to load.
def _movenet(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.movenet import MoveNet

    options.only("movenet")
    chosen = {} if options.min_score is None else {"person_threshold": options.min_score}
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
