"""What driving a page in Chromium takes; importing it skips a module where that is missing."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

__all__ = [
    "BROWSER",
    "DESKTOP",
    "DRIVER",
    "PHONE",
    "ActionChains",
    "By",
    "Driver",
    "Open",
    "canvas",
    "frame",
    "picture",
    "press",
    "scrub",
    "shown",
    "until",
]

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if not (BROWSER and DRIVER):
    pytest.skip(
        "chromium (or google-chrome) and chromedriver are not installed", allow_module_level=True
    )

Driver = Any
Open = Callable[..., Driver]
DESKTOP, PHONE = (800, 600), (390, 844)


def metrics(size: tuple[int, int]) -> dict[str, Any]:
    phone = size == PHONE
    return {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": phone}


def requests(browser: Driver) -> dict[str, str]:
    """Every address that was asked for, and why it was not let through, if it was not."""
    log = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    asked: dict[str, str] = {}
    refused: dict[str, str] = {}
    for event in log:
        params = event["params"]
        if event["method"] == "Network.requestWillBeSent":
            asked[params["requestId"]] = params["request"]["url"]
        elif event["method"] == "Network.loadingFailed":
            refused[params["requestId"]] = params.get("blockedReason", "")
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
    image = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
