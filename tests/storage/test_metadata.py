from __future__ import annotations

import json

import pytest

from mbcli.storage.metadata import read_metadata

WHOLE = {
    "version": "0.2.0",
    "source": "walk.mp4",
    "options": {"anything": [None, True, {"deep": 1}]},
    "assumptions": {
        "height": {"metres": 1.7, "given": False},
        "focal": {"pixels": 900, "given": True, "fov": None},
    },
    "resampled": {"from_fps": 30, "to_fps": 24.0},
    "refinement": {"gaps": {"max_gap": 0.5}, "filter": {"name": "savgol", "cutoff": 6}},
    "actions": [
        {
            "start": 0,
            "end": 1.5,
            "frames": [0, 45],
            "track_ids": [1, 2],
            "labels": [{"name": "waving", "probability": 0.75}],
        }
    ],
}


def without(*path: str | int) -> str:
    """``WHOLE`` as text, less what lies at the path."""
    copy = json.loads(json.dumps(WHOLE))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return json.dumps(copy)


def test_what_was_written_is_read() -> None:
    assert read_metadata(json.dumps(WHOLE)) == WHOLE
    for key in WHOLE:
        assert key not in read_metadata(without(key))
    assert read_metadata("{}") == {}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"walk.mp4"', "[1]", r"its metadata, source must be a text, got \[1\]"),
        ("1.7", '"1.7"', "assumptions, height, metres must be a number, got '1.7'"),
        ("1.7", "true", "metres must be a number, got True"),
        ("1.7", "1e999", "must hold finite numbers, got 1e999"),
        ("1.7", "NaN", "must hold finite numbers, got NaN"),
        ('{"metres": 1.7, "given": false}', "null", "height must be a JSON object, got None"),
        ("24.0", "{}", "resampled, to_fps must be a number"),
        ("[0, 45]", "[0, 45, 46]", "actions, frames must hold 2..2 values, got 3"),
        ("[0, 45]", "[0, 4.5]", "frames must be a whole number, got 4.5"),
        ("[1, 2]", "[]", r"track_ids must hold 1\.\.2 values, got 0"),
        ('[{"name": "waving", "probability": 0.75}]', "[]", "labels must hold 1"),
        ('"waving"', "null", "labels, name must be a text, got None"),
    ],
)
def test_parts_that_are_read_again_have_their_form(old: str, new: str, complaint: str) -> None:
    text = json.dumps(WHOLE)
    assert text.count(old) == 1
    with pytest.raises(ValueError, match=complaint):
        read_metadata(text.replace(old, new))


@pytest.mark.parametrize(
    "path",
    [
        ("assumptions", "focal", "pixels"),
        ("resampled", "from_fps"),
        ("refinement", "filter", "name"),
        ("actions", 0, "labels"),
        ("actions", 0, "labels", 0, "probability"),
    ],
)
def test_parts_that_are_read_again_are_whole(path: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match=f"must hold {path[-1]}"):
        read_metadata(without(*path))


@pytest.mark.parametrize("text", ["[]", "null", '"hi"', "1", "", "{", "[" * 100_000])
def test_metadata_are_a_json_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|nested|Expecting"):
        read_metadata(text)
