from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import CAMERA_HEIGHT, grounded, hidden, panned, walking

from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.motion import Motion3D
from mbcli.show.colours import LEFT
from mbcli.show.page.page import write_page

HOSTILE = "</script><script>window.taken = 1</script><img src=x onerror=alert(1)>\"'&.mp4"


class Elements(HTMLParser):
    """What a browser finds in a page: every element, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[dict[str, str | None], str]] = []
        self._open: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = [] if tag in ("script", "style", "h1") else None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open is not None:
            self.inside.append((self.found[-1][1] | {"tag": tag}, "".join(self._open)))
        self._open = None


def page_of(motion: Motion3D, folder: Path, **options: Any) -> str:
    path = folder / "page.html"
    report = write_page(motion, path, overwrite=True, **options)
    text = path.read_bytes()
    assert (report.frames, report.people) == motion.positions.shape[:2]
    assert (report.size, report.video_size, report.missing) == (len(text), 0, 0)
    return text.decode("utf-8")


def packed_of(text: str) -> dict[str, Any]:
    (data,) = (text for attrs, text in Elements(text).inside if attrs.get("id") == "motion")
    return json.loads(data)


def points_of(packed: dict[str, Any]) -> np.ndarray:
    """(T, P, 17, 3) metres, y up, as the page's script unpacks them."""

    def array(name: str, dtype: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(packed[name]), dtype)

    shape = (packed["frames"], len(packed["people"]), len(packed["joints"]), 3)
    offsets = array("offsets", "<i2").reshape(shape) * packed["step"]
    return array("roots", "<f4").reshape(*shape[:2], 1, 3) + offsets


def test_every_joint_is_in_the_page(tmp_path: Path) -> None:
    motion = hidden(walking(frames=40, people=2), slice(5, 9), person=1)
    packed = packed_of(page_of(motion, tmp_path))
    points = points_of(packed)
    assert (np.isnan(points).all(axis=(-1, -2)) == ~motion.present).all()
    # The camera's x, y, z turned by half a circle about x, and moved: left stays left.
    moved = points - motion.in_camera * np.array([1, -1, -1])
    shift = np.nanmedian(moved.reshape(-1, 3), axis=0)
    np.testing.assert_allclose(moved - shift, np.where(np.isnan(moved), np.nan, 0), atol=1e-4)
    # The origin is on the floor, under the first person: the ankles are some centimetres above it.
    np.testing.assert_allclose(points[0, 0, 0, [0, 2]], 0, atol=1e-6)
    assert -0.02 < np.nanmin(points[..., 1]) < 0.02
    times = np.frombuffer(base64.b64decode(packed["times"]), "<f8")
    numbers = np.frombuffer(base64.b64decode(packed["numbers"]), "<f8")
    np.testing.assert_array_equal(times, motion.timestamps)
    np.testing.assert_array_equal(numbers, motion.keypoints.frame_index)
    sure = np.frombuffer(base64.b64decode(packed["confidence"]), "u1") / 255
    np.testing.assert_allclose(sure, motion.confidence.ravel(), atol=0.5 / 255 + 1e-6)
    assert packed["people"] == [1, 2]
    assert packed["colours"]["left"] == "#{:02x}{:02x}{:02x}".format(*LEFT)
    assert "the camera is taken to be level" in dict(packed["metadata"])["Space"]


def test_a_refined_world_is_used(tmp_path: Path) -> None:
    motion = walking(frames=20)
    angle = np.radians(10)
    world = np.eye(4)
    world[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    world[1, 3] = -CAMERA_HEIGHT
    packed = packed_of(page_of(grounded(motion, world), tmp_path))
    expected = (motion.in_camera @ world[:3, :3].T + world[:3, 3]) * np.array([1, -1, -1])
    np.testing.assert_allclose(points_of(packed), expected, atol=1e-4)
    assert packed["front"] == pytest.approx([0, 1], abs=1e-6)
    assert "upright on the estimated floor" in dict(packed["metadata"])["Space"]


def test_the_world_says_where_the_camera_is(tmp_path: Path) -> None:
    motion = walking(frames=3)
    world = np.eye(4)
    world[[0, 0, 2, 2], [0, 2, 0, 2]] = 0, 1, -1, 0  # the camera looks along the world's x
    packed = packed_of(page_of(grounded(motion, world), tmp_path))
    assert packed["front"] == pytest.approx([-1, 0], abs=1e-6)


def test_the_page_takes_a_turning_camera_out(tmp_path: Path) -> None:
    still = points_of(packed_of(page_of(walking(frames=20), tmp_path)))
    turning = points_of(packed_of(page_of(panned(walking(frames=20), 40), tmp_path)))
    np.testing.assert_allclose(turning, still, atol=1e-3)


def test_people_without_places_stand_side_by_side(tmp_path: Path) -> None:
    motion = walking(frames=3, people=2)
    packed = packed_of(page_of(replace(motion, root=np.full((3, 2, 3), np.nan)), tmp_path))
    roots = points_of(packed)[:, :, 0]
    assert (np.diff(roots[..., 0], axis=1) > 1).all()
    assert np.ptp(roots, axis=0).max() < 1e-5
    assert "side by side" in dict(packed["metadata"])["Space"]


@pytest.mark.parametrize("people", [0, 1])
def test_nobody_is_a_page_too(tmp_path: Path, people: int) -> None:
    motion = hidden(walking(frames=5, people=1), slice(None))
    if not people:
        motion = walking(frames=5, people=0)
    packed = packed_of(page_of(motion, tmp_path))
    assert packed["boxes"] == [None] * people
    assert np.isnan(points_of(packed)).all()


def test_a_wild_frame_does_not_decide_what_is_framed(tmp_path: Path) -> None:
    motion = walking(frames=120)
    root = motion.root.copy()
    root[60, 0, 2] += 300
    calm, wild = (
        packed_of(page_of(m, tmp_path))["boxes"][0] for m in (motion, replace(motion, root=root))
    )
    np.testing.assert_allclose(wild[0], calm[0], atol=0.5)
    np.testing.assert_allclose(wild[1], calm[1], atol=0.5)


def test_the_page_is_compact(tmp_path: Path) -> None:
    sizes = [len(page_of(walking(frames=n), tmp_path)) for n in (10, 110)]
    assert (sizes[1] - sizes[0]) / 100 < 200  # bytes a frame and person
    assert sizes[0] < 700_000


def test_the_policy_admits_these_scripts_and_nothing_else(tmp_path: Path) -> None:
    page = Elements(page_of(walking(frames=2), tmp_path))
    (policy,) = (a["content"] for t, a in page.found if t == "meta" and "http-equiv" in a)
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))
    assert rules["default-src"] == "'none'"

    def hashes(kept: list[str]) -> set[str]:
        digests = (hashlib.sha256(text.encode()).digest() for text in kept)
        return {f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}

    running = [t for a, t in page.inside if a["tag"] == "script" and "type" not in a]
    assert len(running) == 2
    assert set(rules["script-src"].split()) == hashes(running)
    assert set(rules["style-src"].split()) == hashes(
        [t for a, t in page.inside if a["tag"] == "style"]
    )
    assert set(rules) - {"default-src", "script-src", "style-src"} == {
        *("img-src", "media-src", "base-uri", "form-action")
    }
    assert (rules["img-src"], rules["media-src"]) == ("data:", "blob:")
    # Nothing is named that lies outside of the page.
    addresses = [a[name] for _, a in page.found for name in ("src", "href") if name in a]
    assert addresses == ["data:,"]
    assert not [name for _, a in page.found for name in a if name.startswith("on")]
    assert not any(re.search(r"\beval\(|new Function\b", text) for text in running)


def test_names_cannot_become_markup(tmp_path: Path) -> None:
    motion = walking(frames=2)
    plain = Elements(page_of(motion, tmp_path, title="x"))
    text = page_of(replace(motion, meta={"source": f"/films/{HOSTILE}"}), tmp_path)
    hostile = Elements(text)
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    # The title is what follows the last slash.
    assert packed_of(text)["title"] == HOSTILE.rsplit("/", 1)[1]
    titled = page_of(motion, tmp_path, title=HOSTILE)
    assert [tag for tag, _ in Elements(titled).found] == [tag for tag, _ in plain.found]
    assert packed_of(titled)["title"] == HOSTILE
    assert [t for a, t in Elements(titled).inside if a["tag"] == "h1"] == [HOSTILE]


def test_some_of_the_people(tmp_path: Path) -> None:
    motion = walking(frames=5, people=3)
    path = tmp_path / "page.html"
    assert write_page(motion, path, person="3,2").people == 2
    some = packed_of(path.read_text(encoding="utf-8"))
    everybody = packed_of(page_of(motion, tmp_path))
    assert some["people"] == [2, 3]
    # In the same places and colours as beside all the others.
    assert some["colours"]["people"] == everybody["colours"]["people"][1:]
    np.testing.assert_array_equal(points_of(some), points_of(everybody)[:, 1:])
    with pytest.raises(ConfigError, match="largest or one of 1, 2, 3, got 4"):
        write_page(motion, path, person="1,4", overwrite=True)


def test_titles(tmp_path: Path) -> None:
    motion = walking(frames=2)
    assert packed_of(page_of(motion, tmp_path))["title"] == "page"
    noted = replace(motion, meta={"source": "/films/walk.mp4"})
    assert packed_of(page_of(noted, tmp_path))["title"] == "walk.mp4"
    # What Python makes of a file name that is not UTF-8.
    assert packed_of(page_of(motion, tmp_path, title="a\udcff"))["title"] == "a?"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    motion = walking(frames=2)
    with pytest.raises(OutputError, match=r"written as \.html, got page\.htm"):
        write_page(motion, tmp_path / "page.htm")
    page = tmp_path / "page.html"
    page.write_text("old")
    with pytest.raises(OutputError, match="exists"):
        write_page(motion, page)
    with pytest.raises(InputError, match="no frames"):
        write_page(walking(frames=0), page, overwrite=True)
    assert page.read_text() == "old"
    write_page(motion, page, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_library_is_named_and_licensed() -> None:
    three = files("mbcli.show.page") / "assets" / "three"
    notice = (three / "BUILD.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"three@0\.(\d+)\.0", notice)
    script = (three / "three.min.js").read_text(encoding="utf-8")
    assert f'"{version}"' in script
    assert "SPDX-License-Identifier: MIT" in script
    assert "three.js authors" in (three / "LICENSE").read_text(encoding="utf-8")
