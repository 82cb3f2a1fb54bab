"""From keypoint files to tracks, with and without the video that they belong to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import walking
from PIL import Image

from mbcli.errors import ConfigError, InputError, NobodyFoundError
from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.keypoints import write_keypoints
from mbcli.keypoints.records import KeypointFile
from mbcli.options import InferOptions
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import BLAZEPOSE33, Skeleton
from mbcli.tracks.from_keypoints import _within_reach
from mbcli.tracks.source import Detection, detect_in_pictures, opened
from mbcli.video import VideoReader

AS_IT_COMES = InferOptions(fix_swaps=False, bridge=False)
STRETCH = replace(AS_IT_COMES, start=1.0, end=1.5)


def detect(source: Path, options: InferOptions, keypoints: Path | None = None) -> Detection:
    with opened(source, options, keypoints) as look:
        return look(unobserved, Stopwatch())


@pytest.fixture(scope="module")
def seen(walk: Path) -> Detection:
    """What MoveNet sees in half a second of the example."""
    with VideoReader(walk, start=1.0, end=1.5) as reader:
        return detect_in_pictures(reader, AS_IT_COMES)


@pytest.fixture(scope="module", params=["mbcli", "coco", "alphapose"])
def written(seen: Detection, request: pytest.FixtureRequest, tmp_path_factory) -> Path:
    suffix = ".npz" if request.param == "mbcli" else ".json"
    path = tmp_path_factory.mktemp("written") / f"kp{suffix}"
    write_keypoints(path, seen.keypoints, format=request.param, meta={}, overwrite=False)
    return path


def test_what_is_written_comes_back_on_the_video(written: Path, seen: Detection, walk: Path):
    again = detect(walk, STRETCH, written)
    assert again.source == str(walk.resolve())
    want, got = seen.keypoints, again.keypoints
    assert got.track_ids.tolist() == want.track_ids.tolist()
    assert got.frame_index.tolist() == want.frame_index.tolist()
    np.testing.assert_allclose(got.timestamps, want.timestamps)
    np.testing.assert_allclose(got.data, want.data, atol=1e-3)
    assert got.size == want.size


def test_a_file_needs_no_video(written: Path, seen: Detection):
    known: dict[str, Any] = {"image_size": seen.keypoints.size, "fps": 30.0}
    if written.suffix == ".npz":
        known = {}
    alone = detect(written, replace(AS_IT_COMES, **known))
    assert alone.source == str(written.resolve())
    last = {"mbcli": 15}.get(alone.backend, 45)  # JSON formats know no frame before the first
    assert len(alone.keypoints.data) == last
    np.testing.assert_allclose(alone.keypoints.data[-15:], seen.keypoints.data, atol=1e-3)


def test_stretches_of_a_file(written: Path, seen: Detection):
    if written.suffix == ".npz":
        options = replace(AS_IT_COMES, start=1.2, end=1.4, every=2)
    else:
        options = replace(
            AS_IT_COMES, start=1.2, end=1.4, every=2, image_size=seen.keypoints.size, fps=30.0
        )
    part = detect(written, options).keypoints
    np.testing.assert_allclose(part.timestamps, [1.2, 1.2 + 2 / 30, 1.2 + 4 / 30], atol=1e-3)
    assert part.fps == pytest.approx(15)
    np.testing.assert_allclose(part.data, seen.keypoints.data[6:12:2], atol=1e-3)


def people(frames: dict[int, list[list[float]]]) -> str:
    """COCO results of people, each given by the place of a standing body."""
    rows = []
    for frame, places in frames.items():
        for x, y, height in places:
            joints = np.stack([np.full(17, x), y + np.linspace(0, height, 17), np.full(17, 0.9)], 1)
            joints[1::2, 0] -= height / 8
            joints[2::2, 0] += height / 8
            rows.append(
                {
                    "image_id": frame,
                    "category_id": 1,
                    "keypoints": joints.ravel().tolist(),
                    "score": 0.9,
                }
            )
    return json.dumps(rows)


def write(path: Path, frames: dict[int, list[list[float]]]) -> Path:
    path.write_text(people(frames), encoding="utf-8")
    return path


SIZED = replace(AS_IT_COMES, image_size=(640, 480), fps=30.0)


def test_people_without_identities_are_tracked(tmp_path: Path):
    frames = {t: [[100.0 + 3 * t, 100, 200], [500.0 - 3 * t, 120, 200]] for t in range(20)}
    for t in range(0, 20, 2):
        frames[t].reverse()
    got = detect(write(tmp_path / "two.json", frames), SIZED).keypoints
    assert len(got.track_ids) == 2
    x = got.data[..., 0, 0]  # (T, P) noses
    steps = np.diff(x, axis=0)
    assert np.nanmax(np.abs(steps)) < 4
    assert {1, -1} == set(np.sign(np.nanmean(steps, axis=0)).tolist())


def test_size_and_rate_must_be_given_somewhere(tmp_path: Path):
    path = write(tmp_path / "one.json", {t: [[100, 100, 200]] for t in range(9)})
    with pytest.raises(ConfigError, match="lacks the frame rate: add --fps"):
        detect(path, AS_IT_COMES)
    with pytest.raises(ConfigError, match="lacks the image size: add --image-size"):
        detect(path, replace(AS_IT_COMES, fps=30.0))


def test_places_that_are_no_pixels_of_the_picture(tmp_path: Path):
    path = write(tmp_path / "far.json", {t: [[9000, 100, 200]] for t in range(9)})
    with pytest.raises(InputError, match="keypoints of a picture of 640x480, got nose at"):
        detect(path, SIZED)


def test_a_keypoint_far_outside_the_picture_is_left_out(tmp_path: Path):
    path = write(tmp_path / "stray.json", {t: [[100, 100, 200]] for t in range(9)})
    records = json.loads(path.read_text())
    records[4]["keypoints"][9 * 3] = 1e5
    path.write_text(json.dumps(records))
    got = detect(path, SIZED)
    assert np.isnan(got.keypoints.data[4, 0, 9, 0])
    assert np.isfinite(got.keypoints.data).sum() == got.keypoints.data.size - 2
    assert "1 keypoints far outside the picture are left out" in got.warnings[0]


@pytest.mark.parametrize("relative", [False, True])
def test_how_far_outside_a_keypoint_may_be(relative: bool):
    """Three times the longer side away from the edge of a square around the picture."""
    unit = np.array([640, 480] if relative else [1, 1])
    for by in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        for away, stays in ((3.5 * 640 - 1, True), (3.5 * 640 + 1, False)):
            points = np.full((25, 1, 3), 0.9)
            points[..., :2] = np.array([320, 240]) / unit
            points[7, 0, :2] += away * np.array(by) / unit
            file = KeypointFile(
                Path("kp.json"),
                "coco",
                Skeleton("point", ("nose",), (-1,)),
                np.arange(25),
                points,
                frames=25,
                relative=relative,
                warnings=("first",),
            )
            found = _within_reach(file, (640, 480))
            if stays:
                assert found is file
                continue
            np.testing.assert_array_equal(found.keypoints[7], [[np.nan, np.nan, 0]])
            points[7] = found.keypoints[7]
            np.testing.assert_array_equal(found.keypoints, points)
            x, y = np.array([320, 240]) + away * np.array(by)
            assert found.warnings == (
                "first",
                "1 keypoints far outside the picture are left out, the first is nose at "
                f"({x:g}, {y:g}) in frame 7",
            )


def test_more_than_one_in_twenty_outside_is_another_picture(tmp_path: Path):
    """Of 9 times 17 keypoints, 7 are stray, 8 are not."""
    path = write(tmp_path / "stray.json", {t: [[100, 100, 200]] for t in range(9)})
    records = json.loads(path.read_text())
    for frame in range(8):
        records[frame]["keypoints"][3 * frame] = 1e5
        path.write_text(json.dumps(records))
        if frame < 7:
            assert f"{frame + 1} keypoints far outside" in detect(path, SIZED).warnings[0]
    with pytest.raises(InputError, match="keypoints of a picture of 640x480, got nose at"):
        detect(path, SIZED)


def test_of_a_single_frame_the_rate_is_that_of_the_frames_asked_for(tmp_path: Path):
    path = write(tmp_path / "kp.json", walkers(range(9)))
    got = detect(path, replace(SIZED, every=3, start=0.1, end=0.15)).keypoints
    assert got.frame_index.tolist() == [3]
    assert got.fps == 10


def test_fractions_of_the_picture(tmp_path: Path):
    path = write(tmp_path / "part.json", {t: [[0.5, 0.1, 0.7]] for t in range(9)})
    got = detect(path, SIZED)
    np.testing.assert_allclose(got.keypoints.data[:, 0, 0, :2], [[320, 48]] * 9)
    assert got.warnings == ("coordinates are taken as fractions of the picture",)


def test_file_and_video_must_fit(walk: Path, tmp_path: Path):
    path = write(tmp_path / "long.json", {t: [[100, 100, 200]] for t in range(500)})
    with pytest.raises(InputError, match=r"whose last frame is 133, got keypoints of frame 499"):
        detect(walk, AS_IT_COMES, path)
    path = write(tmp_path / "short.json", {t: [[100, 100, 200]] for t in range(9)})
    with pytest.raises(InputError, match=r"--image-size must fit the video .*, got 640x480"):
        detect(walk, replace(AS_IT_COMES, image_size=(640, 480)), path)
    got = detect(walk, AS_IT_COMES, path).keypoints
    assert len(got.data) == 134
    assert got.present[:, 0].sum() == 9


def test_positions_in_space_have_a_picture_of_their_own(walk: Path, tmp_path: Path):
    (path,) = export(walking(20), tmp_path / "a.trc", ExportOptions())
    assert detect(path, AS_IT_COMES).keypoints.size == (1000, 1000)
    assert detect(path, replace(AS_IT_COMES, image_size=(1000, 1000))).source == str(path)
    with pytest.raises(ConfigError, match=r"left out for .*a.trc: it holds positions in space"):
        detect(path, SIZED)
    with pytest.raises(InputError, match="in space: lift them without the video"):
        detect(walk, AS_IT_COMES, path)


def test_options_that_mean_nothing_are_refused(walk: Path, tmp_path: Path):
    path = write(tmp_path / "one.json", {t: [[100, 100, 200]] for t in range(9)})
    with pytest.raises(ConfigError, match="--keypoints needs a video"):
        detect(path, SIZED, path)
    with pytest.raises(ConfigError, match="--fps is for pictures and keypoint files"):
        detect(walk, replace(AS_IT_COMES, fps=30.0))
    with pytest.raises(ConfigError, match="--joint-map is for keypoint files"):
        detect(walk, replace(AS_IT_COMES, joint_map={"a": "nose"}))
    with pytest.raises(InputError, match=r"has no frame from 5 s to the end"):
        detect(path, replace(SIZED, start=5.0))
    nobody = write(tmp_path / "late.json", {9: [[100, 100, 200]]})
    with pytest.raises(NobodyFoundError, match="contains nobody in the selected frames"):
        detect(nobody, replace(SIZED, end=0.2))


def test_frames_that_were_not_looked_at_are_left_out(walk: Path, tmp_path: Path):
    every = replace(STRETCH, every=3)
    direct = detect(walk, every).keypoints
    path = tmp_path / "third.npz"
    write_keypoints(path, direct, format="mbcli", meta={})
    for again in (detect(path, AS_IT_COMES), detect(walk, AS_IT_COMES, path)):
        got = again.keypoints
        assert got.frame_index.tolist() == direct.frame_index.tolist()
        assert got.fps == pytest.approx(direct.fps)
        np.testing.assert_array_equal(got.data, direct.data)


def walkers(frames: range) -> dict[int, list[list[float]]]:
    return {t: [[100.0 + t, 100, 200]] for t in frames}


@pytest.mark.parametrize(
    ("frames", "first", "said"),
    [
        (range(134), 0, ""),
        (range(1, 135), 0, "frames are taken as counted from 1, since the video's last is 133"),
        (range(20, 135), 19, "frames are taken as counted from 1, since the video's last is 133"),
        (range(1, 134), 1, ""),
        (range(20, 134), 20, ""),
        (range(1, 60), 0, "frames are taken as counted from 1, since nobody is in frame 0"),
        (range(2, 60), 2, ""),
    ],
)
def test_the_video_tells_from_where_frames_count(
    walk: Path, tmp_path: Path, frames: range, first: int, said: str
):
    path = write(tmp_path / "kp.json", walkers(frames))
    got = detect(walk, AS_IT_COMES, path)
    there = np.flatnonzero(got.keypoints.present[:, 0])
    assert there.tolist() == list(range(first, first + len(frames)))
    assert got.keypoints.data[first, 0, 0, 0] == 100 + frames[0]
    assert said in "".join(got.warnings)


def test_frames_from_one_without_a_video(tmp_path: Path):
    got = detect(write(tmp_path / "kp.json", walkers(range(1, 31))), SIZED)
    assert len(got.keypoints.data) == 30
    assert got.keypoints.present.all()
    assert "counted from 1, since nobody is in frame 0" in got.warnings[0]


def landmarks(path: Path, times: list[float]) -> Path:
    """A BlazePose table with a time in each row, and no frame."""
    head = ["timestamp", *(f"{joint}_{part}" for joint in BLAZEPOSE33.joints for part in "xyv")]
    body = np.random.default_rng(2).uniform(0.4, 0.6, (33, 3)).round(3)
    rows: list[list[Any]] = [[t, *(body + 0.001 * n).ravel().tolist()] for n, t in enumerate(times)]
    path.write_text("\n".join(",".join(map(str, row)) for row in (head, *rows)))
    return path


def test_rows_without_frames_lie_at_their_times_in_the_video(walk: Path, tmp_path: Path):
    path = landmarks(tmp_path / "third.csv", [round(n / 30, 3) for n in range(6, 60, 3)])
    got = detect(walk, AS_IT_COMES, path).keypoints
    assert np.flatnonzero(got.present[:, 0]).tolist() == list(range(6, 60, 3))
    assert len(got.data) == 134


def test_an_impossible_clock_is_none(tmp_path: Path):
    path = landmarks(tmp_path / "fast.csv", [0.0004 * n for n in range(9)])
    sized = replace(AS_IT_COMES, image_size=(640, 480))
    with pytest.raises(ConfigError, match=r"\(its times give 2500 frames/s\): add --fps"):
        detect(path, sized)
    got = detect(path, replace(sized, fps=30.0)).keypoints
    assert got.fps == 30
    np.testing.assert_allclose(got.timestamps, np.arange(9) / 30)


def test_frames_that_do_not_hang_together(tmp_path: Path):
    path = write(tmp_path / "far.json", walkers(range(79)) | {2_000_000: [[100, 100, 200]]})
    with pytest.raises(InputError, match=r"got 80 poses in frames 0 to 2000000.*--start and --end"):
        detect(path, SIZED)
    assert len(detect(path, replace(SIZED, end=2.0)).keypoints.data) == 60


@pytest.mark.parametrize(
    "names", [("a.png", "b.png", "d.png"), ("IMG_7.png", "IMG_8.png", "x.png")]
)
def test_pictures_of_a_folder_by_their_names(tmp_path: Path, names: tuple[str, ...]):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in (*names, "IMG_1.png", "c.png"):
        Image.new("RGB", (640, 480)).save(folder / name)
    records = json.loads(people(walkers(range(3))))
    for record, name in zip(records, names, strict=True):
        record["image_id"] = name
    path = tmp_path / "alphapose-results.json"
    path.write_text(json.dumps(records))
    got = detect(folder, AS_IT_COMES, path).keypoints
    order = sorted((*names, "IMG_1.png", "c.png"), key=str.casefold)
    assert np.flatnonzero(got.present[:, 0]).tolist() == [order.index(name) for name in names]


def test_what_is_lifted_again_keeps_its_video(seen: Detection, tmp_path: Path):
    path = tmp_path / "kp.npz"
    write_keypoints(path, seen.keypoints, meta=seen.meta(AS_IT_COMES, None))
    again = detect(path, AS_IT_COMES)
    assert again.source == seen.source
    third = tmp_path / "again.npz"
    write_keypoints(third, again.keypoints, meta=again.meta(AS_IT_COMES, None))
    assert detect(third, AS_IT_COMES).source == seen.source


def test_what_came_from_a_file_has_no_video(tmp_path: Path):
    path = write(tmp_path / "one.json", walkers(range(9)))
    first = detect(path, SIZED)
    write_keypoints(tmp_path / "kp.npz", first.keypoints, meta=first.meta(SIZED, None))
    again = detect(tmp_path / "kp.npz", AS_IT_COMES)
    assert again.source == str((tmp_path / "kp.npz").resolve())
