from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.data.stores.store import ClipStore, StoreWriter

# Name, offset in centimetres, children: a person of 1.7 m who stands with the arms down.
Bone = tuple[str, tuple[float, float, float], list["Bone"]]


def limb(names: list[str], offsets: list[tuple[float, float, float]]) -> Bone:
    rest = [limb(names[1:], offsets[1:])] if len(names) > 1 else []
    return names[0], offsets[0], rest


def sides(sign: float, side: str) -> tuple[Bone, Bone]:
    leg = [f"{side}{part}" for part in ("UpLeg", "Leg", "Foot")]
    arm = [f"{side}{part}" for part in ("Arm", "ForeArm", "Hand")]
    return (
        limb(leg, [(sign * 9, 0, 0), (0, -41, 0), (0, -41, 0)]),
        limb(arm, [(sign * 17, 0, 0), (0, -30, 0), (0, -25, 0)]),
    )


def person() -> Bone:
    (left_leg, left_arm), (right_leg, right_arm) = sides(1, "Left"), sides(-1, "Right")
    chest: Bone = ("Spine1", (0, 25, 0), [left_arm, right_arm, ("Head", (0, 20, 0), [])])
    return "Hips", (0, 0, 0), [left_leg, right_leg, ("Spine", (0, 25, 0), [chest])]


def block(bone: Bone, kind: str = "JOINT") -> str:
    name, (x, y, z), children = bone
    places = "6 Xposition Yposition Zposition" if kind == "ROOT" else "3"
    inner = "".join(map(block, children)) or "End Site\n{\nOFFSET 0 10 0\n}\n"
    return (
        f"{kind} {name}\n{{\nOFFSET {x} {y} {z}\n"
        f"CHANNELS {places} Zrotation Xrotation Yrotation\n{inner}}}\n"
    )


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two people's folders: one with a good recording, one with a broken one."""
    folder = tmp_path / "recordings"
    for subject in ("anna", "bert"):
        (folder / subject).mkdir(parents=True)
    joints = block(person(), "ROOT").count("CHANNELS")
    rows = [" ".join(["0"] + ["90"] + [f"{frame}"] + ["0"] * 3 * joints) for frame in range(60)]
    text = f"HIERARCHY\n{block(person(), 'ROOT')}MOTION\nFrames: 60\nFrame Time: 0.0333333\n"
    (folder / "anna" / "walk.bvh").write_text(text + "\n".join(rows) + "\n")
    (folder / "bert" / "broken.bvh").write_text("HIERARCHY\nROOT\n")
    return folder


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", "import", *map(str, words)])


def test_recordings_become_a_clip_store(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    words = ("bvh", recordings, "--out", out, "--prefix", "x-", "--licence", "CC0-1.0")
    result = run(*words)
    assert result.exit_code == 0, result.output
    (clip,) = ClipStore.open(out).clips
    assert (clip.subject, clip.source, clip.licence) == ("x-anna", "anna/walk.bvh", "CC0-1.0")
    assert clip.fps == pytest.approx(30, rel=1e-4)
    assert result.stdout == ""
    assert "bert/broken.bvh" in result.stderr

    again = run(*words)
    assert again.exit_code == 1
    assert again.stderr.splitlines()[-1].startswith("error: ")


def test_import_as_json(recordings: Path, tmp_path: Path) -> None:
    result = run("bvh", recordings, "--out", tmp_path / "store", "--json", "--scale", "cm")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["imported"] == ["anna/walk"]
    assert [row["file"] for row in document["refused"]] == ["bert/broken.bvh"]
    assert document["hours"] == pytest.approx(2 / 3600, rel=0.01)


def test_scale_is_a_unit_or_a_number(recordings: Path, tmp_path: Path) -> None:
    for number, scale in enumerate(("cm", "0.01")):
        out = tmp_path / str(number)
        assert run("bvh", recordings, "--out", out, "--scale", scale, "-q").exit_code == 0
        store = ClipStore.open(out)
        height = float(store.joints(store.clips[0])[0, 0, 1])
        assert height == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fbx", "recordings"], "fbx"),
        (["bvh", "nowhere"], "no such file or folder: nowhere"),
        (["asf-amc", "recordings"], "recordings"),
        (["bvh", "recordings", "--scale", "furlong"], "furlong"),
        (["bvh", "recordings", "--scale", "-1"], "-1"),
        (["bvh", "recordings", "--subject", "("], "subject"),
    ],
)
def test_bad_imports_are_one_line_and_leave_nothing(
    words: list[str],
    said: str,
    recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words, "--out", "store")
    assert result.exit_code == 1
    lines = [line for line in result.stderr.splitlines() if not line.endswith(": reading")]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert said in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]


def merge(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", "merge", *map(str, words)])


def test_merge_joins_stores_and_leaves_twins_and_people_out(
    recordings: Path, tmp_path: Path
) -> None:
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    for out, prefix in ((first, "x-"), (second, "y-"), (third, "z-")):
        assert run("bvh", recordings, "--out", out, "--prefix", prefix, "-q").exit_code == 0

    result = merge(first, second, third, "--out", tmp_path / "m", "--leave-out", "y-anna")
    assert result.exit_code == 0, result.output
    kept = ClipStore.open(tmp_path / "m")
    assert kept.subjects == ("x-anna", "z-anna")

    unknown = merge(first, second, "--out", tmp_path / "n", "--leave-out", "zoe")
    assert unknown.exit_code == 1
    assert "x-anna, y-anna" in unknown.stderr
    assert not (tmp_path / "n").exists()
    assert merge(first, tmp_path / "none", "--out", tmp_path / "n").exit_code == 1


@pytest.fixture
def performances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores in the working folder whose clips, of one or two names, show performances 0 and 1."""
    monkeypatch.chdir(tmp_path)
    for store, name, performance in (
        ("a", "new/walk", 0),
        ("b", "new/walk", 1),
        ("c", "old/walk", 1),
    ):
        joints = np.random.default_rng(performance).normal(size=(120, 21, 3))
        with StoreWriter(Path(store)) as writer:
            writer.add(joints, name=name, subject=name[:3], source="", fps=60)


@pytest.mark.usefixtures("performances")
@pytest.mark.parametrize(
    ("words", "kept", "said"),
    [
        ("a a", [("new/walk", 0)], "new/walk of a: left out, new/walk of a shows the same"),
        ("c a b", [("old/walk", 1), ("new/walk", 0)], "new/walk of b: left out, old/walk of c"),
        # Who is left out takes nobody else along.
        ("b c --leave-out new", [("old/walk", 1)], "left out  1"),
    ],
)
def test_merge_loses_no_performance(words: str, kept: list[tuple[str, int]], said: str) -> None:
    result = merge(*words.split(), "--out", "m")
    assert result.exit_code == 0, result.output
    assert said in result.stderr
    assert "left out  1" in result.stderr
    merged = ClipStore.open(Path("m"))
    assert [clip.name for clip in merged.clips] == [name for name, _ in kept]
    for clip, (_, performance) in zip(merged.clips, kept, strict=True):
        wanted = np.random.default_rng(performance).normal(size=(120, 21, 3))
        np.testing.assert_allclose(merged.joints(clip), wanted, rtol=1e-6)


@pytest.mark.usefixtures("performances")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("a b", "b: clip new/walk: names must be unique in a store, got two: import one of them"),
        ("a a --duplicates", "with another --prefix (mbcli data import)"),
        ("a b --leave-out new", "m: a store must hold at least one clip, got none to merge"),
    ],
)
def test_merges_that_are_refused_are_one_line_and_leave_nothing(words: str, said: str) -> None:
    result = merge(*words.split(), "--out", "m")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert sorted(path.name for path in Path().iterdir()) == ["a", "b", "c"]


def test_import_takes_the_users_word_and_says_what_it_took(
    recordings: Path, tmp_path: Path
) -> None:
    path = recordings / "anna" / "walk.bvh"
    text = path.read_text()
    path.write_text(text.replace("LeftUpLeg", "tail_1").replace("RightUpLeg", "tail_2"))
    store, joint_map = tmp_path / "store", "tail_1=left_hip, tail_2=right_hip"
    result = run("bvh", path, "--out", store, "--joint-map", joint_map, "--up", "y")
    assert result.exit_code == 0, result.output
    assert "read as  y up (given), cm (found from the bones): 1" in result.output
    document = json.loads((store / "meta.json").read_text())
    assert document["clips"][0]["read_as"] == "y up (given), cm (found from the bones)"
    words = ["bvh", path, "--out", tmp_path / "t"]
    for flag, value, message in (
        ("--up", "up", "up must be one of x, y, z, -x, -y, -z, got up"),
        ("--joint-map", "tail_1=left_tail", "did you mean"),
        ("--joint-map", "tail_3=left_hip", "--joint-map must name joints of the file, got tail_3"),
        ("--joint-map", "none.json", "none.json cannot be read"),
        ("--joint-map", "a=left_hip,a=right_hip", "name each of their joints once"),
    ):
        refused = run(*words, flag, value)
        assert refused.exit_code == 1
        assert message in refused.output
    assert not (tmp_path / "t").exists()
