from __future__ import annotations

import importlib.util
from importlib.metadata import PathDistribution
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / ".ci" / "telemetry.py"


def installed(folder: Path, name: str, **files: str) -> PathDistribution:
    notes = folder / f"{name}-1.0.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\ntelemetry"
    )
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text)
    rows = [f"{stem}.py,," for stem in files] + [f"{notes.name}/METADATA,,"]
    (notes / "RECORD").write_text("\n".join(rows))
    return PathDistribution(notes)


def test_only_what_has_no_reason_is_reported(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("telemetry", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    among = [
        installed(tmp_path, "quiet", quiet="print('hello')", empty=""),
        installed(tmp_path, "torch", torchlike="# telemetry"),
        installed(tmp_path, "caller", caller="URL = 'https://app.posthog.com'"),
    ]
    assert check.unexplained(among) == ["caller 1.0: 'posthog' in caller.py"]
