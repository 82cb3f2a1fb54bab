"""Expected errors on their way through files and refinement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.motion import Motion3D, load_motion
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

WRIST = H36M17.index("left_wrist")


def with_errors(motion: Motion3D) -> Motion3D:
    """Add an expected error that differs between joints and frames."""
    errors = np.linspace(0.02, 0.2, motion.confidence.size).reshape(motion.confidence.shape)
    errors[~motion.present] = np.nan
    return replace(motion, expected_error=errors)


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    motion = with_errors(hidden(walking(12, people=2), slice(3, 5)))
    motion.save(tmp_path / "a.npz")
    found = load_motion(tmp_path / "a.npz").expected_error
    assert found is not None
    assert found.dtype == np.float32
    assert motion.expected_error is not None
    assert np.array_equal(found, motion.expected_error, equal_nan=True)


def test_a_motion_without_has_none_after_loading(tmp_path: Path) -> None:
    walking(5).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert "expected_error" not in file.files
    assert load_motion(tmp_path / "a.npz").expected_error is None


@pytest.mark.parametrize("wrong", [np.full((5, 1, 17), -0.1), np.ones((5, 17)), np.inf])
def test_what_is_no_length_for_each_joint_is_refused(wrong: np.ndarray) -> None:
    errors = np.full((5, 1, 17), wrong) if np.ndim(wrong) == 0 else wrong
    with pytest.raises(ValueError, match="expected_error"):
        replace(walking(5), expected_error=errors)


def test_what_refinement_filled_is_not_known(tmp_path: Path) -> None:
    truth = walking(60)
    positions = truth.positions.copy()
    positions[20, 0, WRIST] += [0.7, 0, 0]
    confidence = truth.confidence.copy()
    confidence[20, 0, WRIST] = 0.0
    broken = replace(truth, positions=positions, confidence=confidence)
    motion = with_errors(hidden(broken, slice(30, 34)))
    result = refine(motion, RefineOptions(outliers=True, max_gap=0.3, filter="butterworth"))
    assert result.expected_error is not None
    unknown = np.isnan(result.expected_error[:, 0])
    assert unknown[30:34].all()
    assert unknown[20, WRIST]
    assert unknown.sum() == 4 * 17 + 1
    known = ~unknown
    assert motion.expected_error is not None
    assert np.array_equal(result.expected_error[:, 0][known], motion.expected_error[:, 0][known])
    # Once more, from the file, with less to do.
    result.save(tmp_path / "a.npz")
    again = refine(load_motion(tmp_path / "a.npz"), RefineOptions(filter="savgol"))
    assert again.expected_error is not None
    assert np.array_equal(again.expected_error, motion.expected_error, equal_nan=True)


def test_refinement_of_a_motion_without() -> None:
    result = refine(walking(30), RefineOptions(outliers=True, max_gap=0.3))
    assert result.expected_error is None
