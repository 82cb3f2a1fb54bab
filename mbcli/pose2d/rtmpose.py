"""The 2D front end on OpenMMLab's published ONNX exports: RTMDet or YOLOX and RTMPose, or RTMO.

Nothing of OpenMMLab is needed to run them. What a file holds, its input size and its skeleton are
read from the graph, so that any export of those networks will do, also of one's own training.
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
from mbcli.types import Frame, FramePoses
from mbcli.weights import TABLE

DEFAULT_MODE = "balanced"
DEFAULT_THRESHOLD = 0.3  # detector score of a new person

_KINDS = (PersonDetector, SimCC, RTMO)


class RTMPose:
    """People by an ONNX detector and keypoints by RTMPose, or both by RTMO: a `Pose2D`."""

    name: str = "rtmpose"
    skeleton: Skeleton
    weights: tuple[str, ...]
    facts: Mapping[str, Any]

    def __init__(self, options: Pose2DOptions) -> None:
        """Load the networks of the mode, and those that the options name in place of its own.

        Raises:
            ConfigError: an option without meaning here, or CUDA asked for and absent.
            WeightsError: weights that are not on disk, damaged, no ONNX, or of another kind.
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
        # A keypoint model of the user's may need no detector.
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
            self.facts = _facts(pose_model, threshold) | {"keypoint_model": _about(rtmo)}
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
        self.facts = _facts(pose_model, threshold) | {
            "detector": _about(detector),
            "keypoint_model": _about(simcc),
            "flip_test": flip_test,
            "batch_size": simcc.batch_size,
        }

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order; frames come in order of time."""
        return self._run(frame)

    def close(self) -> None:
        """Give back the networks."""
        del self._run


def _check_on_disk(*names: str) -> None:
    """Name all that is missing, before anything is loaded.

    Raises:
        WeightsError: weights of the table that lie nowhere, or that are no ONNX.
    """
    for name in names:
        if name in TABLE and not TABLE[name].file.endswith(".onnx"):
            raise WeightsError(f"--pose2d {RTMPose.name} needs ONNX weights, {name} is none")
    check_on_disk(RTMPose.name, *names)


def _load(name: str, options: Pose2DOptions) -> PictureModel:
    return PictureModel(name, device=options.pose2d_device, threads=options.threads)


def _kind_of(model: PictureModel) -> type[PersonDetector] | type[SimCC] | type[RTMO]:
    """What a graph is, by its outputs.

    Raises:
        WeightsError: none of those that are known.
    """
    for kind in _KINDS:
        if kind.fits(model):
            return kind
    outputs = ", ".join(f"{port.name} of {len(port.shape)} axes" for port in model.outputs)
    raise WeightsError(
        f"{model.path} is none of {', '.join(kind.kind for kind in _KINDS)}: it gives {outputs}"
    )


def _refuse_beside_rtmo(options: Pose2DOptions) -> None:
    """Refuse what an RTMO could only ignore.

    Raises:
        ConfigError: such an option is given.
    """
    for name in ("det_checkpoint", "pose2d_mode", "pose2d_flip", "pose2d_batch"):
        if getattr(options, name) is not None:
            raise ConfigError(
                f"{flag(name)} has no meaning with an RTMO, which is a single network"
            )


def _facts(model: PictureModel, threshold: float) -> dict[str, Any]:
    return {
        "person_threshold": threshold,
        "runtime": f"onnxruntime {ort.__version__}",
        "device": model.device,
    }


def _about(network: PersonDetector | SimCC | RTMO) -> dict[str, Any]:
    return {"kind": network.kind, "input_size": list(network.size)}
