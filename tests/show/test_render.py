from __future__ import annotations

from pathlib import Path

import pytest
from motions import walking

import mbcli
from mbcli.show.drawing.movies import RenderReport
from mbcli.show.page.page import PageReport


def test_the_suffix_decides(tmp_path: Path) -> None:
    motion = walking(4, people=2)
    view = mbcli.RenderOptions(layout="3d", width=160, count=2)
    picture = mbcli.render(motion, tmp_path / "out.png", options=view)
    assert isinstance(picture, RenderReport)
    assert (tmp_path / "out.png").read_bytes()[:4] == b"\x89PNG"
    page = mbcli.render(motion, str(tmp_path / "out.html"))
    assert isinstance(page, PageReport)
    assert (page.frames, page.people) == (4, 2)


def test_a_page_shows_whom_the_options_choose(tmp_path: Path) -> None:
    options = mbcli.RenderOptions(person="2")
    page = mbcli.render(walking(4, people=2), tmp_path / "out.html", options=options)
    assert isinstance(page, PageReport)
    assert page.people == 1


def test_options_that_a_page_would_ignore(tmp_path: Path) -> None:
    options = mbcli.RenderOptions(style="light")
    with pytest.raises(mbcli.MbcliError, match="a page supports no RenderOptions"):
        mbcli.render(walking(2), tmp_path / "out.html", options=options)


def test_an_unknown_suffix_lists_those_known(tmp_path: Path) -> None:
    with pytest.raises(mbcli.MbcliError, match=r"\.mp4.*\.html, got .*out\.avi"):
        mbcli.render(walking(2), tmp_path / "out.avi")
