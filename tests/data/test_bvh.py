from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.bvh import rate_of, read_bvh
from mbcli.errors import DataError

# Another order of channels in every joint, a joint that only slides along two axes, a brace on
# the line of its joint, end sites, tabs and a blank line.
TEXT = """HIERARCHY
ROOT hip
{
  OFFSET 1 2 3
  CHANNELS 6 Zrotation Xrotation Yrotation Xposition Yposition Zposition
  JOINT knee {
    OFFSET 0 -4 0
    CHANNELS 1 Xrotation
    JOINT big toe
    {
      OFFSET 0 -4 1
      CHANNELS 2 Zposition Yposition
      End Site
      {
        OFFSET 0 0 1
      }
    }
  }
  JOINT hand
  {
\t\tOFFSET 5 0 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 2 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: .0083333
10 20 30 7 8 9 40 2 -5 50 60 70
0 0 0 0 0 0 0 0 0 0 0 0

"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.bvh"
    path.write_text(TEXT)
    return path


def test_every_convention_is_read_from_the_file(file: Path) -> None:
    recording = read_bvh(file, scale=0.1)
    tree = recording.hierarchy
    assert tree.names == ("hip", "knee", "big_toe", "big_toe_end", "hand", "hand_end")
    assert tree.parents == (-1, 0, 1, 2, 0, 4)
    assert recording.fps == 120.0
    positions, _ = recording.forward()

    hip = Rotation.from_euler("ZXY", [10, 20, 30], degrees=True)
    knee = hip * Rotation.from_euler("X", 40, degrees=True)
    hand = hip * Rotation.from_euler("YXZ", [50, 60, 70], degrees=True)
    at_hip = np.array([7, 8, 9])
    at_knee = at_hip + hip.apply([0, -4, 0])
    at_toe = at_knee + knee.apply([0, -5, 2])  # its channels replace the offset's y and z
    at_hand = at_hip + hip.apply([5, 0, 0])
    expected = [at_hip, at_knee, at_toe, at_toe + knee.apply([0, 0, 1]), at_hand]
    expected.append(at_hand + hand.apply([2, 0, 0]))
    np.testing.assert_allclose(positions[0], np.array(expected) * 0.1, atol=1e-12)
    np.testing.assert_allclose(positions[1, 2], [0, -0.4, 0], atol=1e-12)


def test_a_given_rate_overrules_the_frame_time(file: Path) -> None:
    assert read_bvh(file, scale=1.0, fps=25.0).fps == 25.0


@pytest.mark.parametrize(
    ("step", "rate"), [(0.008333, 120.0), (0.0333333, 30.0), (1 / 24.9, 24.9), (1 / 12.5, 12.5)]
)
def test_rates_are_rounded_only_next_to_a_whole_number(step: float, rate: float) -> None:
    assert rate_of(step) == pytest.approx(rate, abs=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("HIERARCHY", "HIERARCHIE", 1, "expected 'HIERARCHY ROOT', got 'HIERARCHIE'"),
        ("ROOT hip", "JOINT hip", 2, "got 'JOINT'"),
        ("OFFSET 1 2 3", "OFFSET 1 2", 5, "OFFSET needs three numbers, got 'CHANNELS'"),
        ("OFFSET 0 -4 0", "OFFSET 0 nan 0", 7, "got 'nan'"),
        ("CHANNELS 1 Xrotation", "CHANNELS 1 Wrotation", 8, "got 'Wrotation'"),
        ("CHANNELS 2 Zposition Yposition", "CHANNELS 2 Zposition Zposition", 12, "distinct"),
        ("CHANNELS 1 Xrotation", "CHANNELS 2 Xrotation", 9, "got 'Joint'"),
        ("JOINT hand", "JOINT knee", 20, "joint names must be unique, got 'knee'"),
        ("Frames: 2", "Frames: 0", 30, "whole number from 1, got '0'"),
        (".0083333", "0", 31, "positive number of seconds, or the rate given with --fps, got '0'"),
        ("10 20 30 7", "10 20 30", 32, "a frame needs 12 numbers, got '11'"),
        ("10 20 30 7", "10 20 30 x", 32, "finite numbers only, got 'x'"),
        ("0 0 0 0 0 0 0 0 0 0 0 0", "0 0 0 0 0 inf 0 0 0 0 0 0", 33, "got 'inf'"),
    ],
)
def test_errors_name_the_line(file: Path, old: str, new: str, line: int, message: str) -> None:
    assert TEXT.count(old) == 1
    file.write_text(TEXT.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_bvh(file, scale=1.0)
    text = str(caught.value)
    assert text.startswith(f"{file}, line {line}: ")
    assert message in text
    assert "\n" not in text


@pytest.mark.parametrize("announced", [1, 3])
def test_all_frames_of_the_file_are_read(file: Path, announced: int) -> None:
    whole = read_bvh(file, scale=1.0)
    assert whole.note == ""
    file.write_text(TEXT.replace("Frames: 2", f"Frames: {announced}"))
    counted = read_bvh(file, scale=1.0)
    np.testing.assert_array_equal(counted.rotations, whole.rotations)
    assert counted.note == f"the file declares {announced} frames and contains 2, which were read"


def test_a_byte_order_mark_is_no_part_of_the_text(file: Path) -> None:
    file.write_text(TEXT, encoding="utf-8-sig")
    assert read_bvh(file, scale=1.0).hierarchy.names[0] == "hip"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"Frames: 2": "Frames:2", "Frame Time: ": "FrameTime:"}, ""),
        ({"OFFSET 1 2 3": "OFFSET1 2 3", "CHANNELS 1 X": "CHANNELS1 X"}, ""),
        ({"Zrotation Xrotation Yrotation X": "ZrotationXrotationYrotationX"}, ""),
        ({"OFFSET 0 -4 0": "OFFSET 0-4 0", "40 2 -5": "40 2-5"}, "missing blanks"),
        ({".0083333": "0,0083333", "OFFSET 0 -4 0": "OFFSET 0,0 -4,0 0,0"}, "decimal commas"),
        ({"10 20 30 7": "10,0 20,0 30,0 7,0"}, "decimal commas"),
        ({"10 20 30 7 8 9 40 2 -5 50 60 70": "10,20,30,7,8,9,40,2,-5,50,60,70"}, ""),
        ({"OFFSET 0 -4 1": "OFFSET 0.0, -4.0, 1.0"}, ""),
        ({"\n": "\r\n"}, ""),
        ({"\n": "\r"}, ""),
        ({"  ": "\t"}, ""),
        ({"0 0 0 0 0 0 0 0 0 0 0 0": "0 0 0 0 0 0 0 0 0 0 0 0\n1 2 3"}, "breaks off within"),
    ],
)
def test_numbers_are_read_as_programs_write_them(
    file: Path, changes: dict[str, str], note: str
) -> None:
    whole = read_bvh(file)
    text = TEXT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file.write_bytes(text.encode())
    odd = read_bvh(file)
    assert note in odd.note
    assert bool(note) == bool(odd.note)
    assert odd.hierarchy.names == whole.hierarchy.names
    assert odd.fps == whole.fps
    for mine, others in zip(odd.forward(), whole.forward(), strict=True):
        np.testing.assert_allclose(mine, others, atol=1e-12)


def test_utf16_is_read(file: Path) -> None:
    file.write_text(TEXT, encoding="utf-16")
    assert read_bvh(file).hierarchy.names[0] == "hip"


def test_a_given_rate_excuses_the_frame_time(file: Path) -> None:
    file.write_text(TEXT.replace(".0083333", "0"))
    assert read_bvh(file, fps=25.0).fps == 25.0


def test_a_broken_off_file_is_refused(file: Path) -> None:
    file.write_text(TEXT[: TEXT.index("10 20 30 7")])
    with pytest.raises(DataError, match="a motion needs at least one frame, got 'none'"):
        read_bvh(file, scale=1.0)
    file.write_text(TEXT[: TEXT.index("JOINT hand")])
    with pytest.raises(DataError, match="got 'the end of the file'"):
        read_bvh(file, scale=1.0)
    with pytest.raises(DataError, match="cannot be read"):
        read_bvh(file.with_name("none.bvh"), scale=1.0)
