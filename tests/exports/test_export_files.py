from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.errors import ConfigError, InputError, NobodyFoundError, OutputError
from mbcli.exports import FORMATS, ExportFormat, trc
from mbcli.exports.export import export, exported, format_of
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D

# Blender writes FBX: test_blender.py.
WRITTEN = pytest.mark.parametrize(
    "row", [row for row in FORMATS.values() if row.name != "fbx"], ids=lambda row: row.name
)
ROWS = pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)


def absent(motion: Motion3D, person: int) -> Motion3D:
    return hidden(motion, slice(None), person)


@WRITTEN
def test_every_format_writes_whole_files(row: ExportFormat, tmp_path: Path) -> None:
    motion = hidden(walking(12, people=2), slice(4, 7), person=1)
    path = tmp_path / f"walk{row.suffixes[0]}"
    paths = export(motion, path)
    names = {path.name}
    if row.per_person:
        names = {f"walk_{number}{row.suffixes[0]}" for number in (1, 2)}
    assert {p.name for p in paths} == names == {p.name for p in tmp_path.iterdir()}
    assert all(p.stat().st_size > 100 for p in paths)


@WRITTEN
def test_every_format_takes_one_frame_at_another_rate(row: ExportFormat, tmp_path: Path) -> None:
    path = tmp_path / f"one{row.suffixes[0]}"
    assert export(walking(1), path, ExportOptions(fps=25)) == [path]
    assert path.stat().st_size > 100


@ROWS
def test_nobody_gives_no_file(row: ExportFormat, tmp_path: Path) -> None:
    path = tmp_path / f"none{row.suffixes[0]}"
    for motion in (walking(5, people=0), absent(walking(5), 0)):
        with pytest.raises(NobodyFoundError, match="no person is in any frame"):
            export(motion, path)
    with pytest.raises(InputError, match="no frames"):
        export(walking(0), path)
    assert not list(tmp_path.iterdir())


@ROWS
def test_rows_say_enough(row: ExportFormat) -> None:
    assert row.about
    assert (row.up is None) == (row.unit is None)
    assert row.says or row.unit
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in row.suffixes)


def test_suffixes_are_of_one_format_each() -> None:
    suffixes = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(name == row.name for name, row in FORMATS.items())


def test_the_longest_suffix_counts_and_a_name_overrules_it() -> None:
    assert format_of(Path("a.csv")).name == "csv"
    assert format_of(Path("a.ANGLES.CSV")).name == "angles-csv"
    assert format_of(Path("a.coco.json")).name == "coco"
    assert format_of(Path("a.b.json")).name == "json"
    assert format_of(Path("coco.json")).name == "json"
    assert format_of(Path("a.csv"), "angles-csv").name == "angles-csv"


def test_an_unknown_format_lists_those_known() -> None:
    with pytest.raises(ConfigError, match=r"must end in one of \.bvh, .*\.mot.*, got a\.xyz"):
        format_of(Path("a.xyz"))
    with pytest.raises(ConfigError, match=r"must be one of bvh, .*mot, got 'maya'"):
        format_of(Path("a.trc"), "maya")


@WRITTEN
@pytest.mark.parametrize("end", ["", ".foo", ".UPPER"])
def test_a_named_format_takes_any_suffix(row: ExportFormat, end: str, tmp_path: Path) -> None:
    name = f"a{end}".replace(".UPPER", row.suffixes[0].upper())
    motion = walking(3)
    assert export(motion, tmp_path / name, format=row.name) == [tmp_path / name]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (usual,) = export(motion, tmp_path / f"b{row.suffixes[0]}")
    assert (tmp_path / name).stat().st_size == usual.stat().st_size


def test_many_people_need_no_open_file_each(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits are set as POSIX has them")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = os.dup(0)  # the lowest number that is free
    os.close(used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, limits[1]))
    try:
        assert len(export(walking(2, people=40), tmp_path / "a.bvh")) == 40
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_people_are_chosen_by_id(tmp_path: Path) -> None:
    motion = walking(3, people=3)
    done = exported(motion, tmp_path / "a.trc", ExportOptions(person="3,1"))
    assert [path.name for path in done.paths] == ["a_3.trc", "a_1.trc"]
    assert done.track_ids == (3, 1)
    assert export(motion, tmp_path / "b.trc", ExportOptions(person="2")) == [tmp_path / "b.trc"]
    with pytest.raises(ConfigError, match="must be all, largest or one of 1, 2, 3, got 7"):
        export(motion, tmp_path / "c.trc", ExportOptions(person="1,7"))
    gone = absent(motion, 1)
    assert len(export(gone, tmp_path / "d.trc")) == 2
    with pytest.raises(ConfigError, match="of 1, 3, got 2, who is in no frame"):
        export(gone, tmp_path / "e.trc", ExportOptions(person="2"))


def test_names_of_several_keep_a_double_suffix(tmp_path: Path) -> None:
    paths = export(walking(3, people=2), tmp_path / "a.b.trc")
    assert [path.name for path in paths] == ["a.b_1.trc", "a.b_2.trc"]
    paths = export(walking(3, people=2), tmp_path / "plain", format="trc")
    assert [path.name for path in paths] == ["plain_1", "plain_2"]


def test_a_failure_on_the_second_person_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine: Callable[..., None] = trc.write_trc
    written = []

    def fails_on_second(motion: Motion3D, path: Path, options: ExportOptions) -> None:
        genuine(motion, path, options)
        written.append(path)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(trc, "write_trc", fails_on_second)
    before = tmp_path / "a_1.trc"
    before.write_text("earlier")
    with pytest.raises(OutputError, match=r"a_2\.trc cannot be written: No space left"):
        export(walking(3, people=2), tmp_path / "a.trc", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a_1.trc"]
    assert before.read_text() == "earlier"


def test_existing_files_are_kept_by_default(tmp_path: Path) -> None:
    (tmp_path / "a_2.trc").write_text("mine")
    with pytest.raises(OutputError, match=r"a_2\.trc exists"):
        export(walking(3, people=2), tmp_path / "a.trc")
    (tmp_path / "a_2.bvh").write_text("mine")
    unsolved = mock.patch("mbcli.exports.export.with_standing_feet", side_effect=AssertionError)
    with unsolved, pytest.raises(OutputError, match=r"a_2\.bvh exists"):
        export(walking(3, people=2), tmp_path / "a.bvh")
    with unsolved, pytest.raises(ConfigError, match="or one of 1, 2, got 7"):
        export(walking(3, people=2), tmp_path / "b.bvh", ExportOptions(person="7"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_2.bvh", "a_2.trc"]
    export(walking(3, people=2), tmp_path / "a.trc", overwrite=True)
    assert (tmp_path / "a_2.trc").read_text().startswith("PathFileType")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "npy",
            {"up": "z"},
            "--up z applies to bvh, usd, trc, c3d, csv, parquet, json files, got x3d",
        ),
        (
            "coco.json",
            {"scale": 2.0},
            "--scale 2.0 applies to bvh, usd, trc, c3d, csv, parquet, json files, got coco",
        ),
        (
            "trc",
            {"shape": "long"},
            "--shape long applies to csv, parquet, angles-csv files, got trc",
        ),
        (
            "glb",
            {"up": "z"},
            "--up z applies to bvh, usd, trc, c3d, csv, parquet, json files, got glb",
        ),
        (
            "glb",
            {"scale": 100.0},
            "--scale 100.0 applies to bvh, usd, trc, c3d, csv, parquet, json files, got glb",
        ),
        ("csv", {"loop": True}, "--loop applies to bvh, glb, fbx, vrma, usd files, got csv"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    name: str, options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        export(walking(3), tmp_path / f"a.{name}", ExportOptions(**options))  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.mark.parametrize(("name", "package"), [("c3d", "ezc3d"), ("parquet", "pyarrow")])
def test_a_missing_library_says_how_to_get_it(
    name: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"needs {package}.*pip install 'mbcli\[formats\]'"):
        export(walking(3), tmp_path / f"a.{name}")
    assert not list(tmp_path.iterdir())


def test_formats_without_times_get_even_ones(tmp_path: Path) -> None:
    motion = walking(31, fps=30)
    times = motion.timestamps.copy()
    times[10:] += 0.5
    keypoints = replace(motion.keypoints, timestamps=times, fps=20.0)
    done = exported(replace(motion, keypoints=keypoints), tmp_path / "a.trc")
    assert (done.frames, done.fps) == ((31,), 20.0)
    assert "resampled from 20 to 20 frames/s" in done.notes[-1]
    kept = exported(replace(motion, keypoints=keypoints), tmp_path / "a.csv")
    assert kept.frames == (31,)
    assert not any("resampled" in note for note in kept.notes)


def test_notes_of_formats_without_axes_say_what_they_hold(tmp_path: Path) -> None:
    notes = exported(walking(2), tmp_path / "a.npy").notes
    assert notes == (FORMATS["x3d"].says,)
    positions = exported(walking(2), tmp_path / "a.c3d").notes
    assert positions[0] == "units: millimetres"
    assert "z up" in positions[1]


def test_only_bvh_says_which_boxes_blender_needs(tmp_path: Path) -> None:
    """Both must be ticked where a scene has another rate than the file (24 in a new one)."""
    said = {
        suffix: " ".join(exported(walking(4), tmp_path / f"a.{suffix}").notes)
        for suffix in ("bvh", "glb", "trc")
    }
    for box in ("Scale FPS", "Update Scene FPS"):
        assert [box in notes for notes in said.values()] == [True, False, False]


def test_what_is_said_of_sto_is_what_opensims_window_does(tmp_path: Path) -> None:
    """Its older reader ends at the first nan: of .sto it shows a part, of .mot everything."""
    motion = walking(40)

    def shown(suffix: str) -> int:
        done = exported(motion, tmp_path / f"a.{suffix}")
        rows = done.paths[0].read_text().split("endheader\n")[1].splitlines()[1:]
        assert len(rows) == 40
        return next((n for n, row in enumerate(rows) if "nan" in row.lower()), len(rows))

    assert (shown("sto") < 40, shown("mot")) == (True, 40)
    paths = (tmp_path / "b.sto", tmp_path / "b.mot")
    notes = [" ".join(exported(motion, path).notes) for path in paths]
    assert ["nan" in note for note in notes] == [True, False]
    assert "OpenSim's window stops at the first one: take .mot" in notes[0]


@pytest.mark.parametrize("suffix", ["trc", "sto", "mot"])
def test_files_of_opensim_say_that_they_leave_out_frames(suffix: str, tmp_path: Path) -> None:
    motion = walking(30)
    parts = (motion, hidden(motion, slice(10, 25)))
    done = [exported(part, tmp_path / f"{n}.{suffix}") for n, part in enumerate(parts)]
    rows = [
        sum(line[:1].isdigit() for line in one.paths[0].read_text().splitlines()) for one in done
    ]
    assert rows[0] - rows[1] == 15
    assert [one.frames for one in done] == [(30,), (15,)]
    people = hidden(walking(30, people=2), slice(10, 25))
    assert exported(people, tmp_path / f"two.{suffix}").frames == (15, 30)
    assert "frames without the person are left out" in "; ".join(done[1].notes)


def test_coco_counts_the_frames_with_somebody(tmp_path: Path) -> None:
    motion = walking(30, people=2)
    done = exported(hidden(motion, slice(10, 25)), tmp_path / "a.coco.json")
    alone = exported(
        hidden(motion, slice(10, 25)), tmp_path / "b.coco.json", ExportOptions(person="1")
    )
    for one, frames in ((done, 30), (alone, 15)):
        records = json.loads(one.paths[0].read_text())
        assert one.frames == (len({record["image_id"] for record in records}),) == (frames,)


def test_the_motion_is_left_alone(tmp_path: Path) -> None:
    motion = walking(4, people=2)
    before = motion.positions.copy()
    export(motion, tmp_path / "a.trc", ExportOptions(fps=60, up="z"))
    np.testing.assert_array_equal(motion.positions, before)
