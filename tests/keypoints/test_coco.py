from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError, OutputError
from mbcli.keypoints import coco
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17, CROWDPOSE14, HALPE26, WHOLEBODY27, Skeleton
from mbcli.types import Keypoints2D

Read = Callable[[Any], KeypointFile]
Refused = Callable[..., Any]


def _points(count: int = 17, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(5, 500, (count, 2)), rng.uniform(0.2, 0.9, count)])


def _person(image: Any, points: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "image_id": image,
        "category_id": 1,
        "keypoints": points.ravel().tolist(),
        "score": 0.8,
    } | more


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(document: Any) -> KeypointFile:
        path = tmp_path / "results.json"
        path.write_text(json.dumps(document))
        source = Source(path)
        assert coco.recognise(source)
        return coco.read(source)

    return read


def test_results(read: Read) -> None:
    points = [_points(seed=seed) for seed in range(3)]
    file = read([_person(f, p) for f, p in zip((0, 0, 4), points, strict=True)])
    assert file.skeleton == COCO17
    assert file.frame_index.tolist() == [0, 0, 4]
    assert file.frames == 5
    np.testing.assert_array_equal(file.keypoints, np.stack(points))
    assert (file.ids, file.boxes, file.size, file.fps, file.warnings) == (None,) * 4 + ((),)


def test_boxes_and_identities(read: Read, refused: Refused) -> None:
    first = _person(0, _points(), bbox=[1, 2, 30, 40], track_id=5)
    file = read([first, _person(1, _points(), bbox=[1, 2, 3, 4], track_id=5)])
    assert file.boxes is not None
    assert file.ids is not None
    assert file.boxes.tolist() == [[1, 2, 31, 42], [1, 2, 4, 6]]
    assert file.ids.tolist() == [5, 5]
    assert read([first, _person(1, _points())]).boxes is None
    assert read([first, first]).frame_index.tolist() == [0]
    twice = read([first, _person(0, _points(seed=1), track_id=5)])
    assert twice.ids is None
    assert "person 5 is twice in frame 0" in twice.warnings[0]


def test_records_in_any_order(read: Read) -> None:
    points = [_points(seed=seed) for seed in range(5)]
    order = [4, 0, 3, 1, 2]
    file = read(
        [_person(frame, points[frame], track_id=7, bbox=[frame, 1, 5, 5]) for frame in order]
    )
    assert file.frame_index.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(file.keypoints, points)
    assert file.boxes is not None
    assert file.boxes[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_where_frames_count_from_is_left_open(read: Read) -> None:
    file = read([_person(1, _points()), _person(2, _points())])
    assert file.frame_index.tolist() == [1, 2]
    assert file.counts_from is None


def test_flags_of_visibility(read: Read) -> None:
    points = _points()
    points[:, 2] = 2
    points[3, 2] = 1
    points[4, 2] = 0
    file = read([_person(0, points)])
    assert file.keypoints[0, :4, 2].tolist() == [1, 1, 1, 0.5]
    assert np.isnan(file.keypoints[0, 4, :2]).all()
    assert file.keypoints[0, 4, 2] == 0
    np.testing.assert_array_equal(file.keypoints[0, :4, :2], points[:4, :2])
    assert "flags" in file.warnings[0]
    assert "cut" not in "".join(file.warnings)


def test_ones_throughout_are_confidences(read: Read) -> None:
    points = _points()
    points[:, 2] = 1
    points[2] = 0
    file = read([_person(0, points)])
    assert file.keypoints[0, 0, 2] == 1
    assert np.isnan(file.keypoints[0, 2, 0])
    assert not file.warnings


def test_peaks_above_one_are_cut_and_told(read: Read) -> None:
    points = _points()
    points[0, 2] = 1.2
    file = read([_person(0, points)])
    assert file.keypoints[0, 0, 2] == 1
    assert "1 of 17 confidences are cut" in file.warnings[0]


@pytest.mark.parametrize(("count", "skeleton"), [(26, HALPE26), (133, WHOLEBODY27)])
def test_other_lists_of_keypoints(read: Read, count: int, skeleton: Skeleton) -> None:
    file = read([_person(0, _points(count))])
    assert file.skeleton == skeleton
    np.testing.assert_array_equal(file.keypoints[0], _points(count)[[*LAYOUTS[count].places]])


@pytest.mark.parametrize("count", [14, 16])
def test_other_numbers_of_keypoints(read: Read, refused: Refused, count: int) -> None:
    with refused("17 (coco17)", f"got {count}"):
        read([_person(0, _points(count))])


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (_person(-3, _points()), "counted from 0; got frame -3 first"),
        (_person(10**12, _points()), "number frames from 0 to"),
        (_person(10**40, _points()), "whole number as an image_id"),
        (_person(3.5, _points()), "whole number as an image_id, got 3.5"),
        (_person("4", _points()), "whole number as an image_id, got '4'"),
        (_person(4, _points(), keypoints=[1, 2, True] * 17), "list of numbers"),
        (_person(4, _points(), keypoints=[1, 2] * 17 + [3]), "35 numbers"),
        (_person(4, _points(), bbox=[1, 2, 3]), "four finite numbers"),
        ({"image_id": 4}, 'must hold "keypoints" in record 1'),
        (None, "an object as record 1"),
    ],
)
def test_bad_records(read: Read, refused: Refused, second: Any, said: str) -> None:
    with refused(said):
        read([_person(3, _points()), second])


def test_other_lists_are_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    documents: list[Any] = [
        [],
        {"annotations": []},
        [3],
        [_person("0.jpg", _points())],
        [_person(0, _points(), idx=1)],
        [_person(0, _points(), keypoint_scores=[])],
        [{"image_id": 0, "bbox": [1, 2, 3, 4], "score": 0.5}],
    ]
    for document in documents:
        path.write_text(json.dumps(document))
        assert not coco.recognise(Source(path))


def test_written_tracks_come_back(tmp_path: Path, tracks: Keypoints2D) -> None:
    path = tmp_path / "out.json"
    coco.write(path, tracks)
    file = coco.read(Source(path))
    there = np.argwhere(tracks.present)
    assert file.frame_index.tolist() == there[:, 0].tolist()
    assert file.ids is not None
    assert file.ids.tolist() == tracks.track_ids[there[:, 1]].tolist()
    np.testing.assert_array_equal(
        file.keypoints.astype(np.float32), tracks.data[there[:, 0], there[:, 1]]
    )
    assert file.boxes is not None
    np.testing.assert_allclose(file.boxes, tracks.boxes[there[:, 0], there[:, 1]], atol=2e-3)
    assert file.frames == 6, "the last frame is without people, which the format cannot tell"
    with pytest.raises(OutputError, match="exists"):
        coco.write(path, tracks)


def test_frame_numbers_are_those_of_the_source(tmp_path: Path, tracks: Keypoints2D) -> None:
    coco.write(tmp_path / "out.json", replace(tracks, frame_index=np.arange(7) * 2 + 30))
    file = coco.read(Source(tmp_path / "out.json"))
    assert sorted(set(file.frame_index.tolist())) == [30, 32, 34, 38, 40]


def test_other_skeletons(tmp_path: Path, tracks: Keypoints2D) -> None:
    rng = np.random.default_rng(0)
    halpe = rng.uniform(0.1, 1, (7, 2, 26, 3)).astype(np.float32)
    coco.write(tmp_path / "out.json", replace(tracks, data=halpe, skeleton=HALPE26))
    file = coco.read(Source(tmp_path / "out.json"))
    np.testing.assert_array_equal(
        file.keypoints.astype(np.float32), halpe[:, :, :17].reshape(-1, 17, 3)
    )
    crowd = replace(tracks, data=halpe[:, :, :14], skeleton=CROWDPOSE14)
    with pytest.raises(ConfigError, match="crowdpose14 gives no left_eye"):
        coco.write(tmp_path / "none.json", crowd)
    assert not (tmp_path / "none.json").exists()


# pycocotools builds its tables with numpy calls that newer versions of numpy deprecate.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_coco_evaluation_takes_the_file(tmp_path: Path, tracks: Keypoints2D) -> None:
    """COCO's own programs read what was written, and find the people where they are."""
    api = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    path = tmp_path / "out.json"
    coco.write(path, tracks)
    truth = api.COCO()
    people: list[dict[str, Any]] = []
    for frame, person in np.argwhere(tracks.present):
        points = tracks.data[frame, person].astype(float)
        seen = np.isfinite(points[:, 0])
        x1, y1, x2, y2 = tracks.boxes[frame, person].tolist()
        people.append(
            {
                "id": len(people) + 1,
                "image_id": int(frame),
                "category_id": 1,
                "keypoints": np.column_stack([np.nan_to_num(points[:, :2]), np.where(seen, 2, 0)])
                .ravel()
                .tolist(),
                "num_keypoints": int(seen.sum()),
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
            }
        )
    truth.dataset = {
        "info": {},
        "images": [{"id": frame, "width": 640, "height": 360} for frame in range(7)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
        "annotations": people,
    }
    truth.createIndex()
    result = truth.loadRes(str(path))
    assert len(result.anns) == int(tracks.present.sum())
    evaluation = COCOeval(truth, result, "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)
