from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mbcli.motion import Motion3D
from mbcli.show.page.page import write_page

if TYPE_CHECKING:
    from pages import Driver, Open


@pytest.fixture(scope="session")
def browser() -> Iterator[Driver]:
    from pages import BROWSER, DRIVER
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    assert BROWSER is not None
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

    from pages import DESKTOP, PHONE, metrics, requests, shown

    def open_page(
        motion: Motion3D,
        *,
        size: tuple[int, int] | None = None,
        light: bool = False,
        **options: Any,
    ) -> Driver:
        size = DESKTOP if size is None else size
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
