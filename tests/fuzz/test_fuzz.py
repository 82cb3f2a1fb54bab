"""A sample of the broken inputs: each is accepted or refused in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SAMPLE, SEED = 120, 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks and bounds are as on Linux")
def test_a_sample_of_broken_inputs(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="HDF5 files are among them")
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.fuzz", "--json", str(report)]
    command += ["--sample", str(SAMPLE), "--seed", str(SEED)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    outcomes = json.loads(report.read_text())
    broken = Counter(one["verdict"] for one in outcomes if not one["name"].endswith(" whole"))
    # What is broken is mostly noticed; what is not, is mostly a number like any other.
    assert broken.keys() == {"exit 0", "one line"}
    assert broken["one line"] > SAMPLE / 2
    assert len({one["kind"] for one in outcomes}) == 12
