"""The version tells two programs apart: in a checkout, an archive, a package and a bare copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

import mbcli
from mbcli.version import RELEASE, WRITTEN

SOURCE = Path(mbcli.__file__).with_name("version.py")
ATTRIBUTES = Path(__file__).parent.parent / ".gitattributes"
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def version_of(tree: Path) -> str:
    """What a program in this tree says."""
    spec = spec_from_file_location("version_of_a_copy", tree / "mbcli" / "version.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    said = module.version()
    assert isinstance(said, str)
    return said


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "mbcli").mkdir(parents=True)
    source = SOURCE.read_text(encoding="utf-8")
    if "$Format:" not in source:  # these tests run in an archive, which has it filled in
        source = re.sub(r'(?m)^(_ARCHIVED = ").*"$', r'\1$Format:%H %D$"', source)
    (folder / "mbcli" / "version.py").write_text(source, encoding="utf-8")
    shutil.copy(ATTRIBUTES, folder)
    return folder


def git(tree: Path, *words: str) -> str:
    """Run git as somebody, whatever the machine's settings are."""
    settings = ("user.name=Somebody", "user.email=somebody@example.org", "commit.gpgsign=false")
    options = [part for setting in settings for part in ("-c", setting)]
    command = ["git", *options, *words]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tree: Path) -> Path:
    git(tree, "init", "--quiet")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message=first")
    return tree


def head(checkout: Path) -> str:
    return git(checkout, "rev-parse", "HEAD")[:9]


def test_a_bare_copy_does_not_know_its_revision(tree: Path) -> None:
    assert version_of(tree) == f"{RELEASE}+unknown"


def test_a_package_says_what_the_build_wrote(tree: Path) -> None:
    (tree / "mbcli" / WRITTEN).write_text("0.2.0+gabc\n", encoding="utf-8")
    assert version_of(tree) == "0.2.0+gabc"


@needs_git
def test_every_revision_has_a_version_of_its_own(checkout: Path) -> None:
    first = version_of(checkout)
    assert first == f"{RELEASE}+g{head(checkout)}"
    with (checkout / "mbcli" / "version.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert version_of(checkout) == f"{first}.changed"
    git(checkout, "commit", "--quiet", "--all", "--message=second")
    assert version_of(checkout) == f"{RELEASE}+g{head(checkout)}" != first


@needs_git
def test_only_the_tagged_revision_is_the_release(checkout: Path) -> None:
    git(checkout, "tag", f"v{RELEASE}")
    assert version_of(checkout) == RELEASE
    (checkout / ".gitattributes").write_text("# changed\n", encoding="utf-8")
    assert version_of(checkout) == f"{RELEASE}+g{head(checkout)}.changed"
    git(checkout, "commit", "--quiet", "--all", "--message=second")
    assert version_of(checkout) == f"{RELEASE}+g{head(checkout)}"
    git(checkout, "tag", "v99.0.0")
    assert version_of(checkout) == f"{RELEASE}+g{head(checkout)}"


def _archived(checkout: Path, folder: Path) -> Path:
    git(checkout, "archive", f"--output={folder / 'archive.tar'}", "HEAD")
    with tarfile.open(folder / "archive.tar") as archive:
        archive.extractall(folder / "archived", filter="data")
    return folder / "archived"


@needs_git
def test_an_archive_knows_its_revision_without_git(checkout: Path, tmp_path: Path) -> None:
    assert version_of(_archived(checkout, tmp_path)) == version_of(checkout) != RELEASE


@needs_git
def test_an_archive_of_the_tag_is_the_release(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "tag", f"v{RELEASE}")
    git(checkout, "tag", "another")
    assert version_of(_archived(checkout, tmp_path)) == RELEASE


@needs_git
def test_another_repository_around_the_package_says_nothing_of_it(checkout: Path) -> None:
    installed = checkout / "venv" / "site-packages"
    (installed / "mbcli").mkdir(parents=True)
    shutil.copy(checkout / "mbcli" / "version.py", installed / "mbcli")
    assert version_of(installed) == f"{RELEASE}+unknown"


@needs_git
def test_a_hook_of_another_repository_does_not_mislead(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = version_of(checkout)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nothing"))
    assert version_of(checkout) == expected


@needs_git
def test_a_checkout_without_git_does_not_know_its_revision(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert version_of(checkout) == f"{RELEASE}+unknown"


def test_the_package_has_a_version_that_pip_accepts() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+[a-z0-9]+(\.[a-z0-9]+)*)?", mbcli.__version__)
