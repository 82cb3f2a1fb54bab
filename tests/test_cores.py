"""The processors that may be used, by the files in which Linux tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mbcli import cores as module
from mbcli.cores import cores

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="only Linux tells which processors are allowed"
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four cores of two threads each, without limits; the process may run on all of them."""
    monkeypatch.setattr(module, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(module, "_PROCESSORS", tmp_path / "processors")
    monkeypatch.setattr(module, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for number in range(8):
        topology = tmp_path / "processors" / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        siblings = f"{number % 4},{number % 4 + 4}\n"
        (topology / "thread_siblings_list").write_text(siblings, encoding="ascii")
    return tmp_path


def limit(machine: Path, group: str, **files: str) -> None:
    folder = machine / "groups" / group
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text, encoding="ascii")


def test_threads_of_one_core_count_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() == 4
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 4})
    assert cores() == 2


def test_processors_whose_cores_are_unknown_count_each(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PROCESSORS", machine / "nowhere")
    assert cores() == 8


@pytest.mark.parametrize(
    ("text", "count"),
    [("max 100000\n", 4), ("300000 100000\n", 3), ("150000 100000\n", 1), ("20000 100000\n", 1)],
)
def test_the_limit_of_a_container(machine: Path, text: str, count: int) -> None:
    (machine / "own").write_text("0::/box/inner\n", encoding="ascii")
    limit(machine, "box/inner", cpu_dot_max=text)
    assert cores() == count


def test_the_limit_of_a_group_above(machine: Path) -> None:
    (machine / "own").write_text("0::/box/inner\n", encoding="ascii")
    limit(machine, "box", cpu_dot_max="200000 100000")
    assert cores() == 2


@pytest.mark.parametrize(("quota", "count"), [("-1\n", 4), ("200000\n", 2)])
def test_the_limit_of_an_older_container(machine: Path, quota: str, count: int) -> None:
    (machine / "own").write_text("3:memory:/x\n2:cpu,cpuacct:/box\n", encoding="ascii")
    limit(
        machine,
        "cpu,cpuacct/box",
        cpu_dot_cfs_quota_us=quota,
        cpu_dot_cfs_period_us="100000\n",
    )
    assert cores() == count


def test_this_machine() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
