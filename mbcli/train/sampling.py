"""Clips of equal length, drawn from the recordings of a store at any frame rate and speed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from mbcli.data.stores.store import Clip, ClipStore
from mbcli.errors import ConfigError
from mbcli.train.config import ClipConfig
from mbcli.train.draw import Draw

# Recordings are drawn with a probability that grows more slowly than their length, so that a few
# long ones do not crowd out many short ones.
_LENGTH_POWER = 0.75


def check_shares(store: ClipStore, shares: Mapping[str, float]) -> None:
    """Refuse shares of subjects that a store does not have.

    Raises:
        ConfigError: no subject's name begins with one of the texts.
    """
    for beginning in shares:
        if not any(subject.startswith(beginning) for subject in store.subjects):
            raise ConfigError(
                f"clips.shares must name subjects of the store by a prefix, got {beginning!r}"
            )


def check_subjects(store: ClipStore, subjects: Collection[str], key: str = "subjects") -> None:
    """Refuse subjects that a store does not have.

    Args:
        store: the recordings.
        subjects: the names.
        key: what the user knows the list by, for the message.

    Raises:
        ConfigError: a subject is not in the store.
    """
    unknown = sorted(set(subjects) - set(store.subjects))
    if unknown:
        raise ConfigError(
            f"{key} must name people of {store.path}, got {', '.join(unknown)} "
            f"(known: {', '.join(store.subjects) or 'nobody'})"
        )


def _weights(clips: Sequence[Clip], shares: Mapping[str, float]) -> Tensor:
    """(N,) probabilities of the recordings, up to a factor.

    Args:
        clips: the recordings.
        shares: as `mbcli.train.config.ClipConfig.shares`; of a text that no name begins with,
            the share falls to the others.
    """
    weight = torch.tensor([c.frames for c in clips]).double() ** _LENGTH_POWER  # (N,)
    rest = torch.ones(len(clips), dtype=torch.bool)
    for beginning, share in shares.items():
        chosen = torch.tensor([c.subject.startswith(beginning) for c in clips]) & rest
        rest &= ~chosen
        if chosen.any():
            weight[chosen] *= share / weight[chosen].sum()
    if rest.any():
        weight[rest] *= (1 - sum(shares.values())) / weight[rest].sum()
    return weight


def _rates(config: ClipConfig, frames: int) -> tuple[float, float]:
    """Lowest and highest frame rate of a clip of so many frames."""
    low, high = config.fps
    if config.span is None:
        return low, high
    shortest, longest = config.span
    return min(max(low, frames / longest), high), max(min(high, frames / shortest), low)


class ClipSampler:
    """Draws batches of clips from some subjects of a store.

    Args:
        store: the recordings.
        subjects: subjects whose recordings are used.
        config: clip length, frame rates and speeds.
        feet: draw recordings with toes only, and their feet too.

    Raises:
        ConfigError: a subject is not in the store, or none is left, or all shares are 0.
    """

    def __init__(
        self,
        store: ClipStore,
        subjects: Collection[str],
        config: ClipConfig,
        *,
        feet: bool = False,
    ) -> None:
        check_subjects(store, subjects)
        clips = [c for c in store.clips if c.subject in set(subjects) and c.frames > 1]
        if feet:
            clips = [c for c in clips if store.feet_of(c) is not None]
        if not clips:
            why = "no recording has toes" if feet else "the list of subjects is empty"
            raise ConfigError(f"no clips are left to train on: {why}")
        self._weight = _weights(clips, config.shares)
        if not self._weight.sum() > 0:
            raise ConfigError(f"clips.shares must leave something to draw, got {config.shares}")
        self._config = config
        self._rows = [store.rows]
        if feet and store.feet is not None:
            self._rows.append(store.feet)
        self._start = torch.tensor([c.start for c in clips])
        self._length = torch.tensor([c.frames for c in clips])
        self._fps = torch.tensor([c.fps for c in clips], dtype=torch.float64)

    def draw(self, count: int, draw: Draw, frames: int | None = None) -> tuple[Tensor, Tensor]:
        """Draw clips; if a recording is too short for one, the clip gets a higher frame rate.

        Args:
            count: number of clips B.
            draw: random numbers on the CPU.
            frames: length T; None means the configuration's.

        Returns:
            (B, T, 21, 3), or with feet (B, T, 27, 3), float32 in metres, y up, interpolated
            linearly between stored frames, and (B,) float32 frames per second at which they are
            played.
        """
        cfg = self._config
        frames = frames or cfg.frames
        which = torch.multinomial(self._weight, count, replacement=True, generator=draw.generator)
        fps = draw.log_uniform(count, limits=_rates(cfg, frames)).double()
        speed = draw.log_uniform(count, limits=cfg.speed).double()
        last = (self._length[which] - 1).double()
        step = torch.minimum(self._fps[which] * speed / fps, last / max(1, frames - 1))
        room = last - step * (frames - 1)
        first = draw.uniform(count).double() * room
        place = first[:, None] + step[:, None] * torch.arange(frames)  # (B, T)
        place = torch.minimum(place, last[:, None])
        low = place.floor().long()
        high = torch.minimum(low + 1, last[:, None].long())
        share = (place - low)[..., None, None].float()
        offset = self._start[which][:, None]
        clips = self._gather(low + offset) * (1 - share) + self._gather(high + offset) * share
        return clips, (self._fps[which] * speed / step.clamp_min(1e-6)).float()

    def _gather(self, rows: Tensor) -> Tensor:
        return torch.from_numpy(np.concatenate([r[rows.numpy()] for r in self._rows], axis=-2))
