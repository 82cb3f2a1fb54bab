"""Every kind of input in one list."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import (
    data_sets,
    keypoint_files,
    keypoint_json,
    keypoint_text,
    networks,
    options,
    pictures,
    stores,
)
from .cases import Case, Subject, chosen

_KINDS = (*(keypoint_files, keypoint_json, keypoint_text, data_sets, stores, networks, pictures),)


def all_cases(count: int, seed: int) -> list[Case]:
    """Some ``count`` broken inputs of all kinds in proportion, and the whole ones before them."""
    subjects: list[Subject] = []
    for kind in _KINDS:
        subjects += kind.subjects()
    rest = [*networks.cases(), *options.cases()]
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
    (folder / "tiny.safetensors").write_bytes(networks.lifter())
    pictures.write_keypoints_of(folder)
