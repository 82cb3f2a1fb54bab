from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import walking

import mbcli
from mbcli.errors import ConfigError, InputError, NobodyFoundError, WeightsError
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline, in_skeleton, infer
from mbcli.report import InferReport, Stopwatch
from mbcli.skeleton import COCO17, H36M17, HALPE26
from mbcli.tracks.detection import Detection
from mbcli.types import FloatArray, Keypoints2D
from mbcli.video import write_video
from mbcli.weights import sha256_of

Seen = list[tuple[str, int, "int | None"]]


@pytest.fixture(scope="module")
def done(walk: Path, tiny_lifter: Path) -> tuple[Motion3D, InferReport, Seen]:
    """The street over half a second of the example."""
    seen: Seen = []
    options = InferOptions(weights=str(tiny_lifter), start=1.0, end=1.5, height=1.8)
    pipeline = Pipeline(options, command="mbcli infer walk.mp4")
    motion, report = pipeline.run(walk, lambda *step: seen.append(step))
    return motion, report, seen


def test_everybody_gets_finite_poses_where_they_are_seen(
    done: tuple[Motion3D, InferReport, Seen],
) -> None:
    motion, _, _ = done
    frames, people = motion.positions.shape[:2]
    assert frames == 15
    assert people >= 1
    assert motion.skeleton == H36M17
    assert motion.present.any(axis=0).all()
    np.testing.assert_array_equal(motion.present, motion.keypoints.present)
    np.testing.assert_array_equal(np.isfinite(motion.root).all(axis=-1), motion.present)
    np.testing.assert_allclose(motion.positions[motion.present][:, 0], 0, atol=1e-6)
    assert (motion.root[motion.present][:, 2] > 0).all()
    assert (motion.confidence[~motion.present] == 0).all()
    assert motion.keypoints.frame_index.tolist() == list(range(30, 45))
    np.testing.assert_allclose(motion.timestamps, np.arange(30, 45) / 30, atol=1e-3)
    assert motion.fps == pytest.approx(30)


def test_keypoints_are_the_conversion_of_what_was_found(
    done: tuple[Motion3D, InferReport, Seen],
) -> None:
    data = done[0].keypoints.data
    pelvis, left, right = (H36M17.index(n) for n in ("pelvis", "left_hip", "right_hip"))
    middle = (data[..., left, :2] + data[..., right, :2]) / 2
    np.testing.assert_allclose(data[..., pelvis, :2], middle, atol=1e-3)


def test_meta_records_the_origin_of_the_result(
    done: tuple[Motion3D, InferReport, Seen], walk: Path, tiny_lifter: Path
) -> None:
    motion, _, _ = done
    meta = json.loads(json.dumps(motion.meta))
    assert meta["version"] == mbcli.__version__
    assert meta["command"] == "mbcli infer walk.mp4"
    assert meta["source"] == str(walk)
    assert meta["options"]["start"] == 1.0
    assert meta["backend"] == "movenet"
    assert meta["warnings"] == []
    by_name = {row["name"]: row for row in meta["weights"]}
    assert set(by_name) == {"movenet-thunder", "movenet-multipose", str(tiny_lifter)}
    lifter = by_name[str(tiny_lifter)]
    assert lifter["sha256"] == sha256_of(tiny_lifter)
    assert lifter["licence"] == "CC0-1.0"
    assert lifter["stage"] == "lift"
    thunder = by_name["movenet-thunder"]
    assert len(thunder["sha256"]) == 64
    assert thunder["licence"] == "Apache-2.0"
    height = meta["assumptions"]["height"]
    assert (height["metres"], height["given"], height["words"]) == (1.8, True, "given")
    assert all(one["metres"] == 1.8 for one in height["people"].values())
    focal = meta["assumptions"]["focal"]
    assert focal["given"] is False
    assert (focal["fov"], focal["source"]) == (55, "assumed")
    assert focal["pixels"] == pytest.approx(640 / np.tan(np.radians(27.5)))
    assert [track["id"] for track in meta["tracks"]] == motion.track_ids.tolist()
    for track, present in zip(meta["tracks"], motion.present.T, strict=True):
        frames = np.flatnonzero(present)
        assert (track["first"], track["last"]) == (frames[0], frames[-1])
        assert track["frames"] == len(frames)


def test_report_and_observer_count_every_frame(done: tuple[Motion3D, InferReport, Seen]) -> None:
    motion, report, seen = done
    assert report.frames == 15
    assert report.people == len(motion.track_ids)
    assert [stage.name for stage in report.stages] == [
        "decode",
        "pose2d",
        "camera",
        "track",
        "mend",
        "lift",
        "metric",
        "world",
    ]
    # They overlap.
    assert all(0 < stage.seconds < report.seconds for stage in report.stages)
    assert all(stage.frames == 15 for stage in report.stages)
    assert report.fps == pytest.approx(15 / report.seconds)
    assert [step for step in seen if step[0] == "pose2d"] == [
        ("pose2d", n, 15) for n in range(1, 16)
    ]
    lifted = [step for step in seen if step[0] == "lift"]
    assert lifted[-1][1] == lifted[-1][2]
    assert seen == [s for s in seen if s[0] == "pose2d"] + lifted


def test_people_can_be_chosen(walk: Path, tiny_lifter: Path) -> None:
    options = InferOptions(weights=str(tiny_lifter), end=0.3, every=2, person="largest")
    motion = infer(walk, options)
    assert motion.positions.shape[:2] == (5, 1)
    one = motion.track_ids.tolist()[0]
    assert infer(walk, replace(options, person=str(one))).track_ids.tolist() == [one]
    with pytest.raises(ConfigError, match=rf"of {one}\b.*, got 99"):
        infer(walk, replace(options, person="99"))


@pytest.fixture
def empty_room(tmp_path: Path) -> Path:
    path = tmp_path / "empty.mp4"
    write_video(path, [np.full((96, 128, 3), 120, dtype=np.uint8)] * 5, fps=10)
    return path


def test_nobody_in_the_picture_says_which_threshold_to_try(
    empty_room: Path, tiny_lifter: Path
) -> None:
    with pytest.raises(NobodyFoundError, match=r"--min-score 0\.1") as caught:
        infer(empty_room, InferOptions(weights=str(tiny_lifter)))
    assert str(empty_room) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_weights_are_reported_before_anything_is_decoded(walk: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    seen: Seen = []
    with pytest.raises(WeightsError):
        Pipeline(InferOptions(weights=str(bad))).run(walk, lambda *step: seen.append(step))
    assert seen == []


def test_bad_input_is_reported_before_the_weights_are_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        infer(tmp_path / "none.mp4", InferOptions(weights="no such weights"))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("person", "tallest"),
        ("height", 0.0),
        ("height", -1.7),
        ("height", float("nan")),
        ("focal", 0.0),
        ("focal", float("inf")),
        ("fov", 180.0),
        ("min_score", 0.0),
        ("min_score", 1.0),
        ("pose2d", "crystal-ball"),
        ("low_pass", -1.0),
        ("low_pass", float("inf")),
    ],
)
def test_options_outside_their_rule_are_refused(option: str, value: object) -> None:
    name = "--" + option.replace("_", "-")
    with pytest.raises(ConfigError, match=f"^{name} must") as caught:
        InferOptions(**{option: value})  # type: ignore[arg-type]
    assert str(value).removesuffix(".0") in str(caught.value)


def _from_elsewhere(data: FloatArray, fps: float) -> Detection:
    """One person's (T, 1, 17, 3) COCO-17 keypoints, as a file gives them."""
    frames = len(data)
    keypoints = Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=fps,
        timestamps=np.arange(frames) / fps,
        size=(640, 480),
        track_ids=np.array([4]),
        boxes=np.full((frames, 1, 4), np.nan),
        frame_index=np.arange(frames),
    )
    return Detection(keypoints=keypoints, source="elsewhere.json", backend="files")


def test_heads_are_turned_unless_nobody_wants_to_know(
    tiny_lifter: Path, walk_keypoints: Keypoints2D
) -> None:
    found = Detection(walk_keypoints.part(slice(0, 20), [0, 1]), "walk.json", "mbcli")
    pipeline = Pipeline(InferOptions(weights=str(tiny_lifter)))
    assert pipeline.lift(found, orient=False).orientations is None
    turned = pipeline.lift(found).orientations
    assert turned is not None
    assert turned.shape == (20, 2, 3, 4)
    assert (turned[..., 0, 3].mean(axis=0) > 0.3).all()  # ears, eyes and nose
    assert not turned[..., 1:, 3].any()  # no knuckles


def test_keypoints_from_elsewhere_can_be_lifted(tiny_lifter: Path) -> None:
    rng = np.random.default_rng(1)
    data = np.zeros((30, 1, len(COCO17), 3), dtype=np.float32)
    data[..., :2] = rng.uniform(100, 300, (1, 1, len(COCO17), 2))
    data[..., 2] = 0.9
    data[5, 0] = (np.nan, np.nan, 0)
    found = _from_elsewhere(data, 25.0)
    motion = Pipeline(InferOptions(weights=str(tiny_lifter), focal=500.0)).lift(found)
    assert motion.present[:, 0].tolist() == [frame != 5 for frame in range(30)]
    assert motion.meta["source"] == "elsewhere.json"
    focal = motion.meta["assumptions"]["focal"]
    assert (focal["pixels"], focal["given"], focal["source"]) == (500.0, True, "option")
    assert focal["fov"] == pytest.approx(2 * np.degrees(np.arctan(320 / 500)), abs=1e-3)
    assert [row["stage"] for row in motion.meta["weights"]] == ["lift"]


def test_jitter_is_removed_unless_disabled(tiny_lifter: Path) -> None:
    rng = np.random.default_rng(1)
    data = np.zeros((60, 1, len(COCO17), 3), dtype=np.float32)
    data[..., :2] = rng.uniform(100, 300, (1, 1, len(COCO17), 2))
    data[..., :2] += 3 * rng.normal(size=(60, 1, len(COCO17), 2))
    data[..., 2] = 0.9
    found = _from_elsewhere(data, 60.0)
    shaking, given = {}, {}
    for name, more in {
        "usual": {},
        "raw": {"low_pass": 0.0},
        "published": {"compat": "motionbert"},
        "published raw": {"compat": "motionbert", "low_pass": 0.0},
    }.items():
        options = InferOptions(weights=str(tiny_lifter), focal=500.0, **more)  # type: ignore[arg-type]
        motion = Pipeline(options).lift(found)
        given[name] = motion.positions_normalized
        places = {"poses": motion.positions, "root": motion.root}
        shaking[name] = {what: np.abs(np.diff(p, 3, axis=0)).mean() for what, p in places.items()}
    for what in ("poses", "root"):
        assert shaking["usual"][what] < 0.4 * shaking["raw"][what]
    assert shaking["published"] == shaking["published raw"]
    # What the network gave is kept as it was.
    np.testing.assert_array_equal(given["usual"], given["raw"])


def test_a_long_track_is_computed_in_sections_without_a_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    data = np.zeros((60, 1, len(COCO17), 3), dtype=np.float32)
    data[..., :2] = rng.uniform(100, 300, (1, 1, len(COCO17), 2)) + 3 * rng.normal(
        size=(60, 1, 1, 2)
    )
    data[..., 2] = rng.uniform(0.2, 1, (60, 1, len(COCO17)))
    data[20:23] = np.nan, np.nan, 0
    found, pipeline = _from_elsewhere(data, 30.0), Pipeline(InferOptions())
    whole = pipeline.lift(found)
    for room, value in (
        ("placing.metric._SECTION", 7),
        ("lift.expected_error._SECTION", 7),
        ("placing.low_pass._AT_ONCE", 120),
    ):
        monkeypatch.setattr(f"mbcli.{room}", value)
    parts = pipeline.lift(found)
    assert whole.expected_error is not None
    for name in ("positions", "root", "positions_normalized", "expected_error"):
        got, want = getattr(parts, name), getattr(whole, name)
        assert np.isfinite(want).any()
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_stopwatch_counts_what_items_cost_to_make() -> None:
    watch = Stopwatch()
    assert list(watch.iterate("decode", iter("abc"))) == ["a", "b", "c"]
    report = watch.report(frames=3, people=1, warnings=())
    (stage,) = report.stages
    assert (stage.name, stage.frames) == ("decode", 3)
    assert 0 < stage.seconds <= report.seconds


def test_the_compatible_way_takes_missing_keypoints_for_the_corner() -> None:
    """What the published code makes of keypoints written as 0, 0, 0."""
    data = np.full((2, 1, 17, 3), 0.8, np.float32)
    data[..., :2] = np.random.default_rng(0).uniform(200, 800, (2, 1, 17, 2))
    hip, other = COCO17.index("left_hip"), COCO17.index("right_hip")
    data[1, 0, hip] = np.nan, np.nan, 0
    tracks = Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30.0,
        timestamps=np.arange(2) / 30,
        size=(1920, 1080),
        track_ids=np.array([1]),
        boxes=np.full((2, 1, 4), np.nan),
        frame_index=np.arange(2),
    )
    published = in_skeleton(tracks, H36M17, published=True).data[1, 0]
    np.testing.assert_allclose(
        published[H36M17.index("pelvis")], [*data[1, 0, other, :2] / 2, 0.4], rtol=1e-6
    )
    assert published[H36M17.index("spine"), 2] > 0
    assert np.isnan(published[H36M17.index("left_hip"), :2]).all()
    ours = in_skeleton(tracks, H36M17, published=False).data[1, 0]
    assert np.isnan(ours[[H36M17.index("pelvis"), H36M17.index("spine")], :2]).all()


def test_only_the_compatible_way_averages_the_confidence_of_derived_joints() -> None:
    with np.load(Path(__file__).parent / "fixtures" / "geometry.npz") as file:
        source, want = file["halpe26"], file["halpe26_as_h36m"]
    frames = len(source)
    tracks = Keypoints2D(
        data=source[:, None],
        skeleton=HALPE26,
        fps=30.0,
        timestamps=np.arange(frames) / 30,
        size=(1920, 1080),
        track_ids=np.array([1]),
        boxes=np.full((frames, 1, 4), np.nan),
        frame_index=np.arange(frames),
    )
    published = in_skeleton(tracks, H36M17, published=True).data[:, 0]
    np.testing.assert_allclose(published, want, rtol=1e-6)
    ours = in_skeleton(tracks, H36M17, published=False).data[:, 0]
    np.testing.assert_array_equal(ours[..., :2], published[..., :2])
    assert (ours[..., 2] < published[..., 2]).any()


def test_people_have_heights_of_their_own(tiny_lifter: Path) -> None:
    motion = walking(people=2)
    found = Detection(motion.keypoints, "walk.json", "mbcli")

    def lifted(**options: Any) -> Motion3D:
        return Pipeline(InferOptions(weights=str(tiny_lifter), **options)).lift(found)

    alike, own = lifted(height=1.7), lifted(height={1: 1.7, 2: 1.02})
    heights = own.meta["assumptions"]["height"]
    assert [one["metres"] for one in heights["people"].values()] == [1.7, 1.02]
    assert heights["given"]
    for name in ("positions", "root"):
        both = getattr(alike, name), getattr(own, name)
        np.testing.assert_allclose(both[1][:, 0], both[0][:, 0], rtol=1e-5)
        np.testing.assert_allclose(both[1][:, 1], 0.6 * both[0][:, 1], rtol=1e-5)
    assert json.loads(json.dumps(own.meta))["options"]["height"] == {"1": 1.7, "2": 1.02}
    with pytest.raises(ConfigError, match=r"of people in the result, 1, 2, got 7$"):
        lifted(height={7: 1.7})
