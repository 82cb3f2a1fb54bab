"""A machine that runs out of something: one line, exit 1, no traceback."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from motions import walking

from mbcli.cli.guard import FAILED, exit_codes

resource = pytest.importorskip("resource", reason="limits are set as POSIX has them")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "error: there is not enough memory: a request for more has failed"),
        (MemoryError("Unable to allocate 9 GiB"), "not enough memory: Unable to allocate 9 GiB"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "there is not enough memory"),
        (ImportError("libx.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "what is printed cannot be written"),
        (OSError(errno.ENAMETOOLONG, "Name too long", "a" * 300), f"{'a' * 60}... cannot be used"),
    ],
)
def test_what_runs_out_is_said(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, exit_codes(debug=False):
        raise error
    assert caught.value.exit_code == FAILED
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error", [ValueError("x"), OSError(errno.ENOENT, "no"), OSError(errno.ENOSPC, "full", "a.txt")]
)
def test_a_defect_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), exit_codes(debug=False):
        raise error


def _run(*command: str, before: Callable[[], None], **how: object) -> tuple[int, str]:
    done = subprocess.run(  # type: ignore[call-overload]
        [sys.executable, "-m", "mbcli", *command],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
        **how,
    )
    return done.returncode, done.stderr


def test_too_little_address_space_is_a_sentence() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (10**9, 10**9))

    status, said = _run("weights", "list", before=limit)
    assert status == FAILED
    assert said == ("error: mbcli must have 2 GB of address space or more (ulimit -v), got 1 GB\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_a_full_disk_below_stdout_is_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        status, said = _run("weights", "list", before=lambda: None, stdout=full)
    assert status == FAILED
    assert said == "error: what is printed cannot be written: No space left on device\n"


@pytest.fixture(scope="module")
def pose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A motion, of which a figure was made: Matplotlib's list of fonts is written."""
    folder = tmp_path_factory.mktemp("figure")
    walking(30).save(folder / "pose.npz")
    words = ("plot", str(folder / "pose.npz"), "--out", str(folder / "o.png"))
    assert _run(*words, before=lambda: None)[0] == 0
    return folder / "pose.npz"


@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_a_figure_larger_than_the_disk_is_a_line(tmp_path: Path, suffix: str, pose: Path) -> None:

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    out = tmp_path / f"o{suffix}"
    status, said = _run("plot", str(pose), "--out", str(out), before=limit)
    assert status == FAILED
    assert said == f"error: {out} cannot be written: File too large\n"
    assert list(tmp_path.iterdir()) == []
