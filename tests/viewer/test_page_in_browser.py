"""The page driven in Chromium, opened from the disk as a user does."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from motions import hidden, walking

from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17
from mbcli.video import write_video
from mbcli.viewer.page import write_page

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="chromium (or google-chrome) and chromedriver are not installed",
)

Driver = Any
Open = Callable[..., Driver]
DESKTOP, PHONE = (800, 600), (390, 844)
HOSTILE = "</script><script>window.taken = 1</script><img src=x onerror='window.taken = 1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Driver]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (
        *("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"),
        *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: Driver, tmp_path: Path) -> Iterator[Open]:
    """Opens a motion's page. In the end nothing may have gone wrong in it, or left the machine."""

    def open_page(
        motion: Motion3D, *, size: tuple[int, int] = DESKTOP, light: bool = False, **options: Any
    ) -> Driver:
        page = tmp_path / "page.html"
        write_page(motion, page, **options)
        for command, arguments in (
            ("Emulation.setDeviceMetricsOverride", metrics(size)),
            ("Emulation.setTouchEmulationEnabled", {"enabled": size == PHONE}),
            (
                "Emulation.setEmulatedMedia",
                {
                    "features": [
                        {"name": "prefers-color-scheme", "value": "light" * light or "dark"}
                    ]
                },
            ),
        ):
            browser.execute_cdp_cmd(command, arguments)
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(page.as_uri())
        assert not shown(browser, "trouble")
        return browser

    yield open_page
    assert browser.get_log("browser") == []
    sent = [url for url, refused in requests(browser).items() if refused != "csp"]
    assert {url.split(":", 1)[0] for url in sent} <= {"file", "blob", "data"}
    assert not browser.execute_script("return window.taken")


def metrics(size: tuple[int, int]) -> dict[str, Any]:
    phone = size == PHONE
    return {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": phone}


def requests(browser: Driver) -> dict[str, str]:
    """Every address that was asked for, and why it was not let through, if it was not."""
    log = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    asked: dict[str, str] = {}
    refused: dict[str, str] = {}
    for event in log:
        told = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            asked[told["requestId"]] = told["request"]["url"]
        elif event["method"] == "Network.loadingFailed":
            refused[told["requestId"]] = told.get("blockedReason", "")
    return {url: refused.get(number, "") for number, url in asked.items()}


def shown(page: Driver, name: str) -> bool:
    return bool(page.find_element(By.ID, name).is_displayed())


def frame(page: Driver) -> int:
    return int(page.find_element(By.ID, "number").text)


def scrub(page: Driver, row: int) -> None:
    page.execute_script(
        "const scrub = document.getElementById('scrub'); scrub.value = arguments[0];"
        "scrub.dispatchEvent(new Event('input', { bubbles: true }))",
        row,
    )


def press(page: Driver, *keys: str) -> None:
    for key in keys:
        ActionChains(page).send_keys(key).perform()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def canvas(page: Driver) -> Any:
    return page.find_element(By.ID, "canvas")


def picture(page: Driver) -> np.ndarray:
    """(H, W, 3) RGB of the space, as it is on the screen."""
    png = np.frombuffer(canvas(page).screenshot_as_png, np.uint8)
    return cv2.cvtColor(cv2.imdecode(png, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def facing(frames: int = 3) -> Motion3D:
    """Somebody who stands 4 m away, faces the camera and lifts the left hand high."""
    places = {
        **{"pelvis": (0, 0, 0), "spine": (0, 0.25, 0), "thorax": (0, 0.5, 0)},
        **{"nose": (0, 0.6, 0.1), "head": (0, 0.72, 0)},
        **{"left_hip": (0.13, 0, 0), "left_knee": (0.14, -0.42, 0)},
        **{"left_ankle": (0.15, -0.84, 0), "left_shoulder": (0.18, 0.5, 0)},
        **{"left_elbow": (0.32, 0.75, 0), "left_wrist": (0.4, 1, 0)},
        **{"right_hip": (-0.13, 0, 0), "right_knee": (-0.14, -0.42, 0)},
        **{"right_ankle": (-0.15, -0.84, 0), "right_shoulder": (-0.18, 0.5, 0)},
        **{"right_elbow": (-0.32, 0.25, 0), "right_wrist": (-0.4, 0, 0)},
    }
    body = np.array([places[joint] for joint in H36M17.joints]) * np.array([1.0, -1.0, -1.0])
    motion = walking(frames=frames)
    root = np.broadcast_to([0.0, 0.0, 4.0], (frames, 1, 3))
    return replace(
        motion,
        positions=np.broadcast_to(body, (frames, 1, 17, 3)),
        root=root,
        confidence=np.ones((frames, 1, 17)),
    )


def test_play_pause_step_and_scrub(opened: Open) -> None:
    page = opened(walking(frames=90))
    assert frame(page) == 0
    before = picture(page)
    press(page, Keys.SPACE)
    until(lambda: frame(page) > 5)
    page.find_element(By.ID, "play").click()
    at = frame(page)
    time.sleep(0.3)
    assert frame(page) == at
    assert page.find_element(By.ID, "play").get_attribute("aria-label") == "Play"
    assert not np.array_equal(picture(page), before)
    scrub(page, 40)
    assert frame(page) == 40
    assert page.find_element(By.ID, "time").text == "1.33 s"
    page.find_element(By.ID, "on").click()
    assert frame(page) == 41
    page.find_element(By.ID, "back").click()
    page.find_element(By.ID, "back").click()
    assert frame(page) == 39
    canvas(page).click()
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert frame(page) == 40
    press(page, Keys.END)
    assert frame(page) == 89
    press(page, Keys.HOME)
    assert frame(page) == 0


@pytest.mark.parametrize("speed", [0.1, 2])
def test_speed(opened: Open, speed: float) -> None:
    page = opened(walking(frames=300))
    page.find_element(By.CSS_SELECTOR, f"#speed option[value='{speed}']").click()
    advanced, seconds = page.execute_async_script(
        """
        const done = arguments[0], shown = document.getElementById("number");
        const number = () => Number(shown.textContent);
        document.getElementById("play").click();
        // Measured between frames of the screen, of which a busy machine may show few.
        requestAnimationFrame(() => requestAnimationFrame((begin) => {
            const from = number();
            const look = (now) => now - begin < 1500 ? requestAnimationFrame(look)
                : done([number() - from, (now - begin) / 1000]);
            requestAnimationFrame(look);
        }));
        """
    )
    expected = 30 * speed * seconds
    assert abs(advanced - expected) <= max(2, 0.1 * expected)


def test_it_plays_round_and_round(opened: Open) -> None:
    page = opened(walking(frames=10))
    seen = page.execute_async_script(
        """
        const done = arguments[0], shown = document.getElementById("number"), seen = [];
        document.getElementById("play").click();
        const look = () => {
            seen.push(Number(shown.textContent));
            const rounds = seen.filter((number, at) => number < seen[at - 1]).length;
            if (rounds < 2) requestAnimationFrame(look);
            else done(seen);
        };
        requestAnimationFrame(look);
        """
    )
    assert max(seen) <= 9
    assert page.find_element(By.ID, "play").get_attribute("aria-label") == "Pause"


def test_orbit_zoom_and_fixed_views(opened: Open) -> None:
    page = opened(walking(frames=5))
    space = canvas(page)
    assert "35 degrees around and 14 degrees above" in space.get_attribute("aria-label")
    before = picture(page)
    ActionChains(page).drag_and_drop_by_offset(space, 90, 30).perform()
    assert "35 degrees around" not in space.get_attribute("aria-label")
    turned = picture(page)
    assert np.abs(turned.astype(int) - before).mean() > 0.5
    ActionChains(page).scroll_from_origin(
        webdriver.common.action_chains.ScrollOrigin.from_element(space), 0, -300
    ).perform()
    until(lambda: not np.array_equal(picture(page), turned))
    views = {"front": (0, 0), "side": (90, 0), "top": (0, 90), "corner": (35, 14)}
    for name, (around, above) in views.items():
        button = page.find_element(By.CSS_SELECTOR, f"[data-view={name}]")
        button.click()
        label = space.get_attribute("aria-label")
        assert f"{around} degrees around and {above} degrees above" in label
        assert button.get_attribute("aria-pressed") == "true"
    press(page, "l", "i")
    assert "45 degrees around and 24 degrees above" in space.get_attribute("aria-label")
    press(page, "f")
    assert " 0 degrees around" in space.get_attribute("aria-label")


@pytest.mark.parametrize("light", [False, True], ids=["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_upright_and_left_is_left(opened: Open, light: bool, size: tuple[int, int]) -> None:
    page = opened(facing(), light=light, size=size)
    press(page, "f")
    image = picture(page).astype(int)
    red, blue = image[..., 0], image[..., 2]
    # Without the legend below and what else is written above.
    inside = np.zeros(image.shape[:2], bool)
    inside[100:-30] = True
    orange, azure = inside & (red - blue > 90), inside & (blue - red > 90)
    # The axes at the feet are red and blue too: what is near the middle column does not count.
    middle = image.shape[1] // 2
    for side in (orange, azure):
        side[:, middle - 4 : middle + 4] = False
    # Facing the camera, with the left hand high on the right of the picture.
    assert np.median(np.nonzero(orange)[1]) > middle > np.median(np.nonzero(azure)[1])
    assert np.nonzero(orange)[0].min() < np.nonzero(azure)[0].min() - 20
    # Nothing is cut off at the sides.
    for side in (orange, azure):
        assert not side[:, :3].any()
        assert not side[:, -3:].any()


def test_choose_a_person(opened: Open) -> None:
    page = opened(hidden(walking(frames=30, people=3), slice(10, 20), person=1))
    chips = page.find_elements(By.CLASS_NAME, "chip")
    assert [chip.find_element(By.TAG_NAME, "b").text for chip in chips] == ["All", "1", "2", "3"]

    def labels() -> list[str]:
        found = page.find_elements(By.CSS_SELECTOR, "#labels .who")
        return [label.text for label in found if label.is_displayed()]

    assert labels() == ["1", "2", "3"]
    chips[3].click()
    assert labels() == ["3"]
    assert chips[3].get_attribute("aria-pressed") == "true"
    assert "person 3" in canvas(page).get_attribute("aria-label")
    press(page, "a")
    scrub(page, 15)
    assert labels() == ["1", "3"]
    assert chips[2].find_element(By.TAG_NAME, "small").text == "absent"
    assert chips[1].find_element(By.TAG_NAME, "small").text.endswith(" %")
    press(page, "2")
    assert labels() == []


def test_trails_and_following(opened: Open) -> None:
    page = opened(walking(frames=60))
    scrub(page, 40)
    plain = picture(page)
    press(page, "p")
    trails = picture(page)
    assert page.find_element(By.ID, "trails").is_selected()
    assert (np.abs(trails.astype(int) - plain).max(axis=-1) > 40).sum() > 50
    press(page, "p", "o")
    head = page.find_element(By.CSS_SELECTOR, "#labels .who")
    before = head.location["x"]
    scrub(page, 59)
    assert abs(head.location["x"] - before) < 3
    press(page, "o")
    scrub(page, 20)
    assert abs(head.location["x"] - before) > 20


def test_confidence_is_seen(opened: Open) -> None:
    motion = facing()
    confidence = motion.confidence.copy()
    confidence[1] = 0.05
    page = opened(replace(motion, confidence=confidence))
    sure = picture(page)
    scrub(page, 1)
    assert picture(page).astype(int).max(axis=-1).sum() < sure.astype(int).max(axis=-1).sum()
    chip = page.find_elements(By.CLASS_NAME, "chip")[1]
    assert chip.find_element(By.TAG_NAME, "small").text == "5 %"


def test_themes_follow_the_system_until_switched(opened: Open) -> None:
    page = opened(walking(frames=3), light=True)

    def theme() -> str:
        return str(page.execute_script("return document.documentElement.dataset.theme"))

    def system(value: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": value}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    assert theme() == "light"
    assert picture(page).mean() > 200
    system("dark")
    until(lambda: theme() == "dark")
    assert picture(page).mean() < 80
    page.find_element(By.ID, "theme").click()
    assert theme() == "light"
    system("light")
    system("dark")
    time.sleep(0.1)
    assert theme() == "light"


def test_everything_fits_a_phone_and_touch_turns(opened: Open, walk: Path) -> None:
    page = opened(walking(frames=10, people=2), size=PHONE, video=walk)
    outside = page.execute_script(
        """
        const shown = [...document.querySelectorAll("button, input, select, p, h1, canvas, video")]
            .filter((element) => element.getClientRects().length);
        return shown.filter((element) => {
            const box = element.getBoundingClientRect();
            return box.left < 0 || box.top < 0 || box.right > innerWidth + 0.5
                || box.bottom > innerHeight + 0.5 || !box.width || !box.height;
        }).map((element) => element.id || element.textContent);
        """
    )
    assert outside == []
    assert page.execute_script("return [innerWidth, innerHeight]") == list(PHONE)
    assert page.execute_script("return document.documentElement.scrollWidth") == PHONE[0]
    small = page.execute_script(
        "return [...document.querySelectorAll('button, select')]"
        ".filter((e) => e.offsetHeight && Math.min(e.offsetHeight, e.offsetWidth) < 40).length"
    )
    assert small == 0
    label = canvas(page).get_attribute("aria-label")
    for kind, x in (
        ("touchStart", 150),
        ("touchMove", 190),
        ("touchMove", 230),
        ("touchEnd", None),
    ):
        points = [] if x is None else [{"x": x, "y": 300}]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    until(lambda: canvas(page).get_attribute("aria-label") != label)


def test_every_control_has_a_name(opened: Open) -> None:
    page = opened(walking(frames=3, people=2))
    nameless = page.execute_script(
        "return [...document.querySelectorAll('button, input, select, canvas, [role=group]')]"
        ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim()"
        " || (e.labels && e.labels[0].textContent.trim()))).map((e) => e.outerHTML)"
    )
    assert nameless == []
    press(page, "?")
    assert shown(page, "about")
    assert "metres; y (green) up" in page.find_element(By.ID, "facts").text
    page.find_element(By.ID, "close").click()
    assert not shown(page, "about")


def test_names_do_not_run(opened: Open) -> None:
    page = opened(walking(frames=2), title=HOSTILE)
    assert page.find_element(By.TAG_NAME, "h1").text == HOSTILE
    assert page.title == HOSTILE


def test_nothing_can_be_sent(browser: Driver, opened: Open) -> None:
    page = opened(walking(frames=2))
    tried = page.execute_async_script(
        """
        const done = arguments[0], blocked = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            blocked.push(event.effectiveDirective);
            if (blocked.length === 3) done(blocked.sort());
        });
        fetch("https://example.org/").catch(() => {});
        new Image().src = "https://example.org/picture.png";
        const script = document.createElement("script");
        script.textContent = "window.taken = 1";
        document.body.append(script);
        """
    )
    assert tried == ["connect-src", "img-src", "script-src-elem"]
    # The browser has said so on its console, as it should.
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert refused
    assert all(
        "violates the following Content Security Policy" in line or "example.org" in line
        for line in refused
    )


@pytest.mark.parametrize("people", [0, 1])
def test_nobody_is_said(opened: Open, browser: Driver, tmp_path: Path, people: int) -> None:
    motion = walking(frames=4, people=0)
    if people:
        motion = hidden(walking(frames=4), slice(None))
    write_page(motion, tmp_path / "nobody.html")
    browser.get_log("browser")
    browser.get((tmp_path / "nobody.html").as_uri())
    assert browser.find_element(By.ID, "trouble").text == "Nobody was found in this motion."


def test_one_frame(opened: Open) -> None:
    page = opened(walking(frames=1))
    press(page, Keys.SPACE, Keys.ARROW_RIGHT, Keys.END)
    assert frame(page) == 0
    assert page.find_element(By.ID, "play").get_attribute("aria-label") == "Play"


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
