from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mbcli.cli import train
from mbcli.cli.app import app
from mbcli.lift.checkpoint import load_lifter
from mbcli.train.state import BEST


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["pretrain", *map(str, words)])


def test_plain_lines_report_progress(make_config, tmp_path) -> None:
    result = run(make_config())
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == ["2", "4"]
    for word in ("loss", "velocity", "clips/s", "data wait", "left", "held out noisy/p_mpjpe"):
        assert word in lines[-1]
    assert result.stderr.splitlines()[-1] == f"weights: {tmp_path / 'run' / BEST}"


def test_json_is_one_object_and_quiet_is_quiet(make_config, tmp_path) -> None:
    result = run(make_config(), "--json", "--quiet")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["weights"] == str(tmp_path / "run" / BEST)
    assert document["validation"]["noisy/p_mpjpe"] > 0
    assert "step" not in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.yaml"], "none.yaml"),
        (["CONFIG", "--set", "loss.velocit=1"], "did you mean velocity"),
        (["CONFIG", "--set", "data.store=nowhere"], "nowhere"),
        (["CONFIG", "--resume"], "nothing to resume"),
    ],
)
def test_mistakes_are_one_line(make_config, words, said) -> None:
    config = str(make_config())
    result = run(*(config if word == "CONFIG" else word for word in words))
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line


def test_missing_packages_are_named_with_the_command(make_config, monkeypatch) -> None:
    monkeypatch.setattr(train, "_EXTRA", ("yaml", "no_such_package"))
    result = run(make_config())
    assert result.exit_code == 1
    assert "no_such_package" in result.stderr
    assert "pip install 'mbcli[train]'" in result.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX process start")
def test_two_processes_train_together(make_config, tmp_path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mbcli", "pretrain", str(make_config())]
    done = subprocess.run(
        [*command, "--set", "run.devices=2"],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stderr.splitlines() if line.startswith("step ")] == [
        "2",
        "4",
    ]
    _, info = load_lifter(Path(tmp_path / "run" / BEST))
    assert info.metadata["config"]["run"]["devices"] == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [("lifter.yaml", "task must be pose3d, action, oneshot, mesh, got None")],
)
def test_a_pretraining_is_no_finetuning(name: str, said: str) -> None:
    path = Path(__file__).parent.parent.parent / "examples" / "configs" / name
    result = CliRunner().invoke(app, ["finetune", str(path)])
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize(
    "path",
    sorted((Path(__file__).parent.parent.parent / "examples" / "configs").glob("finetune_*")),
    ids=lambda path: path.stem,
)
def test_finetuning_examples_only_lack_their_data(path: Path) -> None:
    """Everything in them is valid, so that the first thing amiss is the store."""
    result = CliRunner().invoke(app, ["finetune", str(path)])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "unknown key" not in line
    assert any(word in line for word in ("meta.json", "not found", "fetch", "pip install"))
