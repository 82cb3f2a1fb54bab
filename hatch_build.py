"""What the build adds to wheels and source packages: the version, as the checkout knows it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VersionHook(BuildHookInterface[Any]):
    """Writes ``mbcli/_version.txt`` into the package, not into the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file, except to an editable install, whose revision changes.

        Args:
            version: of the build target, ``editable`` for an editable install.
            build_data: of hatchling, which is changed.
        """
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "_version.txt"
        path.write_text(self.metadata.version + "\n", encoding="utf-8")
        build_data["force_include"][str(path)] = "mbcli/_version.txt"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take the file away again."""
        if version != "editable":
            self._folder.cleanup()
