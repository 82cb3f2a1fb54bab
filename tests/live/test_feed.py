from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mbcli.errors import InputError
from mbcli.live.feed import CameraFeed, FileFeed, open_feed, without_password
from mbcli.live.page import Page
from mbcli.video import VideoReader


def test_a_file_is_played_at_its_own_speed(walk: Path) -> None:
    with VideoReader(walk, end=0.4) as reader:
        want = list(reader)
    feed = open_feed(str(walk))
    assert isinstance(feed, FileFeed)
    came, began = [], time.monotonic()
    for frame in islice(feed.frames(), len(want)):
        came.append((time.monotonic(), frame))
    feed.close()
    assert (feed.size, feed.name) == (want[0].size, str(walk.resolve()))
    assert [frame.time for _, frame in came] == [frame.time for frame in want]
    assert np.array_equal(came[3][1].image, want[3].image)
    assert all(at - began >= frame.time for at, frame in came)  # none before its time


def test_an_address_is_followed_until_it_ends() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 200, 30, 30  # red on the left
    page = Page()
    page.show(picture)
    feed = open_feed(f"{page.url}pictures")
    assert isinstance(feed, CameraFeed)
    assert feed.size == (64, 48)
    frames = feed.frames()
    first = next(frames)
    assert np.abs(first.image[24, 10].astype(int) - (200, 30, 30)).max() < 12
    page.show(picture[::-1])
    later = next(frames)
    assert later.index == 1
    assert later.time > first.time
    page.close()
    assert len(list(frames)) < 10  # what was on its way
    feed.close()


def test_pictures_are_rotated() -> None:
    page = Page()
    page.show(np.full((48, 64, 3), 9, np.uint8))
    feed = open_feed(f"{page.url}pictures", rotate=90)
    assert feed.size == (48, 64)
    assert next(feed.frames()).size == (48, 64)
    feed.close()
    page.close()


@pytest.mark.parametrize("source", ["97", "http://127.0.0.1:9/none", "/dev/video97"])
def test_no_camera_there(source: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="gives no picture: is it connected"):
        open_feed(source)
    assert capfd.readouterr().err == ""


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        open_feed(str(tmp_path / "none.mp4"))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@host:554/one?a=b", "rtsp://host:554/one?a=b"),
        ("rtsp://host/one@two", "rtsp://host/one@two"),
        ("http://me:sec@ret@host", "http://host"),
    ],
)
def test_passwords_are_not_stored(address: str, shown: str) -> None:
    assert without_password(address) == shown
