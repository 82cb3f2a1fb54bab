"""Values of people, kept from their first frame to their last."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.spans import PerPerson, Spans


def coming_and_going(seed: int, frames: int = 40, people: int = 7) -> np.ndarray:
    """(T, P, 2) numbers of people who come and go, some with gaps, and one never seen."""
    rng = np.random.default_rng(seed)
    dense = np.full((frames, people, 2), np.nan, np.float32)
    for who in range(people - 1):
        first, stop = np.sort(rng.choice(frames + 1, 2, replace=False))
        dense[first:stop, who] = rng.normal(size=(stop - first, 2))
        dense[first:stop, who][rng.random(stop - first) < 0.2] = np.nan
    return dense


@pytest.mark.parametrize("seed", range(5))
def test_an_array_comes_back_as_it_was(seed: int) -> None:
    dense = coming_and_going(seed)
    values = PerPerson.of(dense, np.nan)
    np.testing.assert_array_equal(values.dense(), dense)
    assert values.shape == dense.shape
    seen = np.isfinite(dense).any(axis=-1)
    for who in range(dense.shape[1]):
        np.testing.assert_array_equal(values.whole(who), dense[:, who])
        # Nothing but the frames from the first to the last is kept.
        there = np.flatnonzero(seen[:, who])
        assert len(values[who]) == (np.ptp(there) + 1 if len(there) else 0)


@pytest.mark.parametrize("seed", range(5))
def test_sections_and_selections_are_those_of_the_array(seed: int) -> None:
    dense = coming_and_going(seed)
    values = PerPerson.of(dense, np.nan)
    for frames, columns in (
        (slice(0, 40), [3, 0, 6]),
        (slice(11, 25), [0, 1, 2, 3]),
        (slice(5, 6), [4]),
    ):
        part = values.part(frames, columns)
        np.testing.assert_array_equal(part.dense(), dense[frames][:, columns])
    for frame in range(40):
        near = values.spans.people_in(slice(frame, frame + 1))
        np.testing.assert_array_equal(values.at(frame, near), dense[frame, near])
        assert not np.isfinite(np.delete(dense[frame], near, axis=0)).any()


@pytest.mark.parametrize("seed", range(5))
def test_rows_say_whose_and_when_they_are(seed: int) -> None:
    dense = coming_and_going(seed)
    values = PerPerson.of(dense, np.nan)
    spans = values.spans
    np.testing.assert_array_equal(values.rows, dense[spans.frame, spans.person])
    np.testing.assert_array_equal(spans.row(spans.frame, spans.person), np.arange(spans.rows))
    sightings = np.argwhere(np.isfinite(dense).any(axis=-1))
    found = Spans.of(40, 7, sightings[:, 0], sightings[:, 1])
    assert found.same(spans)


def test_equal_values_in_other_spans_are_equal() -> None:
    dense = coming_and_going(1)
    values = PerPerson.of(dense, np.nan)
    wide = values.within(Spans(40, np.zeros(7, np.int64), np.full(7, 40)))
    assert wide.spans.rows == 280
    assert wide == values
    np.testing.assert_array_equal(wide.dense(), dense)
    changed = dense.copy()
    changed[np.isfinite(dense)] += 1
    assert PerPerson.of(changed, np.nan) != values
    assert PerPerson.of(dense.astype(np.float64), np.nan) != values


def test_a_single_person_throughout_is_not_copied() -> None:
    values = PerPerson.of(np.ones((5, 1, 3), np.float32), np.nan)
    assert np.shares_memory(values.dense(), values.rows)
    with pytest.raises(ValueError, match="read-only"):
        values.dense()[0] = 0
