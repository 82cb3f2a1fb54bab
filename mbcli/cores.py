"""How many processor cores this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")  # where the limits of a container are
_PROCESSORS = Path("/sys/devices/system/cpu")
_OWN_GROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Number of threads that networks can make use of, 1 or more.

    Physical cores of the processors that this process may run on, since two threads on one core
    wait for each other, and no more than its share of processor time, if it has one (cgroups, as
    containers and batch systems set). Elsewhere than on Linux, all processors.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    physical = {_siblings(number) for number in os.sched_getaffinity(0)}
    return max(1, int(min([len(physical), *_quotas()])))


def _siblings(number: int) -> str:
    """The processors that share a core with one, always in the same words."""
    with suppress(OSError):
        path = _PROCESSORS / f"cpu{number}" / "topology" / "thread_siblings_list"
        return path.read_text(encoding="ascii").strip()
    return str(number)


def _quotas() -> Iterator[float]:
    """Processors' worth of time by each limit on this process."""
    for folder in _groups():
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            yield float(quota) / float(period)  # "max" is no number
        with suppress(OSError, ValueError):
            quota, period = (
                (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii")
                for name in ("quota", "period")
            )
            if float(quota) > 0:  # -1 is no limit
                yield float(quota) / float(period)


def _groups() -> Iterator[Path]:
    """Folders that may hold limits: those of this process's groups, and above them."""
    try:
        lines = _OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            # Version 2 has one tree, version 1 a folder for each set of controllers.
            top = _GROUPS / controllers
            folder = top / own.lstrip("/")
            yield from (folder, *(above for above in folder.parents if above.is_relative_to(top)))
