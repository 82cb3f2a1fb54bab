"""A cluster of two nodes on this machine; each is a set of processes with one processor."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from copying import Copying, prepared
from motions import walking
from typer.testing import CliRunner

import mbcli
from mbcli.batch.ray_engine import RayEngine
from mbcli.batch.result import Result
from mbcli.batch.run import run_all
from mbcli.batch.work import silent
from mbcli.cli.app import app
from mbcli.report import Observer
from mbcli.storage import remote

pytest.importorskip("ray", reason="needs Ray: pip install 'mbcli[ray]'")
ROOT = Path(__file__).parent.parent.parent
MEMORY = 80 * 2**20  # bytes of each node for what travels; the least that Ray takes is 75 MB
LONGEST = 170  # seconds that a test may take on a busy machine


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets must have short names
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_worker_niceness", "0")
        # A busy machine starts them late.
        patch.setenv("RAY_worker_register_timeout_seconds", str(LONGEST))
        patch.setenv("RAY_agent_register_timeout_ms", str(1000 * LONGEST))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
        made = Cluster()
        try:
            add_node(made, include_dashboard=False)
            yield made
        finally:
            started = [
                process
                for node in made.list_all_nodes()
                for service in itertools.chain(*node.all_processes.values())
                for first in [psutil.Process(service.process.pid)]
                for process in (first, *first.children(recursive=True))
            ]
            made.shutdown()
            _, alive = psutil.wait_procs(started, timeout=20)
            for process in alive:
                process.kill()
            shutil.rmtree(folder, ignore_errors=True)
    assert started
    assert not alive


def add_node(cluster: Any, **options: bool) -> Any:
    node = {"num_cpus": 1, "object_store_memory": MEMORY, **options}
    for _ in range(2):
        # Ray waits for 30 s, which may be too little on a busy machine.
        with suppress(Exception):
            return cluster.add_node(**node)
    return cluster.add_node(**node)


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    def end(number: int, frame: object) -> None:
        raise TimeoutError(f"the test took more than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", ["store", "files"])
def test_workers_read_and_write_by_address(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    # The processes of the cluster are told of the store when they are started.
    far = request.getfixturevalue("object_store") if kind == "store" else Path(f"file://{tmp_path}")
    cluster = request.getfixturevalue("cluster")
    walking(frames=20, people=2).save(tmp_path / "walk.npz")
    remote.put(tmp_path / "walk.npz", far / "in" / "a.pose.npz")
    words = ["refine", remote.address(far / "in"), "--filter", "butterworth", "--out"]
    there = [*words, remote.address(far / "out"), "--engine", "ray", "--ray-address"]
    done = CliRunner().invoke(app, [*there, cluster.address])
    assert done.exit_code == 0, done.output
    made = mbcli.load(remote.fetch(far / "out" / "a.npz", tmp_path / "made"))
    here = CliRunner().invoke(app, [*words, str(tmp_path / "local.npz")])
    assert here.exit_code == 0, here.output
    np.testing.assert_array_equal(made.positions, mbcli.load(tmp_path / "local.npz").positions)


def test_rows_are_those_of_a_local_run(cluster: Any, tmp_path: Path) -> None:
    made = prepared(tmp_path, "a", "bad", "killed", "defect", "b")
    engine = RayEngine(cluster.address, len(made.jobs))
    ended: list[Result] = []
    shown: list[tuple[str, int, int | None]] = []

    class Display:
        @contextmanager
        def progress(self, title: str) -> Iterator[Observer]:
            yield lambda *step: shown.append(step)

    results = run_all(made, Copying(), Display(), engine=engine, done=ended.append)
    assert (shown[0], shown[-1]) == (("tasks", 0, 5), ("tasks", 5, 5))
    assert sorted(map(id, results)) == sorted(map(id, ended))
    rows = [
        result.error or (tmp_path / "out" / f"{n}.txt").read_text()
        for n, result in enumerate(results)
    ]
    lost = rows.pop(2)
    assert lost.startswith("its process was lost 4 times")
    assert rows == [
        "a 0 1",
        f"{tmp_path / '1.txt'}: bad indeed",
        "a defect of mbcli, ZeroDivisionError: of mine",
        "b 0 1",
    ]
    again = run_all(made, Copying(), silent, engine=engine)
    assert [result.finished for result in again] == [True, False, False, False, True]


def working(node: Any) -> list[psutil.Process]:
    """Processes of a node that are at a task, and have been for some time."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    return [
        process
        for process in raylet.children()
        if process.cmdline()[:1] in (["ray::_work_on"], ["ray::_look_at"])
        and process.cpu_times().user > 4
    ]


def test_results_are_those_of_a_local_run_though_a_node_is_killed(
    cluster: Any, walk: Path, tiny_lifter: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        shutil.copy(walk, tmp_path / f"{name}.mp4")
    node = add_node(cluster)
    there: list[set[str]] = []

    def kill() -> None:
        while not working(node):
            time.sleep(0.1)
        there.append({path.name for path in (tmp_path / "ray").glob("*.npz")})
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    words = ["infer", tmp_path, "--weights", tiny_lifter, "--end", "2", "--out"]
    far = [*words, tmp_path / "ray", "--engine", "ray", "--ray-address", cluster.address]
    far += ["--ray-split", "0.015"]  # minutes: in two parts each
    done = CliRunner().invoke(app, [*map(str, far)])
    assert done.exit_code == 0, done.output
    killer.join()
    assert there == [set()], "the node was killed before either result was there"
    assert done.stderr.count("the pictures were looked at in 2 parts") == 2
    here = CliRunner().invoke(app, [*map(str, words), str(tmp_path / "local"), "--jobs", "2"])
    assert here.exit_code == 0, here.output
    for name in ("a", "b"):
        one, other = (mbcli.load(tmp_path / at / f"{name}.npz") for at in ("ray", "local"))
        np.testing.assert_array_equal(one.positions, other.positions)
        np.testing.assert_array_equal(one.keypoints.data, other.keypoints.data)
        assert one.track_ids.tolist() == other.track_ids.tolist()


def test_poses_are_exported_and_drawn(cluster: Any, tmp_path: Path) -> None:
    walking(frames=20, people=2).save(tmp_path / "a.pose.npz")
    out = ["--out", str(tmp_path / "out"), "--engine", "ray", "--ray-address", cluster.address]
    for command in (["export", "--format", "bvh"], ["render", "--layout", "3d", "--width", "64"]):
        done = CliRunner().invoke(app, [*command, str(tmp_path), *out])
        assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "out").glob("a*"))
    assert names == ["a.mp4", "a_1.bvh", "a_2.bvh"]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_refused_in_one_line(address: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("")
    words = ["refine", tmp_path, "--filter", "butterworth", "--engine", "ray", "--ray-address"]
    done = CliRunner().invoke(app, [*map(str, words), address])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: --ray-address must be that of a running cluster")
    assert len(done.stderr.splitlines()) == 1
