"""Motions too long for arrays of everybody in every frame: the same results, person by person.

The limit is lowered such that an array of one person still fits, and one of everybody does not:
whoever asks for one on the way is refused.
"""

from __future__ import annotations

import base64
import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking
from typer.testing import CliRunner

import mbcli
from mbcli.cli.app import app
from mbcli.errors import InputError
from mbcli.exports import FORMATS
from mbcli.exports.export import exported
from mbcli.keypoints import read_keypoints, write_keypoints
from mbcli.keypoints.own import load as load_keypoints
from mbcli.motion import Motion3D, load_motion, save_motion
from mbcli.motion.file import _OF_KEYPOINTS, _OF_MOTION
from mbcli.refinement.refine import refine
from mbcli.show.page import packed as page
from mbcli.values import changed, kept

FRAMES, PEOPLE = 60, 8
# An array (T, 1, 17, 3) of float64 takes 24480 bytes, one of everybody 97920 as float32.
LIMIT = 30_000
EVERYTHING = mbcli.RefineOptions(
    outliers=True, max_gap=0.2, filter="butterworth", bones=True, feet=True, world=True
)


@pytest.fixture
def street() -> Motion3D:
    """People who come one after the other and stay for a third of the time, one with a gap."""
    motion = walking(FRAMES, people=PEOPLE)
    for who in range(PEOPLE):
        first = who * 5
        motion = hidden(motion, slice(0, first), who)
        motion = hidden(motion, slice(first + 20, FRAMES), who)
    motion = hidden(motion, slice(8, 11), 1)
    errors = np.where(np.isnan(motion.positions[..., 0]), np.nan, 0.05)
    return replace(motion, expected_error=errors)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The patch that lowers the limit; `undo` lifts it."""
    monkeypatch.setattr("mbcli.values.MAX_DENSE", LIMIT)
    return monkeypatch


def test_arrays_of_everybody_are_refused_and_one_person_is_not(
    street: Motion3D, limit: pytest.MonkeyPatch
) -> None:
    fresh = changed(street)
    assert repr(fresh).startswith("Motion3D(positions=(60, 8, 17, 3) float32, root=(60, 8, 3)")
    with pytest.raises(InputError, match=r"Motion3D\.positions must take at most .* person\(id\)"):
        _ = fresh.positions
    with pytest.raises(InputError, match=r"Keypoints2D\.data"):
        _ = changed(street.keypoints).data
    third = fresh.person(3)
    assert third.positions.shape == (20, 1, 17, 3)
    assert third.track_ids.tolist() == [3]
    assert third.keypoints.frame_index.tolist() == list(range(10, 30))
    limit.undo()
    np.testing.assert_array_equal(third.positions, street.positions[10:30, [2]])
    np.testing.assert_array_equal(third.in_world, street.in_world[10:30, [2]])
    with pytest.raises(KeyError):
        fresh.person(99)


@pytest.mark.parametrize("refined", [False, True])
def test_a_long_file_is_the_same_motion(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path, refined: bool
) -> None:
    motion = refine(street, EVERYTHING) if refined else street
    path = tmp_path / "pose.npz"
    save_motion(path, motion)
    assert load_motion(path) == motion
    limit.undo()
    assert load_motion(path) == motion
    with np.load(path, allow_pickle=False) as file:
        assert file["layout"] == "long"
        frame, person = file["frame"], file["person"]
        assert len(frame) == motion.spans.rows < FRAMES * PEOPLE
        for name, field in {**_OF_MOTION, "expected_error": "expected_error"}.items():
            dense = getattr(motion, field)
            np.testing.assert_array_equal(file[name], dense[frame, person])
        for name, field in _OF_KEYPOINTS.items():
            np.testing.assert_array_equal(
                file[name], getattr(motion.keypoints, field)[frame, person]
            )
    save_motion(tmp_path / "dense.npz", motion)
    with np.load(tmp_path / "dense.npz") as file:
        assert "layout" not in file
        assert file["positions"].shape == (FRAMES, PEOPLE, 17, 3)


def test_rows_of_a_long_file_may_come_in_any_order(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save_motion(tmp_path / "pose.npz", street)
    with np.load(tmp_path / "pose.npz") as file:
        arrays = dict(file)
    order = np.random.default_rng(0).permutation(len(arrays["frame"]))
    rows = len(order)
    mixed = {n: a[order] if a.shape[:1] == (rows,) else a for n, a in arrays.items()}
    np.savez(tmp_path / "mixed.npz", **mixed)
    assert load_motion(tmp_path / "mixed.npz") == street


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("layout", np.array("wide"), "layout must be dense or long"),
        ("frame", np.zeros(3, np.int64), "must be .N,. integers"),
        ("person", "float", "must be .N,. integers"),
        ("frame", "far", "frame must be within 0..59"),
        ("frame", "twice", "a person must be in a frame once"),
        ("positions", "short", "a long array must have 160 rows"),
    ],
)
def test_a_long_file_that_does_not_fit_together_is_refused(
    street: Motion3D,
    limit: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    value: np.ndarray | str,
    rule: str,
) -> None:
    save_motion(tmp_path / "pose.npz", street)
    with np.load(tmp_path / "pose.npz") as file:
        arrays = dict(file)
    broken = arrays[name].copy()
    if not isinstance(value, str):
        broken = value
    elif value == "float":
        broken = broken.astype(np.float64)
    elif value == "far":
        broken[0] = FRAMES
    elif value == "twice":
        broken[1] = broken[0]
    else:
        broken = broken[1:]
    np.savez(tmp_path / "broken.npz", **{**arrays, name: broken})
    with pytest.raises(InputError, match=rule):
        load_motion(tmp_path / "broken.npz")


def test_keypoint_files_are_long_too(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "tracks.npz"
    write_keypoints(path, street.keypoints)
    with np.load(path) as file:
        assert file["layout"] == "long"
    assert load_keypoints(path)[0] == street.keypoints
    poses = read_keypoints(path)
    assert len(poses.keypoints) == int(street.there.rows.sum())
    save_motion(tmp_path / "pose.npz", street)
    assert load_keypoints(tmp_path / "pose.npz")[0] == street.keypoints


def test_inference_is_the_same(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path, tiny_lifter: Path
) -> None:
    path = tmp_path / "tracks.npz"
    write_keypoints(path, street.keypoints)
    options = mbcli.InferOptions(weights=str(tiny_lifter))
    long = mbcli.infer(path, options)
    limit.undo()
    assert mbcli.infer(path, options) == long


def test_refinement_is_the_same(street: Motion3D, limit: pytest.MonkeyPatch) -> None:
    long = refine(street, EVERYTHING)
    limit.undo()
    dense = refine(street, EVERYTHING)
    assert long == dense
    assert dense.refinement is not None
    assert dense.refinement.foot_contacts is not None
    assert dense.refinement.foot_contacts.any()


@pytest.mark.parametrize("name", FORMATS)
def test_every_export_takes_it(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    if FORMATS[name].extra:
        pytest.importorskip(
            {"c3d": "ezc3d", "usd": "pxr", "parquet": "pyarrow", "fbx": "bpy"}[name]
        )
    done = exported(street, tmp_path / f"long{FORMATS[name].suffixes[0]}", format=name)
    assert all(path.stat().st_size for path in done.paths)
    only = any("from their first frame to their last" in note for note in done.notes)
    assert only == (name not in ("glb", "usd", "coco"))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_tables_have_people_from_their_first_frame_to_their_last(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mbcli.export(street, tmp_path / "long.csv")
    mbcli.export(street, tmp_path / "long.angles.csv")
    mbcli.export(street, tmp_path / "long.json")
    limit.undo()
    mbcli.export(street, tmp_path / "dense.csv")
    mbcli.export(street, tmp_path / "dense.angles.csv")
    mbcli.export(street, tmp_path / "dense.json")
    inside = {(frame, who + 1) for who in range(PEOPLE) for frame in range(5 * who, 5 * who + 20)}
    for kind in (".csv", ".angles.csv"):
        long, dense = (_rows(tmp_path / f"{name}{kind}") for name in ("long", "dense"))
        assert len(dense) == FRAMES * PEOPLE
        assert long == [row for row in dense if (int(row["frame"]), int(row["person"])) in inside]
    some, every = (
        json.loads((tmp_path / f"{name}.json").read_text())["people"] for name in ("long", "dense")
    )
    for who, (one, whole) in enumerate(zip(some, every, strict=True)):
        assert one["first_frame"] == 5 * who
        assert one["frames"] == whole["frames"][5 * who : 5 * who + 20]


def test_pictures_are_the_same(street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = mbcli.RenderOptions(layout="3d", frame=22, trail=0.3, width=400)
    refined = refine(street, EVERYTHING)
    mbcli.render(refined, tmp_path / "long.png", options=options)
    limit.undo()
    mbcli.render(refined, tmp_path / "dense.png", options=options)
    assert (tmp_path / "long.png").read_bytes() == (tmp_path / "dense.png").read_bytes()


def test_figures_are_the_same(street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for what in ("angles", "speeds", "confidence", "trajectories"):
        joint = "knee" if what == "angles" else "left_knee"
        options = mbcli.PlotOptions(what=what, joint=(joint,), person="2")
        mbcli.plot(street, tmp_path / "long.svg", options, overwrite=True)
        with limit.context() as patch:
            patch.setattr("mbcli.values.MAX_DENSE", 10**9)
            mbcli.plot(street, tmp_path / "dense.svg", options, overwrite=True)
        assert (tmp_path / "long.svg").read_bytes() == (tmp_path / "dense.svg").read_bytes()


def test_the_viewer_takes_it(street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("rerun")
    report = mbcli.view(street, tmp_path / "long.rrd", footage="none")
    assert report.people == PEOPLE


def test_a_page_of_people_who_come_and_go_holds_only_those_seen(
    street: Motion3D, limit: pytest.MonkeyPatch
) -> None:
    columns = range(PEOPLE)
    dense = page.packed(street, title="a", columns=columns)
    limit.setattr(page, "_SPARSE", (0, 2))
    sparse = page.packed(street, title="a", columns=columns)
    assert dense["spans"] is None
    assert sparse["spans"] == [[5 * who, 5 * who + 20] for who in columns]
    frame, person = street.spans.frame, street.spans.person
    for name, dtype in (("roots", "<f4"), ("offsets", "<i2"), ("confidence", "u1")):
        rows, whole = (
            np.frombuffer(base64.b64decode(pack[name]), dtype) for pack in (sparse, dense)
        )
        whole = whole.reshape(FRAMES, PEOPLE, -1)[frame, person]
        np.testing.assert_array_equal(rows.reshape(whole.shape), whole)
    assert {**sparse, **dict.fromkeys(("spans", "roots", "offsets", "confidence"))} == {
        **dense,
        **dict.fromkeys(("spans", "roots", "offsets", "confidence")),
    }


def test_values_are_kept_for_the_frames_seen(street: Motion3D) -> None:
    assert kept(street, "positions").rows.shape == (20 * PEOPLE, 17, 3)
    assert kept(street.keypoints, "boxes").rows.shape == (20 * PEOPLE, 4)


def test_the_commands_say_that_a_file_is_long(
    street: Motion3D, limit: pytest.MonkeyPatch, tmp_path: Path, tiny_lifter: Path
) -> None:
    tracks, again, pose, refined = (tmp_path / f"{name}.npz" for name in "abcd")
    write_keypoints(tracks, street.keypoints)
    for words in (
        ("keypoints", tracks, "--out", again),
        ("infer", again, "--out", pose, "--weights", tiny_lifter),
        ("refine", pose, "--out", refined, "--bones"),
    ):
        result = CliRunner().invoke(app, [*map(str, words)])
        assert result.exit_code == 0, result.output
        said = f"{words[3]}: written long, one row per person and frame, since arrays of 60 frames"
        assert said in " ".join(result.stderr.split())
    assert load_motion(refined).refinement is not None
