"""What holds for every row of `FORMATS`, on a small file of each kind as its program writes it."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import FORMATS, is_keypoint_file, own, read_keypoints
from mbcli.keypoints.source import Source
from mbcli.skeleton import BLAZEPOSE33, COCO17
from mbcli.types import Keypoints2D

Refused = Callable[..., Any]
FRAMES, SIZE = 6, (640, 360)


def _points(joints: int) -> np.ndarray:
    """(6, joints, 3): one person, pixels and confidence."""
    rng = np.random.default_rng(joints)
    places = rng.uniform((20, 20), (620, 340), (FRAMES, joints, 2)).round(2)
    return np.concatenate([places, rng.uniform(0.2, 0.9, (FRAMES, joints, 1)).round(3)], axis=-1)


def _json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def _csv(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def _own(folder: Path) -> Path:
    frames = np.arange(FRAMES)
    keypoints = Keypoints2D(
        data=_points(17)[:, None],
        skeleton=COCO17,
        fps=25,
        timestamps=frames / 25,
        size=SIZE,
        track_ids=np.array([1]),
        boxes=np.tile([20, 20, 620, 340], (FRAMES, 1, 1)),
        frame_index=frames,
    )
    own.write(folder / "kp.npz", keypoints, {})
    return folder / "kp.npz"


def _videopose3d(folder: Path) -> Path:
    positions: Any = {"walk.mp4": {"custom": [_points(17)[..., :2].astype(np.float32)]}}
    metadata: Any = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]],
        "video_metadata": {"walk.mp4": {"w": SIZE[0], "h": SIZE[1]}},
    }
    path = folder / "data_2d_custom_walk.npz"
    np.savez_compressed(path, positions_2d=positions, metadata=metadata)
    return path


def _openpose(folder: Path) -> Path:
    for frame, points in enumerate(_points(25)):
        person = {"person_id": [-1], "pose_keypoints_2d": points.ravel().tolist()}
        path = folder / f"walk_{frame:012d}_keypoints.json"
        _json(path, {"version": 1.3, "people": [person]})
    return folder


def _alphapose(folder: Path) -> Path:
    return _json(
        folder / "alphapose-results.json",
        [
            {
                "image_id": f"{frame}.jpg",
                "category_id": 1,
                "keypoints": points.ravel().tolist(),
                "score": 2.9,
                "box": [20, 20, 600, 320],
                "idx": 1,
            }
            for frame, points in enumerate(_points(26))
        ],
    )


def _alphapose_cmu(folder: Path) -> Path:
    return _json(
        folder / "alphapose-results.json",
        {
            f"{frame}.jpg": {
                "version": "AlphaPose v0.3",
                "bodies": [{"joints": points.ravel().tolist()}],
            }
            for frame, points in enumerate(_points(18))
        },
    )


def _mmpose_frames() -> list[dict[str, Any]]:
    return [
        {
            "frame_id": frame,
            "instances": [
                {
                    "keypoints": points[:, :2].tolist(),
                    "keypoint_scores": points[:, 2].tolist(),
                    "bbox": [[20, 20, 620, 340]],
                    "bbox_score": 0.9,
                }
            ],
        }
        for frame, points in enumerate(_points(17))
    ]


def _mmpose(folder: Path) -> Path:
    return _json(folder / "walk.json", _mmpose_frames())


def _mmpose_demo(folder: Path) -> Path:
    names = {str(number): name for number, name in enumerate(COCO17.joints)}
    meta = {"dataset_name": "coco", "keypoint_id2name": names}
    return _json(
        folder / "results_walk.json", {"meta_info": meta, "instance_info": _mmpose_frames()}
    )


def _coco(folder: Path) -> Path:
    return _json(
        folder / "results.json",
        [
            {
                "image_id": frame,
                "category_id": 1,
                "keypoints": points.ravel().tolist(),
                "score": 0.9,
            }
            for frame, points in enumerate(_points(17))
        ],
    )


def _annotations(folder: Path) -> Path:
    flags = np.where(_points(17)[..., 2:] > 0.5, 2, 1)
    points = np.concatenate([_points(17)[..., :2], flags], axis=-1)
    return _json(
        folder / "person_keypoints_default.json",
        {
            "images": [
                {"id": n + 1, "file_name": f"frame_{n:06d}.PNG", "width": 640, "height": 360}
                for n in range(FRAMES)
            ],
            "annotations": [
                {
                    "id": n,
                    "image_id": n + 1,
                    "category_id": 1,
                    "keypoints": person.ravel().tolist(),
                    "attributes": {"occluded": False, "track_id": 3},
                }
                for n, person in enumerate(points)
            ],
            "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
        },
    )


def _fractions() -> np.ndarray:
    return _points(33) / [*SIZE, 1]


def _blazepose_json(folder: Path) -> Path:
    frames = [
        [{"x": x, "y": y, "z": 0.1, "visibility": c} for x, y, c in points.tolist()]
        for points in _fractions()
    ]
    return _json(
        folder / "pose.json", [{"frame": n, "landmarks": marks} for n, marks in enumerate(frames)]
    )


def _blazepose_csv(folder: Path) -> Path:
    parts = ("x", "y", "z", "visibility")
    head = ["frame", *(f"{joint}_{part}" for joint in BLAZEPOSE33.joints for part in parts)]
    rows = [
        [frame, *(value for x, y, c in points.tolist() for value in (x, y, 0.1, c))]
        for frame, points in enumerate(_fractions())
    ]
    return _csv(folder / "pose.csv", [head, *rows])


def _deeplabcut_csv(folder: Path) -> Path:
    joints = [joint for joint in COCO17.joints for _ in range(3)]
    return _csv(
        folder / "walkDLC_resnet50.csv",
        [
            ["scorer", *(["DLC_resnet50"] * len(joints))],
            ["bodyparts", *joints],
            ["coords", *(["x", "y", "likelihood"] * 17)],
            *([frame, *points.ravel().tolist()] for frame, points in enumerate(_points(17))),
        ],
    )


def _deeplabcut_h5(folder: Path) -> Path:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    columns = pandas.MultiIndex.from_product(
        [["DLC_resnet50"], COCO17.joints, ["x", "y", "likelihood"]],
        names=["scorer", "bodyparts", "coords"],
    )
    path = folder / "walkDLC_resnet50.h5"
    table = pandas.DataFrame(_points(17).reshape(FRAMES, -1), columns=columns)
    table.to_hdf(path, key="df_with_missing", format="table", mode="w")
    return path


def _sleap_csv(folder: Path) -> Path:
    head = [f"{joint}.{part}" for joint in COCO17.joints for part in ("x", "y", "score")]
    rows = [
        ["track_0", frame, 0.9, *points.ravel().tolist()]
        for frame, points in enumerate(_points(17))
    ]
    return _csv(folder / "walk.csv", [["track", "frame_idx", "instance.score", *head], *rows])


def _sleap_h5(folder: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    points = _points(17)
    path = folder / "walk.analysis.h5"
    with h5py.File(path, "w") as file:
        file["tracks"] = points[None, ..., :2].transpose(0, 3, 2, 1)  # (P, 2, N, T)
        file["point_scores"] = points[None, ..., 2].transpose(0, 2, 1)  # (P, N, T)
        file["track_occupancy"] = np.ones((FRAMES, 1), dtype=np.uint8)
        file["node_names"] = np.array([joint.encode() for joint in COCO17.joints])
        file["track_names"] = np.array([b"track_0"])
    return path


def _trc(folder: Path) -> Path:
    names = "\t\t\t".join(COCO17.joints)
    head = ["PathFileType\t4\t(X/Y/Z)\ta.trc", "DataRate\tUnits", "25\tm", f"Frame#\tTime\t{names}"]
    rows = [
        "\t".join(map(str, [n, n / 25, *(v for x, y, _ in row.tolist() for v in (x, y, 0))]))
        for n, row in enumerate(_points(17))
    ]
    path = folder / "walk_px_person00.trc"
    path.write_text("\n".join([*head, "\t\tX1\tY1\tZ1", *rows]))
    return path


def _ultralytics_text(folder: Path) -> Path:
    for frame, points in enumerate(_points(17) / [*SIZE, 1]):
        row = ["0", "0.5", "0.5", "0.2", "0.2", *map(str, points.ravel().tolist())]
        (folder / f"walk_{frame + 1}.txt").write_text(" ".join(row) + "\n")
    return folder


def _ultralytics_json(folder: Path) -> Path:
    frames = [
        [
            {
                "name": "person",
                "keypoints": dict(zip(("x", "y", "visible"), p.T.tolist(), strict=True)),
            }
        ]
        for p in _points(17)
    ]
    return _json(folder / "results.json", frames)


def _vitpose(folder: Path) -> Path:
    frames = [{"0": [[y, x, c] for x, y, c in points.tolist()]} for points in _points(17)]
    names = {str(n): joint for n, joint in enumerate(COCO17.joints)}
    return _json(folder / "walk_result.json", {"keypoints": frames, "skeleton": names})


def _mmpose_folder(folder: Path) -> Path:
    for frame in _mmpose_frames():
        _json(folder / f"{frame['frame_id']:06d}.json", frame["instances"])
    return folder


def _pose2sim(folder: Path) -> Path:
    for frame, points in enumerate(_points(26)):
        person = {"person_id": [-1], "pose_keypoints_2d": points.ravel().tolist()}
        _json(folder / f"cam01_{frame:06d}.json", {"version": 1.3, "people": [person]})
    return folder


def _blazepose_text(folder: Path) -> Path:
    path = folder / "log.txt"
    marks = [
        f"landmark {{\n  x: {x}\n  y: {y}\n  z: 0.1\n  visibility: {c}\n}}\n"
        for points in _fractions()
        for x, y, c in points.tolist()
    ]
    path.write_text("".join(marks))
    return path


SAMPLES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "mbcli": ("mbcli", _own),
    "videopose3d": ("videopose3d", _videopose3d),
    "openpose": ("openpose", _openpose),
    "openpose-frame": ("openpose", lambda folder: sorted(_openpose(folder).iterdir())[0]),
    "alphapose": ("alphapose", _alphapose),
    "alphapose-cmu": ("alphapose", _alphapose_cmu),
    "mmpose": ("mmpose", _mmpose),
    "mmpose-demo": ("mmpose", _mmpose_demo),
    "coco": ("coco", _coco),
    "annotations": ("annotations", _annotations),
    "blazepose-json": ("blazepose", _blazepose_json),
    "blazepose-csv": ("blazepose", _blazepose_csv),
    "deeplabcut-csv": ("deeplabcut", _deeplabcut_csv),
    "deeplabcut-h5": ("deeplabcut", _deeplabcut_h5),
    "trc": ("trc", _trc),
    "ultralytics-text": ("ultralytics", _ultralytics_text),
    "ultralytics-json": ("ultralytics", _ultralytics_json),
    "vitpose": ("vitpose", _vitpose),
    "mmpose-folder": ("mmpose", _mmpose_folder),
    "pose2sim": ("openpose", _pose2sim),
    "blazepose-text": ("blazepose", _blazepose_text),
    "sleap-csv": ("sleap", _sleap_csv),
    "sleap-h5": ("sleap", _sleap_h5),
}
each_sample = pytest.mark.parametrize(("format", "build"), SAMPLES.values(), ids=SAMPLES)


def test_every_format_has_a_sample() -> None:
    assert {format for format, _ in SAMPLES.values()} == set(FORMATS)


@each_sample
def test_exactly_one_format_knows_it(
    tmp_path: Path, format: str, build: Callable[[Path], Path]
) -> None:
    path = build(tmp_path)
    assert is_keypoint_file(path)
    assert [name for name, f in FORMATS.items() if f.recognise(Source(path))] == [format]


@each_sample
def test_sample_is_read(tmp_path: Path, format: str, build: Callable[[Path], Path]) -> None:
    path = build(tmp_path)
    file = read_keypoints(path)
    assert (file.format, file.path) == (format, path)
    frames = 1 if path.name == "walk_000000000000_keypoints.json" else FRAMES
    assert file.frame_index.tolist() == list(range(frames))
    assert file.frames == frames
    assert file.relative == (format == "blazepose" or (path.is_dir() and format == "ultralytics"))
    width, height = SIZE if not file.relative else (1, 1)
    places = file.keypoints[..., :2]
    assert (places > 0).all()
    assert (places < (width, height)).all()
    assert not file.warnings or format in ("videopose3d", "annotations", "trc")


@each_sample
def test_file_cut_off_in_the_middle(
    tmp_path: Path, refused: Refused, format: str, build: Callable[[Path], Path]
) -> None:
    path = build(tmp_path)
    victim = sorted(path.iterdir())[3] if path.is_dir() else path
    content = victim.read_bytes()
    half = len(content) // 2
    assert content[half - 1 : half] != b"\n"  # between two rows nothing would be missing
    victim.write_bytes(content[:half])
    with refused(victim.name):
        read_keypoints(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"[[]]",
        b'[{"a": 1}]',
        b'["a", 2]',
        b'{"people": 3}',
        b'{"a": {"version": 1}, "b": null}',
        b'{"instance_info": 3}',
        b'{"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}',
        b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]',
        b"some words\n",
        b"date,price\n2020-01-01,3\n",
        b"PK\x03\x04 no archive",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\0\0\0\x20ftypisom\0\0\0\1",
    ],
)
def test_other_files_are_nobodys(tmp_path: Path, refused: Refused, content: bytes) -> None:
    path = tmp_path / "some.file"
    path.write_bytes(content)
    assert not [name for name, f in FORMATS.items() if f.recognise(Source(path))]
    with refused("some.file"):
        read_keypoints(path)


def test_other_archives_and_folders_are_nobodys(tmp_path: Path, refused: Refused) -> None:
    np.savez(tmp_path / "arrays.npz", format=np.array("other"), data=np.zeros(3))
    np.savez(tmp_path / "bare.npz", x=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "office.docx", "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    (tmp_path / "folder").mkdir()
    for path in tmp_path.iterdir():
        assert not [name for name, f in FORMATS.items() if f.recognise(Source(path))]
        with refused(path.name, "no keypoint file that mbcli knows"):
            read_keypoints(path)
    assert not is_keypoint_file(tmp_path / "folder")
    with refused("no such file", "gone.json"):
        read_keypoints(tmp_path / "gone.json")


def test_pictures_are_no_keypoint_files(walk: Path) -> None:
    assert not is_keypoint_file(walk)
    for picture in (Path(__file__).parents[1] / "fixtures" / "pictures").iterdir():
        assert not is_keypoint_file(picture)


def test_nobody_anywhere(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "results.json").write_text("[]")
    with refused("holds no person in any frame"):
        read_keypoints(tmp_path / "results.json")
