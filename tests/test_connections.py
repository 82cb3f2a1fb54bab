"""Nothing is reported to anybody, and nothing is written but what was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tracing import can_trace, trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, walk: Path) -> Path:
    """Where a short result lies in ``work``."""
    place = tmp_path_factory.mktemp("traced")
    seen = trace(place, "-m", "mbcli", "infer", walk, "--end", "0.4", "--out", "pose.npz")
    assert (place / "work" / "pose.npz").is_file()
    assert not seen.talks
    assert not seen.strangers
    return place


@pytest.mark.parametrize(
    "words",
    [
        ["render", "pose.npz", "--out", "out.mp4"],
        ["render", "pose.npz", "--out", "out.html"],
        ["export", "pose.npz", "--out", "out.glb"],
        ["refine", "pose.npz", "--out", "out.npz", "--feet", "--world"],
        ["plot", "pose.npz", "--out", "out.pdf"],
        ["view", "pose.npz", "--save", "out.rrd"],
    ],
    ids=lambda words: f"{words[0]}-{Path(words[3]).suffix[1:]}",
)
def test_after_infer_the_other_commands_are_as_quiet(words: list[str], place: Path) -> None:
    if words[0] == "view":
        pytest.importorskip("rerun")
    seen = trace(place, "-m", "mbcli", *words)
    assert list((place / "work").glob(f"out*{Path(words[3]).suffix}"))
    assert not seen.talks
    assert not seen.strangers


def test_exporting_weights_is_as_quiet(tmp_path: Path, tiny_lifter: Path) -> None:
    pytest.importorskip("openvino")  # which would report what its converter does
    words = ["--format", "openvino", "--out", "out.xml"]
    seen = trace(tmp_path, "-m", "mbcli", "weights", "export", tiny_lifter, *words)
    assert (tmp_path / "work" / "out.bin").is_file()
    assert not seen.talks
    assert not seen.strangers


def test_the_trace_sees_what_it_looks_for(tmp_path: Path) -> None:
    code = """
import pathlib, socket, threading

def report():
    pathlib.Path.home().joinpath("id").write_text("1")
    with socket.socket() as end:
        end.connect_ex(("127.0.0.1", 9))
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.sendto(b"hello", ("127.0.0.1", 9))

thread = threading.Thread(target=report)
thread.start()
thread.join()
"""
    seen = trace(tmp_path, "-c", code)
    calls = [match[1] for line in seen.talks if (match := re.search(r"(\w+)\(", line))]
    assert calls == ["connect", "sendto"]
    assert seen.strangers == (tmp_path / "home" / "id",)
