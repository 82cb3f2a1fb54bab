from __future__ import annotations

import errno
import json
import os
import pickle
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from street import write_street
from typer.testing import CliRunner, Result

import mbcli
from mbcli.batch.finished import LEDGER
from mbcli.cli.app import app
from mbcli.errors import OutputError
from mbcli.pipeline import Pipeline
from mbcli.video import VideoReader, write_video

SHORT = ("--end", "0.2", "--no-flip")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["infer", *map(str, words)])


def names(folder: Path) -> list[str]:
    """What is in a folder, apart from the list of what is finished."""
    return sorted(path.name for path in folder.iterdir() if path.name != LEDGER)


@pytest.fixture
def infer(tiny_lifter: Path) -> list[object]:
    """Options that every quick run of these tests shares."""
    return ["--weights", tiny_lifter, *SHORT]


def test_result_is_read_back_with_plain_numpy(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    out = tmp_path / "pose.npz"
    result = run(walk, "--out", out, *infer)
    assert result.exit_code == 0, result.output
    assert names(tmp_path) == ["pose.npz"]
    with np.load(out, allow_pickle=False) as archive:
        frames, people = archive["positions"].shape[:2]
        assert frames == 6
        assert people >= 1
        assert archive["root"].shape == (frames, people, 3)
        meta = json.loads(str(archive["meta"]))
    assert meta["source"] == str(walk)
    assert result.stdout == ""
    shown = result.stderr
    for word in (
        "finding people",
        "lifting to 3D",
        "6 in",
        "1.70 m",
        "55 degrees",
        "off by about",
    ):
        assert word in shown
    assert "movenet-thunder, movenet-multipose" in shown
    assert str(out) in shown


def test_the_summary_names_the_next_command_and_no_rates_of_a_few_frames(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    clip, out = tmp_path / "my walk.mp4", tmp_path / "my walk.npz"
    shutil.copy(walk, clip)
    shown = run(clip, "--out", out, *infer)
    assert "frames/s" not in shown.stderr
    *_, following = shown.stderr.splitlines()
    name, *words = shlex.split(following)
    assert (name, words[:2]) == ("next", ["mbcli", "render"])
    assert Path(words[-1]) == tmp_path / "my walk_3d.mp4"  # not onto the clip
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == 0, done.output
    assert Path(words[-1]).is_file()


def test_a_crowd_is_not_named_one_by_one(tmp_path: Path, tiny_lifter: Path) -> None:
    write_street(tmp_path / "street.npz", minutes=0.8, fps=10, seen=3)
    shown = run(
        tmp_path / "street.npz", "--out", tmp_path / "pose.npz", "--weights", tiny_lifter
    ).stderr.splitlines()
    people, path = (next(line for line in shown if word in line) for word in ("people ", "path "))
    assert people.split(maxsplit=1)[1] == "11 (track ids 1 to 11)"
    assert path.endswith("m (11 people)")


def test_quiet_shows_nothing(walk: Path, tmp_path: Path, infer: list[object]) -> None:
    result = run(walk, "--out", tmp_path / "pose.npz", "--quiet", *infer)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_json_is_one_object_on_stdout(walk: Path, tmp_path: Path, infer: list[object]) -> None:
    out = tmp_path / "pose.npz"
    result = run(walk, "--out", out, "--json", "--height", "1.8", *infer)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["version"] == mbcli.__version__
    assert document["peak_memory_mib"] > 10
    (row,) = document["results"]
    assert row["output"] == str(out)
    assert row["frames"] == 6
    assert row["people"] == len(row["track_ids"]) == len(row["tracks"])
    height = row["assumptions"]["height"]
    assert (height["metres"], height["given"], height["words"]) == (1.8, True, "given")
    assert all(one["metres"] == 1.8 for one in height["people"].values())
    assert [stage["name"] for stage in row["stages"]] == [
        "decode",
        "pose2d",
        "camera",
        "track",
        "mend",
        "lift",
        "metric",
        "world",
    ]
    assert row["world"]["found"].startswith(("gravity within", "not found: "))
    assert {*row["path"]["people"]} == {*map(str, row["track_ids"])}
    assert all(stage["frames_per_second"] > 0 for stage in row["stages"])
    assert "frames/s" not in result.stderr


def test_one_bad_input_does_not_stop_the_rest(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    out.mkdir()
    for name in ("b.mp4", "c.mp4"):
        shutil.copy(walk, videos / name)
    (videos / "a.mp4").write_text("no video at all")
    result = run(videos, "--out", out, *infer)
    assert result.exit_code == 1
    assert names(out) == ["b.npz", "c.npz"]
    lines = result.stderr.splitlines()
    assert sum(line.startswith("error: ") for line in lines) == 1
    following = lines[-1].partition(": mbcli ")[2].split()
    assert following == ["render", str(out / "b.npz"), "--out", str(out / "b.mp4")]
    table = lines[-5:-1]
    assert table[0].split() == [
        "input",
        "people",
        "frames",
        "seconds",
        "result",
    ]  # too few for a rate
    assert "a.mp4" in table[1]
    assert "failed: " in table[1]
    assert str(out / "b.npz") in table[2]
    assert str(out / "c.npz") in table[3]

    again = run(videos / "a.mp4", videos / "b.mp4", "--out", out, "--json", *infer)
    assert again.exit_code == 1
    bad, good = map(json.loads, again.stdout.splitlines())
    assert (bad["ok"], good["ok"]) == (False, True)
    assert good["results"][0]["finished_before"]
    other = run(videos / "b.mp4", "--out", out, "--json", "--height", "1.8", *infer)
    assert "--overwrite" in json.loads(other.stdout)["results"][0]["error"], "made otherwise"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_defect_in_one_does_not_stop_the_rest(
    walk: Path,
    tmp_path: Path,
    infer: list[object],
    monkeypatch: pytest.MonkeyPatch,
    as_json: bool,
) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(walk, tmp_path / name)
    whole = Pipeline.run

    def broken(self: Pipeline, source: Path, *rest: Any) -> object:
        if source.name == "b.mp4":
            raise IndexError("list index out of range")
        return whole(self, source, *rest)

    monkeypatch.setattr(Pipeline, "run", broken)
    inputs = [tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    out = tmp_path / "made" / "here"
    result = run(*inputs, "--out", out, *infer, *(["--json"] if as_json else []))
    assert result.exit_code == 1
    assert names(out) == ["a.npz", "c.npz"]
    said = "a defect of mbcli, IndexError: list index out of range"
    assert f"error: {said}" in result.stderr.splitlines()
    assert "Traceback" in result.stderr, "a defect is reported with it"
    if as_json:
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["ok"] for line in lines] == [True, False, True]
        assert lines[1]["results"][0]["error"] == said
    else:
        _, first, second, third, following = result.stderr.splitlines()[-5:]
        assert f"mbcli render {out / 'a.npz'}" in following
        assert first.endswith("a.npz")
        assert f"failed: {said}" in second
        assert third.endswith("c.npz")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_what_ends_every_input_ends_the_run(
    walk: Path,
    tmp_path: Path,
    infer: list[object],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    asked = []

    def broken(self: Pipeline, source: Path, *_: object) -> object:
        asked.append(source.name)
        if isinstance(error, OSError):
            raise OutputError("the disk is full") from error
        raise error

    monkeypatch.setattr(Pipeline, "run", broken)
    shutil.copy(walk, tmp_path / "b.mp4")
    out = tmp_path / "out"
    result = run(walk, tmp_path / "b.mp4", "--out", out, *infer)
    assert asked == ["walk.mp4"]
    assert result.exit_code == (1 if isinstance(error, OSError) else 130)
    assert not out.exists()


def test_folders_are_made(walk: Path, tmp_path: Path, infer: list[object]) -> None:
    result = run(walk, "--out", tmp_path / "a" / "b" / "pose.npz", *infer)
    assert result.exit_code == 0, result.output
    result = run(walk, "--out", tmp_path / "results", *infer)
    assert result.exit_code == 0, result.output
    assert names(tmp_path / "results") == ["walk.npz"]


def bomb(path: Path) -> None:
    """A checkpoint whose loading would leave a file behind."""
    path.write_bytes(pickle.dumps({"model_pos": _Bomb()}))


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)


def bad_inputs(folder: Path) -> None:
    """Everything that cannot be inferred from, by name."""
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("This is no video.\n" * 100)
    (folder / "no-videos").mkdir()
    (folder / "no-videos" / "notes.txt").write_text("none")
    write_video(folder / "nobody.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 4, fps=10)
    sound_only(folder / "sound.mp4")


def sound_only(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("none.mp4", [], "none.mp4"),
        ("no-videos", [], "no-videos"),
        ("text.mp4", [], "text.mp4"),
        ("empty.mp4", [], "empty"),
        ("sound.mp4", [], "sound.mp4"),
        ("nobody.mp4", [], "--min-score 0.1"),
        ("walk.mp4", ["--start", "60"], "60"),
        ("walk.mp4", ["--start", "-1"], "-1"),
        ("walk.mp4", ["--every", "0"], "0"),
        ("walk.mp4", ["--height", "0"], "--height"),
        ("walk.mp4", ["--height", "nan"], "--height"),
        ("walk.mp4", ["--focal", "-5"], "--focal"),
        ("walk.mp4", ["--focal", "900", "--fov", "60"], "--fov"),
        ("walk.mp4", ["--person", "42"], "42"),
        ("walk.mp4", ["--device", "abacus"], "--device"),
        ("walk.mp4", ["--weights", "none.bin"], "none.bin"),
        ("walk.mp4", ["--weights", "cut.safetensors"], "cut.safetensors"),
        ("walk.mp4", ["--weights", "other.safetensors"], "other.safetensors"),
        ("walk.mp4", ["--weights", "bomb.bin"], "bomb.bin"),
        ("walk.mp4", ["--out", "taken.npz/pose.npz"], "taken.npz is not a folder"),
        ("nobody.mp4", ["--out", "new/folder/pose.npz"], "--min-score 0.1"),
        ("walk.mp4", ["--out", "/proc/pose.npz"], "/proc"),
        ("walk.mp4", ["--out", "taken.npz"], "--overwrite"),
        ("walk.mp4", ["--out", "pose.bvh"], ".npz"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    source: str,
    options: list[str],
    said: str,
    walk: Path,
    tiny_lifter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from safetensors.numpy import save_file

    monkeypatch.chdir(tmp_path)
    bad_inputs(tmp_path)
    shutil.copy(walk, "walk.mp4")
    Path("cut.safetensors").write_bytes(tiny_lifter.read_bytes()[:-100])
    save_file({"weight": np.zeros(3, np.float32)}, "other.safetensors")
    bomb(Path("bomb.bin"))
    Path("taken.npz").write_text("mine")
    before = names(tmp_path)
    stretch = () if "--start" in options else SHORT
    result = run(source, "--out", "pose.npz", "--weights", tiny_lifter, *stretch, *options)
    assert result.exit_code == 1
    errors = [line for line in result.stderr.splitlines() if "finding people" not in line]
    assert len(errors) == 1, result.stderr
    assert errors[0].startswith("error: ")
    assert said in errors[0]
    assert result.stdout == ""
    assert names(tmp_path) == before
    assert Path("taken.npz").read_text() == "mine"


def test_error_as_json_and_with_traceback(tmp_path: Path) -> None:
    result = run(tmp_path / "none.mp4", "--out", tmp_path / "pose.npz", "--json", "--debug")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert "none.mp4" in document["error"]
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1] == f"error: {document['error']}"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["walk.mp4", "--out", "x.npz", "--nonsense"],
        ["walk.mp4", "--out", "x.npz", "--precision", "float8"],
        ["walk.mp4", "--out", "x.npz", "--fov", "wide"],
    ],
)
def test_usage_errors_have_code_2(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_several_inputs_need_several_results(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    other = tmp_path / "day" / "walk.mp4"
    other.parent.mkdir()
    shutil.copy(walk, other)
    out = tmp_path / "out"
    result = run(walk, other, "--out", out / "pose.npz", *infer)
    assert result.exit_code == 1
    assert "must be a folder or contain {name}, got" in result.stderr
    result = run(walk, other, "--out", out / "{name}.npz", *infer)
    assert result.exit_code == 1
    assert "a result of its own" in result.stderr
    assert not out.exists()


def test_results_lie_beside_their_videos(walk: Path, tmp_path: Path, infer: list[object]) -> None:
    for name in ("day1/walk.mp4", "day2/walk.mp4"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(walk, tmp_path / name)
    first = run(tmp_path, "--recursive", "--jobs", "2", *infer)
    assert first.exit_code == 0, first.output
    for day in ("day1", "day2"):
        assert names(tmp_path / day) == ["walk.mp4", "walk.pose.npz"]
    again = run(tmp_path, "--recursive", *infer)
    assert again.exit_code == 0, again.output
    assert again.stderr.count("(finished before)") == 2
    assert "finding people" not in again.stderr


def test_overwrite_replaces_and_folder_takes_the_input_name(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    out = tmp_path / "walk.npz"
    out.write_text("old")
    result = run(walk, "--out", tmp_path, "--overwrite", *infer)
    assert result.exit_code == 0, result.output
    assert mbcli.load(out).fps == pytest.approx(30)


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"mbcli {mbcli.__version__}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupt_ends_with_130_and_leaves_nothing(
    walk: Path, tiny_lifter: Path, tmp_path: Path
) -> None:
    words = ["infer", str(walk), "--out", str(tmp_path / "pose.npz"), "--weights", str(tiny_lifter)]
    # A test run that a shell has put in the background ignores SIGINT, and so would its children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mbcli", *words], stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "finding people" in first
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "interrupted"
    assert "Traceback" not in rest
    assert names(tmp_path) == []


def test_actions_are_named_and_drawn(walk: Path, tmp_path: Path, tiny_lifter: Path) -> None:
    """An untrained model: the names are arbitrary, but they must get where they belong."""
    import torch

    from mbcli.lift.action.checkpoint import save_action
    from mbcli.lift.action.heads import ActionNet, new_head
    from mbcli.lift.action.network_input import ClipForm
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.model import DSTformer

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=9)
    backbone = DSTformer(config)
    head = new_head(backbone, 2, hidden=8, dropout=0.0, seed=0)
    weights = tmp_path / "action.safetensors"
    form = ClipForm(frames=9, people=1, margin=1.0, seconds=0.2)
    save_action(weights, ActionNet(backbone, head), ("wave", "bow"), form, {}, half=False)
    out = tmp_path / "pose.npz"
    result = run(
        walk, "--out", out, "--weights", tiny_lifter, "--end", "0.5", "--action", weights, "--json"
    )
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["results"]
    assert {label["name"] for span in row["actions"] for label in span["labels"]} == {"wave", "bow"}
    assert row["actions"][0]["start"] == 0
    assert row["weights"][-1]["stage"] == "action"
    motion = mbcli.load(out)
    assert motion.meta["actions"] == row["actions"]

    plain = tmp_path / "plain.npz"
    mbcli.save(plain, replace(motion, meta={**motion.meta, "actions": []}))
    pictures = []
    for source in (out, plain):
        picture = source.with_suffix(".png")
        drawn = CliRunner().invoke(app, ["render", str(source), "--out", str(picture)])
        assert drawn.exit_code == 0, drawn.output
        pictures.append(picture.read_bytes())
    assert pictures[0] != pictures[1], "the names are in the picture"
    bad = run(walk, "--out", out, "--overwrite", "--weights", tiny_lifter, "--action", tiny_lifter)
    assert bad.exit_code == 1
    assert len(bad.stderr.splitlines()) == 1


def test_bodies_are_recovered_and_written(
    walk: Path,
    tmp_path: Path,
    tiny_lifter: Path,
    stick_body: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A body model without any package, and a model that was never trained."""
    import torch

    from mbcli.lift.body import choice
    from mbcli.lift.body.checkpoint import save_mesh
    from mbcli.lift.body.network import MeshHeadConfig, MeshNet
    from mbcli.lift.dimensions import DSTformerConfig
    from mbcli.lift.model import DSTformer

    torch.manual_seed(0)
    config = DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, mlp_ratio=2, maxlen=9)
    weights = tmp_path / "mesh.safetensors"
    network = MeshNet(DSTformer(config), MeshHeadConfig(hidden=8))
    save_mesh(weights, network, "smpl", {"frames": 9}, half=False)
    monkeypatch.setattr(choice, "load_body_model", lambda *_: stick_body)
    options = ["--weights", tiny_lifter, "--end", "0.3", "--mesh", weights]
    glb, folder = tmp_path / "bodies.glb", tmp_path / "bodies"
    for number, target in enumerate((glb, folder)):
        result = run(walk, "--out", tmp_path / f"{number}.npz", *options, "--mesh-out", target)
        assert result.exit_code == 0, result.output
        assert "recovering bodies" in result.stderr
    motion = mbcli.load(tmp_path / "0.npz")
    assert motion.meta["mesh"] == {"body_model": "smpl", "file": None}
    assert motion.meta["weights"][-1]["stage"] == "mesh"
    people = int(motion.present.sum())
    assert len(list(folder.iterdir())) == people
    assert glb.read_bytes()[:4] == b"glTF"
    rows = (folder / "frame_000000_person_1.obj").read_text().splitlines()
    vertices = np.array([row.split()[1:] for row in rows if row.startswith("v ")], float)
    vertices *= [1, -1, -1]  # from y up to the camera's axes
    focal = motion.meta["assumptions"]["focal"]["pixels"]
    middle = np.array(motion.keypoints.size) / 2
    seen = np.median(vertices[:, :2] / vertices[:, 2:] * focal + middle, axis=0)
    low, high = np.split(motion.keypoints.boxes[0, 0], 2)
    assert (seen > low).all()
    assert (seen < high).all(), "the body is where the person is"

    for words, said in (
        (["--mesh", weights], "--mesh and --mesh-out go together"),
        (["--mesh-out", glb], "--mesh and --mesh-out go together"),
        (["--body-model", "x"], "--body-model needs --mesh"),
        (["--mesh", weights, "--mesh-out", glb], "exists"),
        (["--mesh", tiny_lifter, "--mesh-out", tmp_path / "new.glb"], "tiny.safetensors"),
    ):
        bad = run(walk, "--out", tmp_path / "bad.npz", "--weights", tiny_lifter, *words)
        assert bad.exit_code == 1
        (line,) = bad.stderr.splitlines()
        assert said in line
    assert not (tmp_path / "bad.npz").exists()


def test_overlay_shows_the_stretch_that_was_inferred(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    out, overlay = tmp_path / "pose.npz", tmp_path / "seen.mp4"
    words = ("--start", "0.1", "--json", "--overlay", overlay)
    result = run(walk, "--out", out, *infer, *words)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["results"]
    assert row["overlay"] == str(overlay)
    with VideoReader(overlay) as reader:
        drawn = list(reader)
    with VideoReader(walk, start=0.1, end=0.2) as reader:
        frames = [frame.image for frame in reader]
    assert len(drawn) == len(frames) == 3
    for found, frame in zip(drawn, frames, strict=True):
        assert found.image.shape == (720, 1280, 3)
        difference = np.abs(found.image.astype(int) - frame).mean(axis=-1)
        # Most of it is the picture as it was; somebody is drawn on it.
        assert np.median(difference) < 6
        assert (difference > 60).sum() > 500


def test_an_impossible_overlay_is_reported_before_the_work(
    walk: Path, tmp_path: Path, infer: list[object]
) -> None:
    out = tmp_path / "pose.npz"
    there = tmp_path / "there.mp4"
    there.write_text("precious")
    held = tmp_path / "keypoints.npz"
    shutil.copy(Path(__file__).parent.parent / "fixtures" / "walk_keypoints.npz", held)
    before = names(tmp_path)
    for words, rule in (
        ((walk, "-o", out, "--overlay", tmp_path / "x.avi"), "--overlay must end in .mp4, .gif"),
        ((walk, "-o", out, "--overlay", there), "exists"),
        ((walk, "-o", out, "--overlay", there / "x.mp4"), "is not a folder"),
        ((walk, there, "-o", tmp_path, "--overlay", tmp_path / "x.mp4"), "one video, got 2 inputs"),
        ((held, "-o", out, "--overlay", tmp_path / "x.mp4"), "holds keypoints only"),
        ((walk, "-o", out, "--overlay", walk, "--overwrite"), "a separate file"),
    ):
        result = run(*words, *infer, "--quiet")
        assert result.exit_code == 1
        assert rule in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert names(tmp_path) == before
    copy = tmp_path / "copy.mp4"
    shutil.copy(walk, copy)
    result = run(walk, copy, "-o", tmp_path, "--overlay", tmp_path / "x.mp4", *infer, "-q")
    assert "--overlay belongs to one video, got 2 inputs" in result.stderr
