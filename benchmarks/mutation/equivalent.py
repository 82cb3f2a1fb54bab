"""Changes that no test can notice, since the code does the same with them.

Each is given by the line as it reads with the change, and by the reason. What is measured leaves
them out.
"""

from __future__ import annotations

from collections.abc import Mapping

_OTHER_INTERVAL = "polynomials over another interval are the same"
_BROADCAST = "before the first frame, one row serves all"
_EXACT = "only rounding errors are that small"
_NO_LEG = "only legs without any length are shorter"
_ONE_AXIS = "the last axis is this one"
_ROWS = "NumPy finds the number of rows for any negative one"
_NO_FRAME = "any negative number is no frame"
_NOBODY = "of nobody, no direction is used"
_FIRST = "nothing is filtered in the first frame"
_FARTHER = "one more window is tried, which is farther off"
_FINE = "the same crossing is found between other steps"
_KEYS = "keys of the two kinds differ all the same"
_ALL_NUMBERED = "every box comes back, and is overwritten"

# Module -> changed line -> why nothing changes.
EQUIVALENT: Mapping[str, Mapping[str, str]] = {
    "refinement/feet.py": {
        "speed[start:stop] = np.linalg.norm(velocity - ((1 + _ALONG)) * along, axis=-1)": "what is "
        "left along the line of sight is as long, and points backwards",
    },
    "refinement/filters.py": {
        "step = timestamps[now] - timestamps[now - 1] if now else (0.0)": _FIRST,
        "step = timestamps[now] - timestamps[now - 1] if now else (2.0)": _FIRST,
        "steps = np.linspace(0, min(0.5, (order + 1) / window), (9) * (order + 1)).tolist()": _FINE,
        "share = _share(cutoff + beta * np.linalg.norm(speed, axis=(1)), step)[:, None]": _ONE_AXIS,
        "near = {window: _half_power(window, order) for window in windows"
        "[max(first - (2), 0) : first + 1]}": _FARTHER,
        "near = {window: _half_power(window, order) for window in windows"
        "[max(first - 1, 0) : first + (2)]}": _FARTHER,
        "steps = np.linspace(0, min(0.5, (order + (2)) / window), 8 * (order + 1)).tolist()": _FINE,
        "steps = np.linspace(0, min(0.5, (order + 1) / window), 8 * (order + (2))).tolist()": _FINE,
        "below = next((step for step in steps if (above(step) <= 0)), None)": _EXACT,
    },
    "refinement/floor.py": {
        "residual = (points @ direction + parameters[2:][column])": "heights are found upwards",
        "_DENSE = (200001)": "sparse matrices solve the same",
    },
    "refinement/gaps.py": {
        "_TOLERANCE = (2e-06)  # seconds; time stamps are sums of rounded steps": _EXACT,
    },
    "refinement/held.py": {
        "left = np.clip(1 - gone / max(carry, (2e-09)), 0.0, 1.0)": "it is 0, or some frames",
    },
    "kinematics/legs.py": {
        "along = (length**2 + thigh**2 - shank**2) / (2 * np.maximum(length, (2e-09)))": _NO_LEG,
        "length = np.clip(np.linalg.norm(wanted, axis=(1)), shortest + 1e-6, limit)": _ONE_AXIS,
        "part = np.linalg.norm(bend, axis=(1)) / np.maximum(longest, 1e-9)": _ONE_AXIS,
        "part = np.linalg.norm(bend, axis=-1) / np.maximum(longest, (2e-09))": _NO_LEG,
    },
    "refinement/options.py": {
        'if self.filter == "butterworth" and self.order not in range(2, (14), 2):': "12 is the "
        "last even number before both",
    },
    "refinement/planted.py": {
        "return np.asarray((one * other).sum(axis=(1)))": _ONE_AXIS,
        "firm = _huber(np.linalg.norm(beside, axis=(1)), _OUTLIER * _FOOT)": _ONE_AXIS,
        "solution = np.asarray(spsolve(system.tocsc(), right.ravel())).reshape(-(2), 3)": _ROWS,
    },
    "refinement/world.py": {
        'return _Upright(np.array([(1.0), 1.0, 0.0]), float("nan"), 0)': _NOBODY,
        'return _Upright(np.array([0.0, (0.0), 0.0]), float("nan"), 0)': _NOBODY,
        'return _Upright(np.array([0.0, (2.0), 0.0]), float("nan"), 0)': _NOBODY,
        'return _Upright(np.array([0.0, 1.0, (1.0)]), float("nan"), 0)': _NOBODY,
    },
    "tracks/cuts.py": {
        "return stays and new and change >= _STANDS_OUT * max(beside, default=(1.0))": "a change "
        "is 20 or more",
    },
    "tracks/flicker.py": {
        "numbers = np.arange(frames).reshape(-(2), *[1] * (known.ndim - 1))": _ROWS,
        "before = np.full(known.shape, -(2))": _NO_FRAME,
        "upto = np.maximum.accumulate(np.where(known, numbers, -(2)), axis=0)": _NO_FRAME,
        "upto = (np.maximum.accumulate(np.where(known, numbers, -1)))": "the first axis is meant "
        "by default",
        "onwards = (np.minimum.accumulate(np.where(known, numbers, frames)[::-1]))[::-1]": "the "
        "first axis is meant by default",
    },
    "tracks/looking.py": {
        "last = -(2)": "the first frame is number 0",
    },
    "tracks/joining.py": {
        "who = np.where(ids >= 0, ids, -(2) - np.arange(len(ids)))": _KEYS,
    },
    "tracks/seen.py": {
        '"looks": np.concatenate([frame.looks for frame in frames]).reshape(-(2), LOOKS),': _ROWS,
    },
    "tracks/swaps.py": {
        "continue": "what begins even earlier lasts even longer",
    },
    "tracks/tracker.py": {
        "ids = np.full(len(poses), (1), dtype=np.int64)": _ALL_NUMBERED,
        "ids = np.full(len(poses), -(2), dtype=np.int64)": _ALL_NUMBERED,
    },
}
