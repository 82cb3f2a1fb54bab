"""The configuration of a pretraining run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from mbcli.train.sections import (
    Count,
    NonNegative,
    Positive,
    Probability,
    Range,
    Section,
    Settings,
)

# Groups of bones that share a length ratio, by the joint at their lower end.
BONE_GROUPS = (
    *("hip", "knee", "ankle", "foot", "torso", "skull", "nose", "shoulder", "elbow", "wrist"),
)


class DataConfig(Section):
    """Sources of the clips; paths are relative to the configuration file.

    Attributes:
        store: clip store of 3D motion, filmed by virtual cameras.
        poses: sequence stores with 3D poses; their 2D input is projected, as published.
        videos: sequence stores with 2D keypoints, such as those of your own videos.
        holdout: subjects of ``store`` excluded from training and used for validation.
        stride: frames from one clip of ``poses`` and ``videos`` to the next.
        window: how those are normalised: by the ``crop`` around the keypoints or the ``image``.
        epoch_steps: steps per epoch of clips drawn from ``store``.
        start_videos: epochs on 3D data alone before the ``videos`` are added; each later epoch
            goes through the videos first and then through the 3D data (published: 30).
    """

    store: Path | None = None
    poses: tuple[Path, ...] = ()
    videos: tuple[Path, ...] = ()
    holdout: tuple[str, ...] = ()
    stride: Count = 81
    window: Literal["crop", "image"] = "crop"
    epoch_steps: Count = 1000
    start_videos: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> DataConfig:
        if self.store is None and not self.poses:
            raise ValueError("data must name a store of 3D motion (store) or of 3D poses (poses)")
        if self.holdout and self.store is None:
            raise ValueError("holdout names subjects of data.store, which is not given")
        return self


class ClipConfig(Section):
    """How a clip is cut from a recording and how its body is varied.

    Attributes:
        frames: length T of a clip.
        short: share of the steps with shorter clips, of 9 frames or more, like the tracks of
            people who are seen only briefly.
        fps: [low, high] frame rate, drawn log-uniformly.
        span: [low, high] seconds of a clip, which bound its frame rate within ``fps``; None means
            that any number of frames is played at any rate. The high one is recorded as the
            lifter's ``span``: its windows are never longer, as it has seen nothing longer.
        speed: [low, high] playback speed, drawn log-uniformly.
        mirror: probability of a mirrored body.
        recombined: probability of a body with another recording's arms, and again of one with
            another's legs; at most 0.5.
        reversed: probability of a clip played backwards.
        height: [low, high] of the body's height in metres, drawn uniformly.
        bone_sd: standard deviation of each bone group's length ratio.
        bones: [mean, standard deviation] of the ratio of single groups, instead of 1 and
            ``bone_sd``: 2D stages and marker sets place a hip differently. A bone is named by its
            lower end: hip, knee, ankle, torso, shoulder, elbow, wrist, skull, nose.
        surface: share of the clips with keypoints where they appear on a body's surface
            (`mbcli.train.surface`) instead of at the joints; ``bones`` then need not widen the
            hips.
        answer: the target of those clips: the ``joints`` below the surface, which the network
            cannot distinguish from keypoints at the joints, or the ``keypoints``.
        shares: share of the clips drawn from subjects whose names begin with a text, by that text;
            the rest comes from all others. Without it, long recordings decide.
    """

    frames: Count = 243
    short: Probability = 0.0
    fps: Range = (12.0, 60.0)
    span: Range | None = None
    speed: Range = (0.8, 1.25)
    mirror: Probability = 0.5
    recombined: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    reversed: Probability = 0.0
    height: Range = (1.5, 1.95)
    bone_sd: NonNegative = 0.05
    bones: dict[str, tuple[Positive, NonNegative]] = Field(default_factory=dict)
    surface: Probability = 0.0
    answer: Literal["joints", "keypoints"] = "joints"
    shares: dict[str, Probability] = Field(default_factory=dict)

    @field_validator("shares")
    @classmethod
    def _shares_are_parts(cls, shares: dict[str, float]) -> dict[str, float]:
        if sum(shares.values()) > 1:
            raise ValueError(f"shares must be at most 1 in all, got {sum(shares.values()):g}")
        return shares

    @field_validator("bones")
    @classmethod
    def _groups_are_known(
        cls, bones: dict[str, tuple[float, float]]
    ) -> dict[str, tuple[float, float]]:
        for name in bones:
            if name not in BONE_GROUPS:
                raise ValueError(f"bones must name {', '.join(BONE_GROUPS)}, got {name}")
        return bones


class CameraConfig(Section):
    """Virtual pinhole cameras.

    Attributes:
        distance: [low, high] from camera to body in metres, drawn log-uniformly.
        height: [low, high] of the camera above the floor in metres.
        off_axis_sd: standard deviation of the angle between the optical axis and the body, degrees.
        roll_sd: standard deviation of the camera's roll, degrees.
        tilted: share of the clips with a body tilted about any axis.
        tilted_sd: standard deviation of that tilt, degrees.
        target: axes of the target: the ``camera``'s, or those of a camera rotated to look at the
            pelvis along its ``ray``. A window around a body does not show how far off the axis it
            stands, so the first asks for information that is not in the input; the lifter knows
            the ray and rotates the prediction back.
    """

    distance: Range = (2.0, 12.0)
    height: Range = (0.3, 2.5)
    off_axis_sd: NonNegative = 8.0
    roll_sd: NonNegative = 3.0
    tilted: Probability = 0.0
    tilted_sd: NonNegative = 20.0
    target: Literal["camera", "ray"] = "camera"


class CorruptionConfig(Section):
    """Corruption of the 2D input.

    Attributes:
        noise: add the published detector noise and its confidences.
        key_interval: [low, high] frames between key frames of that noise (published: 9, 243
            frames over 27 key frames).
        offset_sd: standard deviation of a constant offset per joint and clip, fraction of height.
        joint_mask: probability that a joint is missing.
        frame_mask: probability that a whole frame is missing.
        measured: share of the clips with errors from the noise model of a 2D front end
            (`mbcli.train.noise_model`) instead of the published noise.
        front_end: the front end: a packaged name (``movenet``) or a JSON file, relative to the
            configuration file; None means MoveNet.
        occlusion: in those clips, keypoints are hidden by the body itself, by furniture and by
            others who walk by (`mbcli.train.occlusion`), and some swaps of sides last as long as
            the clip; otherwise limbs are hidden at random alone.
    """

    noise: bool = True
    key_interval: Range = (9.0, 9.0)
    offset_sd: NonNegative = 0.0
    joint_mask: Probability = 0.05
    frame_mask: Probability = 0.1
    measured: Probability = 0.0
    front_end: Path | None = None
    occlusion: bool = False

    @model_validator(mode="after")
    def _hides_something(self) -> CorruptionConfig:
        if self.occlusion and self.measured == 0:
            raise ValueError("occlusion is of the clips of measured, which is 0")
        return self


class Loss3DConfig(Section):
    """Weights of the published losses on 3D data; a loss of weight 0 is not computed.

    See `mbcli.train.losses`. The published runs use the first three.
    """

    mpjpe: NonNegative = 1.0
    n_mpjpe: NonNegative = 0.5
    velocity: NonNegative = 20.0
    limb_length: NonNegative = 0.0
    limb_variance: NonNegative = 0.0
    angle: NonNegative = 0.0
    angle_velocity: NonNegative = 0.0

    @model_validator(mode="after")
    def _any(self) -> Loss3DConfig:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError("one of the losses must have a weight above 0")
        return self


class LossConfig(Loss3DConfig):
    """Weights of the losses on 3D data, and of ``reprojection``, the published loss on 2D data."""

    reprojection: NonNegative = 1.0


class PretrainConfig(Settings):
    """Everything that determines a pretraining run."""

    places: ClassVar[tuple[str, ...]] = (
        "data.store",
        "data.poses",
        "data.videos",
        "corruption.front_end",
    )

    data: DataConfig
    clips: ClipConfig = ClipConfig()
    camera: CameraConfig = CameraConfig()
    corruption: CorruptionConfig = CorruptionConfig()
    loss: LossConfig = LossConfig()

    @model_validator(mode="after")
    def _sizes_agree(self) -> PretrainConfig:
        if self.clips.frames > self.model.maxlen:
            raise ValueError(
                f"clips.frames must not exceed model.maxlen, got {self.clips.frames} "
                f"over {self.model.maxlen}"
            )
        return self
