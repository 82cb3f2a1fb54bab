from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from mbcli.cli import train
from mbcli.cli.app import app
from mbcli.lift.checkpoint import load_lifter
from mbcli.train import reading
from mbcli.train.config import PretrainConfig
from mbcli.train.reading import load_config
from mbcli.train.state import BEST, CHECKPOINT

EXAMPLES = Path(__file__).parents[2] / "examples" / "configs"


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
        (["nonsense"], "the examples are finetune_action,"),
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
    [("lifter.yaml", "task must be pose3d, action, oneshot, mesh, feet, got None")],
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


def test_paths_on_the_command_line_count_from_where_one_stands(
    make_config, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "clips").symlink_to(store)
    monkeypatch.chdir(here)
    result = run(make_config(), "--set", "run.out=mine", "--set", "data.store=clips")
    assert result.exit_code == 0, result.output
    assert (here / "mine" / BEST).is_file()


def test_examples_by_name_leave_data_and_runs_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an installed package, where the examples lie in a folder of their own."""
    package = tmp_path / "site-packages" / "mbcli"
    shutil.copytree(EXAMPLES, package / "_configs")
    monkeypatch.setattr(reading, "__file__", str(package / "train" / "reading.py"))
    here = tmp_path / "empty"
    here.mkdir()
    monkeypatch.chdir(here)
    config = load_config(Path("lifter_tiny"), (), PretrainConfig)
    assert config.data.store == here / "clips"
    assert config.run.out == here / "runs" / "lifter_tiny"
    sure = load_config(Path("lifter_sure"), ("run.out=a/b",), PretrainConfig)
    assert sure.run.out == here / "a" / "b"
    assert sure.run.init is not None
    assert sure.run.init.is_relative_to(here / "runs")
    assert sure.corruption.front_end == package / "_configs" / "front_end_sure.json"


def test_dimensions_are_those_of_the_weights_to_start_from(
    make_config, tiny_lifter: Path, tmp_path: Path
) -> None:
    config = make_config(run={"init": str(tiny_lifter)})
    tree = yaml.safe_load(config.read_text())
    del tree["model"]
    config.write_text(yaml.safe_dump(tree))
    result = run(config)
    assert result.exit_code == 0, result.output
    model, _ = load_lifter(tmp_path / "run" / BEST)
    assert model.config == load_lifter(tiny_lifter)[0].config
    grown = load_config(config, ("model.depth=2",), PretrainConfig).model
    assert (grown.depth, grown.dim_feat) == (2, model.config.dim_feat)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_an_interrupted_run_names_what_is_saved_and_how_to_go_on(
    make_config, tmp_path: Path
) -> None:
    config = make_config()
    longer = ["run.steps=100000", "run.log_every=1", "run.save_every=100000"]
    words = ["pretrain", str(config), *(part for one in longer for part in ("--set", one))]
    with subprocess.Popen(
        [sys.executable, "-m", "mbcli", *words], stderr=subprocess.PIPE, text=True
    ) as training:
        assert training.stderr is not None
        first = training.stderr.readline()
        assert first.startswith("step "), first
        training.send_signal(signal.SIGINT)
        rest = training.stderr.read().splitlines()
    assert training.returncode == 130
    saved, said = rest[-2:]
    assert said == "interrupted"
    assert f"is saved in {tmp_path / 'run' / CHECKPOINT}; to resume: mbcli pretrain" in saved
    assert saved.endswith(" --resume")
    assert (tmp_path / "run" / CHECKPOINT).is_file()
