"""Recorded walks, where they are at hand."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from motions import RECORDED

MOCAP = Path(__file__).parents[3] / "shared" / "mocap"


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three recorded walks, each beside its skeleton."""
    if not MOCAP.is_dir():
        pytest.skip("the recordings are not in the repository")
    folder = tmp_path_factory.mktemp("mocap")
    wanted = {f"cmu/{take}.amc" for take in RECORDED}
    wanted |= {f"cmu/{who}/{who}.asf" for who in (take.split("/")[0] for take in RECORDED)}
    with tarfile.open(MOCAP / "cmu.tar.xz", "r|xz") as archive:
        for member in archive:
            if member.name in wanted:
                archive.extract(member, folder, filter="data")
    return folder / "cmu"
