from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.live import view
from mbcli.live.page import Page
from mbcli.live.view import open_view


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.close()


def test_a_browser_gets_a_page_and_its_pictures(page: Page) -> None:
    with urllib.request.urlopen(page.url) as answer:
        text = answer.read().decode()
    assert 'src="pictures"' in text
    assert "http" not in text  # nothing is fetched from elsewhere
    picture = np.full((40, 60, 3), (250, 120, 10), np.uint8)
    page.show(picture)
    with urllib.request.urlopen(f"{page.url}pictures") as answer:
        assert answer.headers.get_content_type() == "multipart/x-mixed-replace"
        for turn in range(2):
            assert answer.readline() == b"--picture\r\n"
            assert answer.readline() == b"Content-Type: image/jpeg\r\n"
            length = int(answer.readline().split(b":")[1])
            assert answer.readline() == b"\r\n"
            shown = cv2.imdecode(np.frombuffer(answer.read(length), np.uint8), cv2.IMREAD_COLOR)
            assert answer.readline() == b"\r\n"
            want = picture if turn == 0 else picture[::-1] // 2
            assert shown is not None
            assert np.abs(shown[..., ::-1].astype(int) - want).max() < 12
            page.show(picture[::-1] // 2)


@pytest.mark.parametrize("path", ["", "pictures", "wrong/pictures"])
def test_only_who_knows_the_address_sees_the_camera(page: Page, path: str) -> None:
    root = page.url.removesuffix(page.path)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{root}/{path}")


def test_a_port_in_use(page: Page) -> None:
    port = int(page.url.split(":")[2].split("/")[0])
    with pytest.raises(ConfigError, match=f"--port {port} cannot be used"):
        Page(port)


def test_what_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_view("none", 0) is None
    monkeypatch.setattr(view, "has_screen", lambda: False)
    shown = open_view("auto", 0)
    assert isinstance(shown, Page)
    shown.close()

    def no_windows(title: str) -> None:
        raise cv2.error("built without windows")

    monkeypatch.setattr(view, "has_screen", lambda: True)
    monkeypatch.setattr(cv2, "namedWindow", no_windows)
    shown = open_view("auto", 0)
    assert isinstance(shown, Page)
    shown.close()
    with pytest.raises(ConfigError, match="--view window needs a screen"):
        open_view("window", 0)
