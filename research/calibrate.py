"""Calibrate a lifter's expected errors on people it was not trained on.

    python -m research.calibrate STORE --weights NAME|PATH --out CALIBRATED
        [--feet] [--span SECONDS] [--clips 300] [--picture reliability.png]
        [--figures reliability.json]

The held-out people of the weights are parted into two halves of about the same length. Recordings
of both are filmed by virtual cameras with fixed seeds, lifted by the code of ``mbcli infer`` with
the true body height and focal length, and compared with the truth, joint by joint. The model of
`mbcli.lift.expected_error` is fitted to one half and checked on the other. The weights are written
with the model in their metadata; their tensors stay as they are. ``--span`` records the longest
duration of a window, and calibrates with such windows.

Half of the clips carry the measured errors of a 2D front end, a quarter those and a limb that is
not seen for most of the clip, and a quarter the published detector noise with single joints and
frames missing. A lifter with feet sees them in half of the clips.

``--feet`` calibrates the lifter with the feet in the same file; the body's calibration stays.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mbcli.camera import camera_from
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError
from mbcli.geometry import from_ray
from mbcli.lift.checkpoint import load_feet, load_lifter, with_metadata
from mbcli.lift.error_features import features
from mbcli.lift.expected_error import METADATA_KEY
from mbcli.lift.feet import WithFeet
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.lift.model import DSTformer
from mbcli.options import DEFAULT_LOW_PASS
from mbcli.placing.place import place
from mbcli.skeleton import BODY23, FOOT
from mbcli.train.bodies import stature, vary
from mbcli.train.cameras import view
from mbcli.train.config import PretrainConfig
from mbcli.train.draw import Draw
from mbcli.train.error_fit import fit_errors, reliability
from mbcli.train.feet import FeetBatch, FeetSynthesiser
from mbcli.train.sampling import ClipSampler
from mbcli.train.synthesis import Batch, Synthesiser
from mbcli.types import FloatArray, Keypoints2D
from mbcli.weights import resolve

SIZE = (1920, 1080)
STEP = 2  # frames from one sample to the next: neighbours add little
SEEDS = {"fit": 1_000_000, "check": 2_000_000}
# Of every four clips.
INPUTS = ("measured", "measured", "hidden limb", "published noise")
LIMBS = tuple(
    tuple(f"{side}_{joint}" for joint in limb)
    for limb in (("elbow", "wrist"), ("knee", "ankle", *FOOT))
    for side in ("left", "right")
)
FEET_HIDDEN = 0.5  # share of the clips in which no foot is seen


@dataclass(frozen=True)
class Samples:
    """Frames of filmed people.

    Attributes:
        features: (N, J, features).
        errors: (N, J) fractions of the height.
        heights: (N,) metres.
        inputs: (N,) kind of the 2D input.
    """

    features: FloatArray
    errors: FloatArray
    heights: FloatArray
    inputs: Any


def configuration(metadata: Mapping[str, Any], store: Path, **corruption: float) -> PretrainConfig:
    """Bodies, cameras and corruption of the training."""
    config = metadata["config"]
    sections = {name: config[name] for name in ("clips", "camera", "model") if name in config}
    return PretrainConfig.model_validate(
        {
            **sections,
            "data": {"store": store},
            "run": {"out": ".", "steps": 1},
            "corruption": {**config.get("corruption", {}), **corruption},
        }
    )


def halves(store: ClipStore, people: Collection[str]) -> dict[str, list[str]]:
    """People for the fit and for the check, with about as much to see of both.

    Postures made with somebody's recordings (`research.postures`) go with that person.
    """
    seconds = dict.fromkeys(people, 0.0)
    for clip in store.clips:
        if clip.subject in seconds:
            seconds[clip.subject] += clip.frames / clip.fps
    members: dict[str, list[str]] = {}
    for who in sorted(seconds):
        members.setdefault(who.removeprefix("posed-"), []).append(who)
    totals = {person: sum(seconds[who] for who in names) for person, names in members.items()}
    parts: dict[str, list[str]] = {"fit": [], "check": []}
    for person in sorted(members, key=lambda person: (-totals[person], person)):
        part = min(parts, key=lambda part: sum(seconds[who] for who in parts[part]))
        parts[part] += members[person]
    if not parts["check"]:
        raise ConfigError("the weights must name at least 2 held-out people to calibrate on")
    return parts


class Studio:
    """Films held-out people and lifts them.

    Args:
        store: the recordings.
        lifter: what is calibrated.
        path: of the store, as configurations name it.
    """

    def __init__(self, store: ClipStore, lifter: Lifter, path: Path) -> None:
        self._store, self._lifter = store, lifter
        # A clip of two windows: with seams, and frames near the ends as well as within.
        frames = lifter.window + lifter.window // 2 + 1
        measured = configuration(
            lifter.metadata, path, measured=1.0, frame_mask=0.02, joint_mask=0.02
        )
        self._configs = {"measured": measured, "hidden limb": measured}
        self._configs["published noise"] = configuration(lifter.metadata, path, measured=0.0)
        # At all frame rates: what is longer than a window is parted as a video is.
        self._clips = measured.clips.model_copy(update={"frames": frames, "span": None})
        self._camera = camera_from(SIZE)

    def film(self, people: Collection[str], count: int, first_seed: int, what: str) -> Samples:
        """Frames of ``count`` clips."""
        feet = self._lifter.skeleton == BODY23
        sampler = ClipSampler(self._store, people, self._clips, feet=feet)
        cpu = torch.device("cpu")
        crews: dict[str, Synthesiser | FeetSynthesiser] = {
            name: FeetSynthesiser(sampler, config, FEET_HIDDEN, 0.0, cpu)
            if feet
            else Synthesiser(sampler, config, cpu)
            for name, config in self._configs.items()
        }
        parts = []
        for number in track(range(count), what, console=Console(stderr=True)):
            kind = INPUTS[number % len(INPUTS)]
            parts.append(self._clip(sampler, crews[kind], first_seed + number, kind))
        return Samples(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _clip(
        self, sampler: ClipSampler, crew: Synthesiser | FeetSynthesiser, seed: int, kind: str
    ) -> tuple[FloatArray, FloatArray, FloatArray, Any]:
        draw, cpu = Draw.seeded(2 * seed), Draw.seeded(2 * seed + 1)
        world, fps = sampler.draw(1, cpu)
        seen = view(vary(world, self._clips, draw), self._configs[kind].camera, draw)
        batch = crew.film(seen, fps, draw)
        keypoints = self._tracks(batch, float(fps[0]))
        if kind == "hidden limb":
            keypoints = without_a_limb(keypoints, np.random.default_rng(seed))
        height = float(stature(seen)[0])
        lifted = self._lifter.lift_with_disagreement(keypoints)
        steady, positions, _ = place(
            lifted.poses,
            keypoints,
            height=height,
            camera=self._camera,
            along_ray=self._lifter.along_ray,
            cutoff=DEFAULT_LOW_PASS,
        )
        inputs = features(replace(lifted, poses=steady), keypoints, positions, height)[:, 0]
        errors = np.linalg.norm(positions[:, 0] - self._truth(batch), axis=-1) / height
        there = np.flatnonzero(np.isfinite(inputs).all(axis=(1, 2)))[::STEP]
        return (
            inputs[there],
            errors[there],
            np.full(len(there), height),
            np.full(len(there), kind),
        )

    def _truth(self, batch: Batch | FeetBatch) -> FloatArray:
        """(T, J, 3) metres in the camera's axes, the pelvis at 0: what is asked of the lifter."""
        target, root = batch.target[0].double().numpy(), batch.root[0].double().numpy()
        pose = (target - target[:, :1]) / batch.scale[0].double().numpy()[:, None, None]
        return from_ray(pose, root[:, :2] / root[:, 2:]) if self._lifter.along_ray else pose

    def _tracks(self, batch: Batch | FeetBatch, fps: float) -> Keypoints2D:
        """The network's input back in the picture where the camera saw it."""
        pelvis = batch.root[0].double().numpy()  # (T, 3)
        half = 1 / (pelvis[:, 2] * batch.scale[0].double().numpy())  # (T,)
        origin = batch.target[0, :, 0, :2].double().numpy()
        center = pelvis[:, :2] / pelvis[:, 2:] - half[:, None] * origin  # (T, 2)
        data = batch.inputs[0].double().numpy().copy()  # (T, J, 3)
        missing = data[..., 2] <= 0
        data[..., :2] = data[..., :2] * half[:, None, None] + center[:, None]
        data[..., :2] = data[..., :2] * self._camera.focal + np.array(SIZE) / 2
        data[missing] = np.nan, np.nan, 0.0
        frames = len(data)
        return Keypoints2D(
            data=data[:, None],
            skeleton=self._lifter.skeleton,
            fps=fps,
            timestamps=np.arange(frames) / fps,
            size=SIZE,
            track_ids=np.array([1]),
            boxes=np.zeros((frames, 1, 4)),
            frame_index=np.arange(frames),
        )


def without_a_limb(keypoints: Keypoints2D, rng: np.random.Generator) -> Keypoints2D:
    """The tracks with a forearm or shin missing for half of the clip or more."""
    data = keypoints.data.copy()
    frames = len(data)
    length = rng.integers(frames // 2, frames + 1)
    first = rng.integers(0, frames - length + 1)
    names = keypoints.skeleton.joints
    joints = [names.index(name) for name in LIMBS[rng.integers(len(LIMBS))] if name in names]
    data[first : first + length, :, joints] = np.nan, np.nan, 0.0
    return replace(keypoints, data=data)


def draw_picture(path: Path, expected: FloatArray, errors: FloatArray, figures: Any) -> None:
    """Expected against observed error, over all joints and joint by joint, in millimetres."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    bins = figures["bins"]
    x, y = ([row[key] for row in bins] for key in ("expected", "observed"))
    top = 1.15 * max(max(x), max(row["upper_quartile"] for row in bins))
    left.plot([0, top], [0, top], color="0.6", linewidth=1, label="as expected")
    quartiles = [[row[key] for row in bins] for key in ("lower_quartile", "upper_quartile")]
    left.fill_between(x, *quartiles, color="#9ecae1", alpha=0.5, label="middle half of errors")
    left.plot(x, y, "o-", color="#08519c", label="mean error, by tenths of the joints")
    left.set(
        xlabel="expected error (mm)", ylabel="observed error (mm)", xlim=(0, top), ylim=(0, top)
    )
    left.set_title(
        f"people who were not in the fit: r = {figures['correlation']:.2f}, "
        f"off by {figures['calibration_error']:.1f} mm"
    )
    left.legend(loc="upper left")
    by_joint = figures["joints"]
    joints = list(by_joint)
    rows = np.arange(len(joints))
    for shift, key, colour in ((-0.2, "expected", "#9ecae1"), (0.2, "observed", "#08519c")):
        values = [by_joint[joint][key] for joint in joints]
        right.barh(rows + shift, values, 0.38, color=colour, label=f"{key}, mean")
    right.set_yticks(rows, [joint.replace("_", " ") for joint in joints])
    right.invert_yaxis()
    right.set(xlabel="error (mm)")
    right.set_title(f"{len(errors)} frames, by joint")
    right.legend()
    figure.savefig(path, dpi=120)


def report(figures: Mapping[str, Any], names: Collection[str]) -> None:
    """Print the figures of the check: of everything, by input and by joint."""
    table = Table(title="people who were not in the fit, millimetres")
    table.add_column(no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    rows = {"all": figures, **figures["inputs"], **figures["joints"]}
    for title, row in rows.items():
        table.add_row(title, *(f"{row[name]:.2f}" for name in names))
    Console(width=110).print(table)


def main() -> None:
    """Calibrate, check, and write weights, picture and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--weights", default="mbcli-lifter")
    parser.add_argument("--out", type=Path, required=True, help="the weights with the calibration")
    parser.add_argument("--clips", type=int, default=300, help="of the fit, and of the check")
    parser.add_argument("--picture", type=Path, help="reliability as PNG; beside --out if missing")
    parser.add_argument("--figures", type=Path, help="as JSON; beside --out if missing")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--feet", action="store_true", help="calibrate the lifter with feet")
    parser.add_argument(
        "--span", type=float, help="maximum seconds per window; as in the weights if not given"
    )
    arguments = parser.parse_args()
    if arguments.feet and arguments.span is not None:
        parser.error("--span belongs to the body, which --feet does not calibrate")
    if arguments.span is not None and not arguments.span > 0:
        parser.error(f"--span must be more than 0 seconds, got {arguments.span:g}")
    if arguments.clips < len(INPUTS):
        parser.error(f"--clips must be at least {len(INPUTS)}, got {arguments.clips}")

    store = ClipStore.open(arguments.store)
    source = resolve(arguments.weights)
    model, info = load_lifter(source)
    lifting: DSTformer | WithFeet = model
    if arguments.feet:
        lifting, info = load_feet(source, model, info)
    metadata = dict(info.metadata)
    if "config" not in metadata:
        parser.error(
            f"{source} does not record whom it was not trained on: only our own weights do"
        )
    metadata.pop(METADATA_KEY, None)
    if arguments.span is not None:
        metadata["span"] = arguments.span
    lifter = Lifter(lifting, LiftOptions(device=arguments.device, batch_size=16), metadata)
    # Of a lifter with feet, neither network has seen them.
    trained = metadata["feet"] if arguments.feet else metadata
    people = halves(store, trained["config"]["data"]["holdout"])
    studio = Studio(store, lifter, arguments.store)
    films = {part: studio.film(people[part], arguments.clips, SEEDS[part], part) for part in people}
    fitted = fit_errors(films["fit"].features, films["fit"].errors, lifter.skeleton)
    check = films["check"]
    metres = check.heights[:, None] * 1000
    expected, errors = fitted(check.features) * metres, check.errors * metres
    figures = reliability(expected, errors, lifter.skeleton)
    figures["inputs"] = {
        kind: reliability(
            expected[check.inputs == kind], errors[check.inputs == kind], lifter.skeleton
        )
        for kind in dict.fromkeys(INPUTS)
    }
    brief = ("expected", "observed", "correlation", "within_2x", "below_2x", "calibration_error")
    about = {
        "people": people,
        "clips": arguments.clips,
        "frames": {part: len(film.errors) for part, film in films.items()},
        "check_mm": {key: figures[key] for key in brief},
    }
    calibrated = {METADATA_KEY: replace(fitted, about=about).to_metadata()}
    if arguments.feet:
        with_metadata(source, arguments.out, feet={**metadata["feet"], **calibrated})
    else:
        with_metadata(source, arguments.out, {**metadata, **calibrated})
    report(figures, brief)
    picture = arguments.picture or arguments.out.with_suffix(".reliability.png")
    draw_picture(picture, expected, errors, figures)
    document = {"weights": str(arguments.weights), **about, "figures": figures}
    (arguments.figures or arguments.out.with_suffix(".reliability.json")).write_text(
        json.dumps(document, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
