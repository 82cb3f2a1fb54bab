"""A noise model of a 2D front end, fitted to real footage and sampled in training.

The error of each keypoint in a clip has a constant offset, a part that decays over some 0.1 s, and
white noise. In addition there are stretches of time in which something fails as a whole: a hidden
limb is guessed, put onto its twin or swapped with it, or not reported; a body is cut off by the
edge of the picture. Confidences are only loosely tied to all this. Lengths are fractions of the
standing height in the picture. The parameters are measured by `research.noise`.
`mbcli.train.corruption` has the published noise.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, ValidationError, model_validator
from torch import Tensor

from mbcli.conversion import conversion_table
from mbcli.errors import ConfigError, first_line
from mbcli.skeleton import COCO17, H36M17
from mbcli.train.draw import Draw
from mbcli.train.sections import NonNegative, Positive, Probability, Section

_Joints = Annotated[tuple[NonNegative, ...], Field(min_length=len(COCO17), max_length=len(COCO17))]
_LIMBS = (
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
)
_PACKAGED = Path(__file__).parent / "front_ends"
_MOVENET = _PACKAGED / "movenet.json"
_GUESS = 0.10  # of the height: distance of a guessed limb from its true position
_OUTLIER = 0.25  # of the height, per axis: anywhere on the body or beside it


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


class NoiseSampler:
    """Samples the keypoints that a front end would report.

    Args:
        model: noise parameters of the front end.
        device: the device of all tensors.
    """

    def __init__(self, model: NoiseModel, device: torch.device) -> None:
        self.model = model
        at = COCO17.index

        def row(values: tuple[float, ...]) -> Tensor:
            return torch.tensor(values, device=device)[:, None]  # (17, 1)

        self._offset, self._slow, self._white = map(row, (model.offset, model.slow, model.white))
        limbs = torch.zeros(len(_LIMBS), len(COCO17), device=device)
        for number, names in enumerate(_LIMBS):
            limbs[number, [at(name) for name in names]] = 1
        self._limbs = limbs  # (4, 17)
        pairs = [
            [f"{side}_{part}" for part in parts for side in ("left", "right")]
            for parts in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
        ]
        halves = torch.zeros(len(pairs), len(COCO17), device=device)
        for number, both in enumerate(pairs):
            halves[number, [at(name) for name in both]] = 1
        self._halves = halves  # (2, 17)
        self._mirror = torch.tensor(COCO17.mirror, device=device)
        sources = torch.zeros(len(H36M17), len(COCO17), device=device)
        for target, share in enumerate(conversion_table(COCO17, H36M17)):
            sources[target, list(share)] = 1
        self._sources = sources.bool()  # (17, 17)

    def report(self, xy: Tensor, height: Tensor, fps: Tensor, draw: Draw) -> Tensor:
        """Sample the keypoints reported for true COCO keypoints.

        Args:
            xy: (B, T, 17, 2) true positions, in any unit.
            height: (B, T) standing height in that unit.
            fps: (B,) frames per second.
            draw: random numbers on the same device.

        Returns:
            (B, T, 17, 3): x, y and confidence 0..1, 0 where nothing is reported.
        """
        n = self.model
        batch, frames, joints, _ = xy.shape
        size = height[..., None, None]  # (B, T, 1, 1)
        difficulty = (n.difficulty_sd * draw.normal(batch, 1, 1, 1)).exp()  # (B, 1, 1, 1)
        error = self._offset * draw.normal(batch, 1, joints, 2)  # (B, 1, J, 2)
        slow = self._decaying(batch, frames, joints * 2, fps, draw)  # (B, T, 2J)
        error = error + self._slow * slow.view(batch, frames, joints, 2)
        error = error + self._white * draw.normal(batch, frames, joints, 2)
        error = difficulty * error  # (B, T, J, 2)

        swapped = self._times(self._halves, n.swapped, frames, fps, draw)  # (B, T, J)
        collapsed = self._times(self._limbs, n.collapsed, frames, fps, draw)
        hidden = self._times(self._limbs, n.hidden, frames, fps, draw)
        dropped = self._times(self._limbs, n.dropped, frames, fps, draw)
        guess = _GUESS * draw.normal(batch, 1, joints, 2)  # (B, 1, J, 2)
        error = error + hidden[..., None] * guess
        wild = draw.chance(batch, frames, joints, probability=n.outlier)  # (B, T, J)
        error = error + wild[..., None] * _OUTLIER * draw.normal(batch, frames, joints, 2)
        twin = swapped | collapsed
        placed = torch.where(twin[..., None], xy[:, :, self._mirror], xy)  # (B, T, J, 2)
        reported = placed + size * error  # (B, T, J, 2)

        logit = torch.logit(torch.tensor(n.confidence)).item()
        bad = (error.norm(dim=-1) * 100).clamp_max(12)  # per cent of the height
        steady = n.confidence_steady**0.5 * draw.normal(batch, 1, joints)  # (B, 1, J)
        passing = (1 - n.confidence_steady) ** 0.5 * self._decaying(
            batch, frames, joints, fps, draw
        )  # (B, T, J)
        score = logit + n.confidence_sd * (steady + passing)
        score = score - n.confidence_slope * bad - (collapsed | swapped).float()  # (B, T, J)
        confidence = score.sigmoid()
        confidence = confidence * ~(dropped | self._cut_off(xy, draw))
        return torch.cat([reported, confidence[..., None]], dim=-1)  # (B, T, J, 3)

    def of_h36m(self, confidence: Tensor) -> Tensor:
        """(..., 17) H36M-17 confidences from COCO's: the minimum over a joint's sources."""
        spread = torch.where(self._sources, confidence[..., None, :], confidence.new_tensor(1.0))
        return spread.amin(dim=-1)

    def _decaying(self, batch: int, frames: int, count: int, fps: Tensor, draw: Draw) -> Tensor:
        """(B, T, N) unit noise whose autocorrelation is exp(-t / time constant)."""
        keep = torch.exp(-1 / (fps * self.model.time_constant))  # (B,)
        times = torch.arange(frames, device=fps.device)
        apart = (times[:, None] - times).clamp_min(0)  # (T, T)
        kernel = keep[:, None, None] ** apart * (times[:, None] >= times)  # (B, T, T)
        new = torch.sqrt(1 - keep**2)[:, None, None] * (times > 0)  # (B, 1, T)
        weight = kernel * torch.where(times > 0, new, torch.ones_like(new))  # (B, T, T)
        return weight @ draw.normal(batch, frames, count)  # (B, T, N)

    def _times(
        self, parts: Tensor, probability: float, frames: int, fps: Tensor, draw: Draw
    ) -> Tensor:
        """(B, T, J) whether a joint's part is within its failure, if it has one."""
        batch, count = len(fps), len(parts)
        length = draw.log_uniform(batch, count, limits=self.model.stretch) * fps[:, None]
        start = draw.uniform(batch, count) * (frames + length) - length  # (B, N)
        start = torch.where(
            draw.chance(batch, count, probability=probability), start, start.new_tensor(1e9)
        )
        times = torch.arange(frames, device=fps.device)[:, None]  # (T, 1)
        within = (times >= start[:, None]) & (times < (start + length)[:, None])  # (B, T, N)
        return (within.float() @ parts) > 0  # (B, T, J)

    def _cut_off(self, xy: Tensor, draw: Draw) -> Tensor:
        """(B, T, J) keypoints beyond an edge of the picture that cuts the body."""
        batch = len(xy)
        # Mostly the lower edge, sometimes a side: rows are outward directions.
        edges = xy.new_tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
        which = (draw.uniform(batch) * len(edges)).long().clamp_max(len(edges) - 1)
        outward = torch.einsum("btjc,bc->btj", xy, edges[which])  # (B, T, J)
        low, high = outward.amin(dim=(1, 2)), outward.amax(dim=(1, 2))  # (B,)
        edge = low + (high - low) * draw.uniform(batch, low=0.35, high=0.95)
        cut = draw.chance(batch, probability=self.model.cropped)
        return (outward > edge[:, None, None]) & cut[:, None, None]
