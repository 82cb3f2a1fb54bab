"""Calibration files, each as its program writes it."""

from __future__ import annotations

import json
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from mbcli.boundary import READER_ERRORS
from mbcli.calibration import FORMATS, calibrated, calibration_file, read_lenses
from mbcli.calibration.content import Content
from mbcli.errors import ConfigError, InputError

SIZE = (1280, 720)
MATRIX = np.array([[1011.5, 0, 641.25], [0, 1013.25, 355.5], [0, 0, 1]])
BENT = np.array([-0.31, 0.12, 0.0011, -0.0007, -0.02])


def opencv(folder: Path, suffix: str = ".yml") -> Path:
    path = folder / f"camera{suffix}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", SIZE[0])
    storage.write("image_height", SIZE[1])
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", BENT[None])
    storage.release()
    return path


def pose2sim(folder: Path, names: tuple[str, ...] = ("cam_01",), **more: Any) -> Path:
    lines = []
    for name in names:
        values = {
            "name": name,
            "size": [float(side) for side in SIZE],
            "matrix": MATRIX.tolist(),
            "distortions": BENT[:4].tolist(),
            "rotation": [0.5, 0.1, 0.2],
            "translation": [0.1, 0.2, 3.0],
            "fisheye": False,
            **more,
        }
        lines += [f"[{name}]", *(f"{key} = {json.dumps(one)}" for key, one in values.items()), ""]
    lines += ["[metadata]", "adjusted = false", "error = 0.0"]
    path = folder / "Calib.toml"
    path.write_text("\n".join(lines))
    return path


def opencap(folder: Path, protocol: int = 4, size: tuple[int, ...] = SIZE[::-1]) -> Path:
    path = folder / "cameraIntrinsics.pickle"
    values = {
        "distortion": BENT[None],
        "intrinsicMat": MATRIX,
        "imageSize": np.array(size, np.float64)[:, None],
    }
    path.write_bytes(pickle.dumps(values, protocol=protocol))
    return path


def colmap(folder: Path) -> Path:
    path = folder / "cameras.txt"
    numbers = [*MATRIX[[0, 1], [0, 1]], *(MATRIX[:2, 2] + 0.5), *BENT[:4]]
    path.write_text(
        "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT\n"
        f"1 OPENCV {SIZE[0]} {SIZE[1]} {' '.join(map(repr, map(float, numbers)))}\n"
    )
    return path


def colmap_binary(folder: Path, model: int = 4, numbers: Any = None) -> Path:
    path = folder / "cameras.bin"
    if numbers is None:
        numbers = [*MATRIX[[0, 1], [0, 1]], *(MATRIX[:2, 2] + 0.5), *BENT[:4]]
    head = struct.pack("<QiiQQ", 1, 7, model, *SIZE)
    path.write_bytes(head + struct.pack(f"<{len(numbers)}d", *numbers))
    return path


def kalibr(folder: Path, count: int = 1, distortion: str = "radtan") -> Path:
    path = folder / "camchain.yaml"
    camera = {
        "cam_overlaps": [],
        "camera_model": "pinhole",
        "distortion_coeffs": BENT[:4].tolist(),
        "distortion_model": distortion,
        "intrinsics": [*MATRIX[[0, 1], [0, 1]].tolist(), *MATRIX[:2, 2].tolist()],
        "resolution": list(SIZE),
        "rostopic": "/cam0/image_raw",
    }
    path.write_text(yaml.safe_dump({f"cam{k}": camera for k in range(count)}))
    return path


MADE: dict[str, Callable[[Path], Path]] = {
    "opencv": opencv,
    "opencv xml": lambda folder: opencv(folder, ".xml"),
    "opencv json": lambda folder: opencv(folder, ".json"),
    "pose2sim": pose2sim,
    "opencap": opencap,
    "opencap, Python 2's": lambda folder: opencap(folder, 2),
    "colmap": colmap,
    "colmap bin": colmap_binary,
    "kalibr": kalibr,
}


@pytest.mark.parametrize("made", MADE)
def test_every_format_gives_the_same_camera(made: str, tmp_path: Path) -> None:
    path = MADE[made](tmp_path)
    camera = calibrated(str(path), SIZE)
    np.testing.assert_allclose(camera.focal, MATRIX[[0, 1], [0, 1]], rtol=1e-12)
    # The first pixel's middle is (0, 0) in OpenCV and (0.5, 0.5) here and in COLMAP.
    np.testing.assert_allclose(camera.centre, MATRIX[:2, 2] + 0.5, rtol=1e-12)
    whole = made.startswith("open")
    np.testing.assert_allclose(camera.distortion, BENT if whole else [*BENT[:4], 0], rtol=1e-12)
    assert [camera.focal_given, camera.centre_given, camera.distortion_given] == [True] * 3


@pytest.mark.parametrize("made", MADE)
def test_one_format_recognises_each(made: str, tmp_path: Path) -> None:
    content = Content.of(MADE[made](tmp_path))
    knowing = []
    for name, format in FORMATS.items():
        try:
            if format.recognise(content):
                knowing.append(name)
        except READER_ERRORS:
            continue  # over another's file
    assert knowing == [made.split()[0].rstrip(",")]


def test_a_picture_of_another_size_scales_the_lens(tmp_path: Path) -> None:
    camera = calibrated(str(pose2sim(tmp_path)), (640, 360))
    np.testing.assert_allclose(camera.focal, MATRIX[[0, 1], [0, 1]] / 2)
    np.testing.assert_allclose(camera.centre, (MATRIX[:2, 2] + 0.5) / 2)
    np.testing.assert_allclose(camera.distortion[:4], BENT[:4])


@pytest.mark.parametrize(
    ("size", "ends"),
    [((720, 1280), "720x1280, got 1280x720: its pictures lie on their side"), ((640, 480), "720")],
)
def test_another_aspect_is_refused(size: tuple[int, int], ends: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"{ends}$"):
        calibrated(str(pose2sim(tmp_path)), size)


def test_a_file_without_a_size_needs_its_middle_in_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "camera.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("K", MATRIX)
    storage.write("D", BENT)
    storage.release()
    np.testing.assert_allclose(calibrated(str(path), SIZE).distortion, BENT)
    with pytest.raises(InputError, match=r"near the middle of 1920x1080, got 641\.75, 356$"):
        calibrated(str(path), (1920, 1080))


def test_several_cameras_are_chosen_by_name(tmp_path: Path) -> None:
    path = pose2sim(tmp_path, ("left", "right"))
    assert [lens.name for lens in read_lenses(path)] == ["left", "right"]
    assert calibrated(f"{path}:right", SIZE).distortion_given
    with pytest.raises(ConfigError, match=r"left or right: .*Calib\.toml:left, got none$"):
        calibrated(str(path), SIZE)
    with pytest.raises(ConfigError, match=r"left or right, got middle$"):
        calibrated(f"{path}:middle", SIZE)


def test_stereo_files_of_opencv_hold_two(tmp_path: Path) -> None:
    path = tmp_path / "intrinsics.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for number in (1, 2):
        storage.write(f"M{number}", MATRIX + 10 * number * np.diag([1, 1, 0]))
        storage.write(f"D{number}", BENT * number)
    storage.release()
    second = calibrated(f"{path}:2", SIZE)
    np.testing.assert_allclose(second.focal, [1031.5, 1033.25])
    np.testing.assert_allclose(second.distortion, 2 * BENT)


def test_a_colon_in_the_name_of_a_file(tmp_path: Path) -> None:
    path = opencv(tmp_path).rename(tmp_path / "12:30.yml")
    assert calibration_file(str(path)) == (path, None)
    assert calibration_file(f"{path}:cam") == (path, "cam")
    assert calibration_file("missing.yml:cam") == (Path("missing.yml:cam"), None)
    assert calibrated(str(path), SIZE).focal_given


@pytest.mark.parametrize("size", [SIZE, SIZE[::-1]])
def test_opencaps_height_comes_first_but_not_in_other_programs(
    size: tuple[int, int], tmp_path: Path
) -> None:
    (lens,) = read_lenses(opencap(tmp_path, size=size))
    assert lens.size == SIZE


def test_no_code_in_a_pickle_is_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.pickle"
    touched = tmp_path / "touched"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (touched,)

    path.write_bytes(pickle.dumps({"intrinsicMat": Evil()}))
    with pytest.raises(InputError, match="it was not run"):
        read_lenses(path)
    assert not touched.exists()


def opencv_fisheye(folder: Path, **says: Any) -> Path:
    path = folder / "fisheye.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", SIZE[0])
    storage.write("image_height", SIZE[1])
    for name, value in says.items():
        storage.write(name, value)
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", BENT[:4, None])
    storage.release()
    return path


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (lambda f: opencv_fisheye(f, fisheye_model=1), 4),
        (lambda f: opencv_fisheye(f, distortion_model="equidistant"), 4),
        (lambda f: pose2sim(f, fisheye=True), 4),
        (
            lambda f: colmap_binary(
                f, 5, [*MATRIX[[0, 1], [0, 1]], *(MATRIX[:2, 2] + 0.5), *BENT[:4]]
            ),
            4,
        ),
        (lambda f: colmap_binary(f, 8, [1011.5, 641.75, 356.0, BENT[0]]), 1),
        (lambda f: colmap_binary(f, 9, [1011.5, 641.75, 356.0, *BENT[:2]]), 2),
        (lambda f: kalibr(f, distortion="equidistant"), 4),
    ],
    ids=["OpenCV", "model's name", "Pose2Sim", "COLMAP 5", "COLMAP 8", "COLMAP 9", "Kalibr"],
)
def test_fisheyes_of_every_format(made: Callable[[Path], Path], count: int, tmp_path: Path) -> None:
    camera = calibrated(str(made(tmp_path)), SIZE)
    assert camera.model == "fisheye"
    coefficients = np.append(BENT[:count], np.zeros(4 - count))
    np.testing.assert_allclose(camera.distortion, [*coefficients, 0], rtol=1e-12)
    matrix = MATRIX.copy()
    matrix[1, 1] = camera.focal[1]
    assert camera.focal[1] in (MATRIX[1, 1], MATRIX[0, 0])
    points = np.array([[0.4, -0.2, 1.0], [-0.7, 0.1, 2.0]])
    still = np.zeros(3)
    expected, _ = cv2.fisheye.projectPoints(points[:, None], still, still, matrix, coefficients)
    np.testing.assert_allclose(camera.project(points), expected[:, 0] + 0.5, atol=1e-9)


def test_a_file_may_say_that_it_is_no_fisheye(tmp_path: Path) -> None:
    path = opencv_fisheye(tmp_path, fisheye_model=0)
    assert calibrated(str(path), SIZE).model == "perspective"


def test_colmaps_models(tmp_path: Path) -> None:
    (radial,) = read_lenses(colmap_binary(tmp_path, 3, [900.0, 640.0, 360.0, -0.1, 0.02]))
    assert (radial.name, radial.size) == ("7", SIZE)
    np.testing.assert_allclose(radial.focal, [900, 900])
    np.testing.assert_allclose(radial.distortion, [-0.1, 0.02, 0, 0, 0])
    full = [900.0, 901.0, 640.0, 360.0, 0.1, 0.2, 0.01, 0.02, 0.3, 0.0, 0.0, 0.0]
    (whole,) = read_lenses(colmap_binary(tmp_path, 6, full))
    np.testing.assert_allclose(whole.distortion, [0.1, 0.2, 0.01, 0.02, 0.3])


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (lambda f: colmap_binary(f, 7, [1.0] * 5), "but camera 7 is FOV$"),
        (
            lambda f: colmap_binary(f, 6, [900.0] * 9 + [0.1, 0, 0]),
            "has 8 coefficients of distortion, of which mbcli has OpenCV's first five",
        ),
        (lambda f: kalibr(f, distortion="fov"), "but cam0 is pinhole with fov$"),
        (
            lambda f: pose2sim(f, fisheye=True, distortions=[0.1, 0, 0, 0, 0.1]),
            "camera cam_01 must have the 4 coefficients of a fisheye, got 5$",
        ),
        (lambda f: pose2sim(f, matrix=[[1.0, 0.0], [0.0, 1.0]]), r"3x3, got shape \(2, 2\)$"),
        (lambda f: pose2sim(f, distortions=[float("nan")]), "must have finite numbers$"),
        (
            lambda f: pose2sim(f, matrix=[[9.0, 0, 640], [0, 9, 360], [0, 0, 1]]),
            r"focal length of 171\.\.73337 pixels for pictures of 1280x720, got 9, 9$",
        ),
    ],
)
def test_lenses_that_mbcli_lacks_are_named(
    made: Callable[[Path], Path], complaint: str, tmp_path: Path
) -> None:
    path = made(tmp_path)
    text = path.read_bytes()
    if b"NaN" in text:
        path.write_bytes(text.replace(b"NaN", b"nan"))
    with pytest.raises(InputError, match=complaint) as caught:
        calibrated(str(path), SIZE)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    for name, content in (
        ("notes.txt", b"my camera"),
        ("empty.yml", b""),
        ("some.yaml", b"a: [1, 2]\n"),
        ("open.yml", b"%YAML:1.0\n---\nwidth: 3\n"),
        ("broken.yml", b"%YAML:1.0\n---\ncamera_matrix: !!opencv-matrix\n   rows: 900000\n"),
        ("some.json", b'{"a": 1}'),
        ("random.bin", bytes(range(256))),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{re.escape(str(path))} is no calibration file"):
            read_lenses(path)
    with pytest.raises(InputError, match="no such file"):
        read_lenses(tmp_path / "missing.yml")
    with pytest.raises(InputError, match="got the folder"):
        read_lenses(tmp_path)
