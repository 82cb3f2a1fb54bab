from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from mbcli.camera import camera_from
from mbcli.cli.app import app
from mbcli.motion import Motion3D, save_motion
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader, write_video

FIRST, FRAMES = 30, 5


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["render", *map(str, words)])


def motion_of(source: str | None) -> Motion3D:
    """One person over frames 30 to 34 of a video of the size and rate of the example."""
    rng = np.random.default_rng(5)
    positions = rng.normal(0, 0.4, (FRAMES, 1, 17, 3))
    pixels = rng.uniform(200, 500, (FRAMES, 1, 17, 2))
    confidence = np.full((FRAMES, 1, 17), 0.8)
    index = np.arange(FIRST, FIRST + FRAMES)
    keypoints = Keypoints2D(
        data=np.concatenate([pixels, confidence[..., None]], axis=-1),
        skeleton=H36M17,
        fps=30.0,
        timestamps=index / 30,
        size=(1280, 720),
        track_ids=np.array([1]),
        boxes=np.full((FRAMES, 1, 4), np.nan),
        frame_index=index,
    )
    return Motion3D(
        positions=positions,
        root=np.tile([0.0, 0.0, 4.0], (FRAMES, 1, 1)),
        positions_normalized=positions,
        confidence=confidence,
        keypoints=keypoints,
        camera=camera_from(keypoints.size, frames=FRAMES),
        meta={} if source is None else {"source": source},
    )


@pytest.fixture
def pose(walk: Path, tmp_path: Path) -> Path:
    path = tmp_path / "pose.npz"
    save_motion(path, motion_of(str(walk)))
    return path


def test_video_side_by_side(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = run(pose, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "drawing" in result.stderr
    assert f"{out}: {FRAMES} frames at 30 frames/s, 2000x720" in result.stderr
    with VideoReader(out) as reader:
        assert reader.fps == pytest.approx(30)
        assert sum(1 for _ in reader) == FRAMES


def test_one_frame_shows_that_frame_of_the_video(pose: Path, walk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = run(pose, "-o", out, "--frame", FIRST + 3, "--layout", "overlay", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    written = cv2.imread(str(out))
    assert written is not None
    image = written[..., ::-1].astype(int)
    with VideoReader(walk) as reader:
        frames = {frame.index: frame.image for frame in reader if frame.index < FIRST + 6}
    # Where nothing is drawn, the picture is the video's.
    corner = np.s_[520:640, 600:]
    differences = {n: np.abs(image[corner] - f[corner]).mean() for n, f in frames.items()}
    assert min(differences, key=differences.__getitem__) == FIRST + 3
    assert differences[FIRST + 3] == 0


def test_contact_sheet_without_the_video(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    result = run(pose, "-o", out, "--layout", "3d", "--columns", 2, "--count", 4, "-q")
    assert result.exit_code == 0, result.output
    written = cv2.imread(str(out))
    assert written is not None
    assert written.shape == (2 * 808 + 8, 2 * 1436 + 8, 3)


def test_angles_change_the_view(pose: Path, tmp_path: Path) -> None:
    words = (pose, "--layout", "3d", "--frame", FIRST, "-q", "-o")
    pictures = []
    for n, angles in enumerate([(), ("--azimuth", 35), ("--azimuth", 90), ("--elevation", 80)]):
        out = tmp_path / f"{n}.png"
        assert run(*words, out, *angles).exit_code == 0
        pictures.append(out.read_bytes())
    assert pictures[0] == pictures[1]
    assert len(set(pictures)) == 3


def test_missing_video_is_reported_with_a_remedy(walk: Path, tmp_path: Path) -> None:
    for source in ("gone/away.mp4", None):
        pose, out = tmp_path / "pose.npz", tmp_path / "out.png"
        save_motion(pose, motion_of(source), overwrite=True)
        result = run(pose, "-o", out)
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        for word in (source or "does not record", "--video", "--layout 3d"):
            assert word in result.stderr
        assert not out.exists()
    words = ("--video", walk, "--frame", FIRST)
    assert run(pose, "-o", out, *words).exit_code == 0
    assert out.exists()


def test_existing_result_is_kept_by_default(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_text("precious")
    words = (pose, "-o", out, "--layout", "3d", "--frame", FIRST)
    result = run(*words)
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    assert out.read_text() == "precious"
    assert run(*words, "--overwrite").exit_code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (
            ("-o", "x.avi"),
            "--out must end in .mp4, .gif, .png, .jpg, .jpeg or .html, got x.avi",
        ),
        (("-o", "x.mp4", "--frame", 30), "--frame is for .png, .jpg, .jpeg only, got 30"),
        (("-o", "x.mp4", "--columns", 2), "--columns is for .png, .jpg, .jpeg only, got 2"),
        (("-o", "x.png", "--max-fps", 10), "--max-fps is for .mp4, .gif only, got 10"),
        (("-o", "x.gif", "--no-sound"), "--sound is for .mp4 only, got False"),
        (("-o", "x.mp4", "--turn", 5), "--turn is for --camera orbit only, got 5"),
        (("-o", "x.html", "--layout", "3d"), "--layout is for videos and pictures only, got 3d"),
        (
            ("-o", "x.mp4", "--person", "one"),
            "--person must be all, largest or ids such as 1 or 1,3",
        ),
        (("-o", "x.mp4", "--person", 9), "--person must be all, largest or one of 1, got 9"),
        (("-o", "x.mp4", "--width", 9), "--width must be 64..8192 pixels, got 9"),
        (("-o", "x.mp4", "--trail-joints", "tail"), "--trail-joints must be of pelvis"),
        (("-o", "x.png", "--frame", 30, "--count", 2), "--count is for contact sheets only"),
        (("-o", "x.png", "--layout", "overlay", "--azimuth", 3), "--azimuth is for --layout side"),
        (("-o", "x.png", "--layout", "3d", "--video", "v.mp4"), "--video is for --layout side"),
        (("-o", "x.png", "--columns", 0), "--columns must be 1..1000, got 0"),
        (("-o", "x.png", "--elevation", 100), "-90..90 degrees, got 100"),
        (("-o", "x.png", "--frame", 35), "30 to 34, got 35; the nearest is 34"),
        (("-o", "x.png", "--video", "v.mp4"), "no such file or folder: v.mp4"),
    ],
)
def test_wrong_words_are_one_line(
    pose: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[object, ...],
    rule: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(pose, *words, "--quiet")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert rule in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pose.npz"]


def test_every_kind_by_its_suffix(pose: Path, tmp_path: Path) -> None:
    words = ("--layout", "grid", "--style", "light", "--camera", "follow", "--width", 200)
    for suffix, magic in ((".gif", b"GIF89a"), (".jpg", b"\xff\xd8"), (".png", b"\x89PNG")):
        out = tmp_path / f"out{suffix}"
        result = run(pose, "-o", out, *words)
        assert result.exit_code == 0, result.output
        assert out.read_bytes().startswith(magic)


def test_view_options_reach_the_picture(pose: Path, tmp_path: Path) -> None:
    words = (pose, "--layout", "3d", "--frame", FIRST + 2, "--width", 300, "-q", "-o")
    given = [
        (),
        ("--style", "light"),
        ("--projection", "orthographic"),
        ("--camera", "follow"),
        ("--camera", "orbit", "--turn", 1),
        ("--trail", 0),
        ("--trail-joints", "left_wrist,head"),
        ("--filter", "butterworth"),
    ]
    pictures = []
    for n, options in enumerate(given):
        out = tmp_path / f"{n}.png"
        result = run(*words, out, *options)
        assert result.exit_code == 0, result.output
        pictures.append(out.read_bytes())
    # The pelvis of this motion stands still, so that it leaves no trail to be seen.
    assert len(set(pictures)) >= len(given) - 1


def test_video_that_does_not_match(pose: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    write_video(other, [np.zeros((48, 64, 3), np.uint8)] * 3, fps=30)
    result = run(pose, "-o", tmp_path / "out.mp4", "--video", other, "-q")
    assert result.exit_code == 1
    assert "1280x720" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_files_that_are_no_motion(tmp_path: Path) -> None:
    text = tmp_path / "pose.npz"
    text.write_text("not a motion")
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, format=np.array([{"a": 1}], dtype=object), positions=np.zeros(3))
    old = tmp_path / "old.npz"
    np.savez(old, format=np.array("mbcli.motion/0"))
    for path in (text, pickled, old, tmp_path / "none.npz"):
        result = run(path, "-o", tmp_path / "out.mp4", "-q")
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 1
        assert str(path) in result.stderr


def test_nobody_in_it_is_said(tmp_path: Path) -> None:
    motion = motion_of(None)
    nan = np.full_like(motion.positions, np.nan)
    nobody = replace(
        motion,
        positions=nan,
        root=nan[:, :, 0],
        positions_normalized=nan,
        confidence=np.zeros_like(motion.confidence),
        keypoints=replace(
            motion.keypoints,
            data=np.concatenate([nan[..., :2], np.zeros_like(nan[..., :1])], axis=-1),
        ),
    )
    pose = tmp_path / "pose.npz"
    save_motion(pose, nobody)
    for suffix in (".mp4", ".png"):
        result = run(pose, "-o", tmp_path / f"out{suffix}", "--layout", "3d", "--width", 200)
        assert result.exit_code == 0, result.output
        assert f"warning: {pose} contains no people" in result.stderr
