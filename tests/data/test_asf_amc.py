from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.amc import read_amc
from mbcli.data.recordings.asf import read_asf
from mbcli.errors import DataError

ASF = """# a comment
:version 1.10
:name test
:units
  mass 1.0
  length 0.5
  angle deg
:documentation
  any words
:root
   order TX TZ TY RZ RX RY
   axis XYZ
   position 0 1 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name femur
     direction 0.6 -0.8 0
     length 5
     axis 10 20 30  XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name tibia
     direction 0 -1 0
     length 4
     axis 0 40 50  ZYX
    dof rz rx
  end
  begin
     id 3
     name fixed
     direction 0 1 0
     length 2
     axis 0 0 0  XYZ
  end
:hierarchy
  begin
    root femur fixed
    femur tibia
  end
"""
AMC = """#!OML:ASF \xfc
:FULLY-SPECIFIED
:DEGREES
7
root 1 2 3 10 20 30
femur 40 50 60
tibia 70 80
8
root 0 0 0 0 0 0
femur 0 0 0
tibia 0 0
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    asf, amc = tmp_path / "a.asf", tmp_path / "a.amc"
    asf.write_text(ASF)
    amc.write_text(AMC, encoding="latin-1")
    return asf, amc


def test_the_pose_agrees_with_an_independent_sum(files: tuple[Path, Path]) -> None:
    asf, amc = files
    recording = read_amc(amc, read_asf(asf, scale=2.0), fps=120.0)
    assert recording.hierarchy.names == (
        "root",
        "femur",
        "fixed",
        "tibia",
        "fixed_end",
        "tibia_end",
    )
    assert recording.fps == 120.0
    positions, _ = recording.forward()

    def fixed_axes(axes: str, angles: list[float]) -> Rotation:
        return Rotation.from_euler(axes, angles, degrees=True)  # lower case: fixed axes

    root = fixed_axes("zxy", [10, 20, 30])
    own = fixed_axes("xyz", [10, 20, 30])
    femur = root * own * fixed_axes("xyz", [40, 50, 60]) * own.inv()
    own = fixed_axes("zyx", [0, 40, 50])
    tibia = femur * own * fixed_axes("zx", [70, 80]) * own.inv()
    hip = np.array([1, 4, 2])  # the values are x, z, y; the skeleton's root stands at y = 1
    knee = hip + femur.apply([3, -4, 0])
    expected = [hip, hip, hip, knee, hip + root.apply([0, 2, 0]), knee + tibia.apply([0, -4, 0])]
    np.testing.assert_allclose(positions[0], 2.0 * np.array(expected), atol=1e-9)
    np.testing.assert_allclose(positions[1, 5], [6, 2 - 8 - 8, 0], atol=1e-9)


def test_the_files_own_unit_counts_inches(files: tuple[Path, Path]) -> None:
    assert read_asf(files[0]).scale == pytest.approx(0.0254 / 0.5)
    files[0].write_text(ASF.replace("  length 0.5\n", "  length 0.45\n"))
    assert read_asf(files[0]).scale == pytest.approx(0.056444, abs=1e-6)


def test_radians_in_either_file(files: tuple[Path, Path]) -> None:
    asf, amc = files
    degrees = read_amc(amc, read_asf(asf), fps=120.0).forward()[0]
    values = [
        " ".join([w[0], *(str(np.radians(float(v))) for v in w[1:])])
        if (w := line.split())[0] in ("femur", "tibia")
        else line
        for line in AMC.splitlines()
    ]
    text = "\n".join(values).replace("10 20 30", " ".join(map(str, np.radians([10, 20, 30]))))
    amc.write_text(text.replace(":DEGREES", ":RADIANS"), encoding="latin-1")
    np.testing.assert_allclose(
        read_amc(amc, read_asf(asf), fps=120.0).forward()[0], degrees, atol=1e-9
    )
    # Without a keyword, the skeleton's unit of angle holds, also for its own axes.
    amc.write_text(text.replace(":DEGREES\n", ""), encoding="latin-1")
    asf.write_text(
        ASF.replace("angle deg", "angle rad")
        .replace("axis 10 20 30", f"axis {' '.join(map(str, np.radians([10, 20, 30])))}")
        .replace("axis 0 40 50", f"axis {' '.join(map(str, np.radians([0, 40, 50])))}")
    )
    np.testing.assert_allclose(
        read_amc(amc, read_asf(asf), fps=120.0).forward()[0], degrees, atol=1e-9
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("length 0.5", "length 0", 6, "a number above 0, got '0'"),
        ("angle deg", "angle turns", 7, "deg or rad, got 'turns'"),
        ("direction 0.6 -0.8 0", "direction 0.6 -0.8", 19, "three numbers, got '0.6 -0.8'"),
        ("length 5", "length five", 20, "must be a number, got 'five'"),
        ("10 20 30  XYZ", "10 20 30  XXZ", 21, "X, Y and Z in some order, got 'XXZ'"),
        ("dof rz rx", "dof rz l", 33, "distinct and from rx, ry, rz, got 'rz l'"),
        ("name tibia", "name femur", 34, "bone names must be unique, got 'femur'"),
        ("femur tibia", "femur toe", 45, "only bones of :bonedata, got 'toe'"),
        ("femur tibia", "femur fixed", 46, "a bone must have one parent, got 'fixed'"),
    ],
)
def test_skeleton_errors_name_the_line(
    files: tuple[Path, Path], old: str, new: str, line: int, message: str
) -> None:
    assert ASF.count(old) == 1
    files[0].write_text(ASF.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_asf(files[0])
    text = str(caught.value)
    assert text.startswith(f"{files[0]}, line {line}: ")
    assert message in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tibia 70 80", "tibia 70", "line 7: bone tibia needs 2 finite numbers, got '70'"),
        ("tibia 70 80", "tibia 70 nan", "line 7: bone tibia needs 2 finite"),
        ("femur 40 50 60", "femur 40 x 60", "line 6: bone femur needs 3 finite"),
        (
            "femur 40 50 60",
            "thigh 40 50 60",
            "line 6: every movable bone must occur once per frame, got 'th",
        ),
        ("tibia 0 0\n", "", "line 10: frame 8 must hold every bone, got none of tibia"),
        ("tibia 70 80\n", "", "line 7: frame 7 must hold every bone, got none of tibia"),
        ("tibia 0 0\n", "tibia 0 0\ntibia 0 0\n", "line 12: every movable bone must occur once"),
        ("\n8\n", "\n9\n", "line 8: expected frame number 8, got '9'"),
        (":FULLY-SPECIFIED", ":PARTLY", "FULLY-SPECIFIED can be read, got :DEGREES :PARTLY"),
        (":DEGREES", ":DEGREES :RADIANS", ":DEGREES or :RADIANS, got both"),
        ("\n7\n", "\n", "line 4: expected a frame number, got 'root 1 2 3 10 20 30'"),
    ],
)
def test_motion_errors_name_the_line(
    files: tuple[Path, Path], old: str, new: str, message: str
) -> None:
    assert AMC.count(old) == 1
    asf, amc = files
    amc.write_text(AMC.replace(old, new), encoding="latin-1")
    with pytest.raises(DataError) as caught:
        read_amc(amc, read_asf(asf), fps=120.0)
    assert str(amc) in str(caught.value)
    assert message in str(caught.value)


def test_a_motion_without_frames(files: tuple[Path, Path]) -> None:
    asf, amc = files
    amc.write_text(":FULLY-SPECIFIED\n:DEGREES\n")
    with pytest.raises(DataError, match="expected a frame number"):
        read_amc(amc, read_asf(asf), fps=120.0)
    with pytest.raises(DataError, match="cannot be read"):
        read_asf(asf.with_name("none.asf"))


@pytest.mark.parametrize(
    ("keyword", "rate"),
    [
        ("", 120.0),
        (":SAMPLES-PER-SECOND 60\n", 60.0),
        (":samples-per-second\t59.94\n", 59.94),
        (":SAMPLES-PER-SECOND: 100\n", 100.0),
        (":SAMPLES-PER-SECOND 30,5\n", 30.5),
    ],
)
def test_the_rate_of_the_file_counts(files: tuple[Path, Path], keyword: str, rate: float) -> None:
    asf, amc = files
    amc.write_text(AMC.replace(":DEGREES\n", f":DEGREES\n{keyword}"), encoding="latin-1")
    assert read_amc(amc, read_asf(asf)).fps == rate
    assert read_amc(amc, read_asf(asf), fps=25.0).fps == 25.0


def test_a_rate_that_is_none_is_refused(files: tuple[Path, Path]) -> None:
    asf, amc = files
    text = AMC.replace(":DEGREES\n", ":DEGREES\n:SAMPLES-PER-SECOND 0\n")
    amc.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="line 4: :SAMPLES-PER-SECOND must be a positive number"):
        read_amc(amc, read_asf(asf))
    assert read_amc(amc, read_asf(asf), fps=25.0).fps == 25.0


def test_decimal_commas_and_a_byte_order_mark(files: tuple[Path, Path]) -> None:
    asf, amc = files
    wanted = read_amc(amc, read_asf(asf)).forward()[0]
    asf.write_text(ASF.replace("0.6 -0.8 0", "0,6 -0,8 0"), encoding="utf-8-sig")
    text = AMC.replace("femur 40 50 60", "femur 40,0 50,0 60,0").replace("\n", "\r\n")
    amc.write_bytes(text.encode("utf-8-sig"))
    recording = read_amc(amc, read_asf(asf))
    np.testing.assert_allclose(recording.forward()[0], wanted)
    assert recording.note == "decimal commas were read as points"
