"""The 2D front end for ONNX exports: a person detector with a keypoint model, or RTMO.

Detectors are RTMDet, YOLOX and PicoDet; keypoint models RTMPose and those of heatmaps. No package
of their authors is needed to run them. The kind of network, its input size and its skeleton are
read from the graph, so that any export of these networks works, including self-trained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime as ort

from mbcli.errors import ConfigError, WeightsError
from mbcli.flags import flag
from mbcli.pose2d import Pose2DOptions
from mbcli.pose2d.crops import CropModel
from mbcli.pose2d.detectors import PersonDetector
from mbcli.pose2d.heatmaps import Heatmaps
from mbcli.pose2d.models import WEIGHTS_OF_MODE, check_on_disk
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.picodet import PicoDet
from mbcli.pose2d.rtmo import RTMO
from mbcli.pose2d.simcc import SimCC
from mbcli.pose2d.top_down import TopDown
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.weights import TABLE

DEFAULT_MODE = "balanced"
DEFAULT_THRESHOLD = 0.3  # detector score of a new person

_Detector = PersonDetector | PicoDet
_Kind = type[PersonDetector] | type[PicoDet] | type[CropModel] | type[RTMO]
_KINDS = (PersonDetector, PicoDet, SimCC, Heatmaps, RTMO)


class RTMPose:
    """People and keypoints from an ONNX network each, or both from RTMO: a `Pose2D`."""

    name: str = "rtmpose"
    skeleton: Skeleton
    weights: tuple[str, ...]
    metadata: Mapping[str, Any]

    def __init__(self, options: Pose2DOptions) -> None:
        """Load the networks of the mode, or those that the options name instead.

        Raises:
            ConfigError: an unsupported option, or CUDA is requested but unavailable.
            WeightsError: weights are missing, damaged, not ONNX, or of another kind.
        """
        options.only(
            self.name,
            "pose2d_mode",
            "pose2d_checkpoint",
            "det_checkpoint",
            "pose2d_flip",
            "pose2d_batch",
            "pose2d_udp",
        )
        threshold = options.min_score or DEFAULT_THRESHOLD
        det_name, pose_name = WEIGHTS_OF_MODE[options.pose2d_mode or DEFAULT_MODE]
        pose_name = options.pose2d_checkpoint or pose_name
        det_name = options.det_checkpoint or det_name
        # A keypoint model given by the user may not need a detector.
        _check_on_disk(*(() if options.pose2d_checkpoint else (det_name,)), pose_name)
        pose_model = _load(pose_name, options)
        kind = _kind_of(pose_model)
        self._run: Callable[[Frame], FramePoses]
        if kind is RTMO:
            _refuse_beside_rtmo(options)
            rtmo = RTMO(pose_model, person_threshold=threshold)
            self._run = rtmo
            self.skeleton = rtmo.skeleton
            self.weights = (pose_name,)
            self.metadata = _metadata(pose_model, threshold) | {"keypoint_model": _about(rtmo)}
            return
        if not issubclass(kind, CropModel):
            raise WeightsError(
                f"--pose2d-checkpoint must be an RTMPose, a heatmap model or an RTMO, got the "
                f"{kind.kind} {pose_model.path}"
            )
        if options.pose2d_mode and options.pose2d_checkpoint and options.det_checkpoint:
            raise ConfigError("--pose2d-mode has no meaning where both checkpoints are given")
        _check_on_disk(det_name)
        det_model = _load(det_name, options)
        detector = _detector(det_model)
        located = _keypoints(pose_model, kind, options)
        self._run = TopDown(
            detector, located, joints=len(located.skeleton), person_threshold=threshold
        )
        self.skeleton = located.skeleton
        self.weights = (det_name, pose_name)
        self.metadata = _metadata(pose_model, threshold) | {
            "detector": _about(detector),
            "keypoint_model": _about(located),
            "flip_test": bool(options.pose2d_flip),
            "batch_size": located.batch_size,
            **({"udp": bool(options.pose2d_udp)} if kind is Heatmaps else {}),
        }

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order; frames must come in order of time."""
        return self._run(frame)

    def state(self) -> dict[str, FloatArray]:
        """As `mbcli.pose2d.top_down.TopDown`; RTMO looks at each frame alone."""
        return self._run.state() if isinstance(self._run, TopDown) else {}

    def resume(self, state: dict[str, FloatArray]) -> None:
        """Follow the people of a state."""
        if isinstance(self._run, TopDown):
            self._run.resume(state)

    def close(self) -> None:
        """Release the networks."""
        del self._run


def _check_on_disk(*names: str) -> None:
    """Report all missing weights at once, before any are loaded.

    Raises:
        WeightsError: weights in the table are not on disk or not ONNX.
    """
    for name in names:
        if name in TABLE and not TABLE[name].file.endswith(".onnx"):
            raise WeightsError(f"--pose2d {RTMPose.name} needs ONNX weights, which {name} is not")
    check_on_disk(RTMPose.name, *names)


def _load(name: str, options: Pose2DOptions) -> PictureModel:
    return PictureModel(name, device=options.pose2d_device, threads=options.threads)


def _detector(model: PictureModel) -> _Detector:
    kind = _kind_of(model)
    if kind is PersonDetector:
        return PersonDetector(model)
    if kind is PicoDet:
        return PicoDet(model)
    raise WeightsError(
        f"--det-checkpoint must be a person detector (RTMDet, YOLOX or PicoDet), got the "
        f"{kind.kind} {model.path}"
    )


def _keypoints(model: PictureModel, kind: type[CropModel], options: Pose2DOptions) -> CropModel:
    flip_test, batch_size = bool(options.pose2d_flip), options.pose2d_batch
    if kind is Heatmaps:
        udp = bool(options.pose2d_udp)
        return Heatmaps(model, udp=udp, flip_test=flip_test, batch_size=batch_size)
    if options.pose2d_udp is not None:
        raise ConfigError(f"{flag('pose2d_udp')} has no meaning with an {SimCC.kind}")
    return SimCC(model, flip_test=flip_test, batch_size=batch_size)


def _kind_of(model: PictureModel) -> _Kind:
    """The kind of a network, from its outputs.

    Raises:
        WeightsError: the kind is unknown.
    """
    for kind in _KINDS:
        if kind.fits(model):
            return kind
    outputs = ", ".join(f"{port.name} of {len(port.shape)} axes" for port in model.outputs)
    raise WeightsError(
        f"{model.path} must be one of {', '.join(kind.kind for kind in _KINDS)}, got outputs "
        f"{outputs}"
    )


def _refuse_beside_rtmo(options: Pose2DOptions) -> None:
    """Refuse options that RTMO would ignore.

    Raises:
        ConfigError: such an option is given.
    """
    for name in ("det_checkpoint", "pose2d_mode", "pose2d_flip", "pose2d_batch", "pose2d_udp"):
        if getattr(options, name) is not None:
            raise ConfigError(
                f"{flag(name)} has no meaning with an RTMO, which is a single network"
            )


def _metadata(model: PictureModel, threshold: float) -> dict[str, Any]:
    return {
        "person_threshold": threshold,
        "runtime": f"onnxruntime {ort.__version__}",
        "device": model.device,
    }


def _about(network: _Detector | CropModel | RTMO) -> dict[str, Any]:
    return {"kind": network.kind, "input_size": list(network.size)}
