"""Who does what and when: an action model applied along the tracks of a video."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import unit
from mbcli.lift.action.checkpoint import ActionInfo, load_action
from mbcli.lift.action.heads import ActionHead, ActionNet
from mbcli.lift.action.network_input import ClipForm, normalised, published_gaps, without_wild
from mbcli.lift.runtime import resolve_device
from mbcli.lift.windows import window_starts
from mbcli.skeleton import H36M17
from mbcli.spans import Spans
from mbcli.storage.actions import ActionSpan
from mbcli.timeline import runs
from mbcli.types import FloatArray, Keypoints2D
from mbcli.values import kept

# Cosines become probabilities with the temperature of the published training.
_TEMPERATURE = 0.1
# A run shorter than this share of a window is too short to be labelled.
_SHORTEST = 0.25
_LONGEST_ABSENCE = 1.0  # seconds within a run

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ActionOptions:
    """Options of action recognition.

    Attributes:
        window: seconds per window; None means as long as the training clips.
        stride: seconds from one window to the next; None means half a window.
        top: labels per window.
        pairs: also label people in pairs, if the model was trained on pairs.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        batch_size: windows per batch.
    """

    window: float | None = None
    stride: float | None = None
    top: int = 5
    pairs: bool = True
    device: str = "auto"
    batch_size: int = 8

    def __post_init__(self) -> None:
        for name, value in (("window", self.window), ("stride", self.stride)):
            if value is not None and not 0 < value < float("inf"):
                raise ConfigError(f"the action {name} must be a number of seconds, got {value}")
        for name, count in (("labels", self.top), ("batch size", self.batch_size)):
            if count < 1:
                raise ConfigError(f"the number of action {name} must be at least 1, got {count}")


class ActionNetwork:
    """An action model on a device: keypoints in, predictions out.

    Args:
        model: the model; it is moved to the device and put into evaluation mode.
        info: description of its weights.
        device: see `mbcli.lift.runtime.resolve_device`.

    Attributes:
        embeds: whether it predicts embeddings instead of logits.
        classes: names of the classes, or of the exemplars.
        clips: how clips are made.
        info: description of the weights.
    """

    def __init__(self, model: ActionNet, info: ActionInfo, device: str = "auto") -> None:
        self._device = resolve_device(device)
        self._model = model.to(self._device).eval()
        self.info = info
        self.embeds = not isinstance(model.head, ActionHead)
        self.classes: tuple[str, ...] = info.classes
        self.clips: ClipForm = info.clips
        longest = model.backbone.config.maxlen
        if self.clips.frames > longest:
            raise WeightsError(
                f"{info.path} needs clips of {self.clips.frames} frames, but its backbone takes at "
                f"most {longest}"
            )

    @classmethod
    def load(
        cls, path: Path, *, device: str = "auto", foreign_classes: Sequence[str] = ()
    ) -> ActionNetwork:
        """Load from a file; see `mbcli.lift.action.checkpoint.load_action`."""
        model, info = load_action(path, foreign_classes=foreign_classes)
        return cls(model, info, device)

    def __call__(
        self, clips: Sequence[FloatArray], sizes: Sequence[tuple[int, int]]
    ) -> npt.NDArray[np.float32]:
        """Predict classes or embeddings of clips.

        Args:
            clips: B clips (T, M, 17, 3) of pixels and confidence, with T and M of :attr:`clips`.
            sizes: B (width, height) pairs of the pictures in pixels.

        Returns:
            (B, C) logits, or (B, H) embeddings.
        """
        cleaned = [without_wild(clip) for clip in clips]
        if self.clips.published:
            cleaned = [published_gaps(c, s) for c, s in zip(cleaned, sizes, strict=True)]
        with torch.inference_mode():
            points = torch.from_numpy(np.stack(cleaned).astype(np.float32)).to(self._device)
            x = normalised(points, self.clips.margin, published=self.clips.published)
            predictions = self._model(x)  # (B, C)
        return predictions.float().cpu().numpy()

    def probabilities(self, predictions: FloatArray) -> FloatArray:
        """(B, C) probabilities of predictions; embeddings are compared with the exemplars.

        Raises:
            WeightsError: the weights embed, but hold no exemplars.
        """
        logits = np.asarray(predictions, dtype=np.float64)
        if self.embeds:
            if self.info.exemplars is None:
                raise WeightsError(
                    f"{self.info.path} embeds actions but holds no exemplars to compare with"
                )
            exemplars = self.info.exemplars.double().numpy()
            exemplars = unit(exemplars)
            logits = logits @ exemplars.T / _TEMPERATURE
        power = np.exp(logits - logits.max(axis=1, keepdims=True))
        return power / power.sum(axis=1, keepdims=True)


class ActionRecogniser:
    """Labels the people of a video.

    Each person's track is cut into runs without absences of more than a second, and each run into
    windows; every window is one clip. A model of two people also sees each person together with
    the nearest other person.

    Args:
        network: the model.
        options: options of action recognition.

    Attributes:
        skeleton: the skeleton of the keypoints it takes.

    Raises:
        ConfigError: the stride is longer than the window.
        WeightsError: the weights embed, but hold no exemplars.
    """

    def __init__(self, network: ActionNetwork, options: ActionOptions | None = None) -> None:
        self.network = network
        self.skeleton = H36M17  # of all weights for actions
        self.options = ActionOptions() if options is None else options
        self.window = self.options.window or network.clips.seconds
        self.stride = self.options.stride or self.window / 2
        if self.stride > self.window:
            raise ConfigError(
                f"the action stride must not exceed the window, got {self.stride:g} s over "
                f"{self.window:g} s"
            )
        if network.embeds and network.info.exemplars is None:
            raise WeightsError(f"{network.info.path} embeds actions, but holds no exemplars")

    @classmethod
    def load(
        cls,
        path: Path,
        options: ActionOptions | None = None,
        *,
        foreign_classes: Sequence[str] = (),
    ) -> ActionRecogniser:
        """Load from a file; see `mbcli.lift.action.checkpoint.load_action`."""
        device = ActionOptions().device if options is None else options.device
        network = ActionNetwork.load(path, device=device, foreign_classes=foreign_classes)
        return cls(network, options)

    def recognise(
        self, keypoints: Keypoints2D, progress: Progress | None = None
    ) -> list[ActionSpan]:
        """Label everybody.

        Args:
            keypoints: tracks in :attr:`skeleton`.
            progress: receives (windows done, windows in all).

        Returns:
            Spans sorted by start. They overlap by a window minus a stride.

        Raises:
            ValueError: keypoints of another skeleton.
        """
        if keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"action recognition takes {self.skeleton.name} keypoints, "
                f"got {keypoints.skeleton.name}"
            )
        windows = list(self._windows(keypoints))
        spans = []
        for first in range(0, len(windows), self.options.batch_size):
            batch = windows[first : first + self.options.batch_size]
            clips = [self._clip(keypoints, people, rows) for people, rows in batch]
            predictions = self.network(clips, [keypoints.size] * len(clips))
            for (people, rows), chances in zip(
                batch, self.network.probabilities(predictions), strict=True
            ):
                spans.append(self._span(keypoints, people, rows, chances))
            if progress is not None:
                progress(first + len(batch), len(windows))
        return sorted(spans, key=lambda span: (span.start, span.track_ids))

    def _windows(self, keypoints: Keypoints2D) -> Iterator[tuple[tuple[int, ...], range]]:
        """Each person and each pair, with the rows of each of their windows."""
        there, spans = keypoints.there, keypoints.spans
        length = max(1, round(self.window * keypoints.fps))
        away = round(_LONGEST_ABSENCE * keypoints.fps)
        groups: list[tuple[int, ...]] = [(who,) for who in range(len(keypoints.track_ids))]
        if self.options.pairs and self.network.clips.people > 1:
            groups += _pairs(keypoints)
        for people in groups:
            together = _together(spans, people)
            present = np.all([there[who][_within(spans, who, together)] for who in people], axis=0)
            for first, last in runs(present, away):
                start, stop = first + together.start, last + together.start
                if stop - start < _SHORTEST * length:
                    continue
                covered = min(length, stop - start)
                overlap = 1 - self.stride / self.window
                for offset in window_starts(stop - start, covered, overlap):
                    yield people, range(start + offset, start + offset + covered)

    def _clip(self, keypoints: Keypoints2D, people: tuple[int, ...], rows: range) -> FloatArray:
        form = self.network.clips
        chosen = rows.start + np.arange(form.frames) * len(rows) // form.frames
        clip = np.full((form.frames, form.people, len(self.skeleton), 3), np.nan, dtype=np.float32)
        clip[..., 2] = 0
        points = kept(keypoints, "data")
        for place, who in enumerate(people):
            clip[:, place] = points[who][chosen - points.spans.first[who]]
        return clip

    def _span(
        self, keypoints: Keypoints2D, people: tuple[int, ...], rows: range, chances: FloatArray
    ) -> ActionSpan:
        best = np.argsort(-chances, kind="stable")[: self.options.top]
        return ActionSpan(
            start=float(keypoints.timestamps[rows.start]),
            end=float(keypoints.timestamps[rows.stop - 1] + 1 / keypoints.fps),
            frames=(rows.start, rows.stop),
            track_ids=tuple(int(keypoints.track_ids[who]) for who in people),
            labels=tuple((self.network.classes[i], float(chances[i])) for i in best),
        )


def _pairs(keypoints: Keypoints2D) -> list[tuple[int, ...]]:
    """Each person paired with the nearest other one, over the frames that show both."""
    spans = keypoints.spans
    points = kept(keypoints, "data")
    places = [_places(points[who]) for who in range(len(spans))]
    distance: dict[tuple[int, int], float] = {}
    for a in range(len(spans)):
        for b in spans.people_in(spans.frames_of(a)).tolist():
            if b <= a:
                continue
            both = _together(spans, (a, b))
            one, other = (places[who][_within(spans, who, both)] for who in (a, b))
            apart = np.linalg.norm(one - other, axis=-1)
            if np.isfinite(apart).any():
                distance[a, b] = float(np.nanmedian(apart))
    chosen = {
        min((pair for pair in distance if who in pair), key=distance.__getitem__)
        for who in {who for pair in distance for who in pair}
    }
    return sorted(chosen)


def _together(spans: Spans, people: Sequence[int]) -> slice:
    """The frames that are in the spans of all of some people; none if they never meet."""
    start = max(int(spans.first[who]) for who in people)
    return slice(start, max(start, min(int(spans.stop[who]) for who in people)))


def _within(spans: Spans, who: int, frames: slice) -> slice:
    """Frames of the clip, counted from a person's first."""
    first = int(spans.first[who])
    return slice(frames.start - first, frames.stop - first)


def _places(points: FloatArray) -> FloatArray:
    """(t, 2) centre of a person's keypoints (t, J, 3), NaN where absent."""
    seen = points[..., 2:] > 0  # (t, 17, 1)
    total = np.where(seen, points[..., :2], 0.0).sum(axis=1)
    count = seen.sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
