"""What the page looks like in Chromium, on a desk and on a phone."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking
from pages import DESKTOP, PHONE, By, Open, canvas, picture, press, scrub, shown, until

from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17


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
    assert "metres; y (green) up" in page.find_element(By.ID, "metadata").text
    page.find_element(By.ID, "close").click()
    assert not shown(page, "about")
