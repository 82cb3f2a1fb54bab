from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.stores.store import ClipStore, StoreWriter, merge_clips
from mbcli.errors import DataError, OutputError

Body = npt.NDArray[np.float32]


def body(frames: int, seed: int = 0) -> Body:
    return np.random.default_rng(seed).normal(size=(frames, 21, 3)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    with StoreWriter(path) as writer:
        writer.add(body(5), name="b/1", subject="b", source="b/1.bvh", fps=60, licence="free")
        writer.add(body(7, 1), name="a/1", subject="a", source="a/1.amc", fps=50.0)
    return path


def test_clips_come_back_as_they_were_written(store: Path) -> None:
    opened = ClipStore.open(store)
    assert [(c.name, c.start, c.frames, c.fps) for c in opened.clips] == [
        ("b/1", 0, 5, 60.0),
        ("a/1", 5, 7, 50.0),
    ]
    assert opened.clips[0].licence == "free"
    assert opened.subjects == ("a", "b")
    assert opened.hours == pytest.approx((5 / 60 + 7 / 50) / 3600)
    np.testing.assert_array_equal(opened.joints(opened.clips[0]), body(5))
    np.testing.assert_array_equal(opened.joints(opened.clips[1]), body(7, 1))
    assert sorted(p.name for p in store.parent.iterdir()) == ["store"]


def test_rows_are_mapped_and_read_only(store: Path) -> None:
    opened = ClipStore.open(store)
    rows = opened.joints(opened.clips[1])
    assert isinstance(rows, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0, 0] = 1.0


def test_a_large_number_of_rows_fits_the_header(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        for number in range(30):
            writer.add(body(4000), name=str(number), subject="a", source="", fps=60)
    opened = ClipStore.open(tmp_path / "s")
    np.testing.assert_array_equal(opened.joints(opened.clips[29]), body(4000))


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    def write_twice() -> None:
        with StoreWriter(tmp_path / "s") as writer:
            for _ in range(2):
                writer.add(body(3), name="a", subject="a", source="", fps=60)

    with pytest.raises(DataError, match="names must be unique"):
        write_twice()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((3, 17, 3)), r"must be \(F, 21, 3\), got \(3, 17, 3\)"),
        (np.zeros((0, 21, 3)), r"got \(0, 21, 3\)"),
        (np.full((3, 21, 3), np.nan), "finite numbers"),
    ],
)
def test_a_wrong_clip_is_refused(tmp_path: Path, rows: Body, message: str) -> None:
    with StoreWriter(tmp_path / "s") as writer:
        with pytest.raises(DataError, match=message):
            writer.add(rows, name="a", subject="a", source="", fps=60)
        writer.add(body(2), name="a", subject="a", source="", fps=60)
    assert len(ClipStore.open(tmp_path / "s").clips) == 1


def test_only_a_store_can_be_overwritten(store: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists: choose"):
        StoreWriter(store)
    with StoreWriter(store, overwrite=True) as writer:
        writer.add(body(2), name="new", subject="a", source="", fps=60)
    assert [c.name for c in ClipStore.open(store).clips] == ["new"]
    other = tmp_path / "folder"
    other.mkdir()
    with pytest.raises(OutputError, match="only a store can be overwritten"):
        StoreWriter(other, overwrite=True)
    for meta in ('{"name": "my thesis"}', "my thesis", "[]"):
        (other / "meta.json").write_text(meta)
        with pytest.raises(OutputError, match="only a store can be overwritten"):
            StoreWriter(other, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be"), StoreWriter(tmp_path / "file" / "s"):
        pass


def test_a_store_with_other_files_stays_as_it_is(store: Path) -> None:
    def overwrite() -> None:
        with StoreWriter(store, overwrite=True) as writer:
            writer.add(body(2), name="new", subject="a", source="", fps=60)
            # Somebody puts a file there while the new one is written.
            (store / "chapter1.txt").write_text("precious")

    with pytest.raises(OutputError, match=r"only files written by mbcli.*chapter1\.txt"):
        overwrite()
    with pytest.raises(OutputError, match=r"chapter1\.txt"):
        StoreWriter(store, overwrite=True)
    assert (store / "chapter1.txt").read_text() == "precious"
    assert len(ClipStore.open(store).clips) > 1
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_a_truncated_file_is_refused(store: Path) -> None:
    rows = store / "joints.npy"
    rows.write_bytes(rows.read_bytes()[:-1])
    with pytest.raises(DataError, match="is not a complete array"):
        ClipStore.open(store)
    rows.write_bytes(b"")
    with pytest.raises(DataError, match="is not a complete array"):
        ClipStore.open(store)


def test_rows_that_do_not_fit_the_table_are_refused(store: Path) -> None:
    np.save(store / "joints.npy", body(11))
    with pytest.raises(DataError, match=r"shape \(12, 21, 3\).*got float32 \(11, 21, 3\)"):
        ClipStore.open(store)
    np.save(store / "joints.npy", body(12).astype(np.float64))
    with pytest.raises(DataError, match="got float64"):
        ClipStore.open(store)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "mbcli.clips/2", "format must be mbcli.clips/1, got mbcli.clips/2"),
        ("units", "feet", "units must be metres, got feet"),
        ("joints", ["pelvis"], "joints must be"),
        ("clips", {}, "clips must be a list, got dict"),
        ("clips", [{"name": "a"}], "clip 0 must have name, subject"),
    ],
)
def test_a_foreign_table_is_refused(store: Path, key: str, value: object, message: str) -> None:
    path = store / "meta.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps(meta | {key: value}))
    with pytest.raises(DataError, match=message):
        ClipStore.open(store)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("start", 1, "got clip 0 at row 1 instead of 0"),
        ("frames", 0, "needs an fps up to 10000 and frames, both above 0"),
        ("fps", -1.0, "needs an fps up to 10000 and frames, both above 0"),
        ("fps", float("nan"), "needs an fps up to 10000 and frames, both above 0"),
        ("frames", "5", "frames has the wrong type: '5'"),
    ],
)
def test_a_damaged_entry_is_refused(store: Path, key: str, value: object, message: str) -> None:
    path = store / "meta.json"
    meta = json.loads(path.read_text())
    meta["clips"][0][key] = value
    path.write_text(json.dumps(meta))
    with pytest.raises(DataError, match=message):
        ClipStore.open(store)


def test_no_store_and_no_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a clip store needs this file"):
        ClipStore.open(tmp_path)
    for content in (b"{", b'{"name": "\xee"}'):
        (tmp_path / "meta.json").write_bytes(content)
        with pytest.raises(DataError, match="must be JSON"):
            ClipStore.open(tmp_path)


def test_stores_merge(store: Path, tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "second") as writer:
        writer.add(body(3, 2), name="c/1", subject="c", source="", fps=60)
    first, second = ClipStore.open(store), ClipStore.open(tmp_path / "second")
    wanted = [(first, first.clips[1]), (second, second.clips[0])]
    merged = merge_clips(wanted, tmp_path / "all")
    assert [(c.name, c.start) for c in merged.clips] == [("a/1", 0), ("c/1", 7)]
    np.testing.assert_array_equal(merged.joints(merged.clips[1]), body(3, 2))
    with pytest.raises(DataError, match=r"second: clip c/1: names must be unique .*--prefix"):
        merge_clips(wanted[1:] * 2, tmp_path / "twice")
    with pytest.raises(DataError, match="none: a store must hold at least one clip"):
        merge_clips([], tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "second", "store"]
