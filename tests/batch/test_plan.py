from __future__ import annotations

from pathlib import Path

import pytest

from mbcli.batch.inputs import Given
from mbcli.batch.plan import plan
from mbcli.errors import ConfigError, OutputError


def targets(
    *sources: str, out: str | None, below: dict[str, str] | None = None, beside: str = ".pose.npz"
) -> list[str]:
    given = [Given(Path(source), Path((below or {}).get(source, "."))) for source in sources]
    made = plan(given, None if out is None else Path(out), (".npz", ".json"), beside=beside)
    return [job.target.as_posix() for job in made.jobs]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_one_input_and_its_file() -> None:
    assert targets("a.mp4", out="x/pose.npz") == ["x/pose.npz"]
    assert targets("a.mp4", out="x") == ["x/a.npz"]
    with pytest.raises(OutputError, match=r"--out must end in \.npz or \.json"):
        targets("a.mp4", out="a.mp3")


def test_without_out_results_lie_beside_their_inputs() -> None:
    assert targets("d/a.mp4", "b.mov", out=None) == ["d/a.pose.npz", "b.pose.npz"]
    assert targets("d/a.pose.npz", out=None, beside=".refined.npz") == ["d/a.refined.npz"]


def test_templates() -> None:
    assert targets("d/a.mp4", "d/b.mp4", out="{parent}/3d/{name}_3d.npz") == [
        "d/3d/a_3d.npz",
        "d/3d/b_3d.npz",
    ]
    assert targets("d/e/a.mp4", out="r/{folder}/{name}.json", below={"d/e/a.mp4": "e"}) == [
        "r/e/a.json"
    ]
    with pytest.raises(ConfigError, match=r"--out may contain \{name\}, .* got \{who\}"):
        targets("a.mp4", out="{who}.npz")
    with pytest.raises(ConfigError, match="unpaired braces"):
        targets("a.mp4", out="{name.npz")
    with pytest.raises(ConfigError, match="a result of its own"):
        targets("a.mp4", "b.mp4", out="{parent}/x.npz")


def test_equal_names_keep_their_folders_or_their_suffix() -> None:
    assert targets("d/one/a.mp4", "d/two/a.mp4", "b.mp4", out="r") == [
        "r/one/a.npz",
        "r/two/a.npz",
        "r/b.npz",
    ]
    assert targets("a.mp4", "a.mov", out="r") == ["r/a.mp4.npz", "r/a.mov.npz"]
    assert targets("d/x/a.mp4", "d/a.mp4", out="r", below={"d/x/a.mp4": "x"}) == [
        "r/x/a.npz",
        "r/a.npz",
    ]


def test_several_inputs_need_several_files() -> None:
    with pytest.raises(OutputError, match=r"must be a folder or contain \{name\}, got x\.npz"):
        targets("a.mp4", "b.mp4", out="x.npz")


def test_a_result_is_no_input() -> None:
    Path("a.pose.npz").touch()
    with pytest.raises(OutputError, match="separate file"):
        targets("a.pose.npz", out=None)
