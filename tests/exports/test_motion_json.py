from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import grounded, hidden, panned, standing_feet, walking

from mbcli.exports.export import export
from mbcli.exports.json_file import FORMAT, SCHEMA
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D, Refinement
from mbcli.skeleton import H36M17

Document = dict[str, Any]


@pytest.fixture(scope="module")
def validate() -> Callable[[Document], None]:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda document: validator.validate(document)


def refined(motion: Motion3D) -> Motion3D:
    world = np.eye(4)
    world[1, 3] = -1.2
    feet = np.repeat(standing_feet(len(motion.timestamps))[:, None], len(motion.track_ids), axis=1)
    raw = Refinement(motion.positions, motion.root, motion.confidence, foot_contacts=feet)
    return grounded(replace(motion, refinement=raw), world)


def written(motion: Motion3D, folder: Path, **options: Any) -> Document:
    (path,) = export(motion, folder / "a.json", ExportOptions(**options), overwrite=True)
    return json.loads(
        path.read_text(encoding="utf-8"), parse_constant=lambda word: pytest.fail(word)
    )


def test_the_camera_is_in_it(tmp_path: Path, validate: Callable[[Document], None]) -> None:
    document = written(walking(4), tmp_path)
    assert document["camera"]["focal"] == [1000.0, 1000.0]
    assert document["camera"]["given"] == {"focal": False, "centre": False, "distortion": False}
    motion = panned(walking(4), 30)
    document = written(motion, tmp_path)
    validate(document)
    assert document["camera"]["motion"] == "turning"
    into = np.array(document["axes"]["file_from_camera"])
    assert into.shape == (4, 4, 4)
    expected = np.einsum("tij,tpkj->tpki", into[:, :3, :3], motion.in_camera)
    np.testing.assert_allclose(positions(document), expected, atol=1e-5)


def test_a_zoom_is_in_it(tmp_path: Path, validate: Callable[[Document], None]) -> None:
    motion = walking(4)
    zooms = [1.0, 1.25, 1.5, 1.75]
    camera = replace(motion.camera, zooms=np.array(zooms), model="fisheye")
    document = written(replace(motion, camera=camera), tmp_path)
    validate(document)
    assert document["camera"]["zooms"] == zooms
    assert document["camera"]["model"] == "fisheye"


def positions(document: Document) -> np.ndarray:
    """(T, P, 17, 3), NaN for what is null."""
    absent = [[float("nan")] * 3] * 17
    people = [
        [
            [
                [float("nan")] * 3 if joint is None else joint
                for joint in frame["positions"] or absent
            ]
            for frame in person["frames"]
        ]
        for person in document["people"]
    ]
    return np.array(people).swapaxes(0, 1)


def test_it_comes_back(tmp_path: Path, validate: Callable[[Document], None]) -> None:
    motion = hidden(walking(20, people=2), slice(5, 9), person=1)
    moved = motion.positions.copy()
    moved[12, 0, 3] = np.nan
    motion = replace(motion, positions=moved)
    document = written(motion, tmp_path)
    validate(document)
    assert document["format"] == FORMAT
    assert document["joint_names"] == list(H36M17.joints)
    assert document["image_size"] == [1280, 720]
    assert [person["id"] for person in document["people"]] == [1, 2]
    want = motion.in_camera * [1, -1, -1]
    np.testing.assert_allclose(positions(document), want, atol=1e-6)
    assert document["people"][1]["frames"][6]["positions"] is None
    assert document["people"][1]["frames"][6]["keypoints_2d"] is None
    assert document["people"][0]["frames"][12]["positions"][3] is None
    confidence = [frame["confidence"] for frame in document["people"][0]["frames"]]
    np.testing.assert_allclose(confidence, motion.confidence[:, 0], atol=1e-4)
    pixels = [frame["keypoints_2d"] for frame in document["people"][0]["frames"]]
    np.testing.assert_allclose(pixels, motion.keypoints.data[:, 0], atol=1e-3)
    assert document["meta"] == motion.meta
    assert "feet_on_floor" not in document["people"][0]["frames"][0]


@pytest.mark.parametrize("up", ["y", "z"])
def test_the_transform_leads_from_the_camera_to_the_file(
    up: str, tmp_path: Path, validate: Callable[[Document], None]
) -> None:
    motion = refined(walking(10))
    document = written(motion, tmp_path, up=up, scale=100)
    validate(document)
    assert document["axes"]["origin"] == "floor"
    transform = np.array(document["axes"]["file_from_camera"])
    moved = (motion.in_camera @ transform[:3, :3].T + transform[:3, 3]) * 100
    assert document["units_per_metre"] == 100
    np.testing.assert_allclose(positions(document), moved, atol=1e-4)
    feet = [frame["feet_on_floor"] for frame in document["people"][0]["frames"]]
    assert feet == standing_feet(10).tolist()


def test_the_schema_refuses_what_it_does_not_know(
    tmp_path: Path, validate: Callable[[Document], None]
) -> None:
    import jsonschema

    document = written(walking(2), tmp_path)
    for broken in (
        {**document, "format": "mbcli.motion-json/1"},
        {**document, "surprise": 1},
        {**document, "fps": 0},
        {name: value for name, value in document.items() if name != "axes"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            validate(broken)


def test_one_frame_of_a_person_is_one_line(tmp_path: Path) -> None:
    written(walking(7, people=2), tmp_path)
    lines = (tmp_path / "a.json").read_text().splitlines()
    assert sum(line.startswith('{"positions"') for line in lines) == 14
