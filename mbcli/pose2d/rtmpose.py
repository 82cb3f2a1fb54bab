"""The 2D front end for OpenMMLab's ONNX exports: RTMDet or YOLOX with RTMPose, or RTMO.

No OpenMMLab package is needed to run them. The kind of network, its input size and its skeleton
are read from the graph, so that any export of these networks works, including self-trained ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime as ort

from mbcli.errors import ConfigError, WeightsError
from mbcli.flags import flag
from mbcli.pose2d import Pose2DOptions
from mbcli.pose2d.detectors import PersonDetector
from mbcli.pose2d.models import WEIGHTS_OF_MODE, check_on_disk
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.rtmo import RTMO
from mbcli.pose2d.simcc import SimCC
from mbcli.pose2d.top_down import TopDown
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.weights import TABLE

DEFAULT_MODE = "balanced"
DEFAULT_THRESHOLD = 0.3  # detector score of a new person

_KINDS = (PersonDetector, SimCC, RTMO)


class RTMPose:
    """People from an ONNX detector and keypoints from RTMPose, or both from RTMO: a `Pose2D`."""

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
        if kind is not SimCC:
            raise WeightsError(
                f"{pose_model.path} is a {kind.kind}: --pose2d-checkpoint must be an RTMPose "
                f"or RTMO"
            )
        if options.pose2d_mode and options.pose2d_checkpoint and options.det_checkpoint:
            raise ConfigError("--pose2d-mode has no meaning where both checkpoints are given")
        _check_on_disk(det_name)
        det_model = _load(det_name, options)
        if _kind_of(det_model) is not PersonDetector:
            raise WeightsError(
                f"{det_model.path} is an {_kind_of(det_model).kind}: --det-checkpoint must be a "
                f"person detector (RTMDet or YOLOX)"
            )
        detector = PersonDetector(det_model)
        flip_test = bool(options.pose2d_flip)
        simcc = SimCC(pose_model, flip_test=flip_test, batch_size=options.pose2d_batch)
        self._run = TopDown(detector, simcc, joints=len(simcc.skeleton), person_threshold=threshold)
        self.skeleton = simcc.skeleton
        self.weights = (det_name, pose_name)
        self.metadata = _metadata(pose_model, threshold) | {
            "detector": _about(detector),
            "keypoint_model": _about(simcc),
            "flip_test": flip_test,
            "batch_size": simcc.batch_size,
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


def _kind_of(model: PictureModel) -> type[PersonDetector] | type[SimCC] | type[RTMO]:
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
    for name in ("det_checkpoint", "pose2d_mode", "pose2d_flip", "pose2d_batch"):
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


def _about(network: PersonDetector | SimCC | RTMO) -> dict[str, Any]:
    return {"kind": network.kind, "input_size": list(network.size)}
