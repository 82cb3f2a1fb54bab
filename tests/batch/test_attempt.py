"""An input is never replaced, by whatever name the result goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mbcli.batch.attempt import carried
from mbcli.batch.plan import Job
from mbcli.batch.result import Result
from mbcli.batch.work import Watcher, silent
from mbcli.errors import OutputError


@dataclass(frozen=True)
class Writing:
    """Writes a file beside its target, too."""

    video: Path | None = None
    files: tuple[str, ...] = ()
    also: str = ""
    overwrite: bool = True

    def key(self, source: Path) -> str:
        return str(source)

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        written = [target, *([target.with_name(self.also)] if self.also else [])]
        for path in written:
            path.write_text("made")
        return Result(source, target, files=tuple(written))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "a clip.txt"
    path.write_text("kept")
    return path


def far(path: Path) -> Path:
    return Path(f"file://{path}")


@pytest.mark.parametrize(("source_far", "target_far"), [(True, True), (True, False), (False, True)])
def test_an_address_of_an_input_is_the_input(
    clip: Path, source_far: bool, target_far: bool
) -> None:
    source, target = (far(clip) if one else clip for one in (source_far, target_far))
    with pytest.raises(
        OutputError, match=r"must be a separate file, but .*a clip\.txt is the input"
    ):
        carried(Writing(), Job(source, target), silent)
    assert clip.read_text() == "kept"


def test_files_that_options_name_are_inputs(clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "b.txt"
    source.write_text("kept")
    for work in (Writing(video=clip), Writing(files=("mbcli-lifter", str(clip)))):
        with pytest.raises(OutputError, match="separate file"):
            carried(work, Job(source, far(clip)), silent)
    with pytest.raises(OutputError, match="separate file"):  # by a name that the work chose
        carried(Writing(also=clip.name), Job(clip, far(tmp_path / "c.txt")), silent)
    assert clip.read_text() == "kept"
    made = carried(Writing(also="d.txt"), Job(clip, far(tmp_path / "c.txt")), silent)
    assert [path.name for path in made.files] == ["c.txt", "d.txt"]
    assert (tmp_path / "d.txt").read_text() == "made"
