"""What a user can choose about an inference, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mbcli.errors import ConfigError
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.refine.metric import camera_from, check_height

DEFAULT_LIFTER = "mbcli-lifter"


@dataclass(frozen=True)
class InferOptions:
    """How to get from a video to 3D motion.

    Attributes:
        start: seconds of the source at which to begin; its beginning if None.
        end: seconds at which to stop; its end if None.
        every: take every n-th frame.
        person: ``all``, ``largest`` or a track id.
        height: standing height of the people in metres; 1.70 is assumed if None.
        focal: focal length in pixels; from ``fov`` if None.
        fov: field of view in degrees across the picture's longer side; 55 is assumed if None.
        pose2d: 2D front end, a key of ``mbcli.pose2d.BACKENDS``.
        min_score: 0..1, how sure the front end must be to take up a new person; its own
            threshold if None.
        weights: name or path of the lifter's weights.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``, for lifting.
        precision: ``float32``, ``bfloat16`` or ``float16``, for lifting.
        flip: average the lifting with that of the mirror image.
        compat: ``motionbert`` for the published inference, defects included.

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
    pose2d: str = "movenet"
    min_score: float | None = None
    weights: str = DEFAULT_LIFTER
    device: str = "auto"
    precision: str = "float32"
    flip: bool = True
    compat: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"all|largest|\d+", self.person):
            raise ConfigError(f"--person must be all, largest or a track id, got {self.person!r}")
        if self.height is not None:
            check_height(self.height)
        camera_from((1, 1), self.focal, self.fov)
        if self.pose2d not in BACKENDS:
            raise ConfigError(f"--pose2d must be {', '.join(BACKENDS)}, got {self.pose2d!r}")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise ConfigError(f"--min-score must lie between 0 and 1, got {self.min_score:g}")

    @property
    def pose2d_options(self) -> Pose2DOptions:
        """The part of the options that the 2D front end gets."""
        if self.min_score is None:
            return Pose2DOptions()
        return Pose2DOptions(person_threshold=self.min_score)
