"""2D front ends: from a frame to the keypoints of everybody in it.

Each front end is a module here and an entry in `BACKENDS`. It does not need to keep identities over
time: that is the task of the tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mbcli.errors import ConfigError
from mbcli.flags import DEVICE, DEVICES, check, flag, option

if TYPE_CHECKING:
    from mbcli.skeleton import Skeleton
    from mbcli.types import FloatArray, Frame, FramePoses


class Pose2D(Protocol):
    """A 2D front end. The frames of a video are passed to one instance, in order.

    Attributes:
        name: its key in `BACKENDS`.
        skeleton: joints of the keypoints it returns.
        weights: the weights it loads: names in ``mbcli.weights.TABLE``, or paths of files that
            the user gave.
        metadata: what else a result records about it, ready for JSON: models, sizes, the device.
            Required is ``person_threshold``, 0..1, the minimum score of a new person: if nobody is
            found, the user is advised to lower it.
    """

    name: str
    skeleton: Skeleton
    weights: tuple[str, ...]
    metadata: Mapping[str, Any]

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order, possibly none."""
        ...

    def state(self) -> dict[str, FloatArray]:
        """What is carried from one frame to the next, empty if nothing is."""
        ...

    def resume(self, state: dict[str, FloatArray]) -> None:
        """Go on as if the frames had been passed after which another instance had this state."""
        ...

    def close(self) -> None:
        """Release models and threads; the instance must not be used afterwards."""
        ...


AUTO = "auto"  # the best front end that is ready to run, see mbcli.pose2d.choose
MODES = ("light", "balanced", "accurate")

_PANEL, _NAMED = "2D stage", "NAME|PATH"


@dataclass(frozen=True)
class Pose2DOptions:
    """Options of the 2D front ends; None leaves the choice to the front end.

    Attributes:
        threads: CPU threads of the networks.
        min_score: 0..1, minimum score of a new person. Lower it when small, dark or partly hidden
            people are missed.
        pose2d_mode: ``light``, ``balanced`` or ``accurate``: the size of the models.
        pose2d_config: name or path of the configuration of the keypoint model.
        pose2d_checkpoint: name or path of the weights of the keypoint model.
        det_config: name or path of the configuration of the person detector.
        det_checkpoint: name or path of the weights of the person detector.
        pose2d_flip: average the keypoints with those of the mirrored crop; None means no.
        pose2d_batch: number of crops per network run.
        pose2d_udp: the heatmaps are those of a model trained with unbiased data processing; None
            means no.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        ConfigError: a value breaks its rule.
    """

    threads: int | None = None
    min_score: float | None = option(
        None,
        "Minimum score of a person, 0 to 1; lower finds more people and more false ones.",
        panel=_PANEL,
        above=0,
        below=1,
        must="between 0 and 1",
        shown="that of --pose2d",
    )
    pose2d_mode: str | None = option(
        None,
        "Size of the models of rtmpose.",
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
        "Weights of the keypoint model: .pth for mmpose, .onnx for rtmpose and blazepose.",
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
        "Weights of the person detector: .pth for mmpose, .onnx for rtmpose.",
        panel=_PANEL,
        metavar=_NAMED,
        reads=True,
    )
    pose2d_flip: bool | None = option(
        None,
        "Average keypoints with those of the mirrored crop: more accurate, half as fast.",
        panel=_PANEL,
        shown="off",
    )
    pose2d_batch: int | None = option(
        None,
        "Number of people per run of the keypoint model.",
        panel=_PANEL,
        least=1,
        shown="that of --pose2d",
    )
    pose2d_udp: bool | None = option(
        None,
        "The heatmap model was trained with unbiased data processing (UDP), like ViTPose.",
        panel=_PANEL,
        shown="off",
    )
    device: str = option(
        "auto",
        "Device to run on.",
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
        """Device of the front end: none of them supports mps."""
        return "cpu" if self.device == "mps" else self.device

    def only(self, backend: str, *taken: str) -> None:
        """Refuse options that the front end ``backend`` would ignore.

        Raises:
            ConfigError: a special option is given that is not in ``taken``.
        """
        for name in SPECIAL:
            if name not in taken and getattr(self, name) is not None:
                raise ConfigError(f"{flag(name)} has no meaning with --pose2d {backend}")


# Options that not every front end supports.
SPECIAL = (
    "pose2d_mode",
    "pose2d_config",
    "pose2d_checkpoint",
    "det_config",
    "det_checkpoint",
    "pose2d_flip",
    "pose2d_batch",
    "pose2d_udp",
)


# Imported on use: loading a network runtime takes a noticeable time, up to seconds.
def _movenet(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.movenet import MoveNet

    options.only("movenet")
    return MoveNet(threads=options.threads, **_threshold(options))


def _blazepose(options: Pose2DOptions) -> Pose2D:
    from mbcli.pose2d.blazepose import DEFAULT, BlazePose

    options.only("blazepose", "pose2d_checkpoint")
    checkpoint = options.pose2d_checkpoint or DEFAULT
    return BlazePose(checkpoint, threads=options.threads, **_threshold(options))


def _threshold(options: Pose2DOptions) -> dict[str, float]:
    return {} if options.min_score is None else {"person_threshold": options.min_score}


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
    "blazepose": _blazepose,
}
