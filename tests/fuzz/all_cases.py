"""Every kind of input in one list."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import (
    archives,
    data_sets,
    hdf5,
    keypoint_json,
    keypoint_text,
    options,
    pictures,
    recordings,
    stores,
    trainings,
    weights,
)
from .cases import Case, Subject, chosen

_KINDS = (
    *(archives, hdf5, keypoint_json, keypoint_text, recordings, data_sets),
    *(stores, weights, trainings, pictures),
)


def all_cases(count: int, seed: int) -> list[Case]:
    """Some ``count`` broken inputs of all kinds in proportion, and the whole ones before them."""
    subjects: list[Subject] = []
    for kind in _KINDS:
        subjects += kind.subjects()
    rest = [*trainings.cases(), *options.cases()]
    whole = [one for one in rest if one.name.endswith(" whole")]
    rest = [one for one in rest if not one.name.endswith(" whole")]
    rest = chosen(np.random.default_rng(seed), rest, count // 5)
    share = (count - len(rest)) / sum(subject.weight for subject in subjects)
    for subject in subjects:
        rest += subject.broken(max(1, round(share * subject.weight)), seed)
    # In any order, so that what a part of the run shows is true of all of it.
    mixed = chosen(np.random.default_rng(seed), rest, len(rest))
    return [*(subject.whole() for subject in subjects), *whole, *mixed]


def prepare_shared(folder: Path) -> None:
    """Write what commands need besides their inputs into the folder above all cases."""
    (folder / "tiny.safetensors").write_bytes(weights.lifter())
    pictures.write_keypoints_of(folder)
