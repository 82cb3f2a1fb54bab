"""What MkDocs does besides: pages from files elsewhere in the repository, and the command line's.

README, ARCHITECTURE, CONTRIBUTING, CHANGELOG and the cards of the weights stand where people look
for them in a checkout; here they become pages, and links between all of them are set right.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from typer.cli import get_docs_for_click

from mbcli.cli.app import app

ROOT = Path(__file__).parents[2]

# page or picture -> file of the repository
ELSEWHERE = {
    "index.md": "README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "research/README.md": "research/README.md",
    "research/postures/postures.png": "research/postures/postures.png",
    **{
        f"weights/{path.name}": f"weights/{path.name}"
        for path in sorted((ROOT / "weights").glob("*.md"))
    },
    **{
        path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "research").rglob("*.png"))
    },
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and pictures that are not in ``docs``."""
    for page, path in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    files.append(File.generated(config, "cli.md", content=command_line()))
    return files


def command_line() -> str:
    """The reference of the command line, from Typer."""
    command = typer.main.get_command(app)
    with command.make_context("mbcli", ["--help"], resilient_parsing=True) as context:
        text = get_docs_for_click(obj=command, ctx=context, name="mbcli")
    return text.replace("# `mbcli`", "# Command line", 1)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links from where a file stands in the repository to where its page stands here."""
    here = PurePosixPath(page.file.src_uri)
    source = PurePosixPath(ELSEWHERE.get(str(here), f"docs/{here}"))
    pages = {path: page for page, path in ELSEWHERE.items()}

    def relink(found: re.Match[str]) -> str:
        picture, text, target, anchor = found.groups(default="")
        if "://" in target:
            return found[0]
        path = os.path.normpath(source.parent / target)
        there = pages.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(there) is not None:
            return f"{picture}[{text}]({os.path.relpath(there, here.parent)}{anchor})"
        # Code and data have no page; a link to what is nowhere stays, and fails the build.
        return text if (ROOT / path).exists() and not picture else found[0]

    return _LINK.sub(relink, markdown)
