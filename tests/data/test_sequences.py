from __future__ import annotations

import json
import pickle
import resource
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.stores import folder
from mbcli.data.stores.sequences import (
    FORMAT,
    KEYPOINTS,
    OPTIONAL,
    Sequence,
    SequenceStore,
    SequenceWriter,
    open_store,
)
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.errors import DataError, OutputError

Array = npt.NDArray[np.float32]


def points(frames: int, people: int | None = None, seed: int = 0) -> Array:
    shape = (frames, 17, 3) if people is None else (frames, people, 17, 3)
    out = np.random.default_rng(seed).random(shape, dtype=np.float32)
    out[..., :2] *= 1000
    return out


def metadata(name: str, **others: Any) -> dict[str, Any]:
    return {"name": name, "subject": "S1", "source": f"{name}.pkl", "fps": 50} | others


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    arrays = ("target", "truth", "factor", "pose", "shape")
    with SequenceWriter(path, arrays=arrays, labels=("sit", "walk")) as writer:
        known = points(4, seed=1)
        writer.add(
            known,
            **metadata("a", size=(1000, 1002), action="Walking 1", camera="54138969", label=1),
            split="train",
            gender="female",
            licence="research",
            target=known + 1,
            truth=known + 2,
            factor=np.arange(4) + 0.5,
            pose=np.ones((4, 72)),
            shape=np.full((4, 10), 2.0),
        )
        lost = points(3, seed=2)
        lost[1, 5] = np.nan, np.nan, 0
        writer.add(lost, **metadata("b", subject="S0", fps=25.0), target=lost)
    return path


def test_sequences_come_back_as_they_were_written(store: Path) -> None:
    opened = SequenceStore.open(store)
    first, second = opened.sequences
    assert first == Sequence(
        "a", "S1", "a.pkl", 50.0, 0, 4, (1000, 1002), "Walking 1", "54138969", "train", 1,
        "research", "female",
    )  # fmt: skip
    assert (second.size, second.split, second.label, second.start) == ((0, 0), "", None, 4)
    assert opened.people == 1
    assert opened.labels == ("sit", "walk")
    assert opened.subjects == ("S0", "S1")
    assert opened.frames == 7
    assert opened.hours == pytest.approx((4 / 50 + 3 / 25) / 3600)
    known = points(4, seed=1)
    np.testing.assert_array_equal(opened.array("keypoints", first), known[:, None])
    np.testing.assert_array_equal(opened.array("target", first), known + 1)
    np.testing.assert_array_equal(opened.array("truth", first), known + 2)
    np.testing.assert_array_equal(opened.array("factor", first), [0.5, 1.5, 2.5, 3.5])
    assert opened.array("pose", first).shape == (4, 72)
    assert opened.array("shape", first)[3, 9] == 2
    assert sorted(path.name for path in store.parent.iterdir()) == ["store"]


def test_what_is_not_known_is_nan(store: Path) -> None:
    opened = SequenceStore.open(store)
    second = opened.sequences[1]
    np.testing.assert_array_equal(opened.array("keypoints", second)[1, 0, 5], [np.nan, np.nan, 0])
    for name in ("truth", "factor", "pose", "shape"):
        assert np.isnan(opened.array(name, second)).all()
    assert np.isfinite(opened.array("target", second)[0]).all()


def test_arrays_that_a_store_does_not_hold(tmp_path: Path) -> None:
    with SequenceWriter(tmp_path / "s", people=2) as writer:
        writer.add(points(3, 2), **metadata("a"))
        with pytest.raises(DataError, match="was not created with target"):
            writer.add(points(3, 2), **metadata("b"), target=points(3))
    opened = SequenceStore.open(tmp_path / "s")
    assert opened.people == 2
    assert opened.arrays == ("keypoints",)
    assert not opened.has("target")
    with pytest.raises(DataError, match="a store with target is needed, this one has keypoints"):
        opened.array("target", opened.sequences[0])
    with pytest.raises(DataError, match=r"must be one of keypoints, target.*got bones"):
        opened.has("bones")


def test_rows_are_mapped_and_read_only(store: Path) -> None:
    opened = SequenceStore.open(store)
    rows = opened.array("keypoints", opened.sequences[1])
    assert isinstance(rows, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0, 0] = 1.0


def test_a_store_goes_to_another_process_without_its_rows(tmp_path: Path) -> None:
    with SequenceWriter(tmp_path / "s") as writer:
        writer.add(points(2000), **metadata("a"))
    sent = pickle.dumps(SequenceStore.open(tmp_path / "s"))
    assert len(sent) < 1000
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.rows("keypoints")[:, 0], points(2000))


def test_ten_million_frames_are_read_without_holding_them(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with SequenceWriter(path) as writer:
        writer.add(points(1), **metadata("a"))
    # A file with a hole takes no room on the disk, and reads as zeros.
    frames = 10_000_000
    with (path / "keypoints.npy").open("r+b") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (frames, 1, 17, 3)}
        )
        file.truncate(file.tell() + frames * 17 * 3 * 4)
    meta = json.loads((path / "meta.json").read_text())
    meta["sequences"][0]["frames"] = frames
    (path / "meta.json").write_text(json.dumps(meta))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    opened = SequenceStore.open(path)
    assert opened.frames == frames
    np.testing.assert_array_equal(opened.rows("keypoints")[0, 0, :, 2], points(1)[0, :, 2])
    assert not opened.array("keypoints", opened.sequences[0])[frames - 243 :].any()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000  # kilobytes, of two gigabytes


def test_either_kind_of_store_opens(store: Path, tmp_path: Path) -> None:
    assert isinstance(open_store(store), SequenceStore)
    with StoreWriter(tmp_path / "clips") as writer:
        writer.add(np.zeros((2, 21, 3)), name="a", subject="a", source="", fps=60)
    assert isinstance(open_store(tmp_path / "clips"), ClipStore)
    with pytest.raises(DataError, match=r"format must be mbcli.sequences/1, got mbcli.clips/1"):
        SequenceStore.open(tmp_path / "clips")
    (tmp_path / "clips" / "meta.json").write_text('{"format": "mbcli.clips/9"}')
    with pytest.raises(DataError, match=r"mbcli.clips/1 or mbcli.sequences/1, got mbcli.clips/9"):
        open_store(tmp_path / "clips")
    with pytest.raises(DataError, match="a store needs this file"):
        open_store(tmp_path)


def changed(place: tuple[int, ...], value: float) -> Array:
    out = points(3)
    out[place] = value
    return out


@pytest.mark.parametrize(
    ("rows", "others", "message"),
    [
        (np.zeros((3, 16, 3)), {}, r"must be \(F, 1, 17, 3\), got \(3, 1, 16, 3\)"),
        (np.zeros((3, 2, 17, 3)), {}, r"got \(3, 2, 17, 3\)"),
        (np.zeros((0, 17, 3)), {}, r"got \(0, 1, 17, 3\)"),
        (changed((1, 2, 0), np.inf), {}, "keypoints must be finite"),
        (changed((1, 2, 2), np.nan), {}, "keypoints must be finite"),
        (changed((1, 2, 0), np.nan), {}, "a missing keypoint"),
        (changed((1, 2, 2), 1.5), {}, r"within 0..1, got 0\S*..1.5"),
        (points(3), {"target": points(4)}, r"target must be \(3, 17, 3\), got \(4, 17, 3\)"),
        (points(3), {"factor": np.full(3, np.inf)}, "factor must be finite"),
        (points(3), {"fps": 0}, "needs an fps up to 10000"),
        (points(3), {"fps": float("nan")}, "needs an fps up to 10000"),
        (points(3), {"size": (0, 5)}, "positive size"),
        (points(3), {"split": "testing"}, "split must be of train, val, test or empty"),
        (points(3), {"gender": "f"}, "gender must be of"),
        (points(3), {"label": 2}, "an index into the store's 2 labels, got 2"),
        (points(3), {"name": "there"}, "names must be unique"),
    ],
)
def test_a_wrong_sequence_is_refused(
    tmp_path: Path, rows: Array, others: dict[str, Any], message: str
) -> None:
    with SequenceWriter(tmp_path / "s", arrays=("target", "factor"), labels=("x", "y")) as writer:
        writer.add(points(2), **metadata("there"))
        with pytest.raises(DataError, match=message) as caught:
            writer.add(rows, **(metadata("new") | others))
        assert "\n" not in str(caught.value)
        writer.add(points(2), **metadata("after"))
    assert [s.name for s in SequenceStore.open(tmp_path / "s").sequences] == ["there", "after"]


def test_nothing_is_left_when_writing_fails(tmp_path: Path) -> None:
    def stop() -> None:
        with SequenceWriter(tmp_path / "s") as writer:
            writer.add(points(3), **metadata("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("frames", [2, 3000])  # kept back until the end, and written at once
def test_a_full_disk_is_one_line_and_the_store_before_survives(store: Path, frames: int) -> None:
    def overwrite() -> None:
        with SequenceWriter(store, overwrite=True) as writer:
            writer._files["keypoints"].close()
            writer._files["keypoints"] = Path("/dev/full").open("wb")  # noqa: SIM115
            writer.add(points(frames), **metadata("a"))

    with pytest.raises(OutputError, match=r"store: cannot be written: No space left"):
        overwrite()
    assert len(SequenceStore.open(store).sequences) == 2
    assert [path.name for path in store.parent.iterdir()] == ["store"]


def test_only_a_store_can_be_overwritten(store: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists: choose"):
        SequenceWriter(store)
    with SequenceWriter(store, overwrite=True) as writer:
        writer.add(points(2), **metadata("new"))
    assert [s.name for s in SequenceStore.open(store).sequences] == ["new"]
    assert not (store / "target.npy").exists()
    other = tmp_path / "folder"
    other.mkdir()
    with pytest.raises(OutputError, match="only a store can be overwritten"):
        SequenceWriter(other, overwrite=True)


def test_the_files_of_a_store_are_those_of_its_arrays() -> None:
    assert folder.ARRAYS[FORMAT] == (KEYPOINTS, *OPTIONAL)


def test_damaged_arrays_are_refused(store: Path) -> None:
    whole = (store / "factor.npy").read_bytes()
    (store / "factor.npy").write_bytes(whole[:-1])
    with pytest.raises(DataError, match="is not a complete array: its header says"):
        SequenceStore.open(store)
    np.save(store / "factor.npy", np.zeros(6, np.float32))
    with pytest.raises(DataError, match=r"shape \(7,\).*got float32 \(6,\)"):
        SequenceStore.open(store)
    (store / "factor.npy").unlink()
    with pytest.raises(DataError, match=r"factor\.npy cannot be read: No such file"):
        SequenceStore.open(store)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "mbcli.sequences/2", "got mbcli.sequences/2"),
        ("joints", ["pelvis"], "joints must be"),
        ("axes", "z up", "axes must be"),
        ("people", 0, "people must be a positive number, got 0"),
        ("people", True, "people must be a positive number, got True"),
        ("labels", [1], "labels must be a list of names"),
        ("arrays", ["target"], "arrays must be keypoints and any of"),
        ("arrays", ["keypoints", "bones"], "arrays must be keypoints and any of"),
        ("sequences", {}, "must be a list, got dict"),
        ("sequences", [{"name": "a"}], "sequence 0 must have name, subject"),
    ],
)
def test_a_foreign_table_is_refused(store: Path, key: str, value: object, message: str) -> None:
    path = store / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DataError, match=message):
        SequenceStore.open(store)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("start", 1, "got sequence 0 at row 1 instead of 0"),
        ("frames", 0, "needs an fps up to 10000 and frames, both above 0"),
        ("fps", "50", "fps has the wrong type: '50'"),
        ("size", [1, 2, 3], "size has the wrong type"),
        ("label", 7, "an index into the store's 2 labels, got 7"),
        ("label", True, "label has the wrong type"),
        ("split", "x", "split must be"),
    ],
)
def test_a_damaged_entry_is_refused(store: Path, key: str, value: object, message: str) -> None:
    path = store / "meta.json"
    meta = json.loads(path.read_text())
    meta["sequences"][0][key] = value
    path.write_text(json.dumps(meta))
    with pytest.raises(DataError, match=message):
        SequenceStore.open(store)
