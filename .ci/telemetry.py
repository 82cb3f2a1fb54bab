"""Find dependencies that may report their use to somebody, and compare them with a list of reasons.

    python .ci/telemetry.py

Searches every file of every installed distribution for the addresses of the usual collectors and
for the words by which such reporting is switched. What is found must stand in ``ALLOWED`` with the
reason why nothing is sent: a new dependency, or a new version of an old one, that brings more makes
this fail. The proof that nothing is sent is ``tests/test_connections.py``.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions

MARKS = (
    "events.data.microsoft.com",
    "applicationinsights",
    "google-analytics.com",
    "googletagmanager.com",
    "api.segment.io",
    "amplitude.com",
    "mixpanel.com",
    "plausible.io",
    "posthog",
    "scarf.sh",
    "sentry_sdk",
    "ingest.sentry.io",
    "tel.rerun.io",
    "telemetry",
    "TELEMETRY",
    "ANALYTICS",
    "analytics_enabled",
    "usage_stats",
    "USAGE_STATS",
    "DO_NOT_TRACK",
)

_WORD = "the word alone, in its sources or its notes; the traces of the tests show no connection"
_OPEN = "OpenTelemetry, which sends nothing until somebody names a server"
_SITE = "pages that ask for it in mkdocs.yml carry it; ours do not"

# Distribution -> the marks that it may hold, and why nothing is sent.
ALLOWED = {
    "debugpy": (("telemetry",), "tests only: an event that an editor may ask it for"),
    "grpcio": (("telemetry",), f"{_OPEN}; tensorboard brings it"),
    "hypothesis": (("ANALYTICS",), "a list of top-level domains"),
    "linkify-it-py": (("ANALYTICS",), "a list of top-level domains"),
    "mkdocs": (("google-analytics.com", "googletagmanager.com"), _SITE),
    "mkdocs-material": (("googletagmanager.com",), _SITE),
    "mypy": (("telemetry",), _WORD),
    "onnxruntime": (
        ("events.data.microsoft.com", "telemetry", "TELEMETRY"),
        "off: mbcli/__init__.py sets ORT_DISABLE_TELEMETRY before it is loaded",
    ),
    "opencv-python": (("usage_stats",), "OpenSSL's memory pools count their use"),
    "openvino": (
        ("telemetry",),
        "off: mbcli/lift/exporting.py imports it without openvino-telemetry",
    ),
    "openvino-telemetry": (
        ("telemetry", "google-analytics.com"),
        "off: openvino brings it, and mbcli/lift/exporting.py keeps it from being imported",
    ),
    "pyarrow": (("telemetry", "TELEMETRY"), f"{_OPEN}; and clients of clouds, never used"),
    "ray": (
        ("telemetry", "TELEMETRY", "usage_stats", "USAGE_STATS"),
        "off: mbcli/batch/ray_engine.py sets RAY_USAGE_STATS_ENABLED before a cluster is started; "
        f"the rest is {_OPEN}",
    ),
    "rerun-sdk": (
        ("tel.rerun.io", "posthog", "ANALYTICS", "analytics_enabled", "telemetry", "TELEMETRY"),
        "off: its viewer is started with CI set, where it neither collects nor sends; the rest is "
        f"{_OPEN}",
    ),
    "ruff": (("telemetry",), _WORD),
    "selenium": (
        ("plausible.io", "telemetry", "DO_NOT_TRACK"),
        "tests only, and off: tests/conftest.py sets SE_AVOID_STATS",
    ),
    "torch": (("telemetry",), _WORD),
    "typos": (("telemetry",), _WORD),
}

_SKIPPED = (".pyc", ".pyi", ".h", ".hpp", ".cuh")
_NOTES = ("METADATA", "RECORD")  # a readme and a list of names


def found(distribution: Distribution) -> dict[str, str]:
    """Mark -> the first file of a distribution that holds it."""
    places: dict[str, str] = {}
    for file in distribution.files or ():
        path = file.locate()
        if file.suffix in _SKIPPED or file.name in _NOTES or not path.is_file():
            continue
        if path.stat().st_size == 0:
            continue
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as held,
        ):
            for mark in MARKS:
                if mark not in places and held.find(mark.encode()) >= 0:
                    places[mark] = str(file)
    return places


def unexplained(among: Iterable[Distribution]) -> list[str]:
    """One line for each mark that ``ALLOWED`` does not explain."""
    return [
        f"{each.name} {each.version}: {mark!r} in {place}"
        for each in sorted(among, key=lambda each: each.name.lower())
        for mark, place in found(each).items()
        if mark not in ALLOWED.get(each.name.lower(), ((), ""))[0]
    ]


def main() -> int:
    """Print what is not explained; 1 if there is any."""
    lines = unexplained(distributions())
    for line in lines:
        print(line)
    if lines:
        print("Find out what it sends, switch that off, and give the reason in .ci/telemetry.py")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
