"""What a user can choose about an inference, checked before anything is read."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbcli.camera import focal_length
from mbcli.errors import ConfigError
from mbcli.people import read_person
from mbcli.placing.metric import check_height
from mbcli.pose2d import AUTO, BACKENDS, Pose2DOptions

DEFAULT_LIFTER = "mbcli-lifter"
# Hz. Of what 249 recordings of people (CMU) hold, it takes 0.6 mm in the mean and 3 mm in 1 of 100
# joints; 6 Hz, the custom for gait, takes 1.0 and 5.
DEFAULT_LOW_PASS = 10.0


@dataclass(frozen=True)
class InferOptions:
    """How to get from a video to 3D motion.

    Attributes:
        start: seconds of the source at which to begin; its beginning if None.
        end: seconds at which to stop; its end if None.
        every: take every n-th frame.
        person: ``all``, ``largest`` or track ids such as ``1,3``.
        height: standing height of the people in metres; 1.70 is assumed if None.
        focal: focal length in pixels; from ``fov`` if None.
        fov: field of view in degrees across the picture's longer side; 55 is assumed if None.
        pose2d: 2D front end, a key of ``mbcli.pose2d.BACKENDS``, or ``auto``; see
            `mbcli.pose2d.choose`.
        min_score: 0..1, how sure the front end must be to take up a new person; its own
            threshold if None.
        pose2d_mode: ``light``, ``balanced`` or ``accurate``, where the front end has a choice.
        pose2d_config: name or path of the configuration of the keypoint model.
        pose2d_checkpoint: name or path of its weights.
        det_config: name or path of the configuration of the person detector.
        det_checkpoint: name or path of its weights.
        pose2d_flip: average the keypoints with those of the mirrored crop; None is no.
        pose2d_batch: crops that the front end looks at together; its own choice if None.
        image_size: (width, height) of the pictures, for a keypoint file that does not tell.
        fps: frames per second, for such a file or a folder of pictures.
        joint_map: their joint names -> ours, for keypoint files with free names.
        fix_swaps: undo swaps of left and right; never with ``compat``.
        bridge: bridge keypoints that flicker; never with ``compat``.
        weights: name or path of the lifter's weights.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``, for lifting and for front ends
            that can use it.
        precision: ``float32``, ``bfloat16`` or ``float16``, for lifting.
        flip: average the lifting with that of the mirror image.
        low_pass: Hz above which movement counts as trembling and is taken out, without a lag;
            0 = nothing is. Never with ``compat``, nor at less than 2.2 times as many frames a
            second.
        compat: ``motionbert`` for the published inference, defects included.
        action: name or path of weights that name actions; none are named if None.
        mesh: name or path of weights that recover bodies; none are recovered if None.
        body_model: SMPL's model file, for weights that tell SMPL's pose and shape.

    Raises:
        ConfigError: a value outside its rule.
    """

    start: float | None = None
    end: float | None = None
    every: int = 1
    person: str = "all"
    height: float | None = None
    focal: float | None = None
    fov: float | None = None
    pose2d: str = AUTO
    min_score: float | None = None
    pose2d_mode: str | None = None
    pose2d_config: str | None = None
    pose2d_checkpoint: str | None = None
    det_config: str | None = None
    det_checkpoint: str | None = None
    pose2d_flip: bool | None = None
    pose2d_batch: int | None = None
    image_size: tuple[int, int] | None = None
    fps: float | None = None
    joint_map: dict[str, str] | None = None
    fix_swaps: bool = True
    bridge: bool = True
    weights: str = DEFAULT_LIFTER
    device: str = "auto"
    precision: str = "float32"
    flip: bool = True
    low_pass: float = DEFAULT_LOW_PASS
    compat: str | None = None
    action: str | None = None
    mesh: str | None = None
    body_model: str | None = None

    def __post_init__(self) -> None:
        read_person(self.person)
        if self.height is not None:
            check_height(self.height)
        focal_length((1, 1), self.focal, self.fov)
        if self.pose2d not in (AUTO, *BACKENDS):
            raise ConfigError(
                f"--pose2d must be {AUTO}, {', '.join(BACKENDS)}, got {self.pose2d!r}"
            )
        if self.image_size is not None and min(self.image_size) < 1:
            raise ConfigError(f"--image-size must be two positive numbers, got {self.image_size}")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise ConfigError(f"--fps must be a positive number, got {self.fps:g}")
        if not (math.isfinite(self.low_pass) and self.low_pass >= 0):
            raise ConfigError(
                f"--low-pass must be a frequency in Hz, or 0 for none, got {self.low_pass:g}"
            )
        if self.body_model is not None and self.mesh is None:
            raise ConfigError("--body-model goes with --mesh, which is not given")
        _ = self.pose2d_options  # checks itself

    @property
    def pose2d_options(self) -> Pose2DOptions:
        """The part of the options that the 2D front end gets."""
        return Pose2DOptions(
            person_threshold=self.min_score,
            device="cpu" if self.device == "mps" else self.device,
            mode=self.pose2d_mode,
            config=self.pose2d_config,
            checkpoint=self.pose2d_checkpoint,
            det_config=self.det_config,
            det_checkpoint=self.det_checkpoint,
            flip_test=self.pose2d_flip,
            batch_size=self.pose2d_batch,
        )
