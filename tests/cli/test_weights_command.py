from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.weights import ENVIRONMENT_VARIABLE, TABLE, WeightsEntry, bundled_directory, transfer

CONTENT = bytes(range(256)) * 100


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(transfer, "_PAUSE", 0.0)
    from mbcli.weights import cache_directory

    return cache_directory()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "model.bin").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def enter(site: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a file of the server into the table."""

    def put(name: str, path: str = "model.bin", **known: Any) -> WeightsEntry:
        entry = WeightsEntry(
            name=name,
            file=f"{name}.bin",
            stage="lift",
            licence="MIT",
            origin="a test",
            skeleton="h36m17",
            url=f"https://publisher.invalid/{path}",
            **known,
        )
        monkeypatch.setitem(TABLE, name, entry)
        return entry

    return put


@pytest.fixture
def mirror(site: str) -> tuple[str, ...]:
    """Options that take everything from the server."""
    return "--mirror", site, "--insecure-mirror"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["weights", *map(str, words)])


def test_list_fits_a_narrow_terminal_and_shows_what_is_there() -> None:
    result = run("list")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(len(line) for line in lines if "cache = " not in line) <= 80
    rows = {line.split()[0]: line for line in lines if line and not line.startswith(" ")}
    assert set(TABLE) <= set(rows)
    for part in ("lift", "h36m17", "3.7 MB", "Apache-2.0", " mbcli"):
        assert part in rows["mbcli-lifter"]
    absent = rows["motionbert-lite-global"]
    assert absent.endswith(" -")
    assert "64.1 MB" in absent
    number = absent[absent.index("[") : absent.index("]") + 1]
    assert f"  {number} Human3.6M: academic use only" in lines
    assert "boxes" in rows["rtmdet-m-onnx"]
    assert "~100 MB" in rows["rtmdet-m-onnx"]
    marked = {name for name, line in rows.items() if line.split()[1] == "*"}
    assert marked == {name for name, entry in TABLE.items() if not entry.verified}
    assert any(line.startswith("* Unverified: ") for line in lines)


def test_list_as_json(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / TABLE["rtmo-m-onnx"].file).write_bytes(b"1234")
    document = json.loads(run("list", "--json").stdout)
    assert document["ok"] is True
    by_name = {row["name"]: row for row in document["weights"]}
    assert list(by_name) == list(TABLE)
    assert by_name["mbcli-lifter"]["path"].startswith(str(bundled_directory()))
    assert by_name["rtmo-m-onnx"]["path"].startswith(str(cache))
    assert by_name["motionbert-full"]["path"] is None
    assert by_name["motionbert-full"]["training_data"]
    assert by_name["motionbert-full"]["verified"] is False
    assert by_name["mbcli-lifter"]["verified"] is True
    assert by_name["rtmpose-m-onnx"]["sha256_source"] == "second-hand"
    (line,) = (line for line in run("list").stdout.splitlines() if line.endswith(" cache"))
    assert "rtmo-m-onnx" in line


def test_fetch_gives_paths_and_says_what_was_checked(
    enter: Any, cache: Path, mirror: tuple[str, ...]
) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    enter("known", sha256=digest, sha256_source="measured", training_data="somebody's data")
    enter("digits", sha256_prefix=digest[:8])
    enter("unknown")
    result = run("fetch", "known", "digits", "unknown", "known", *mirror)
    assert result.exit_code == 0, result.output
    names = ("known", "digits", "unknown")
    assert result.stdout.splitlines() == [str(cache / f"{name}.bin") for name in names]
    lines = [line for line in result.stderr.splitlines() if "downloading" not in line]
    assert len(lines) == 3, result.stderr
    assert "somebody's data" in lines[0]
    assert "unverified: only the publisher's first 8 digits" in lines[1]
    assert "unverified: the publisher's SHA-256 is not known" in lines[2]
    assert "unknown.bin.sha256" in lines[2]

    verified = run("verify", *names)
    assert verified.exit_code == 0
    said = [line.split(maxsplit=1)[1] for line in verified.stdout.splitlines()]
    assert said[0] == "intact"
    assert said[1] == f"unverified: SHA-256 begins as published, {digest[:8]}..."
    assert said[2] == "unverified: as first downloaded, and contents are right"
    assert run("path", "known").stdout == f"{cache / 'known.bin'}\n"


def test_one_that_fails_does_not_stop_the_rest(
    enter: Any, cache: Path, mirror: tuple[str, ...]
) -> None:
    enter("absent", "none.bin")
    enter("wrong", sha256="0" * 64, sha256_source="second-hand")
    enter("good")
    result = run("fetch", "absent", "nonsense", "wrong", "good", "--quiet", *mirror)
    assert result.exit_code == 1
    assert result.stdout == f"{cache / 'good.bin'}\n"
    lines = result.stderr.splitlines()
    assert len(lines) == 3, result.stderr
    assert all(line.startswith("error: ") for line in lines)
    assert "404" in lines[0]
    assert "'nonsense'" in lines[1]
    assert "second-hand" in lines[2]
    assert not (cache / "wrong.bin").exists()


def test_fetch_to_a_folder_from_a_mirror(
    enter: Any, site: str, tmp_path: Path, mirror: tuple[str, ...]
) -> None:
    enter("new")
    for words, said in (
        (("--mirror", site), "weights must come over https"),
        (("--insecure-mirror",), "--insecure-mirror needs --mirror"),
    ):
        refused = run("fetch", "new", *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        (line,) = refused.stderr.splitlines()
        assert said in line
    result = run("fetch", "new", *mirror, "--to", tmp_path)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "new.bin").read_bytes() == CONTENT
    assert f"set {ENVIRONMENT_VARIABLE}={tmp_path}" in result.stderr
    nowhere = run("fetch", "new", "--to", tmp_path / "new.bin" / "none")
    assert (nowhere.exit_code, nowhere.stdout) == (1, "")
    assert "is not a folder" in nowhere.stderr
    assert run("fetch", "new", *mirror, "--to", tmp_path / "a" / "b").exit_code == 0
    assert (tmp_path / "a" / "b" / "new.bin").read_bytes() == CONTENT


def test_verify_names_the_bad_and_takes_all_that_is_there(
    enter: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    everything = run("verify")
    assert everything.exit_code == 0, everything.output
    named = {line.split()[0] for line in everything.stdout.splitlines()}
    assert named == {
        "movenet-thunder",
        "movenet-multipose",
        "blazepose-heavy",
        "blazepose-full",
        "mbcli-lifter",
        "mbcli-lifter-small",
        "mbcli-lifter-lite",
    }

    source = bundled_directory() / TABLE["mbcli-lifter"].file
    damaged = bytearray(source.read_bytes())
    damaged[-1] ^= 1
    (tmp_path / source.name).write_bytes(damaged)
    (tmp_path / TABLE["rtmo-m-onnx"].file).write_bytes(b"1234")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    result = run("verify")
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first.startswith("error: the SHA-256 of weights 'mbcli-lifter'")
    assert second.startswith("error: rtmo-m-onnx: the file must have 22500000 to 360000000 bytes")
    assert run("verify", "motionbert-full").exit_code == 1


def test_path_hints_at_the_download() -> None:
    assert run("path", "mbcli-lifter").stdout.strip().endswith("mbcli_lifter.safetensors")
    result = run("path", "motionbert-full")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "mbcli weights fetch motionbert-full" in result.stderr
    assert run("path", "./mbcli-lifter").exit_code == 1


def test_no_command_pays_for_what_only_downloads_need() -> None:
    code = """
import sys
from mbcli.__main__ import main
for words in (["--help"], ["weights", "fetch", "--help"], ["weights", "list"]):
    sys.argv = ["mbcli", *words]
    try:
        main()
    except SystemExit as exit:
        assert not exit.code, exit.code
heavy = {"requests", "urllib3", "filelock", "numpy", "onnxruntime", "torch", "cv2"}
assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
