from __future__ import annotations

import pytest

from mbcli.train.share import Share


def test_processes_together_draw_what_one_draws():
    whole = Share(64).seeds(5, 7)
    assert sum(count for count, _ in whole) == 64
    for processes in (2, 4, 8):
        parts = [Share(64, rank, processes) for rank in range(processes)]
        assert [seed for part in parts for seed in part.seeds(5, 7)] == whole
        assert [place for part in parts for place in part.places] == list(range(64))


@pytest.mark.parametrize("batch", [1, 3, 12, 20])
def test_any_batch_is_drawn_whole(batch: int):
    assert sum(count for count, _ in Share(batch).seeds(0, 0)) == batch


def test_seeds_differ_by_step_place_and_run():
    drawn = [
        seed for run in range(3) for step in range(50) for _, seed in Share(64).seeds(run, step)
    ]
    assert len(set(drawn)) == len(drawn)
