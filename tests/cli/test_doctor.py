from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import mbcli
from mbcli.cli import examination
from mbcli.cli.app import app
from mbcli.cli.examination import without_private_paths
from mbcli.weights.table import TABLE


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words])


def test_this_machine_is_found_able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MBCLI_WEIGHTS", raising=False)
    result = run("--json")
    assert result.exit_code == 0, result.stdout
    report = json.loads(result.stdout)
    found = {one["name"]: one["found"] for one in report["findings"]}
    assert report["ok"] is True
    assert found["mbcli"].startswith(mbcli.__version__)
    assert found["torch"].startswith(metadata.version("torch"))
    assert "h264" in found["FFmpeg"]
    assert found["weights mbcli-lifter"].endswith("SHA-256 right")
    assert found["extra formats"].startswith("installed")
    of_developers = {"dev", "docs"}
    extras = set(metadata.metadata("mbcli").get_all("Provides-Extra") or []) - of_developers
    assert {f"extra {extra}" for extra in extras} <= set(found)


def test_damaged_weights_are_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mbcli_lifter.safetensors").write_bytes(b"half")
    monkeypatch.setenv("MBCLI_WEIGHTS", str(tmp_path))
    result = run()
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "PROBLEM" in line]
    assert "mbcli-lifter" in line
    assert f"must be {TABLE['mbcli-lifter'].bytes} bytes, got 4" in line


def test_what_is_missing_comes_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_installed", lambda name: name != "usd-core")
    lines = run().stdout.splitlines()
    (number,) = [n for n, line in enumerate(lines) if line.startswith("extra formats")]
    assert lines[number].endswith("not installed: usd-core")
    assert "pip install 'mbcli[formats]'" in lines[number + 1]


def test_a_bug_report_holds_no_private_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "jane.doe"
    (home / "film").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("LOGNAME", "jane.doe")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.chdir(home / "film")
    text = run("--report").stdout
    assert text.startswith("| what | found | remark |\n|---|---|---|\n")
    assert "jane.doe" not in text
    assert "| work folder | ., " in text
    assert "| cache of weights | ~/cache/mbcli/weights, " in text
    assert without_private_paths("/srv/jane.doe/a and /srv/jane.does") == (
        "/srv/USER/a and /srv/jane.does"
    )
