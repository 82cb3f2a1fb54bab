from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from motions import SIZE, grounded, hidden, panned, walking

from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.kinematics.angles import motion_angles
from mbcli.motion import Motion3D
from mbcli.show.rerun import view as rerun_view
from mbcli.show.rerun.view import view
from mbcli.show.scene import scene_of

rr = pytest.importorskip("rerun")

JOINTS, BONES = 17, 16


class Recording:
    """What Rerun's own reader finds in a file."""

    def __init__(self, path: Path) -> None:
        reader = rr.chunk.RrdReader(path)
        self.blueprints = reader.blueprints()
        self.chunks = [(c.entity_path, c.to_record_batch()) for c in reader.stream().to_chunks()]
        self.entities = {path for path, _ in self.chunks}

    def rows(self, entity: str, component: str) -> list[tuple[int, float, Any]]:
        """(frame, seconds, value) of everything with a time."""
        found = []
        for path, batch in self.chunks:
            names = batch.schema.names
            if path == entity and component in names and "frame" in names:
                columns = (batch.column(name).to_pylist() for name in ("frame", "time", component))
                found += [
                    (frame, seconds.total_seconds(), value)
                    for frame, seconds, value in zip(*columns, strict=True)
                    if value is not None
                ]
        return sorted(found, key=lambda row: row[0])

    def static(self, entity: str, component: str) -> list[Any]:
        for path, batch in self.chunks:
            names = batch.schema.names
            if path == entity and component in names and "frame" not in names:
                return batch.column(component).to_pylist()[0]
        raise AssertionError(f"{entity} has no {component}")

    def points(self, entity: str, dimensions: int) -> dict[int, np.ndarray]:
        rows = self.rows(entity, f"Points{dimensions}D:positions")
        return {frame: np.array(value, dtype=np.float32) for frame, _, value in rows}


@pytest.fixture
def two() -> Motion3D:
    return hidden(walking(12, people=2, fps=30.0), slice(4, 7), person=1)


@pytest.fixture
def film(tmp_path: Path) -> Callable[..., Path]:
    """Builder of a video whose pictures encode their number as their grey."""

    def make(name: str = "film.mp4", codec: str = "libx264", frames: int = 12) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=30)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
            for number in range(frames):
                image = np.full((SIZE[1], SIZE[0], 3), 20 + 15 * number, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        return path

    return make


def upright(motion: Motion3D) -> Motion3D:
    """The motion with a world 1.2 m below the camera, which looks down by 10 degrees."""
    angle = np.deg2rad(10.0)
    world = np.eye(4)
    world[1:3, 1:3] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    world[1, 3] = -1.2
    return grounded(motion, world)


def test_positions_come_back_as_they_are(two: Motion3D, tmp_path: Path) -> None:
    report = view(two, tmp_path / "out.rrd", footage="none")
    assert (report.frames, report.people, report.footage) == (12, 2, None)
    read = Recording(tmp_path / "out.rrd")
    assert len(read.blueprints) == 1
    for column, entity in enumerate(("person_1", "person_2")):
        solid = read.points(f"/space/{entity}", 3)
        flat = read.points(f"/video/{entity}", 2)
        for row in range(12):
            if not two.present[row, column]:
                assert not len(solid[row])
                assert not len(flat[row])
                continue
            np.testing.assert_array_equal(solid[row], two.in_camera[row, column])
            np.testing.assert_array_equal(flat[row], two.keypoints.data[row, column, :, :2])


def test_bones_join_the_joints(two: Motion3D, tmp_path: Path) -> None:
    view(two, tmp_path / "out.rrd", footage="none")
    rows = Recording(tmp_path / "out.rrd").rows("/space/person_2", "LineStrips3D:strips")
    ends = np.array(two.skeleton.bones)
    for frame, _, strips in rows:
        expected = two.in_camera[frame, 1][ends] if two.present[frame, 1] else np.zeros((0, 2, 3))
        np.testing.assert_array_equal(
            np.array(strips, dtype=np.float32).reshape(-1, 2, 3), expected
        )


def test_in_a_long_motion_people_who_never_meet_share_entities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = hidden(walking(12, people=3, fps=30.0), slice(4, 12), person=0)
    three = hidden(three, slice(0, 5), person=2)
    monkeypatch.setattr(Motion3D, "fits_dense", False)
    view(three, tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    solid = read.points("/space/people_1", 3)
    assert sorted(solid) == list(range(12))
    for row, points in solid.items():
        if row == 4:
            assert not len(points)
            continue
        np.testing.assert_array_equal(points, three.in_camera[row, 0 if row < 4 else 2])
    labels = [value for _, _, value in read.rows("/space/people_1/id", "Points3D:labels")]
    assert labels == [["1"]] * 4 + [[]] + [["3"]] * 7
    assert "/space/people_2" in read.entities
    assert "/space/people_3" not in read.entities


def test_times_are_those_of_the_video(tmp_path: Path) -> None:
    motion = walking(10, fps=25.0)
    late = replace(
        motion,
        keypoints=replace(
            motion.keypoints,
            frame_index=np.arange(10) * 2 + 100,
            timestamps=motion.timestamps + 4.0,
        ),
    )
    view(late, tmp_path / "out.rrd", footage="none")
    rows = Recording(tmp_path / "out.rrd").rows("/confidence/person_1", "Scalars:scalars")
    assert [frame for frame, _, _ in rows] == list(range(100, 120, 2))
    np.testing.assert_allclose([time for _, time, _ in rows], late.timestamps, atol=1e-6)


def test_curves(two: Motion3D, tmp_path: Path) -> None:
    view(two, tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    mean = [v[0] for _, _, v in read.rows("/confidence/person_2", "Scalars:scalars")]
    joints = [v for _, _, v in read.rows("/joint_confidence/person_2", "Scalars:scalars")]
    there = two.present[:, 1]
    np.testing.assert_allclose(mean, np.where(there, two.confidence[:, 1].mean(-1), np.nan))
    np.testing.assert_allclose(
        joints, np.where(there[:, None], two.confidence[:, 1], np.nan), rtol=1e-6
    )
    angles = motion_angles(two)
    for number, name in enumerate(angles.names):
        curve = read.rows(f"/angles/person_2/{name}", "Scalars:scalars")
        np.testing.assert_allclose([v[0] for _, _, v in curve], angles.degrees[:, 1, number])


def test_left_and_right_differ_and_people_keep_their_colour(two: Motion3D, tmp_path: Path) -> None:
    view(two, tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    one, other = (
        dict(
            zip(
                read.static(f"/space/{who}", "Points3D:labels"),
                read.static(f"/space/{who}", "Points3D:colors"),
                strict=True,
            )
        )
        for who in ("person_1", "person_2")
    )
    assert one["left_knee"] != one["right_knee"]
    assert one["left_knee"] == other["left_knee"]
    assert one["thorax"] != other["thorax"]


def test_an_estimated_world_stands_upright(tmp_path: Path) -> None:
    motion = upright(walking(6))
    view(motion, tmp_path / "out.rrd", footage="none")
    scene = scene_of(motion)
    assert scene.upright
    assert scene.floor == 0
    read = Recording(tmp_path / "out.rrd")
    solid = read.points("/space/person_1", 3)
    np.testing.assert_array_equal(solid[3], scene.points[3, 0])
    joints = motion.skeleton.index
    assert solid[3][joints("head"), 1] > solid[3][joints("pelvis"), 1] > 0
    # y up keeps left left: the turn is no mirror image.
    assert np.linalg.det(scene.camera.first_pose[:3, :3]) == pytest.approx(1.0)
    shift = read.static("/space/camera", "Transform3D:translation")
    np.testing.assert_allclose(shift[0], [0.0, 1.2, 0.0], atol=1e-6)


def test_a_zoom_is_shown(tmp_path: Path) -> None:
    motion = walking(4)
    camera = replace(motion.camera, zooms=np.array([1.0, 1.5, 1.25, 2.0]))
    view(replace(motion, camera=camera), tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    with pytest.raises(AssertionError, match="has no"):  # it would cover what changes
        read.static("/space/camera", "Pinhole:image_from_camera")
    assert list(read.static("/space/camera", "Pinhole:resolution")[0]) == list(SIZE)
    rows = read.rows("/space/camera", "Pinhole:image_from_camera")
    matrices = np.array([value[0] for _, _, value in rows]).reshape(-1, 3, 3)
    found = matrices.transpose(0, 2, 1)  # it is stored by columns
    np.testing.assert_allclose(found[:, 0, 0], camera.zooms * camera.focal[0], rtol=1e-6)
    np.testing.assert_allclose(found[:, :2, 2], np.tile(camera.centre, (4, 1)))


def test_the_camera_is_shown_with_its_lens_and_turns(tmp_path: Path) -> None:
    motion = panned(walking(6), 50)
    lens = replace(motion.camera, focal=np.array([900.0, 910.0]), centre=np.array([600.0, 340.0]))
    view(replace(motion, camera=lens), tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    matrix = np.array(read.static("/space/camera", "Pinhole:image_from_camera")[0])
    np.testing.assert_allclose(matrix.reshape(3, 3).T, lens.matrix, rtol=1e-6)
    turns = [value[0] for _, _, value in read.rows("/space/camera", "Transform3D:mat3x3")]
    turned = np.array(turns).reshape(-1, 3, 3).swapaxes(1, 2)
    np.testing.assert_allclose(turned, lens.world_from_camera[:, :3, :3], atol=1e-6)
    walked = read.points("/space/person_1", 3)
    np.testing.assert_allclose(walked[5], walking(6).in_camera[5, 0], atol=1e-5)


def test_people_without_places_stand_in_a_row(tmp_path: Path) -> None:
    motion = walking(4, people=2)
    motion = replace(motion, root=np.full_like(motion.root, np.nan))
    view(motion, tmp_path / "out.rrd", footage="none")
    read = Recording(tmp_path / "out.rrd")
    first, second = (read.points(f"/space/person_{n}", 3)[0] for n in (1, 2))
    np.testing.assert_allclose(second[0] - first[0], [1.2, 0.0, 0.0], atol=1e-6)
    assert "/space/camera" not in read.entities


def test_a_joint_that_is_missing_is_nan(tmp_path: Path) -> None:
    motion = walking(3)
    positions = motion.positions.copy()
    positions[1, 0, 5] = np.nan
    view(replace(motion, positions=positions), tmp_path / "out.rrd", footage="none")
    points = Recording(tmp_path / "out.rrd").points("/space/person_1", 3)[1]
    assert np.isnan(points[5]).all()
    assert np.isfinite(np.delete(points, 5, axis=0)).all()


def test_a_video_as_its_file(film: Callable[..., Path], tmp_path: Path) -> None:
    motion, video = walking(12, fps=30.0), film()
    report = view(motion, tmp_path / "out.rrd", video=video, footage="file")
    assert (report.footage, report.missing, report.video) == ("file", 0, video)
    read = Recording(tmp_path / "out.rrd")
    blob = read.static("/video/frames", "AssetVideo:blob")[0]
    assert bytes(blob) == video.read_bytes()
    stamps = read.rows("/video/frames", "VideoFrameReference:timestamp")
    np.testing.assert_allclose(
        [value[0] for _, _, value in stamps], np.arange(12) / 30 * 1e9, atol=1e3
    )


def test_a_video_as_pictures(film: Callable[..., Path], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    motion = walking(12, fps=30.0)
    report = view(motion, tmp_path / "out.rrd", video=film(), footage="pictures")
    assert (report.footage, report.missing) == ("pictures", 0)
    read = Recording(tmp_path / "out.rrd")
    rows = read.rows("/video/frames", "EncodedImage:blob")
    assert [frame for frame, _, _ in rows] == list(range(12))
    greys = []
    for _, _, value in rows:
        image = cv2.imdecode(np.array(value[0], dtype=np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (540, 960, 3)
        greys.append(image.mean())
    np.testing.assert_allclose(greys, 20 + 15 * np.arange(12), atol=4)
    scale = read.static("/video/frames", "Transform3D:scale")[0]
    np.testing.assert_allclose(np.array(scale[:2]) * (960, 540), SIZE)


def test_auto_takes_pictures_where_ffmpeg_is_missing(
    film: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion, video = walking(12, fps=30.0), film()
    for there, expected in ((None, "pictures"), ("/usr/bin/ffmpeg", "file")):
        monkeypatch.setattr(shutil, "which", lambda _, found=there: found)
        report = view(motion, tmp_path / "out.rrd", video=video, overwrite=True)
        assert report.footage == expected


def test_a_file_that_rerun_cannot_show(film: Callable[..., Path], tmp_path: Path) -> None:
    motion, video = walking(12, fps=30.0), film("film.avi", "mpeg4")
    with pytest.raises(ConfigError, match=r"film\.avi has another format: take --footage"):
        view(motion, tmp_path / "out.rrd", video=video, footage="file")
    assert list(tmp_path.glob("*.rrd*")) == []
    assert view(motion, tmp_path / "out.rrd", video=video).footage == "pictures"


def test_a_video_that_ends_too_early(film: Callable[..., Path], tmp_path: Path) -> None:
    motion, video = walking(20, fps=30.0), film()
    for footage in ("file", "pictures"):
        out = tmp_path / f"{footage}.rrd"
        assert view(motion, out, video=video, footage=footage).missing == 8


def test_the_noted_video_is_found(film: Callable[..., Path], tmp_path: Path) -> None:
    motion, video = walking(12, fps=30.0), film()
    noted = replace(motion, meta={**motion.meta, "source": str(video)})
    assert view(noted, tmp_path / "out.rrd").video == video
    video.unlink()
    assert view(noted, tmp_path / "out.rrd", overwrite=True).video is None


def test_another_video(film: Callable[..., Path], tmp_path: Path) -> None:
    motion, video = walking(12, fps=30.0), film()
    keypoints = replace(motion.keypoints, size=(640, 480))
    with pytest.raises(InputError, match=r"640x480, but .* has 1280x720: it is another video"):
        view(replace(motion, keypoints=keypoints), tmp_path / "a.rrd", video=video)
    later = replace(
        motion.keypoints,
        frame_index=np.arange(12) + 500,
        timestamps=motion.timestamps + 500 / 30,
    )
    for footage in ("file", "pictures"):
        with pytest.raises(InputError, match="none of the frames 500 to 511 is in"):
            view(
                replace(motion, keypoints=later),
                tmp_path / "a.rrd",
                video=video,
                footage=footage,
            )
    assert not list(tmp_path.glob("*a*.rrd"))


def test_nobody(tmp_path: Path) -> None:
    view(walking(5, people=0), tmp_path / "out.rrd")
    absent = hidden(walking(5), slice(None))
    view(absent, tmp_path / "absent.rrd")
    assert not any(
        map(len, Recording(tmp_path / "absent.rrd").points("/space/person_1", 3).values())
    )


def test_no_frames(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no frames"):
        view(walking(0), tmp_path / "out.rrd")


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    motion = walking(2)
    with pytest.raises(OutputError, match=r"written as \.rrd, got out\.mp4"):
        view(motion, tmp_path / "out.mp4")
    (tmp_path / "out.rrd").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        view(motion, tmp_path / "out.rrd")
    assert (tmp_path / "out.rrd").read_text() == "mine"
    with pytest.raises(ConfigError, match="file, pictures or none, got 'all'"):
        view(motion, tmp_path / "new.rrd", footage="all")  # type: ignore[arg-type]


def test_a_recording_that_breaks_off_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.rrd").write_text("mine")

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-100])
        whole(path)

    whole = rerun_view._check_whole
    monkeypatch.setattr(rerun_view, "_check_whole", cut)
    with pytest.raises(OutputError, match=r"out\.rrd cannot be written"):
        view(walking(3), tmp_path / "out.rrd", footage="none", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out.rrd"]
    assert (tmp_path / "out.rrd").read_text() == "mine"


def test_without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(ConfigError, match=r"no display .* --save FILE\.rrd"):
        view(walking(2), footage="none")


def test_without_rerun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_view, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'mbcli\[view\]'"):
        view(walking(2), tmp_path / "out.rrd")


def test_an_old_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_view, "_PYTHON", (9, 1))
    with pytest.raises(ConfigError, match=r"needs Python 9\.1 or newer"):
        view(walking(2), tmp_path / "out.rrd")


def test_the_viewer_is_started_without_its_reports(
    two: Motion3D, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def spawn(self: object, **options: object) -> None:
        seen.append(os.environ.get("CI"))
        raise RuntimeError("not here.")

    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(rr.RecordingStream, "spawn", spawn)
    with pytest.raises(ConfigError, match="not here"):
        view(two, footage="none")
    assert seen == ["1"]
    assert "CI" not in os.environ
