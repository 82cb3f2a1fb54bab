"""Evaluation protocols for lifters, on sequence stores with ground truth.

Both protocols convert a lifter's predictions from pixels to millimetres by the ``factor`` of each
frame, and compare them with ``truth``, both relative to the pelvis. Stores hold the joints of
H36M-17: a lifter with more joints receives only those, and is evaluated on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from collections.abc import Sequence as SequenceOf
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from mbcli.conversion import convert
from mbcli.data.stores.sequences import Sequence, SequenceStore
from mbcli.errors import DataError
from mbcli.evaluate.figures import Evaluation, Tally
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray, Keypoints2D

if TYPE_CHECKING:
    from mbcli.lift.lifter import Lifter

Input = Literal["detected", "projected"]
Progress = Callable[[int, int], None]

# Videos of Human3.6M whose ground truth drifts away from the pictures, by their names in the
# published pickle: subject 9, Greeting, SittingDown and Waiting, all cameras.
BLOCKED = ("s_09_act_05_subact_02", "s_09_act_10_subact_02", "s_09_act_13_subact_01")
_CAMERA = re.compile(r"_cam?_\d+(#\d+)?$")

# Used if the data lack the size of the pictures and the lifter does not need it.
_ANY_SIZE = (1000, 1000)


class Measurement(Protocol):
    """A protocol."""

    def __call__(
        self,
        stores: Iterable[SequenceStore],
        lifter: Lifter,
        *,
        splits: SequenceOf[str],
        source: Input,
        progress: Progress | None = None,
    ) -> Evaluation:
        """Evaluate a lifter.

        Args:
            stores: stores with truth and factor.
            lifter: the lifter to evaluate.
            splits: the splits to use.
            source: its input keypoints: ``detected``, those of the store, or ``projected``, the
                projections of the true joints with confidence 1, which then also replace its
                prediction in x and y (published as ``gt_2d``).
            progress: receives (frames done, total frames).

        Raises:
            DataError: a store lacks an array, or nothing is left to compare.
        """


def h36m(
    stores: Iterable[SequenceStore],
    lifter: Lifter,
    *,
    splits: SequenceOf[str] = ("test",),
    source: Input = "detected",
    progress: Progress | None = None,
    most: int | None = None,
) -> Evaluation:
    """MotionBERT's evaluation on Human3.6M (Zhu et al. 2023, section 4.2); see `Measurement`.

    Clips have the length of the lifter's window and do not overlap. Frames after a sequence's last
    complete clip are not compared; a sequence shorter than a clip is one shorter clip. The three
    blocked videos are excluded. Figures are averaged over the frames of each action, and then over
    actions.

    Args:
        stores: see `Measurement`.
        lifter: the published one uses the ``image`` as its window and averages with the mirrored
            clip.
        splits: see `Measurement`.
        source: see `Measurement`.
        progress: see `Measurement`.
        most: maximum number of clips, chosen evenly.
    """
    sequences = measurable(stores, splits, source)
    left_out = tuple(s.name for _, s in sequences if _CAMERA.sub("", s.name) in BLOCKED)
    clips = [
        (store, sequence, start, min(start + lifter.window, sequence.frames))
        for store, sequence in sequences
        if sequence.name not in left_out
        for start in range(0, max(1, sequence.frames - lifter.window + 1), lifter.window)
    ]
    if most is not None and len(clips) > most:
        clips = [clips[i] for i in np.linspace(0, len(clips) - 1, most).round().astype(int)]
    total, done = sum(stop - start for *_, start, stop in clips), 0
    tally, stored = Tally(), _stored(lifter)
    for (store, sequence), group in groupby(clips, key=lambda clip: clip[:2]):
        windows = [slice(start, stop) for *_, start, stop in group]
        keypoints = _keypoints(store, sequence, source, lifter)
        size = _size(sequence, lifter)
        for first in range(0, len(windows), lifter.batch_size):
            batch = windows[first : first + lifter.batch_size]
            poses = lifter.lift_windows([keypoints[window] for window in batch], size)
            for window, pose in zip(batch, poses, strict=True):
                _compare(tally, store, sequence, window, pose[:, stored], source)
                done += len(pose)
            if progress is not None:
                progress(done, total)
    _some(tally)
    return Evaluation(
        protocol="h36m",
        mean="actions",
        overall=tally.over_actions(),
        actions=tally.actions(),
        sequences=len({(clip[0].path, clip[1].name) for clip in clips}),
        left_out=left_out,
        missed=tally.missed,
        settings={**_settings(lifter, splits, source), "clips": len(clips)},
    )


def plain(
    stores: Iterable[SequenceStore],
    lifter: Lifter,
    *,
    splits: SequenceOf[str] = ("test",),
    source: Input = "detected",
    progress: Progress | None = None,
) -> Evaluation:
    """Every frame of every sequence, lifted like a video; see `Measurement`.

    Windows overlap and are blended. All frames have equal weight.
    """
    sequences = measurable(stores, splits, source)
    total, done = sum(sequence.frames for _, sequence in sequences), 0
    tally, stored = Tally(), _stored(lifter)
    for store, sequence in sequences:
        size = _size(sequence, lifter)
        keypoints = _keypoints(store, sequence, source, lifter)
        track = _track(keypoints, lifter.skeleton, sequence, size)
        units = lifter.lift(track)[:, 0, stored]
        half = min(size) / 2
        pixels = units * half + np.array([size[0] / 2, size[1] / 2, 0.0])
        _compare(tally, store, sequence, slice(0, sequence.frames), pixels, source)
        done += sequence.frames
        if progress is not None:
            progress(done, total)
    _some(tally)
    return Evaluation(
        protocol="plain",
        mean="frames",
        overall=tally.over_frames(),
        actions=tally.actions(),
        sequences=len(sequences),
        missed=tally.missed,
        settings=_settings(lifter, splits, source),
    )


PROTOCOLS: dict[str, Measurement] = {"h36m": h36m, "plain": plain}


def measurable(
    stores: Iterable[SequenceStore], splits: SequenceOf[str], source: Input
) -> list[tuple[SequenceStore, Sequence]]:
    """The sequences of some splits, with their stores.

    Args:
        stores: see `Measurement`.
        splits: see `Measurement`.
        source: see `Measurement`.

    Raises:
        DataError: a store lacks an array, or no sequence belongs to those splits.
    """
    stores = list(stores)
    needs = ("truth", "factor", *(["target"] if source == "projected" else []))
    for store in stores:
        lacking = [name for name in needs if not store.has(name)]
        if lacking:
            raise DataError(
                f"{store.path} must hold {' and '.join(needs)} to evaluate on, got no {lacking[0]}"
            )
    chosen = [(st, se) for st in stores for se in st.sequences if se.split in splits]
    if not chosen:
        there = sorted({se.split or "(none)" for st in stores for se in st.sequences})
        raise DataError(
            f"no sequence of {', '.join(str(st.path) for st in stores)} is of the split "
            f"{' or '.join(split or '(none)' for split in splits)}; "
            f"there are {', '.join(there) or 'no sequences'}"
        )
    return chosen


def _size(sequence: Sequence, lifter: Lifter) -> tuple[int, int]:
    if sequence.size != (0, 0):
        return sequence.size
    if lifter.whole_picture:
        raise DataError(
            f"sequence {sequence.name} must have the size of its pictures: these weights use the "
            "whole picture"
        )
    return _ANY_SIZE


def _stored(lifter: Lifter) -> list[int]:
    """Indices of the stores' joints in a lifter's skeleton."""
    return [lifter.skeleton.index(joint) for joint in H36M17.joints]


def _keypoints(
    store: SequenceStore, sequence: Sequence, source: Input, lifter: Lifter
) -> FloatArray:
    """(F, J, 3) the first person's keypoints, or the true projections, in the lifter's skeleton."""
    if source == "detected":
        found: FloatArray = store.array("keypoints", sequence)[:, 0]
    else:
        xy = store.array("target", sequence)[..., :2]
        known = np.isfinite(xy).all(axis=-1, keepdims=True)
        found = np.concatenate([np.where(known, xy, np.nan), known], axis=-1, dtype=np.float32)
    return convert(found, H36M17, lifter.skeleton, partial=True)


def _track(
    keypoints: FloatArray, skeleton: Skeleton, sequence: Sequence, size: tuple[int, int]
) -> Keypoints2D:
    frames = np.arange(sequence.frames)
    return Keypoints2D(
        data=keypoints[:, None],
        skeleton=skeleton,
        fps=sequence.fps,
        timestamps=frames / sequence.fps,
        size=size,
        track_ids=np.zeros(1, np.int64),
        boxes=np.full((len(frames), 1, 4), np.nan, np.float32),
        frame_index=frames,
    )


def _compare(
    tally: Tally,
    store: SequenceStore,
    sequence: Sequence,
    window: slice,
    pixels: FloatArray,
    source: Input,
) -> None:
    factor = store.array("factor", sequence)[window, None, None]
    truth = store.array("truth", sequence)[window]
    if source == "projected":
        pixels = np.array(pixels)
        pixels[..., :2] += store.array("target", sequence)[window, :, :2] - pixels[..., :2]
    tally.add(pixels * factor, np.where(np.isnan(factor), np.nan, truth), sequence.action)


def _some(tally: Tally) -> None:
    if not tally.frames:
        raise DataError(
            "nothing to compare: no frame has ground truth, a factor and a predicted pose "
            f"({tally.missed} frames with ground truth have no prediction)"
        )


def _settings(lifter: Lifter, splits: SequenceOf[str], source: Input) -> dict[str, Any]:
    return {
        "splits": list(splits),
        "input": source,
        "window": "image" if lifter.whole_picture else "crop",
        "root": "relative" if lifter.root_relative else "predicted",
        "frames": lifter.window,
        "flip": lifter.options.flip,
    }
