"""Gait of a walker whose strides are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from motions import SECONDS, STANCE, STRIDE, hidden, standing_feet, walking, with_feet
from typer.testing import CliRunner

from mbcli.cli.app import app
from mbcli.errors import ConfigError
from mbcli.gait.parameters import UNITS, gait_of
from mbcli.motion import Motion3D

FRAMES = 180


def walkers(feet: bool, fps: float = 30.0) -> Motion3D:
    return with_feet(walking(FRAMES, fps=fps)) if feet else walking(FRAMES, fps=fps)


@pytest.mark.parametrize(("feet", "joints"), [(True, "heel and big toe"), (False, "ankle")])
def test_a_walker_has_the_gait_he_was_built_with(feet: bool, joints: str) -> None:
    ((gait,), _) = gait_of(walkers(feet), "all")
    assert (gait.person, gait.read_from) == (1, joints)
    assert gait.strides == {"right": 4, "left": 4}
    for side in ("right", "left"):
        mean = gait.means[side]
        assert mean["stride_time"] == pytest.approx(SECONDS, abs=0.005)
        assert mean["stride_length"] == pytest.approx(STRIDE, abs=0.01)
        assert mean["speed"] == pytest.approx(1.0, abs=0.01)
        assert mean["cadence"] == pytest.approx(120 / SECONDS, abs=0.5)
        assert mean["step_time"] == pytest.approx(SECONDS / 2, abs=0.01)
        # The foot is foremost 0.03 strides before it stands, and rearmost 0.03 after it has left.
        assert mean["stance_share"] == pytest.approx(STANCE + 0.058, abs=0.01)
    assert all(abs(value) < 2 for value in gait.symmetry.values())


def test_events_are_where_feet_begin_and_cease_to_stand() -> None:
    ((gait,), _) = gait_of(walkers(True), "1")
    stands = standing_feet(FRAMES).astype(int)
    for foot, side in enumerate(("right", "left")):
        for what, sign in (("heel strike", 1), ("toe off", -1)):
            real = (np.flatnonzero(np.diff(stands[:, foot]) == sign) + 0.5) / 30
            found = [time for time, whose, event in gait.events if (whose, event) == (side, what)]
            assert len(found) >= 4
            assert max(np.abs(real - time).min() for time in found) < 0.05


def test_a_limp_is_seen_on_its_side() -> None:
    motion = walkers(True)
    positions = motion.positions.copy()
    late = motion.positions[:-3]  # the left leg comes a tenth of a second later
    for joint, name in enumerate(motion.skeleton.joints):
        if name.startswith("left_") and name.endswith(("knee", "ankle", "toe", "heel")):
            positions[3:, :, joint] = late[:, :, joint]
    ((gait,), _) = gait_of(replace(motion, positions=positions), "all")
    assert gait.means["left"]["step_time"] == pytest.approx(SECONDS / 2 + 0.1, abs=0.02)
    assert gait.means["right"]["step_time"] == pytest.approx(SECONDS / 2 - 0.1, abs=0.02)
    assert gait.symmetry["step_time"] == pytest.approx(-36, abs=4)
    assert abs(gait.symmetry["stride_time"]) < 1


def test_a_gap_belongs_to_no_stride() -> None:
    ((gait,), _) = gait_of(hidden(walkers(True), slice(88, 92)), "all")
    ((whole,), _) = gait_of(walkers(True), "all")
    assert sum(gait.strides.values()) < sum(whole.strides.values())
    assert gait.means["left"]["stride_time"] == pytest.approx(SECONDS, abs=0.005)


def test_too_few_strides_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs a whole stride of each foot: person 1 makes"):
        gait_of(walking(45), "all")
    still = walking(FRAMES)
    frozen = [np.repeat(v[:1], FRAMES, axis=0) for v in (still.positions, still.root)]
    still = replace(still, positions=frozen[0], root=frozen[1])
    with pytest.raises(ConfigError, match="person 1 makes 0 with the right and 0 with the left"):
        gait_of(still, "all")


def test_who_makes_too_few_strides_is_left_out_and_named(tmp_path: Path) -> None:
    hidden(walking(FRAMES, people=2), slice(40, FRAMES), person=1).save(tmp_path / "pose.npz")
    words = ["gait", str(tmp_path / "pose.npz"), "--out", str(tmp_path / "gait.csv")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "warning: left out for lack of whole strides: person 2 makes 0 with the" in done.stderr
    assert set(pd.read_csv(tmp_path / "gait.csv").person) == {1}


def test_the_command_writes_prints_and_refuses(tmp_path: Path) -> None:
    walkers(True).save(tmp_path / "pose.npz")
    words = ["gait", str(tmp_path / "pose.npz"), "--out", str(tmp_path / "gait.csv")]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    assert "heel strike and toe off from heel and big toe" in done.stderr
    (person,) = json.loads(done.stdout)["people"]
    table = pd.read_csv(tmp_path / "gait.csv")
    assert list(table) == ["person", "side", "strides", *UNITS]
    assert table.side.tolist() == ["right", "left", "symmetry"]
    for row, side in enumerate(("right", "left")):
        for name in UNITS:
            assert table[name][row] == pytest.approx(person[side][name], abs=6e-4)
    times = [event["time"] for event in person["events"]]
    assert times == sorted(times)
    assert "left out" not in done.stderr
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    walking(40).save(tmp_path / "short.npz")
    short = CliRunner().invoke(
        app, ["gait", str(tmp_path / "short.npz"), "-o", str(tmp_path / "short.csv")]
    )
    assert short.exit_code == 1
    assert short.stderr.startswith("error: gait needs a whole stride")
    assert short.stderr.count("\n") == 1
    assert not (tmp_path / "short.csv").exists()
