"""The examples do what they say: they are run, on the first second of the clip beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mbcli

EXAMPLES = Path(__file__).parents[2] / "examples"
RESULTS = ("pose.npz", "refined.npz", "side.mp4", "walk_1.bvh", "walk_2.bvh", "angles.png")


def check_results(folder: Path, further: tuple[str, ...]) -> None:
    for name in (*RESULTS, *further):
        assert (folder / name).stat().st_size > 1000, name
    raw, refined = mbcli.load(folder / "pose.npz"), mbcli.load(folder / "refined.npz")
    assert raw.positions.shape == (30, 2, 17, 3)
    assert refined.refinement is not None
    np.testing.assert_array_equal(refined.refinement.positions, raw.positions)


@pytest.mark.slow
def test_the_script_runs(tmp_path: Path) -> None:
    script = EXAMPLES / "quickstart.py"
    words = [str(EXAMPLES / "walk.mp4"), str(tmp_path / "out"), "--end", "1"]
    done = subprocess.run(
        [sys.executable, str(script), *words], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "30 frames at 30 per second, 2 people" in done.stdout
    check_results(tmp_path / "out", ("page.html", "walk.csv"))


def test_the_script_says_how_it_is_used() -> None:
    command = [sys.executable, str(EXAMPLES / "quickstart.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--end" in done.stdout


def test_the_notebook_is_sound() -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.slow
# What Jupyter's libraries say about each other and about event loops is none of ours.
@pytest.mark.filterwarnings("default")
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    first = notebook.cells[1]
    assert "END = None" in first.source
    first.source = first.source.replace("END = None", "END = 1.0")
    shutil.copy(EXAMPLES / "walk.mp4", tmp_path)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    check_results(tmp_path / "quickstart", ("sheet.png",))
    shown = [
        kind
        for cell in notebook.cells
        for out in cell.get("outputs", ())
        for kind in out.get("data", ())
    ]
    assert shown.count("image/png") == 2
    assert not [
        out
        for cell in notebook.cells
        for out in cell.get("outputs", ())
        if out.output_type == "error"
    ]
