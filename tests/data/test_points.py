"""C3D and TRC as recordings: joint centres by name, and markers on the skin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import walking
from walkers import LIMBS, walker

import mbcli
from mbcli.data.recordings.body import body_positions
from mbcli.data.recordings.importing import import_folder
from mbcli.data.recordings.trc import read_trc
from mbcli.data.recordings.upright import turn_up
from mbcli.data.stores.check import check_store
from mbcli.data.stores.quality import trunk_axes
from mbcli.data.stores.store import ClipStore
from mbcli.errors import DataError
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

J = BODY21.index
ON_THE_LIMBS = [J(name) for name in LIMBS]
_WIDTH, _DEPTH = (0.09 - 0.0073) / 0.33, 0.2  # of a pelvis with the walker's hips

# Marker of the front and the back of the pelvis; outer and inner ones of knee, ankle and elbow.
PLUG_IN_GAIT = "{S}ASI {S}PSI {S}KNE - {S}ANK - {S}ELB - {S}SHO {S}WRA {S}WRB {S}FHD {S}BHD"
CMU = "{S}FWT {S}BWT {S}KNE - {S}ANK - {S}ELB - {S}SHO {S}IWR {S}OWR {S}FHD {S}BHD"
BOTH_SIDES = (
    "{S}IAS {S}IPS {S}_FLE {S}_FME {S}_FAL {S}_TAM {S}_HLE {S}_HME {S}_ACR {S}_RSP {S}_USP - -"
)
OPENSIM = (
    "{S}.ASIS {S}.PSIS {S}.Knee.Lat {S}.Knee.Med {S}.Ankle.Lat {S}.Ankle.Med {S}.Elbow.Lat "
    "{S}.Elbow.Med {S}.Acromium {S}.Wrist.Lat {S}.Wrist.Med - -"
)


def centres() -> dict[str, FloatArray]:
    """The joint centres of the walker."""
    person = walker()
    positions, _ = person.forward()
    return {name: positions[:, i] for i, name in enumerate(person.hierarchy.names)}


def markers(style: str) -> dict[str, FloatArray]:
    """Where the markers of a set are on the walker."""
    person = walker()
    at, (_, turns) = centres(), person.forward()
    turn = {name: turns[:, i] for i, name in enumerate(person.hierarchy.names)}
    found: dict[str, FloatArray] = {}
    for side, s in (("left", 1), ("right", -1)):
        names = [word.format(S=side[0].upper()) for word in style.split()]
        hips = (at["left_hip"] + at["right_hip"]) / 2
        pelvis, trunk = turn["hips"], turn["chest"]
        front = np.array([s * _WIDTH / 2, 0.3 * _WIDTH + 0.0109, 0.24 * _DEPTH + 0.0099])
        across = np.linalg.norm(at["left_shoulder"] - at["right_shoulder"], axis=-1)[:, None]
        shin, upper, fore = (turn[f"{side}_{n}"] for n in ("hip", "shoulder", "elbow"))
        skull = at["head"] + turn["head"] @ (0, 0.095, 0)
        places = [
            hips + pelvis @ front,
            hips + pelvis @ (front * (0.5, 1, 1) - (0, 0, _DEPTH)),
            *(at[f"{side}_knee"] + shin @ (x * s * 0.05, 0, 0) for x in (1, -1)),
            *(at[f"{side}_ankle"] + shin @ (x * s * 0.035, 0, 0) for x in (1, -1)),
            *(at[f"{side}_elbow"] + upper @ (0, y * 0.035, 0) for y in (1, -1)),
            at[f"{side}_shoulder"] + 0.17 * across * trunk[:, :, 1],
            *(at[f"{side}_wrist"] + fore @ (0, y * 0.025, 0) for y in (1, -1)),
            *(skull + turn["head"] @ (s * 0.07, 0, z) for z in (0.09, -0.09)),
        ]
        found |= {n: p for n, p in zip(names, places, strict=True) if n != "-"}
    return found


def write_trc(path: Path, points: Mapping[str, FloatArray], unit: str = "mm") -> Path:
    """A TRC file as Cortex and OpenCap write it."""
    factor = {"mm": 1000.0, "m": 1.0, "cm": 100.0}.get(unit, 1.0)
    table = np.concatenate(list(points.values()), axis=1) * factor
    rows = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate",
        f"30\t30\t{len(table)}\t{len(points)}\t{unit}\t30",
        "Frame#\tTime\t" + "\t\t\t".join(points),
        "\t\t" + "\t".join(f"{axis}{i + 1}" for i in range(len(points)) for axis in "XYZ"),
        "",
    ]
    for frame, row in enumerate(table):
        cells = ("" if np.isnan(v) else f"{v:.5f}" for v in row)
        rows.append("\t".join((str(frame + 1), f"{frame / 30:.5f}", *cells)))
    path.write_text("\n".join(rows) + "\n")
    return path


def write_c3d(path: Path, points: Mapping[str, FloatArray], unit: str = "mm") -> Path:
    """A C3D file, z up, as laboratories write it."""
    ezc3d = pytest.importorskip("ezc3d")
    file = ezc3d.c3d()
    places = np.stack([p @ turn_up("z") for p in points.values()])  # (N, F, 3)
    lost = np.isnan(places).any(axis=-1)
    data = np.ones((4, *lost.shape))
    data[:3] = np.nan_to_num(places.transpose(2, 0, 1)) * (1000 if unit == "mm" else 1)
    file["data"]["points"] = data
    file["data"]["meta_points"]["residuals"] = np.where(lost, -1.0, 0.0)[None]
    file["data"]["meta_points"]["camera_masks"] = np.zeros((7, *lost.shape), dtype=bool)
    file["parameters"]["POINT"]["RATE"]["value"] = [30.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(points)
    file.write(str(path))
    return path


def imported(path: Path, format: str, **options: Any) -> tuple[FloatArray, ClipStore]:
    """The body of the only clip of an import that `data check` finds sound."""
    out = path.with_suffix(".store")
    report = import_folder(format, path, out, **options)
    assert not report.refused
    store = ClipStore.open(out)
    assert list(check_store(store)) == []
    return store.joints(store.clips[0]).astype(np.float64), store


@pytest.mark.parametrize(
    ("style", "off"), [(PLUG_IN_GAIT, 0.01), (CMU, 0.01), (BOTH_SIDES, 0.001), (OPENSIM, 0.001)]
)
@pytest.mark.parametrize("format", ["trc", "c3d"])
def test_joint_centres_are_computed_from_markers(
    style: str, off: float, format: str, tmp_path: Path
) -> None:
    write = {"trc": write_trc, "c3d": write_c3d}[format]
    path = write(tmp_path / f"walk.{format}", markers(style))
    body, store = imported(path, format)
    wanted = body_positions(walker())
    apart = np.linalg.norm(body - wanted, axis=-1)
    for name in LIMBS:
        assert apart[:, J(name)].max() < (0.005 if "hip" in name else off), name
    up = "z" if format == "c3d" else "y"
    assert store.clips[0].read_as == f"{up} up (found from the motion), mm (by the file)"
    if "FHD" in style:
        assert apart[:, J("head")].max() < 0.005
        assert apart[:, J("nose")].max() < 0.03


def test_the_head_turns_with_its_markers(tmp_path: Path) -> None:
    body, _ = imported(write_trc(tmp_path / "a.trc", markers(PLUG_IN_GAIT)), "trc")
    ahead = body[:, J("nose")] - (body[:, J("left_ear")] + body[:, J("right_ear")]) / 2
    wanted = body_positions(walker())
    true = wanted[:, J("nose")] - (wanted[:, J("left_ear")] + wanted[:, J("right_ear")]) / 2
    cosine = (ahead * true).sum(-1) / np.linalg.norm(ahead, axis=-1) / np.linalg.norm(true, axis=-1)
    assert np.degrees(np.arccos(cosine.min())) < 15
    # They turn by more than that.
    trunk = trunk_axes(body)[:, 0]
    to_trunk = (true * trunk).sum(-1) / np.linalg.norm(true, axis=-1)
    assert np.degrees(np.arccos(to_trunk.min())) > 17


# Joint centres: names of OpenCap and Pose2Sim, of a C3D of a model, and of our own joints.
POINTS = {
    "opencap": {
        "Neck": "neck",
        "midHip": "hips",
        **{
            f"{side[0].upper()}{part.title()}": f"{side}_{part}"
            for side in ("left", "right")
            for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
        },
        **{f"{side[0].upper()}BigToe": f"{side}_toe" for side in ("left", "right")},
    },
    "centres": {
        f"{side[0].upper()}{letter}JC": f"{side}_{part}"
        for side in ("left", "right")
        for letter, part in zip(
            "HKASEW", ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"), strict=True
        )
    },
}


@pytest.mark.parametrize("style", POINTS)
def test_named_joint_centres_are_read(style: str, tmp_path: Path) -> None:
    at = centres()
    points = {theirs: at[ours] for theirs, ours in POINTS[style].items()}
    body, _ = imported(write_trc(tmp_path / "walk.trc", points, unit="m"), "trc")
    wanted = body_positions(walker())
    np.testing.assert_allclose(body[:, ON_THE_LIMBS], wanted[:, ON_THE_LIMBS], atol=2e-5)
    # Nobody says where the head is: it is upon the trunk and looks ahead.
    assert np.linalg.norm(body[:, J("head")] - wanted[:, J("head")], axis=-1).max() < 0.12


def test_the_same_points_with_a_head_and_a_nose(tmp_path: Path) -> None:
    wanted = body_positions(walker()).astype(np.float64)
    at = centres()
    points = {theirs: at[ours] for theirs, ours in POINTS["opencap"].items()}
    points |= {"Head": wanted[:, J("head")], "Nose": wanted[:, J("nose")]}
    body, _ = imported(write_trc(tmp_path / "walk.trc", points, unit="m"), "trc")
    for name in ("head", "nose"):
        np.testing.assert_allclose(body[:, J(name)], wanted[:, J(name)], atol=2e-5)
    for name in ("left_eye", "right_ear"):
        assert np.linalg.norm(body[:, J(name)] - wanted[:, J(name)], axis=-1).max() < 0.04


@pytest.mark.parametrize("format", ["c3d", "trc"])
def test_our_own_exports_are_imported(format: str, tmp_path: Path) -> None:
    if format == "c3d":
        pytest.importorskip("ezc3d")
    motion = walking(60)
    mbcli.export(motion, tmp_path / f"walk.{format}")
    body, _ = imported(tmp_path / f"walk.{format}", format)
    wanted = motion.in_camera[:, 0] * (1, -1, -1)
    inside = wanted - wanted[:, :1]
    np.testing.assert_allclose(body[:, :17] - body[:, :1], inside, atol=0.002)


def test_short_gaps_are_bridged_and_long_ones_left_out(tmp_path: Path) -> None:
    at = centres()
    points = {theirs: at[ours].copy() for theirs, ours in POINTS["centres"].items()}
    points["LKJC"][20:22] = np.nan
    points["RAJC"][45:60] = np.nan
    path = write_c3d(tmp_path / "walk.c3d", points)
    report = import_folder("c3d", path, tmp_path / "s")
    store = ClipStore.open(tmp_path / "s")
    assert [clip.frames for clip in store.clips] == [45, 30]
    assert "left out 0.50 s in which joints are missing" in report.notes[0][1]
    first = store.joints(store.clips[0])
    wanted = body_positions(walker())[:45]
    apart = np.linalg.norm(first - wanted, axis=-1)[:, J("left_knee")]
    assert apart.max() < 0.02


def test_one_of_several_people_is_read_with_a_word(tmp_path: Path) -> None:
    at = centres()
    points = {f"Anna:{t}": at[ours] for t, ours in POINTS["centres"].items()}
    points |= {"Bert:LHJC": at["left_hip"] + 1}
    path = write_c3d(tmp_path / "walk.c3d", points)
    report = import_folder("c3d", path, tmp_path / "s")
    assert "points of 'Anna' were read, not those of 'Bert'" in report.notes[0][1]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    some = markers(PLUG_IN_GAIT)
    path = write_trc(tmp_path / "a.trc", {n: p for n, p in some.items() if "ELB" not in n})
    with pytest.raises(DataError, match=r"must have L_elbow, R_elbow, .*--joint-map .*got LASI"):
        import_folder("trc", path, tmp_path / "s")
    path = write_trc(tmp_path / "b.trc", {n: p for n, p in some.items() if "ASI" not in n})
    with pytest.raises(DataError, match=r"must have left_hip, .*--joint-map .*got LPSI"):
        import_folder("trc", path, tmp_path / "s")
    at = centres()
    joint_map = {f"m{i}": name for i, name in enumerate([*LIMBS, "head"])}
    path = write_trc(tmp_path / "c.trc", {t: at[ours] for t, ours in joint_map.items()})
    body, _ = imported(path, "trc", joint_map=joint_map)
    np.testing.assert_allclose(
        body[:, ON_THE_LIMBS], body_positions(walker())[:, ON_THE_LIMBS], atol=2e-5
    )


def test_a_wrong_unit_in_the_header_is_found_out(tmp_path: Path) -> None:
    at = centres()
    points = {theirs: at[ours] for theirs, ours in POINTS["opencap"].items()}
    path = write_trc(tmp_path / "a.trc", points, unit="m")
    path.write_text(path.read_text().replace("\tm\t30", "\tmm\t30"))
    _, store = imported(path, "trc")
    assert store.clips[0].read_as.endswith("m (found from the bones, not mm)")


def test_trc_as_programs_write_it(tmp_path: Path) -> None:
    path = write_trc(tmp_path / "a.trc", {"a": np.array([[1.5, 2.0, 3.0], [0, 0, 0]])}, unit="m")
    text = path.read_text().replace("1.50000\t2.0", "1,50000\t2,0")
    path.write_bytes(("\ufeff" + text.replace("\n", "\r\n")).encode("utf-8"))
    names, places, fps, unit, note = read_trc(path)
    assert (names, fps, unit) == (("a",), 30.0, 1.0)
    np.testing.assert_array_equal(places[0], [[1.5, 2.0, 3.0]])
    assert np.isnan(places[1]).all()
    assert note == "decimal commas were read as points"
    path.write_text(text.replace("30\t30\t2", "x\t30\t2"))
    assert read_trc(path).fps == pytest.approx(30, rel=1e-3)
    path.write_text(path.read_text().replace("1,50000", "x"))
    with pytest.raises(DataError, match="line 7: expected a number, got 'x'"):
        read_trc(path)
    path.write_text("no table")
    with pytest.raises(DataError, match="must begin with PathFileType"):
        read_trc(path)


def test_no_c3d_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("ezc3d")
    (tmp_path / "a.c3d").write_bytes(b"no C3D" * 200)
    with pytest.raises(DataError, match=r"a\.c3d"):
        import_folder("c3d", tmp_path, tmp_path / "s")
