"""A motion as one HTML page that opens offline in any browser.

The page is self-contained: its script and three.js, the arrays, and optionally the video. Its
Content-Security-Policy allows exactly these scripts by their hashes, so that no request can leave
the machine and no text from the motion can become code.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePath
from string import Template

from mbcli.errors import InputError, OutputError
from mbcli.motion import Motion3D, noted_source
from mbcli.people import EVERYBODY, columns_of
from mbcli.report import Observer, unobserved
from mbcli.show.page.packed import packed
from mbcli.storage.output import check_output, written_whole

_LIBRARY = "three/three.min.js"
_SCRIPTS = ("motion.js", "colours.js", "figures.js", "stage.js", "player.js", "page.js")
_VIDEO_HERE = "<!--video-->"
_MOTION_HERE = "<!--motion-->"
_CHUNK = 3 * 2**18  # bytes; a multiple of 3, so that base64 needs no padding in between


@dataclass(frozen=True)
class PageReport:
    """The result of writing a page.

    Attributes:
        frames: number of frames.
        people: number of people.
        size: size of the file in bytes.
        video_size: size of the embedded video in bytes, before base64; 0 without one.
        missing: number of frames without a picture in the video; they are grey.
    """

    frames: int
    people: int
    size: int
    video_size: int
    missing: int


def write_page(
    motion: Motion3D,
    path: Path,
    *,
    video: Path | None = None,
    title: str | None = None,
    person: str = EVERYBODY,
    overwrite: bool = False,
    observer: Observer = unobserved,
) -> PageReport:
    """Write a page in which a motion can be played, stepped through and viewed from all sides.

    Args:
        motion: the motion to show. A refined motion is shown in its estimated world; otherwise the
            camera is assumed to be level, and the page says so.
        path: the file, ending in .html.
        video: the source of the motion, to embed in the page next to the 3D view: re-encoded as
            H.264, at most 1280 pixels wide or high, without sound, with one picture per frame at
            the motion's time stamps. None leaves it out.
        title: the page's heading; None means the name of the source, or else of the page.
        person: people to show: ``all``, ``largest`` or track ids such as ``1,3``.
        overwrite: replace an existing file.
        observer: receives progress.

    Raises:
        ConfigError: a ``person`` who is not in the motion.
        InputError: the motion has no frames, or the video cannot be read, does not belong to the
            motion, or takes more than 50 MB.
        OutputError: the path does not end in .html, the file exists and ``overwrite`` is off, or
            it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        raise OutputError(f"a page is written as .html, got {path.name}")
    check_output(path, overwrite=overwrite, inputs=(video, noted_source(motion)))
    if not len(motion.timestamps):
        raise InputError("the motion holds no frames to show")
    # In the motion's order: the column determines a person's colour.
    columns = sorted(columns_of(person, motion.keypoints))
    data, missing = b"", 0
    if video is not None:
        # PyAV is loaded only if a video is requested.
        from mbcli.show.page.video import page_video

        embedded = page_video(Path(video), motion, observer)
        data, missing = embedded.data, embedded.missing
    heading = _title(motion, path) if title is None else title
    # A file name may hold bytes that are not text; they become question marks.
    heading = heading.encode("utf-8", "replace").decode()
    parts = re.split(f"({_MOTION_HERE}|{_VIDEO_HERE})", _page(heading))
    with written_whole(path, overwrite=overwrite) as temporary:
        with temporary.open("xb") as stream:
            for part in parts:
                if part == _MOTION_HERE:
                    for text in _json(packed(motion, title=heading, columns=columns)):
                        stream.write(text.encode())
                elif part == _VIDEO_HERE:
                    stream.writelines(_video_element(data))
                else:
                    stream.write(part.encode())
        size = temporary.stat().st_size
    return PageReport(
        frames=len(motion.timestamps),
        people=len(columns),
        size=size,
        video_size=len(data),
        missing=missing,
    )


def _title(motion: Motion3D, path: Path) -> str:
    source = motion.meta.get("source")
    return PurePath(source).name if isinstance(source, str) and source else path.stem


def _page(title: str) -> str:
    """The page as text, with placeholders for the motion and the video."""
    library = _asset(_LIBRARY)
    script = "\n".join(['"use strict";', *map(_asset, _SCRIPTS)])
    style = _asset("page.css")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(library)} {_hash(script)}",
            f"style-src {_hash(style)}",
            "img-src data:",
            "media-src blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return Template(_asset("page.html")).substitute(
        policy=policy,
        title=html.escape(title),
        style=style,
        library=library,
        script=script,
        motion=_MOTION_HERE,
    )


def _asset(name: str) -> str:
    # Read as text, so that the hash equals the browser's whatever the checkout's line ends.
    return (files("mbcli.show.page") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _json(value: object) -> Iterator[str]:
    """JSON for use inside a script element: nothing in it can end the element."""
    for text in json.JSONEncoder(allow_nan=False, separators=(",", ":")).iterencode(value):
        yield text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _video_element(data: bytes) -> Iterator[bytes]:
    """The element that holds the video as base64; nothing without a video."""
    if not data:
        return
    yield b'<script type="text/plain" id="video-data">'
    for begin in range(0, len(data), _CHUNK):
        yield base64.b64encode(data[begin : begin + _CHUNK])
    yield b"</script>"
