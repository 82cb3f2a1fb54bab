"""MMPose: the reference front end, an RTMDet person detector and RTMPose in torch's eager mode.

The default is RTMPose-m trained on eight body datasets (Jiang et al. 2023): 17 keypoints of COCO,
or 26 of Halpe. Any other top-down configuration of MMPose also works if its keypoints begin with
those of a skeleton that mbcli knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np

from mbcli.errors import ConfigError
from mbcli.pose2d import Pose2DOptions
from mbcli.pose2d.joints import places_of
from mbcli.pose2d.models import KEYPOINT_MODELS, PERSON_MODELS, check_on_disk
from mbcli.pose2d.openmmlab import prepare, quiet
from mbcli.pose2d.openmmlab_models import build_detector, build_pipeline, build_pose_estimator
from mbcli.pose2d.top_down import Image, TopDown
from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY27, Skeleton
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.weights import on_disk, resolve

_PERSON_THRESHOLD = 0.3  # detector score of a new person, as in MMPose's inferencer
_BATCH_SIZE = 16  # crops per run

# MMPose's joint names -> those of mbcli.skeleton, where they differ.
_OUR_NAMES = {
    "hip": "pelvis",
    **{f"{side}_forefinger1": f"{side}_index" for side in ("left", "right")},
    **{f"{side}_pinky_finger1": f"{side}_pinky" for side in ("left", "right")},
}
_SKELETONS = (HALPE26, WHOLEBODY27, COCO17)  # the largest first: all begin with COCO-17


class MMPose:
    """Top-down poses by MMPose and MMDetection; implements `mbcli.pose2d.Pose2D`.

    Coordinates follow OpenMMLab's convention, as its own API returns them. Confidences are the
    keypoint scores, clipped to 0..1.
    """

    name = "mmpose"

    def __init__(self, options: Pose2DOptions | None = None) -> None:
        """Load both models.

        Args:
            options: what to load and how to run it; ``pose2d_mode`` is not supported.

        Raises:
            ConfigError: the extra is missing or cannot run here, an unsupported option, an
                unknown device or configuration, or keypoints of an unknown skeleton.
            WeightsError: a checkpoint is missing, damaged, unsafe or of another architecture.
        """
        options = Pose2DOptions() if options is None else options
        options.only(
            self.name,
            "pose2d_config",
            "pose2d_checkpoint",
            "det_config",
            "det_checkpoint",
            "pose2d_flip",
            "pose2d_batch",
        )
        prepare()
        import torch

        config, checkpoint = _pair(
            "pose2d", options.pose2d_config, options.pose2d_checkpoint, KEYPOINT_MODELS
        )
        det_config, det_checkpoint = _pair(
            "det", options.det_config, options.det_checkpoint, PERSON_MODELS
        )
        # Check that both exist before loading either, which takes seconds.
        check_on_disk(self.name, det_checkpoint, checkpoint)
        files = resolve(checkpoint), resolve(det_checkpoint)
        device = _device(options.pose2d_device)
        self._batch_size = options.pose2d_batch or _BATCH_SIZE
        flip_test = bool(options.pose2d_flip)
        self._threads = torch.get_num_threads()
        self._pose = build_pose_estimator(config, files[0], flip_test=flip_test, device=device)
        steps = self._pose.cfg.test_dataloader.dataset.pipeline
        self._crop = build_pipeline(steps, "mmpose")
        self._detector = build_detector(det_config, files[1], device=device)
        self._whole = _picture_pipeline(self._detector.cfg)
        self._person = _person_label(det_config, self._detector.dataset_meta)
        self.skeleton = _skeleton(config, self._pose.dataset_meta)
        self.weights: tuple[str, ...] = (det_checkpoint, checkpoint)
        sizes = [list(step["input_size"]) for step in steps if "input_size" in step]
        threshold = options.min_score or _PERSON_THRESHOLD
        self.metadata: Mapping[str, Any] = {
            "person_threshold": threshold,
            "config": config,
            "checkpoint": checkpoint,
            "det_config": det_config,
            "det_checkpoint": det_checkpoint,
            "input_size": sizes[0] if sizes else None,  # width, height
            "flip_test": flip_test,
            "batch_size": self._batch_size,
            "device": device,
            "versions": {name: version(name) for name in ("mmpose", "mmdet", "torch")},
        }
        self._top_down = TopDown(
            self._detect,
            self._locate,
            joints=len(self.skeleton),
            person_threshold=threshold,
        )
        if options.threads is not None:
            torch.set_num_threads(options.threads)

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, as `mbcli.pose2d.top_down.TopDown` finds them."""
        return self._top_down(frame)

    def state(self) -> dict[str, FloatArray]:
        """As `mbcli.pose2d.top_down.TopDown`."""
        return self._top_down.state()

    def resume(self, state: dict[str, FloatArray]) -> None:
        """As `mbcli.pose2d.top_down.TopDown`."""
        self._top_down.resume(state)

    def close(self) -> None:
        """Release the models and restore torch's number of threads."""
        import torch

        del self._pose, self._detector, self._top_down
        torch.set_num_threads(self._threads)
        if self.metadata["device"] != "cpu":
            torch.cuda.empty_cache()

    def _detect(self, image: Image) -> FloatArray:
        """(N, 5) people: x1 y1 x2 y2 in pixels and score 0..1."""
        from mmdet.apis import inference_detector

        with quiet("mmdet"):
            found = inference_detector(self._detector, _bgr(image), test_pipeline=self._whole)
        people = found.pred_instances[found.pred_instances.labels == self._person]
        rows = np.empty((len(people), 5), np.float32)
        rows[:, :4] = people.bboxes.cpu().numpy()
        rows[:, 4] = people.scores.cpu().numpy()
        return rows

    def _locate(self, image: Image, boxes: FloatArray) -> FloatArray:
        """(P, J, 3) keypoints of the people in (P, 4) boxes, x, y in pixels and confidence."""
        import torch
        from mmengine.dataset import pseudo_collate

        picture = _bgr(image)
        found = np.empty((len(boxes), len(self.skeleton), 3), np.float32)
        places = places_of(self.skeleton)
        for start in range(0, len(boxes), self._batch_size):
            batch = [
                self._crop(
                    {
                        "img": picture,
                        "bbox": np.asarray(box, np.float32)[None],
                        "bbox_score": np.ones(1, np.float32),
                        **self._pose.dataset_meta,
                    }
                )
                for box in boxes[start : start + self._batch_size]
            ]
            with quiet("mmpose"), torch.no_grad():
                samples = self._pose.test_step(pseudo_collate(batch))
            for row, sample in enumerate(samples, start):
                found[row, :, :2] = sample.pred_instances.keypoints[0, places]
                found[row, :, 2] = sample.pred_instances.keypoint_scores[0, places]
        # SimCC scores are heights of a curve and sometimes slightly above 1 or below 0.
        found[..., 2] = found[..., 2].clip(0, 1)
        return found


def _bgr(image: Image) -> Image:
    """Convert to BGR, the channel order that OpenMMLab expects."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)


def _pair(
    option: str, config: str | None, checkpoint: str | None, known: Mapping[str, str]
) -> tuple[str, str]:
    """Complete a configuration and checkpoint where one or both are not given."""
    if checkpoint is None:
        fitting = [weights for weights, of in known.items() if config in (None, of)]
        if not fitting:
            raise ConfigError(
                f"--{option}-config {config} needs --{option}-checkpoint, the weights that were "
                "trained with it"
            )
        checkpoint = next(filter(on_disk, fitting), fitting[0])
    if config is None:
        config = known.get(checkpoint, next(iter(known.values())))
    return config, checkpoint


def _device(name: str) -> str:
    """Resolve ``auto`` to ``cpu``, ``cuda`` or ``cuda:N`` and check that the device exists."""
    import torch

    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ConfigError(
            f"--device must be auto, cpu, cuda or cuda:N with --pose2d mmpose, got {name!r}"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if count else "cpu"
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        here = ["auto", "cpu", *(f"cuda:{number}" for number in range(count))]
        raise ConfigError(f"--device must be one of {', '.join(here)} on this machine, got {name}")
    return name


def _picture_pipeline(config: Any) -> Any:
    """The detector's test pipeline, for a picture in memory instead of a file."""
    from mmdet.utils import get_test_pipeline_cfg

    steps = get_test_pipeline_cfg(config.copy())
    steps[0].type = "mmdet.LoadImageFromNDArray"
    return build_pipeline(steps, "mmdet")


def _person_label(config: str, meta: Mapping[str, Any]) -> int:
    """Index of the class ``person``."""
    classes = meta["classes"]
    names = [classes] if isinstance(classes, str) else list(classes)
    if "person" not in names:
        raise ConfigError(
            f"--det-config must describe a detector with a class 'person', {config} has "
            f"{', '.join(map(str, names[:4]))}"
        )
    return names.index("person")


def _skeleton(config: str, meta: Mapping[str, Any]) -> Skeleton:
    """The skeleton that a model's keypoints begin with."""
    by_number = meta["keypoint_id2name"]
    names = tuple(
        _OUR_NAMES.get(by_number[number], by_number[number]) for number in sorted(by_number)
    )
    for skeleton in _SKELETONS:
        places = places_of(skeleton)
        if tuple(names[n] for n in places if n < len(names)) == skeleton.joints:
            return skeleton
    raise ConfigError(
        f"--pose2d-config must describe a model whose keypoints begin with those of "
        f"{', '.join(skeleton.name for skeleton in _SKELETONS)}; the {len(names)} of {config} "
        f"begin with {', '.join(names[:3])}"
    )
