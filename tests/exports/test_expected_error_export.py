"""Where exported files say how far off joints are likely to be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import c3d
import numpy as np
import pandas as pd
import pytest
from motions import hidden, walking

from mbcli.exports.export import export
from mbcli.exports.json_file import SCHEMA
from mbcli.exports.options import ExportOptions
from mbcli.exports.resampling import resampled
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

ANKLE = H36M17.index("right_ankle")


@pytest.fixture
def motion() -> Motion3D:
    """Two people, the second one away for four frames; one joint whose error is not known."""
    whole = hidden(walking(20, people=2), slice(5, 9), person=1)
    errors = np.tile(np.linspace(0.0, 0.4, 17), (20, 2, 1))
    errors[~whole.present] = np.nan
    errors[2, 0, ANKLE] = np.nan
    return replace(whole, expected_error=errors)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(("shape", "scale"), [("wide", 1.0), ("long", 100.0)])
def test_tables(motion: Motion3D, tmp_path: Path, kind: str, shape: str, scale: float) -> None:
    path = tmp_path / f"a.{kind}"
    export(motion, path, ExportOptions(shape=shape, scale=scale))  # type: ignore[arg-type]
    found = pd.read_csv(path) if kind == "csv" else pd.read_parquet(path)
    assert motion.expected_error is not None
    if shape == "wide":
        wanted = motion.expected_error[:, :, ANKLE].ravel() * scale
        assert found.shape == (40, 3 + 17 * 5)
        np.testing.assert_allclose(found["right_ankle_expected_error"], wanted, rtol=1e-5)
    else:
        assert list(found.columns[-2:]) == ["confidence", "expected_error"]
        wanted = motion.expected_error.ravel() * scale
        np.testing.assert_allclose(found["expected_error"], wanted, rtol=1e-5)


def test_json(motion: Motion3D, tmp_path: Path) -> None:
    export(motion, tmp_path / "a.json", ExportOptions())
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    frames = document["people"][0]["frames"]
    assert frames[0]["expected_error"] == pytest.approx(np.linspace(0, 0.4, 17), abs=1e-5)
    assert frames[2]["expected_error"][ANKLE] is None
    assert document["people"][1]["frames"][6]["expected_error"] == [None] * 17
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(
        document
    )


def test_c3d(motion: Motion3D, tmp_path: Path) -> None:
    (path,) = export(motion, tmp_path / "a.c3d", ExportOptions(person="2"))
    with path.open("rb") as stream:
        reader = c3d.Reader(stream)
        frames = [(points, analog) for _, points, analog in reader.read_frames()]
        labels = [label.strip() for label in reader.analog_labels]
    residuals = np.array([points[:, 3] for points, _ in frames])
    analog = np.array([values[:, 0] for _, values in frames])
    assert (residuals[5:9] == -1).all()
    assert (residuals[0] == np.minimum(np.rint(np.linspace(0, 400, 17)), 255)).all()
    at = labels.index("right_ankle_expected_error")
    assert analog[0, at] == pytest.approx(np.linspace(0, 0.4, 17)[ANKLE], abs=1e-6)
    assert analog[6, at] == 0
    assert labels[0] == "pelvis_confidence"


def test_another_rate(motion: Motion3D) -> None:
    errors = resampled(motion, 60).expected_error
    assert errors is not None
    np.testing.assert_allclose(errors[0, 0], np.linspace(0, 0.4, 17), atol=1e-6)
    assert np.isnan(errors[9:18, 1]).all()
    assert np.isnan(errors[4, 0, ANKLE])
    assert np.isfinite(errors[8:, 0]).all()
