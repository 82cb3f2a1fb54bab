"""A noise model of a 2D front end, fitted to real footage and sampled in training.

The error of each keypoint in a clip has a constant offset, a part that decays over some 0.1 s, and
white noise. In addition there are stretches of time in which something fails as a whole: a hidden
limb is guessed, put onto its twin or swapped with it, or not reported; a body is cut off by the
edge of the picture. Confidences are only loosely tied to all this. Lengths are fractions of the
standing height in the picture. The parameters are measured by `research.noise`, and used by
`mbcli.train.noise_sampler`; `mbcli.train.corruption` has the published noise.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from mbcli.errors import ConfigError, first_line
from mbcli.skeleton import COCO17
from mbcli.train.sections import NonNegative, Positive, Probability, Section

_Joints = Annotated[tuple[NonNegative, ...], Field(min_length=len(COCO17), max_length=len(COCO17))]
_PACKAGED = Path(__file__).parent / "front_ends"
_MOVENET = _PACKAGED / "movenet.json"


@cache
def _movenet() -> dict[str, Any]:
    return dict(json.loads(_MOVENET.read_text(encoding="utf-8")))


class NoiseModel(Section):
    """The noise parameters of one 2D front end; by default, MoveNet's.

    Attributes:
        name: name of the front end.
        offset: (17,) standard deviation of each COCO keypoint's constant offset, per clip and
            axis.
        slow: (17,) standard deviation of the decaying part.
        white: (17,) standard deviation of the white part.
        time_constant: seconds in which the slow part decays to 1/e.
        difficulty_sd: standard deviation of the logarithm of a clip's factor on all three.
        hidden: share of the clips in which a given limb is guessed for a while.
        collapsed: likewise for a limb put onto its twin.
        swapped: likewise for arms or legs with swapped sides.
        dropped: likewise for a limb that is not reported.
        cropped: share of the clips in which the picture's edge cuts the body off.
        outlier: share of single keypoints placed at random nearby.
        stretch: [shortest, longest] duration of these failures in seconds.
        confidence: median confidence of a keypoint without error.
        confidence_sd: standard deviation of its logit.
        confidence_steady: share of that variance that is constant over a clip; the rest decays
            with ``time_constant``.
        confidence_slope: decrease of the logit per error of 1 % of the height.
        unseen: (17,) standard deviation of what is added to the error of a keypoint out of sight,
            per axis. This and what follows is used where sight is drawn
            (`mbcli.train.occlusion`).
        unseen_steady: share of that variance that is constant over a clip; the rest decays with
            ``time_constant``.
        unseen_drop: decrease of the logit of such a keypoint, besides what its error takes.
        unexplained: share of ``hidden`` that happens in sight of the camera.
        furniture: share of the clips in which something hides all beyond an edge.
        passed: share of the clips in which somebody walks by before the person.
        lasting: share of the swaps that last as long as the clip.
        about: origin of the parameters.
    """

    name: str
    offset: _Joints
    slow: _Joints
    white: _Joints
    time_constant: Positive
    difficulty_sd: NonNegative
    hidden: Probability
    collapsed: Probability
    swapped: Probability
    dropped: Probability
    cropped: Probability
    outlier: Probability
    stretch: tuple[Positive, Positive]
    confidence: Probability
    confidence_sd: NonNegative
    confidence_steady: Probability
    confidence_slope: NonNegative
    unseen: _Joints
    unseen_steady: Probability
    unseen_drop: NonNegative
    unexplained: Probability
    furniture: Probability
    passed: Probability
    lasting: Probability
    about: str

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        """Complete missing parameters with those measured for MoveNet."""
        return {**_movenet(), **given} if isinstance(given, dict) else given

    @classmethod
    def read(cls, path: Path | None) -> NoiseModel:
        """Read the parameters from a JSON file of `research.noise`, or from a packaged one.

        Args:
            path: the file, or the name of a packaged front end, in any folder; None means
                MoveNet's.

        Raises:
            ConfigError: the file or name does not exist, or the parameters are not valid.
        """
        path = _MOVENET if path is None else path
        if not path.suffix and not path.exists():
            names = sorted(file.stem for file in _PACKAGED.glob("*.json"))
            if path.name not in names:
                raise ConfigError(
                    f"a front end's noise must be a JSON file or {', '.join(names)}, got {path}"
                )
            path = _PACKAGED / f"{path.name}.json"
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise ConfigError(f"no front end's noise at {path}: {error.strerror}") from error
        except (ValueError, ValidationError) as error:
            raise ConfigError(f"{path} is not a front end's noise: {first_line(error)}") from error
