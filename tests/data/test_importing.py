from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from motions import walking

import mbcli
from mbcli.data.recordings.importing import import_folder
from mbcli.data.recordings.reading import IMPORT_FORMATS
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, DataError, OutputError
from mbcli.skeleton import BODY21

J = BODY21.index
BEND = np.linspace(0, 90, 121)

ASF = """:units
length 1
:root
order TX TY TZ RX RY RZ
axis XYZ
position 0 0 0
orientation 0 0 0
:bonedata
{bones}:hierarchy
begin
root lhipjoint rhipjoint lowerback
lhipjoint lfemur
lfemur ltibia
ltibia lfoot
rhipjoint rfemur
rfemur rtibia
rtibia rfoot
lowerback thorax
thorax head lclavicle rclavicle
lclavicle lhumerus
lhumerus lradius
lradius lwrist
rclavicle rhumerus
rhumerus rradius
rradius rwrist
end
"""


def bone(name: str, x: float, y: float, z: float, dof: str = "") -> str:
    length = float(np.linalg.norm([x, y, z]))
    direction = " ".join(f"{v / length:.9f}" for v in (x, y, z))
    return (
        f"begin\nname {name}\ndirection {direction}\nlength {length / 0.0254:.9f}\n"
        f"axis 0 0 0 XYZ\n{dof and f'dof {dof}'}\nend\n"
    )


def write_acclaim(folder: Path, name: str, motion: str) -> None:
    bones = bone("lowerback", 0, 0.25, 0) + bone("thorax", 0, 0.3, 0) + bone("head", 0, 0.2, 0)
    for side, x in (("l", 1), ("r", -1)):
        bones += bone(f"{side}hipjoint", 0.09 * x, -0.05, 0)
        bones += bone(f"{side}femur", 0, -0.4, 0, "rx") + bone(f"{side}tibia", 0, -0.43, 0, "rx")
        bones += bone(f"{side}foot", 0, -0.03, 0.12) + bone(f"{side}clavicle", 0.18 * x, -0.02, 0)
        bones += bone(f"{side}humerus", 0.29 * x, 0, 0) + bone(f"{side}radius", 0.24 * x, 0, 0)
        bones += bone(f"{side}wrist", 0.1 * x, 0, 0)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.asf").write_text(ASF.format(bones=bones))
    rows = [
        f"{i}\nroot 0 36 0 0 0 0\nlfemur {-angle}\nltibia {2 * angle}\nrfemur 0\nrtibia 0"
        for i, angle in enumerate(BEND, start=1)
    ]
    text = ":FULLY-SPECIFIED\n:DEGREES\n" + "\n".join(rows) + "\n"
    (folder / f"{motion}.AMC").write_text(text)


@pytest.fixture
def recordings(tmp_path: Path, write_bvh: Callable[..., Path]) -> Path:
    write_bvh("in/anna/x_01.bvh", 121, {"LeftUpLeg": -BEND, "LeftLeg": 2 * BEND})
    write_bvh("in/anna/x_02.bvh", 61, {"Head": BEND[:61]}, fps=60.0)
    write_bvh("in/bert/y_01.bvh", 121, {"Spine": BEND}, unit=1 / 2.54)
    return tmp_path / "in"


def test_a_folder_becomes_a_store(recordings: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = import_folder(
        "bvh",
        recordings,
        tmp_path / "s",
        prefix="p-",
        licence="free",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert report.imported == ("p-anna/x_01", "p-anna/x_02", "p-bert/y_01")
    assert report.refused == ()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    store = ClipStore.open(tmp_path / "s")
    assert store.subjects == ("p-anna", "p-bert")
    assert report.hours == pytest.approx(store.hours)
    assert [(c.frames, c.fps, c.source) for c in store.clips] == [
        (61, 60.0, "anna/x_01.bvh"),
        (61, 60.0, "anna/x_02.bvh"),
        (61, 60.0, "bert/y_01.bvh"),
    ]
    assert {c.licence for c in store.clips} == {"free"}

    lifted = store.joints(store.clips[0])
    knee, ankle, hip = (lifted[-1, J(f"left_{n}")] for n in ("knee", "ankle", "hip"))
    np.testing.assert_allclose(knee - hip, [0, 0, 0.4], atol=1e-4)  # the thigh points forward
    np.testing.assert_allclose(ankle - knee, [0, 0, -0.43], atol=1e-4)  # the shin folds back
    # Inches were recognised by the person's height.
    inches = store.joints(store.clips[2])[0]
    np.testing.assert_allclose(inches, lifted[0], atol=2e-3)


def test_parallel_reading_gives_the_same(recordings: Path, tmp_path: Path) -> None:
    import_folder("bvh", recordings, tmp_path / "one")
    import_folder("bvh", recordings, tmp_path / "two", jobs=2)
    for name in ("meta.json", "joints.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_acclaim_files_find_their_skeleton(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_acclaim(folder, "S_a", "S_a_kick")
    write_acclaim(folder, "S_b", "S_b_kick")
    (folder / "T_c_kick.amc").write_text((folder / "S_a_kick.AMC").read_text())
    report = import_folder(
        "asf-amc",
        folder,
        tmp_path / "s",
        subject=r"S_(?P<subject>[a-z])_.*",
        max_fps=40.0,
    )
    assert report.imported == ("a/S_a_kick", "b/S_b_kick")
    ((refused, reason),) = report.refused
    assert refused == "T_c_kick.amc"
    assert "got S_a.asf, S_b.asf" in reason
    store = ClipStore.open(tmp_path / "s")
    assert store.clips[0].fps == 40.0
    kick = store.joints(store.clips[0])[-1]
    thigh = kick[J("left_knee")] - kick[J("left_hip")]
    np.testing.assert_allclose(thigh, [0, 0, 0.4], atol=1e-3)


def test_bad_recordings_are_refused_one_by_one(
    recordings: Path, tmp_path: Path, write_bvh: Callable[..., Path]
) -> None:
    (recordings / "anna" / "x_02.bvh").write_text("HIERARCHY\nROOT x\n")
    write_bvh("in/anna/x_03.bvh", 20, {})
    write_bvh("in/bert/y_02.bvh", 121, {}, unit=0.003)
    jumps = np.zeros(240)
    jumps[120:] = 90
    write_bvh("in/bert/y_03.bvh", 240, {"Spine": jumps})
    report = import_folder("bvh", recordings, tmp_path / "s")
    assert report.imported == ("anna/x_01", "bert/y_01", "bert/y_03-1", "bert/y_03-2")
    reasons = dict(report.refused)
    assert "the end of the file" in reasons["anna/x_02.bvh"]
    assert "0.5 s or more" in reasons["anna/x_03.bvh"]
    assert "human height in none of the units" in reasons["bert/y_02.bvh"]
    assert [name for name, _ in report.notes] == ["bert/y_03.bvh"]


def test_people_are_named_by_the_folders_of_their_files(
    tmp_path: Path, write_bvh: Callable[..., Path]
) -> None:
    for name in ("takes/a.bvh", "takes/anna/a.bvh", "takes/day 2/anna/a.bvh"):
        write_bvh(name, 121, {})
    report = import_folder("bvh", tmp_path / "takes", tmp_path / "s")
    assert report.refused == ()
    assert report.imported == ("takes/a", "anna/a", "day 2/anna/a")
    assert ClipStore.open(tmp_path / "s").subjects == ("anna", "day 2/anna", "takes")


def test_one_recording_is_imported(tmp_path: Path, write_bvh: Callable[..., Path]) -> None:
    path = write_bvh("anna/a.bvh", 121, {})
    write_bvh("anna/b.bvh", 121, {})
    import_folder("bvh", path, tmp_path / "s")
    (clip,) = ClipStore.open(tmp_path / "s").clips
    assert (clip.name, clip.subject, clip.source) == ("anna/a", "anna", "a.bvh")


def test_clips_of_one_name_are_numbered(tmp_path: Path, write_bvh: Callable[..., Path]) -> None:
    jumps = np.zeros(240)
    jumps[120:] = 90
    write_bvh("in/x/a-2.bvh", 121, {})
    write_bvh("in/y/a.bvh", 240, {"Spine": jumps})
    write_bvh("in/z/a.bvh", 121, {})
    report = import_folder("bvh", tmp_path, tmp_path / "s", subject="(?P<subject>in)/.*")
    assert report.imported == ("in/a-2", "in/a_2-1", "in/a_2-2", "in/a")
    write_bvh("in/z/b.BVH", 121, {})
    subject = "(?P<subject>[xz]).*"
    write_bvh("in/z/a.BVH", 121, {})
    report = import_folder("bvh", tmp_path / "in", tmp_path / "t", subject=subject)
    assert report.imported == ("x/a-2", "z/a", "z/a_2", "z/b")
    ((file, reason),) = report.refused
    assert file == "y/a.bvh"
    assert "does not match the subject" in reason


@pytest.mark.parametrize("fps", [0.03, 1.0, 2000.0])
def test_an_absurd_rate_is_refused(
    tmp_path: Path, write_bvh: Callable[..., Path], fps: float
) -> None:
    write_bvh("in/a.bvh", 121, {}, fps=fps)
    with pytest.raises(DataError, match=r"must have 5\.\.1000 frames per second, .* --fps"):
        import_folder("bvh", tmp_path / "in", tmp_path / "s")
    assert import_folder("bvh", tmp_path / "in", tmp_path / "s", fps=30.0).imported


def test_another_number_of_frames_is_noted(tmp_path: Path, write_bvh: Callable[..., Path]) -> None:
    path = write_bvh("in/a.bvh", 121, {})
    path.write_text(path.read_text().replace("Frames: 121", "Frames: 122"))
    report = import_folder("bvh", tmp_path / "in", tmp_path / "s")
    assert report.notes == (
        ("a.bvh", "the file declares 122 frames and contains 121, which were read"),
    )


def test_what_was_exported_is_imported(tmp_path: Path) -> None:
    motion = walking(60)
    mbcli.export(motion, tmp_path / "walk.bvh", mbcli.ExportOptions(feet=False))
    import_folder("bvh", tmp_path / "walk.bvh", tmp_path / "s")
    store = ClipStore.open(tmp_path / "s")
    (clip,) = store.clips
    assert (clip.frames, clip.fps) == (60, 30.0)
    body = store.joints(clip)
    wanted = motion.in_camera[:, 0] * (1, -1, -1)  # y up in place of down
    np.testing.assert_allclose(body[:, :17], wanted, atol=0.005)
    # The eyes look where the person walks to, and are above the nose.
    eyes = (body[:, J("left_eye")] + body[:, J("right_eye")]) / 2
    ears = (body[:, J("left_ear")] + body[:, J("right_ear")]) / 2
    along = wanted[-1, 0] - wanted[0, 0]
    assert ((eyes - ears) @ (along / np.linalg.norm(along)) > 0.07).all()
    assert (eyes[:, 1] > body[:, J("nose"), 1]).all()


def test_a_wrong_scale_is_noticed(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"all 3 recordings were refused; .* m; see the scale"):
        import_folder("bvh", recordings, tmp_path / "s", scale=1.0)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("format", "options", "message"),
    [
        ("fbx", {}, f"one of {', '.join(IMPORT_FORMATS)}, got fbx"),
        ("bvh", {"scale": 0.0}, "scale must be a positive number, got 0.0"),
        ("bvh", {"max_fps": float("nan")}, "max_fps must be a positive number"),
        ("bvh", {"jobs": 0}, "jobs must be at least 1, got 0"),
        ("bvh", {"subject": "(x"}, "must be a regular expression"),
        ("bvh", {"subject": "x"}, "needs a group"),
    ],
)
def test_options_are_checked(
    recordings: Path, tmp_path: Path, format: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        import_folder(format, recordings, tmp_path / "s", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "s").exists()


def test_an_empty_folder_and_an_existing_store(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold \.amc files, got none"):
        import_folder("asf-amc", recordings, tmp_path / "s")
    import_folder("bvh", recordings, tmp_path / "s")
    with pytest.raises(OutputError, match="exists: choose"):
        import_folder("bvh", recordings, tmp_path / "s")
