"""Cuts for animators: only where somebody is, and on the spot."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf import animated
from motions import hidden, walking

from mbcli.data.recordings.bvh import read_bvh
from mbcli.errors import ConfigError, InputError
from mbcli.exports.export import exported
from mbcli.exports.looping import looped
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.motion import Motion3D


def pygltflib() -> Any:
    return pytest.importorskip("pygltflib", reason="reads back what was written")


def test_trim_leaves_out_frames_without_anybody(tmp_path: Path) -> None:
    motion = hidden(hidden(walking(frames=40), slice(0, 7)), slice(33, None))
    whole = exported(motion, tmp_path / "whole.bvh", ExportOptions())
    trimmed = exported(motion, tmp_path / "trimmed.bvh", ExportOptions(trim=True))
    assert (whole.frames, trimmed.frames) == ((40,), (26,))
    before, after = read_bvh(whole.paths[0]), read_bvh(trimmed.paths[0])
    np.testing.assert_allclose(after.forward()[0], before.forward()[0][7:33], atol=1e-4)
    assert any(f"first frame is at {7 / 30:g} s" in note for note in trimmed.notes)


def test_trim_gives_each_person_their_own_frames(tmp_path: Path) -> None:
    motion = hidden(walking(frames=30, people=2), slice(0, 10), person=1)
    done = exported(motion, tmp_path / "two.bvh", ExportOptions(trim=True))
    assert done.frames == tuple(len(read_bvh(path)) for path in done.paths) == (30, 20)
    (path,) = exported(motion, tmp_path / "second.bvh", ExportOptions(trim=True, person="2")).paths
    assert len(read_bvh(path)) == 20
    # A gap in between stays, and is bridged.
    gap = hidden(walking(frames=30), slice(10, 20))
    (path,) = exported(gap, tmp_path / "gap.bvh", ExportOptions(trim=True)).paths
    assert len(read_bvh(path)) == 30


def test_in_place_stays_above_one_point(tmp_path: Path) -> None:
    motion = walking(frames=60)
    (usual,) = exported(motion, tmp_path / "walk.bvh", ExportOptions()).paths
    (still,) = exported(motion, tmp_path / "still.bvh", ExportOptions(in_place=True)).paths
    before, after = (read_bvh(path).forward()[0] for path in (usual, still))
    assert np.ptp(before[:, 0, 0]) > 1.5
    assert np.ptp(after[:, 0, [0, 2]], axis=0).max() < 1e-4
    np.testing.assert_allclose(after[:, 0, 1], before[:, 0, 1], atol=1e-4)
    np.testing.assert_allclose(after - after[:, :1], before - before[:, :1], atol=1e-4)
    with pytest.raises(ConfigError, match="--in-place applies to bvh, glb, fbx, vrma, usd files"):
        exported(motion, tmp_path / "walk.csv", ExportOptions(in_place=True))


@pytest.mark.parametrize("people", [1, 2])
def test_a_loop_repeats_without_a_seam(tmp_path: Path, people: int) -> None:
    motion = walking(frames=110, people=people)
    done = exported(motion, tmp_path / "loop.bvh", ExportOptions(loop=True))
    assert len(done.paths) == people
    for path in done.paths:
        loop = read_bvh(path)
        places, _ = loop.forward()
        # A stride takes 33 frames; one or two of them repeat.
        assert min(abs(len(loop) - 33), abs(len(loop) - 66)) <= 1
        # From the last frame to the first is a step like all others.
        steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=-1)
        seam = np.linalg.norm(places[0] - places[-1], axis=-1).max()
        assert seam < 1.3 * steps.max()
        # The way is taken out, the sway kept.
        assert np.ptp(places[:, 0, [0, 2]], axis=0).max() < 0.15
    assert done.frames == tuple(len(read_bvh(path)) for path in done.paths)
    assert any("person 1: a loop from" in note for note in done.notes)


def test_a_loop_cuts_what_repeats_out_of_what_does_not(tmp_path: Path) -> None:
    motion = walking(frames=110)
    positions = motion.positions.copy()
    # Before and after two strides, both arms do something else.
    arms = [11, 12, 13, 14, 15, 16]
    for frame in (*range(15), *range(95, 110)):
        positions[frame, 0, arms] += [0.0, -0.02 * frame, 0.3]
    done = exported(
        replace(motion, positions=positions), tmp_path / "loop.glb", ExportOptions(loop=True)
    )
    times, nodes = animated(pygltflib().GLTF2().load_binary(str(done.paths[0])))
    first, last = map(float, re.findall(r"from (\S+) to (\S+) s", done.notes[-1])[0])
    assert 0.4 < first < 3.2 - 1.0
    assert last < 95 / 30
    assert times[-1] == pytest.approx(last - first, abs=1e-4)
    places = np.stack([node[:, :3, 3] for node in nodes.values()], axis=1)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=-1)
    assert steps[-1] < 1.3 * steps[:-1].max()


def late(motion: Motion3D, seconds: float = 2.0) -> Motion3D:
    times = motion.timestamps + seconds
    return replace(motion, keypoints=replace(motion.keypoints, timestamps=times))


@pytest.mark.parametrize("suffix", ["glb", "vrma"])
def test_a_loop_lasts_from_zero_to_its_first_pose(suffix: str, tmp_path: Path) -> None:
    """glTF players hold the first key before its time, and go from the last back to it."""
    motion = late(walking(frames=110))
    done = exported(motion, tmp_path / f"loop.{suffix}", ExportOptions(loop=True))
    (still,) = exported(motion, tmp_path / "loop.bvh", ExportOptions(loop=True)).paths
    times, nodes = animated(pygltflib().GLTF2().load_binary(str(done.paths[0])))
    frames = len(read_bvh(still))
    np.testing.assert_allclose(times, np.arange(frames + 1) / 30, atol=1e-5)
    assert done.frames == (frames + 1,)
    for node in nodes.values():
        np.testing.assert_allclose(node[-1], node[0], atol=1e-6)


def test_a_loop_in_usd_lasts_from_zero_to_its_first_pose(tmp_path: Path) -> None:
    usd = pytest.importorskip("pxr.Usd", reason="reads back what was written")
    done = exported(late(walking(110)), tmp_path / "loop.usda", ExportOptions(loop=True))
    stage = usd.Stage.Open(str(done.paths[0]))
    turns = stage.GetPrimAtPath("/people/person_1/motion").GetAttribute("rotations")
    times = turns.GetTimeSamples()
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, done.frames[0] - 1)
    np.testing.assert_allclose(times, np.arange(done.frames[0]), atol=1e-4)
    assert turns.Get(times[0]) == turns.Get(times[-1])


def test_rotations_of_a_loop_turn_over_its_seam_as_within(tmp_path: Path) -> None:
    """What is smoothed over time when a skeleton is solved knows what comes around."""
    motion = walking(frames=110)
    loop = looped(motion)
    options = ExportOptions(loop=True)
    ((moving, _),) = posed(loop, options)
    length = len(loop.timestamps) - 1
    shifted = np.r_[length // 2 : length, : length // 2 + 1]
    again = replace(
        loop,
        **{
            name: getattr(loop, name)[shifted]
            for name in ("positions", "root", "positions_normalized", "confidence")
        },
    )
    ((other, _),) = posed(again, options)
    np.testing.assert_allclose(other.rotations, moving.rotations[shifted], atol=1e-5)


def test_a_loop_names_its_time_in_the_source_once(tmp_path: Path) -> None:
    done = exported(late(walking(frames=110)), tmp_path / "loop.bvh", ExportOptions(loop=True))
    assert not any("first frame is at" in note for note in done.notes)
    assert float(re.findall(r"a loop from (\S+) to", done.notes[-1])[0]) > 2


def test_what_is_too_short_or_broken_gives_no_loop(tmp_path: Path) -> None:
    gap = hidden(walking(frames=60), slice(20, 24))
    with pytest.raises(InputError, match="without a gap, got 56 of 60 of person 1"):
        exported(gap, tmp_path / "a.bvh", ExportOptions(loop=True))
    with pytest.raises(InputError, match="a loop needs 20 frames"):
        exported(walking(frames=12), tmp_path / "a.bvh", ExportOptions(loop=True))
    with pytest.raises(ConfigError, match="--loop applies to bvh, glb, fbx, vrma, usd files"):
        exported(walking(frames=60), tmp_path / "a.trc", ExportOptions(loop=True))
    assert not list(tmp_path.iterdir())
