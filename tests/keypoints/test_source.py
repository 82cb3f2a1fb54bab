from __future__ import annotations

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
        (b"x,y\n1,2\n", "csv"),
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
        (b'[{"a": "\xff\xfe"}]', "no whole JSON file"),
        (b"[" * 100_000, "no whole JSON file"),
        (b"[" + b"9" * 5000 + b"]", "no whole JSON file"),
        (b"[NaN]", "finite numbers, got NaN"),
        (b"[1, -Infinity]", "finite numbers, got -Infinity"),
    ],
    ids=["cut", "encoding", "depth", "digits", "nan", "infinite"],
)
def test_bad_json(tmp_path: Path, refused: Callable[..., Any], content: bytes, said: str) -> None:
    with refused("some", said):
        _ = _source(tmp_path, content).document
    with refused("other.json", said):
        parse_json(content, Path("other.json"))


def test_rows_of_a_table(tmp_path: Path) -> None:
    source = _source(tmp_path, b'\xef\xbb\xbfa,"b,c"\r\n\r\n1,2\n')
    assert source.rows == [["a", "b,c"], ["1", "2"]]


@pytest.mark.parametrize("content", [b"a,\xff\xfe", b'a,"b\n'])
def test_bad_table(tmp_path: Path, refused: Callable[..., Any], content: bytes) -> None:
    with refused("no comma-separated text"):
        _ = _source(tmp_path, content).rows


def test_zip_archive_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "office.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert Source(path).kind == "npz"
