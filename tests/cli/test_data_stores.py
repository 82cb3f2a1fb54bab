"""``mbcli data`` on stores of both kinds: import of data sets, info, check, preview."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.data.formats import FORMATS
from mbcli.data.stores.sequences import SequenceStore
from mbcli.data.stores.store import StoreWriter
from mbcli.skeleton import BODY21

CHECKOUT = Path(__file__).parents[2]


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, words)])


def coco_results(path: Path, frames: int = 40) -> Path:
    """Detections of one person who stands and moves to the right."""
    body = [
        *((300, 100), (308, 92), (292, 92), (316, 95), (284, 95), (340, 150), (260, 150)),
        *((350, 210), (250, 210), (355, 270), (245, 270), (325, 300), (275, 300)),
        *((326, 400), (274, 400), (327, 500), (273, 500)),
    ]
    rows = [
        {
            "image_id": frame,
            "category_id": 1,
            "track_id": 1,
            "keypoints": [value for x, y in body for value in (x + frame, y, 0.9)],
            "score": 0.9,
        }
        for frame in range(frames)
    ]
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    out = tmp_path / "sequences"
    file = coco_results(tmp_path / "walk.json")
    words = ("--image-size", "640x560", "--fps", "25", "--licence", "mine", "-q")
    result = run("import", "keypoints", file, "--out", out, *words)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """One clip of a person of 1.7 m who stands, y up."""
    high = {"head": 1.65, "thorax": 1.45, "spine": 1.2, "pelvis": 0.95, "nose": 1.55, "hip": 0.95}
    high |= {"knee": 0.5, "ankle": 0.1, "shoulder": 1.42, "elbow": 1.13, "wrist": 0.88}
    high |= {"eye": 1.6, "ear": 1.58}
    body = np.zeros((60, 21, 3))
    for number, joint in enumerate(BODY21.joints):
        side, _, part = joint.rpartition("_")
        body[:, number, 1] = high[part]
        body[:, number, 0] = {"left": 0.15, "right": -0.15}.get(side, 0)
    with StoreWriter(tmp_path / "clips") as writer:
        writer.add(body, name="a/1", subject="a", source="", fps=30)
    return tmp_path / "clips"


def test_keypoint_files_become_a_sequence_store(sequences: Path) -> None:
    store = SequenceStore.open(sequences)
    (sequence,) = store.sequences
    assert (sequence.frames, sequence.fps, sequence.size) == (40, 25, (640, 560))
    assert (sequence.subject, sequence.licence) == ("walk.json/1", "mine")
    points = store.array("keypoints", sequence)[3, 0]
    np.testing.assert_allclose(points[0], [303, 300, 0.9], rtol=1e-6)  # the pelvis


def test_a_folder_of_keypoint_files(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    coco_results(folder / "a.json")
    coco_results(folder / "sub" / "b.json", frames=30)
    (folder / "notes.txt").write_text("nothing, really")
    (folder / "cut.json").write_text("[{")
    words = ("--image-size", "640x560", "--fps", "25", "--json")
    result = run("import", "keypoints", folder, "--out", tmp_path / "s", *words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["imported"] == ["a.json/1/0", "sub/b.json/1/0"]
    assert document["store"] == "sequences"
    assert [row["file"] for row in document["refused"]] == ["cut.json", "notes.txt"]


def test_formats_are_listed() -> None:
    result = run("formats")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(FORMATS)
    assert all(kind.title in line for kind, line in zip(FORMATS.values(), lines, strict=True))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["h36m-pickle", "file", "--fps", "25"], "--fps does not apply to h36m-pickle"),
        (["bvh", ".", "--image-size", "1x1"], "--image-size does not apply to bvh, which takes"),
        (["posetrack18", ".", "--max-fps", "3"], "--max-fps does not apply to posetrack18"),
        (["h36m-pickle", "."], "h36m-pickle needs a file, but . is not one"),
        (["posetrack18", "file"], "posetrack18 needs a folder, but file is not one"),
        (["keypoints", "nothing"], "no such file or folder: nothing"),
        (["keypoints", "file"], "file"),
        (["keypoints", "file", "--image-size", "big"], "WIDTHxHEIGHT"),
        (["h36m-npz", "."], "data_3d_h36m.npz"),
        (["fbx", "."], "h36m-pickle, h36m-npz, humaneva"),
    ],
)
def test_bad_imports_are_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("{}")
    result = run("import", *words, "--out", "store", "-q")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert not Path("store").exists()


def test_info(sequences: Path, clips: Path) -> None:
    result = run("info", sequences)
    assert result.exit_code == 0
    for word in ("mbcli.sequences/1", "1, 40 frames", "25 (1)", "mine (1)", "right_wrist"):
        assert word in result.stderr
    document = json.loads(run("info", clips, "--json").stdout)
    assert document["ok"] is True
    assert document["subjects"] == {"a": pytest.approx(2 / 3600)}
    assert document["ranges"]["joints"]["head"]["max"][1] == pytest.approx(1.65)
    missing = run("info", clips.parent / "none")
    assert missing.exit_code == 1
    assert missing.stderr.startswith("error: ")


def test_check(sequences: Path, clips: Path, tmp_path: Path) -> None:
    for store in (sequences, clips):
        result = run("check", store)
        assert result.exit_code == 0, result.stderr
    with StoreWriter(tmp_path / "bad") as writer:
        body = np.load(clips / "joints.npy")
        writer.add(body, name="good", subject="a", source="", fps=30)
        writer.add(body * 1000, name="huge", subject="a", source="", fps=30)
    result = run("check", tmp_path / "bad")
    assert result.exit_code == 1
    assert "huge: a person must be" in result.stderr
    assert "good" not in result.stderr
    result = run("check", tmp_path / "bad", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert [row["clip"] for row in document["faults"]] == ["huge"]


def ink(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(N, 2) x, y of the pixels of a colour, RGB."""
    near = np.abs(image[..., ::-1].astype(int) - np.array(colour)).max(axis=-1) < 40
    places = np.argwhere(near)[:, ::-1]
    return places[places[:, 1] > 60]  # below the legend


def test_preview_shows_people_the_right_way_up(sequences: Path, clips: Path) -> None:
    from mbcli.show.colours import LEFT, RIGHT

    for store in (sequences, clips):
        out = store.parent / f"{store.name}.png"
        result = run("preview", store, "--out", out, "--figures", "1", "--clips", "1")
        assert result.exit_code == 0, result.stderr
        image = cv2.imread(str(out))
        assert image is not None
        first_row = image[: 26 + 26 + 170, 190:]
        left, right = ink(first_row, LEFT), ink(first_row, RIGHT)
        assert len(left) > 100
        assert len(right) > 100
        # Everybody faces us: left is on the right. Arms are further out than legs, and higher.
        assert np.median(left[:, 0]) > np.median(right[:, 0])
        if store == sequences:
            widest = left[left[:, 0] > np.percentile(left[:, 0], 90)]
            assert widest[:, 1].mean() < left[:, 1].mean()


def test_preview_chooses_by_the_seed(tmp_path: Path, clips: Path) -> None:
    body = np.load(clips / "joints.npy")
    with StoreWriter(tmp_path / "many") as writer:
        for number in range(30):
            writer.add(body, name=f"clip {number}", subject="a", source="", fps=30)
    pictures = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.png"
        assert run("preview", tmp_path / "many", "-o", out, "--seed", seed).exit_code == 0
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1] != pictures[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.gif"], "must end in .png or .jpg"),
        (["--out", "there.png"], "exists"),
        (["--out", "x.png", "--clips", "0"], "--clips must be within 1..100, got 0"),
        (["--out", "x.png", "--figures", "999"], "--figures must be within"),
        (["--out", "x.png", "--seed", "-1"], "--seed must be 0 or more, got -1"),
    ],
)
def test_bad_previews(
    words: list[str], said: str, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clips.parent)
    Path("there.png").write_bytes(b"")
    result = run("preview", clips, *words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert not Path("x.png").exists()
