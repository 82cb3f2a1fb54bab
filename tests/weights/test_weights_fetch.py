from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import random
import shutil
import socket
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mbcli.errors import ConfigError, OutputError, WeightsError
from mbcli.report import Observer
from mbcli.weights import TABLE, WeightsEntry, transfer, verify
from mbcli.weights import fetch as fetch_safely

# The server here talks http.
fetch = partial(fetch_safely, insecure=True)

CONTENT = random.Random(0).randbytes(900_000)
PATH = "/mmpose/v1/model.bin"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def row(site: Any, monkeypatch: pytest.MonkeyPatch) -> WeightsEntry:
    """A row of the table whose file the server has."""
    site.files[PATH] = CONTENT
    return enter(monkeypatch, site.url + PATH, sha256=DIGEST, sha256_source="measured")


def enter(monkeypatch: pytest.MonkeyPatch, url: str, **known: Any) -> WeightsEntry:
    entry = WeightsEntry(
        name="new",
        file="new.bin",
        stage="lift",
        licence="MIT",
        origin="a test",
        skeleton="h36m17",
        url=url,
        **known,
    )
    monkeypatch.setitem(TABLE, "new", entry)
    return entry


def zipped(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def left(folder: Path) -> list[str]:
    """Names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def asked_for(site: Any) -> list[int]:
    """First byte that each request asked for; 0 for all."""
    ranges = [headers.get("Range", "bytes=0-") for _, headers in site.asked]
    return [int(wanted.removeprefix("bytes=").removesuffix("-")) for wanted in ranges]


# Some of what was sent last is lost where the connection breaks off.
def about(sent: int) -> Any:
    return pytest.approx(sent - transfer._CHUNK / 2, abs=transfer._CHUNK / 2)


def test_a_file_comes_whole_and_is_reported(site: Any, row: WeightsEntry, cache: Path) -> None:
    steps: list[tuple[str, int, int | None]] = []
    observer: Observer = lambda *step: steps.append(step)  # noqa: E731
    path = fetch("new", observer=observer)
    assert path == cache / "new.bin"
    assert path.read_bytes() == CONTENT
    assert left(cache) == ["new.bin"]
    assert {(stage, total) for stage, _, total in steps} == {("download", len(CONTENT))}
    counts = [done for _, done, _ in steps]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(CONTENT))
    assert len(counts) > 2
    assert site.asked[0][1]["User-Agent"].startswith("mbcli/")
    assert verify("new") == path

    fetch("new")
    assert len(site.asked) == 1
    fetch("new", force=True)
    assert len(site.asked) == 2


@pytest.mark.parametrize("version", [{"etag": '"two"'}, {"etag": "", "date": "yesterday"}])
def test_what_broke_off_is_continued(
    site: Any, row: WeightsEntry, cache: Path, version: dict[str, str]
) -> None:
    vars(site).update(version)
    site.breaks = [300_000, 400_000]
    assert fetch("new").read_bytes() == CONTENT
    assert asked_for(site)[:2] == [0, about(300_000)]
    assert len(site.asked) == 3
    assert left(cache) == ["new.bin"]


def test_a_later_call_continues(
    site: Any, row: WeightsEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.breaks = [300_000]
    monkeypatch.setattr(transfer, "_TRIES", 1)
    with pytest.raises(WeightsError, match=r"broke off.*the partial download is kept") as caught:
        fetch("new")
    assert "\n" not in str(caught.value)
    assert left(cache) == [".new.bin.part", ".new.bin.part.json"]
    steps: list[int] = []
    fetch("new", observer=lambda stage, done, total: steps.append(done))
    assert asked_for(site) == [0, about(300_000)]
    assert steps[0] == asked_for(site)[1]
    assert (cache / "new.bin").read_bytes() == CONTENT
    assert left(cache) == ["new.bin"]


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": False},
        {"etag": 'W/"weak"'},
        {"etag": ""},
        {"length": False, "etag": ""},
    ],
)
def test_a_server_that_cannot_continue_starts_over(
    site: Any,
    row: WeightsEntry,
    cache: Path,
    change: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.breaks = [300_000]
    vars(site).update(change)
    if not site.length:
        # Nobody can see that half of it is missing, but for the digest.
        with pytest.raises(WeightsError, match="SHA-256"):
            fetch("new")
        assert left(cache) == []
    assert fetch("new").read_bytes() == CONTENT
    assert asked_for(site) == [0, about(300_000) if change == {"ranges": False} else 0]


def test_a_file_that_changed_meanwhile_starts_over(
    site: Any, row: WeightsEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files[PATH] = bytes(len(CONTENT))
    site.breaks = [300_000]
    with monkeypatch.context() as once:
        once.setattr(transfer, "_TRIES", 1)
        with pytest.raises(WeightsError):
            fetch("new")
    site.files[PATH], site.etag = CONTENT, '"two"'
    assert fetch("new").read_bytes() == CONTENT


@pytest.mark.parametrize("note", [b"", b"[]", b'{"url": 1}', b"\xff"])
def test_a_damaged_note_starts_over(site: Any, row: WeightsEntry, cache: Path, note: bytes) -> None:
    cache.mkdir(parents=True)
    (cache / ".new.bin.part").write_bytes(b"whatever")
    (cache / ".new.bin.part.json").write_bytes(note)
    assert fetch("new").read_bytes() == CONTENT
    assert asked_for(site) == [0]


def test_leftovers_that_do_not_fit_start_over(site: Any, row: WeightsEntry, cache: Path) -> None:
    cache.mkdir(parents=True)
    note = {"url": site.url + PATH, "validator": site.etag, "total": None, "sha256": None}
    (cache / ".new.bin.part").write_bytes(bytes(len(CONTENT) + 5))
    (cache / ".new.bin.part.json").write_text(json.dumps(note))
    assert fetch("new").read_bytes() == CONTENT
    assert asked_for(site) == [len(CONTENT) + 5, 0]


def test_all_had_come_but_was_not_renamed(site: Any, row: WeightsEntry, cache: Path) -> None:
    cache.mkdir(parents=True)
    total = len(CONTENT)
    note = {"url": site.url + PATH, "validator": site.etag, "total": total, "sha256": None}
    (cache / ".new.bin.part").write_bytes(CONTENT)
    (cache / ".new.bin.part.json").write_text(json.dumps(note))
    assert fetch("new").read_bytes() == CONTENT
    assert site.asked == []


def test_a_busy_server_is_asked_again(site: Any, row: WeightsEntry) -> None:
    site.statuses = [503, 429]
    assert fetch("new").read_bytes() == CONTENT
    assert len(site.asked) == 3


@pytest.mark.parametrize(
    ("status", "said", "requests"),
    [
        (404, "there is no file at .*404", 1),
        (410, "there is no file at .*410", 1),
        (403, "refuses to give .*403", 1),
        (400, "cannot be downloaded: the server responds with 400", 1),
        (500, "responds with 500.*4 tries", 4),
    ],
)
def test_responses_without_a_file(
    site: Any, row: WeightsEntry, cache: Path, status: int, said: str, requests: int
) -> None:
    site.statuses = [status] * 9
    with pytest.raises(WeightsError, match=said) as caught:
        fetch("new")
    message = str(caught.value)
    assert message.startswith("new: ")
    assert f"save it as {cache / 'new.bin'}" in message
    assert "\n" not in message
    assert len(site.asked) == requests
    assert left(cache) == []


def test_an_address_that_was_never_confirmed_is_reported(
    site: Any, row: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, "new", replace(row, url=f"{site.url}/none", confirmed=False))
    with pytest.raises(WeightsError, match="not in its list of files"):
        fetch("new")


def test_no_network(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    enter(monkeypatch, "http://127.0.0.1:9/model.bin", sha256=DIGEST, sha256_source="measured")
    with pytest.raises(WeightsError, match=r"127.0.0.1:9 cannot be reached: Connection refused"):
        fetch("new")


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    enter(monkeypatch, "http://no-such-host.invalid/model.bin")
    with pytest.raises(
        WeightsError, match=r"no-such-host.invalid cannot be reached: Name or"
    ) as caught:
        fetch("new")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert left(cache) == []


def test_a_server_without_encryption_where_it_is_expected(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(monkeypatch, site.url.replace("http:", "https:") + PATH)
    with pytest.raises(WeightsError, match=f"{site.url[7:]} is not trusted"):
        fetch("new")


def test_silence_is_not_waited_for_without_end(
    site: Any, row: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setattr(transfer, "_TIMEOUT", (0.1, 0.1))
        enter(monkeypatch, f"http://127.0.0.1:{deaf.getsockname()[1]}/model.bin")
        with pytest.raises(WeightsError, match="cannot be reached: no response in time"):
            fetch("new")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"sha256": "0" * 64, "sha256_source": "measured"}, "must be 0{64}, got"),
        (
            {"sha256": "0" * 64, "sha256_source": "second-hand"},
            "second-hand digest.*removed; if you trust that file",
        ),
        ({"sha256_prefix": "00000000"}, "must begin with 00000000, got"),
        ({"bytes": 5}, "must be 5 bytes, but the server has 900000"),
    ],
)
def test_the_wrong_file_is_removed(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path, known: dict[str, Any], said: str
) -> None:
    site.files[PATH] = CONTENT
    enter(monkeypatch, site.url + PATH, **known)
    with pytest.raises(WeightsError, match=said) as caught:
        fetch("new")
    assert "\n" not in str(caught.value)
    assert left(cache) == []


def test_a_wrong_size_is_found_without_the_servers_word(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    site.files[PATH], site.length = CONTENT, False
    enter(monkeypatch, site.url + PATH, bytes=5)
    with pytest.raises(WeightsError, match="must be 5 bytes at most, got more"):
        fetch("new")
    assert left(cache) == []


def test_the_publishers_digits_are_enough(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    site.files[PATH] = CONTENT
    enter(monkeypatch, site.url + PATH, sha256_prefix=DIGEST[:8])
    assert verify("new") if fetch("new") else None
    assert left(cache) == ["new.bin"]


def test_a_file_of_which_nothing_is_known_is_remembered(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    site.files[PATH] = CONTENT
    enter(monkeypatch, site.url + PATH)
    path = fetch("new")
    assert (cache / "new.bin.sha256").read_text() == f"{DIGEST}  new.bin\n"
    assert verify("new") == path

    path.write_bytes(CONTENT[::-1])
    with pytest.raises(WeightsError, match="as first downloaded"):
        verify("new")
    site.files[PATH], site.etag = bytes(1000), '"two"'
    with pytest.raises(WeightsError, match=r"as first downloaded.*--force accepts"):
        fetch("new")
    assert fetch("new", force=True).read_bytes() == bytes(1000)
    assert verify("new") == path


def test_the_digest_that_the_server_states_is_compared(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    site.files[PATH] = CONTENT
    enter(monkeypatch, site.url + PATH)
    site.headers["X-Linked-ETag"] = f'"{"0" * 64}"'
    with pytest.raises(WeightsError, match="as stated by the server"):
        fetch("new")
    assert left(cache) == []
    site.headers["X-Linked-ETag"] = f'"{DIGEST}"'
    fetch("new")


@pytest.mark.parametrize("base", ["", "/deep/er", "/slash/"])
def test_a_mirror_takes_the_place_of_the_host(
    site: Any, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    site.files[f"{base.rstrip('/')}/mmpose/v1/model.bin"] = CONTENT
    enter(monkeypatch, "https://publisher.invalid/mmpose/v1/model.bin", sha256_prefix=DIGEST[:8])
    assert fetch("new", mirror=f"{site.url}{base}").read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", ["host", "ftp://host", "https://", "https://host/?a=b", ""])
def test_a_mirror_must_be_an_address(row: WeightsEntry, mirror: str) -> None:
    with pytest.raises(ConfigError, match="--mirror must be"):
        fetch("new", mirror=mirror)


def test_a_proxy_is_used_and_exceptions_from_it_too(
    site: Any,
    row: WeightsEntry,
    proxy: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    address, seen = proxy
    monkeypatch.setenv("http_proxy", address)
    fetch("new")
    assert seen == [site.url + PATH]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch("new", directory=tmp_path)
    assert len(seen) == 1


def test_a_proxy_that_is_not_there(
    site: Any, row: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"the proxy on the way .* Connection refused; see"):
        fetch("new")


def test_a_member_is_taken_out_of_an_archive(
    site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    archive = zipped(
        ("2023/model/end2end.onnx", CONTENT),
        ("2023/model/deploy.json", b"{}"),
        ("../../evil.txt", b"out"),
    )
    site.files["/a.zip"] = archive
    site.breaks = [500_000]
    row = enter(
        monkeypatch,
        f"{site.url}/a.zip",
        member="end2end.onnx",
        bytes=len(CONTENT),
        sha256=DIGEST,
        sha256_source="second-hand",
        archive_sha256=hashlib.sha256(archive).hexdigest(),
    )
    stages: dict[str, int] = {}
    path = fetch("new", observer=lambda stage, done, total: stages.update({stage: done}))
    assert path.read_bytes() == CONTENT
    assert left(cache) == ["new.bin"]
    assert left(cache.parent) == ["weights"]
    assert stages == {"download": len(archive), "unpack": len(CONTENT)}
    assert asked_for(site) == [0, about(500_000)]

    path.unlink()
    monkeypatch.setitem(TABLE, "new", replace(row, archive_sha256="0" * 64))
    with pytest.raises(WeightsError, match=r"must be 0{64}"):
        fetch("new")
    assert left(cache) == []


@pytest.mark.parametrize(
    ("archive", "known", "said"),
    [
        (b"PK no archive", {}, "damaged or not a plain ZIP"),
        (zipped(("a/other.onnx", CONTENT)), {}, "one file end2end.onnx, but contains 0"),
        (
            zipped(("a/end2end.onnx", b"1"), ("b/end2end.onnx", b"2")),
            {},
            "one file end2end.onnx, but contains 2",
        ),
        (zipped(("end2end.onnx", bytes(9000))), {"bytes": 8999}, "8999 bytes at most, got 9000"),
        (zipped(("end2end.onnx", bytes(9000))), {"bytes": 9001}, "must be 9001 bytes, got 9000"),
        (
            zipped(("end2end.onnx", CONTENT)).replace(CONTENT[:99], CONTENT[1:100]),
            {},
            "damaged or not a plain ZIP",
        ),
        (
            zipped(("end2end.onnx", CONTENT)),
            {"sha256": "0" * 64, "sha256_source": "second-hand"},
            "second-hand",
        ),
    ],
)
def test_archives_that_are_of_no_use(
    site: Any,
    monkeypatch: pytest.MonkeyPatch,
    cache: Path,
    archive: bytes,
    known: dict[str, Any],
    said: str,
) -> None:
    site.files["/a.zip"] = archive
    enter(monkeypatch, f"{site.url}/a.zip", member="end2end.onnx", **known)
    with pytest.raises(WeightsError, match=said) as caught:
        fetch("new")
    assert str(caught.value).startswith("new: ")
    assert left(cache) == []


def test_a_bomb_is_not_unpacked(site: Any, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    site.files["/a.zip"] = zipped(("end2end.onnx", bytes(10_001)))
    enter(monkeypatch, f"{site.url}/a.zip", member="end2end.onnx", about=2_500)
    with pytest.raises(WeightsError, match="10000 bytes at most, got 10001"):
        fetch("new")
    assert left(cache) == []


def test_a_full_disk_is_reported_before_and_while_writing(
    site: Any, row: WeightsEntry, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=1000)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(WeightsError, match="the disk is full"):
            fetch("new")
    assert left(cache) == [".new.bin.part.json"]

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WeightsError, match="the disk is full"):
        fetch("new", observer=lambda stage, done, total: refuse() if done else None)
    assert not (cache / "new.bin").exists()
    assert fetch("new").read_bytes() == CONTENT


def test_interrupting_keeps_what_came(site: Any, row: WeightsEntry, cache: Path) -> None:
    def stop(stage: str, done: int, total: int | None) -> None:
        if done > 300_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("new", observer=stop)
    assert not (cache / "new.bin").exists()
    kept = (cache / ".new.bin.part").stat().st_size
    assert kept > 300_000
    assert fetch("new").read_bytes() == CONTENT
    assert asked_for(site) == [0, kept]


def test_what_lies_elsewhere_and_is_whole_is_not_fetched(
    site: Any, row: WeightsEntry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MBCLI_WEIGHTS", str(tmp_path))
    (tmp_path / "new.bin").write_bytes(CONTENT)
    assert fetch("new") == tmp_path / "new.bin"
    assert site.asked == []
    (tmp_path / "new.bin").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="remove it first"):
        fetch("new")
    with pytest.raises(WeightsError, match="remove it first"):
        fetch("new", directory=tmp_path)
    assert (tmp_path / "new.bin").read_bytes() == b"damaged"
    assert fetch("new", directory=tmp_path, force=True).read_bytes() == CONTENT


def test_folders_that_cannot_be_used(row: WeightsEntry, tmp_path: Path, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file in the way")
    for directory in (cache / "none", None):
        with pytest.raises(OutputError, match=r"cannot be created: .* is not a folder"):
            fetch("new", directory=directory)


def test_two_at_a_time_are_kept_apart(site: Any, row: WeightsEntry, cache: Path) -> None:
    def second(stage: str, done: int, total: int | None) -> None:
        if done:
            with pytest.raises(WeightsError, match="by another process"):
                fetch("new")

    assert fetch("new", observer=second).read_bytes() == CONTENT
    assert len(site.asked) == 1


def test_what_comes_with_mbcli_is_not_downloaded(tmp_path: Path) -> None:
    assert fetch("mbcli-lifter") == verify("mbcli-lifter")
    with pytest.raises(ConfigError, match="come with mbcli"):
        fetch("mbcli-lifter", directory=tmp_path)


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(WeightsError, match=r"'rtmpose-onnx'; did you mean rtmpose-. *"):
        fetch("rtmpose-onnx")
