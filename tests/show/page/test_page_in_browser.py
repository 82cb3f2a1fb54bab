"""The controls of the page in Chromium, opened from the disk as a user does."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking
from pages import ActionChains, By, Driver, Open, canvas, frame, picture, press, scrub, until
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys

from mbcli.show.page import packed
from mbcli.show.page.page import write_page

HOSTILE = "</script><script>window.taken = 1</script><img src=x onerror='window.taken = 1'>"


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
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(space), 0, -300).perform()
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


def test_people_packed_from_their_first_frame_to_their_last_look_the_same(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = hidden(walking(frames=60, people=3), slice(0, 40), person=1)
    motion = hidden(hidden(motion, slice(20, 60), person=0), slice(0, 60), person=2)
    seen = []
    for least in (100_000, 0):
        monkeypatch.setattr(packed, "_SPARSE", (least, 2))
        page = opened(motion)
        for row in (0, 19, 20, 40, 59):
            scrub(page, row)
            chips = page.find_elements(By.CSS_SELECTOR, "#people .chip small")
            seen.append(([chip.text for chip in chips[1:]], picture(page)))
    assert [[text == "absent" for text in chips] for chips, _ in seen[:5]] == [
        [False, True, True],
        [False, True, True],
        [True, True, True],
        [True, False, True],
        [True, False, True],
    ]
    for (chips, before), (again, after) in zip(seen[:5], seen[5:], strict=True):
        assert chips == again
        np.testing.assert_array_equal(before, after)
