from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mbcli.keypoints.source import Source, parse_json


def _source(folder: Path, content: bytes) -> Source:
    path = folder / "some"
    path.write_bytes(content)
    return Source(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'\n  [{"a": 1}]', "json"),
        (b'\xef\xbb\xbf{"a": 1}', "json"),
        (b"x,y\n1,2\n", "text"),
        ("x;y\n1,5;2\n".encode("utf-16"), "text"),
        ('{"a": 1}'.encode("utf-16"), "json"),
        ("Größe;x\n1;2\n".encode("cp1252"), "text"),
        (("x,y\n" + "ä,1\n" * 2000).encode(), "text"),
        (b"\v", "other"),
        (b"\f\f\f", "other"),
        (b"P5\n4 4\n255\n" + bytes(range(200, 216)), "other"),
        (b"P6 4 4 255\n" + b"a" * 48, "other"),
        (b"P3\n1 1\n255\n1 2 3\n", "other"),
        (b"YUV4MPEG2 W4 H4 F30:1\nFRAME\n" + b"a" * 24, "other"),
        (b"\x1aE\xdf\xa3" + b"\x01" + b"\xff" * 7 + b"Bm\x84webm", "other"),
        (b"x,y\n1,2\n" + bytes(range(256)), "other"),
        (bytes(range(128, 256)) * 4, "other"),
        (b"<svg></svg>", "other"),
        (b"\x89HDF\r\n\x1a\n\0\0", "hdf5"),
        (b"PK\x03\x04rest", "npz"),
        (b"\0\0\0\x20ftypisom", "other"),
        (b"", "other"),
        (b" \n", "other"),
    ],
)
def test_kind_is_told_by_content(tmp_path: Path, content: bytes, kind: str) -> None:
    assert _source(tmp_path, content).kind == kind


def test_kind_of_folder(tmp_path: Path) -> None:
    assert Source(tmp_path).kind == "folder"


def test_missing_file(tmp_path: Path, refused: Callable[..., Any]) -> None:
    with refused("no such file", "gone.json"):
        _ = Source(tmp_path / "gone.json").kind


def test_document_is_parsed_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert _source(tmp_path, b'\xef\xbb\xbf[{"a": 1.5}]').document == [{"a": 1.5}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"a": 1}, {"a"', "no whole JSON file (line 1)"),
        (b"[" * 100_000, "no whole JSON file"),
        (b"[" + b"9" * 5000 + b"]", "no whole JSON file"),
        (b'{"a": 1} {"b"', "no whole JSON file (line 1)"),
    ],
    ids=["cut", "depth", "digits", "second"],
)
def test_bad_json(tmp_path: Path, refused: Callable[..., Any], content: bytes, said: str) -> None:
    with refused("some", said):
        _ = _source(tmp_path, content).document
    with refused("other.json", said):
        parse_json(content, Path("other.json"))


def test_json_beyond_json(tmp_path: Path) -> None:
    assert _source(tmp_path, b"[NaN, 1, -Infinity, 1e999]").document == [None, 1, None, math.inf]
    lines = b'{"frame": 0}\n{"frame": 1}\r\n\n{"frame": 2}\n'
    assert _source(tmp_path, lines).document == [{"frame": n} for n in range(3)]
    assert _source(tmp_path, '[{"a": "ä"}]'.encode("utf-16")).document == [{"a": "ä"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rows_of_a_table(tmp_path: Path, encoding: str, separator: str) -> None:
    lines = ["frame,Größe,nose_x", "", "0,1,0.5 ", ",,", "1,2,0.25", ""]
    text = "\r\n".join(lines).replace(",", separator)
    want = [["frame", "Größe", "nose_x"], ["0", "1", "0.5"], ["1", "2", "0.25"]]
    assert _source(tmp_path, text.encode(encoding)).rows == want


def test_rows_of_other_tables(tmp_path: Path) -> None:
    assert _source(tmp_path, b'a,"b,c"\n1,2\n').rows == [["a", "b,c"], ["1", "2"]]
    assert _source(tmp_path, b"a;b\n1,5;2,5\n").rows == [["a", "b"], ["1,5", "2,5"]]
    assert _source(tmp_path, b"0 0.5  0.25\n1 0.5 0.5\n").rows[0] == ["0", "0.5", "0.25"]
    assert _source(tmp_path, b"a,b\n1,2\x1a").rows == [["a", "b"], ["1", "2"]]
    assert _source(tmp_path, b"\v\f").rows == []


def test_bad_table(tmp_path: Path, refused: Callable[..., Any]) -> None:
    with refused("some is no table of text"):
        _ = _source(tmp_path, b'a,"b\n').rows
    with refused("no whole text in UTF-16"):
        _ = _source(tmp_path, "a,b".encode("utf-16")[:-1]).rows


def test_neither_file_nor_folder(tmp_path: Path, refused: Callable[..., Any]) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with refused("must be a file or a folder", "pipe.csv"):
        _ = Source(pipe).kind


def test_zip_archive_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "office.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert Source(path).kind == "npz"
