"""The video inside the page in Chromium: in step with the motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking
from pages import By, Driver, Open, frame, press, scrub, shown, until
from selenium.webdriver.common.keys import Keys

from mbcli.show.page.page import write_page
from mbcli.video import write_video

SHADES = 12 * np.arange(20) + 10


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("steps") / "steps.mp4"
    write_video(path, (np.full((90, 160, 3), shade, np.uint8) for shade in SHADES), fps=5)
    return path


def with_video(opened: Open, steps: Path) -> tuple[Driver, np.ndarray]:
    """A page whose video shows its own grey in each frame, at uneven times."""
    motion = walking(frames=16, fps=5)
    numbers = np.array([0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15, 16, 18])
    times = numbers / 5 + 0.03 * np.sin(numbers)
    keypoints = replace(
        motion.keypoints, frame_index=numbers, timestamps=times, size=(160, 90), fps=5
    )
    page = opened(replace(motion, keypoints=keypoints), video=steps)
    if not page.execute_script(
        "return document.getElementById('video').canPlayType('video/mp4; codecs=\"avc1.64001f\"')"
    ):
        pytest.skip("this Chromium cannot play H.264")
    return page, numbers


_GREY = """
const video = document.getElementById("video");
const draw = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });
const grey = () => {
    draw.drawImage(video, 0, 0, 8, 8);
    return draw.getImageData(4, 4, 1, 1).data[1];
};
"""


def test_the_video_shows_the_frame_that_is_scrubbed_to(opened: Open, steps: Path) -> None:
    page, numbers = with_video(opened, steps)
    assert shown(page, "video")
    for row in (0, 9, 3, 4, 15, 14, 0):
        scrub(page, row)
        assert frame(page) == numbers[row]

        def right(number: int = int(numbers[row])) -> bool:
            grey = page.execute_script(_GREY + "return video.seeking ? -1 : grey()")
            return bool(abs(grey - SHADES[number]) < 5)

        until(right)


def test_the_skeleton_keeps_step_with_the_playing_video(opened: Open, steps: Path) -> None:
    page, numbers = with_video(opened, steps)
    seen = page.execute_async_script(
        _GREY
        + """
        const done = arguments[0], seen = [];
        // At half speed, so that a busy machine cannot be two frames behind.
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "<" }));
        document.dispatchEvent(new KeyboardEvent("keydown", { key: "<" }));
        document.getElementById("play").click();
        const look = () => {
            seen.push([Number(document.getElementById("number").textContent), grey()]);
            if (seen.at(-1)[0] < 18) requestAnimationFrame(look);
            else { document.getElementById("play").click(); done(seen); }
        };
        requestAnimationFrame(look);
        """
    )
    rows = [list(numbers).index(number) for number, _ in seen]
    shades = SHADES[numbers]
    pictures = [int(np.abs(shades - grey).argmin()) for _, grey in seen]
    assert max(rows) == 15
    off = np.abs(np.array(rows) - np.array(pictures))
    assert off.max() <= 1  # between the turn of the picture and the turn of the skeleton
    assert (off == 0).mean() > 0.5


def test_a_video_that_cannot_be_played_is_said(
    opened: Open, browser: Driver, tmp_path: Path
) -> None:
    page = tmp_path / "broken.html"
    write_page(walking(frames=30), page)
    text = page.read_text(encoding="utf-8")
    broken = '<script type="text/plain" id="video-data">AAAA</script>\n<script>'
    page.write_text(text.replace("<script>", broken, 1), encoding="utf-8")
    browser.get(page.as_uri())
    until(lambda: shown(browser, "trouble"))
    assert "cannot play the video" in browser.find_element(By.ID, "trouble").text
    press(browser, Keys.SPACE)
    until(lambda: frame(browser) > 2)
    browser.get_log("browser")
