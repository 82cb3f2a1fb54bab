"""What is measured on the footage: our weights, the trivial answers, and BlazePose."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.figures import Figures, figures, mean_figures
from benchmarks.accuracy.footage import HIPS, Footage, exact, flat, lift, limbs_of, mean_pose
from benchmarks.accuracy.place import Place, place
from benchmarks.accuracy.reference import BONES, LIMBS
from mbcli.errors import InputError
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import BLAZEPOSE33, H36M17
from mbcli.types import FloatArray

Answer = Sequence[FloatArray]  # (T, 12, 3) a view

BLAZEPOSE = {"full": 1, "heavy": 2}
_OF_BLAZEPOSE = [BLAZEPOSE33.index(H36M17.joints[joint]) for joint in LIMBS]
_CONSTANT_BONES = RefineOptions(bones=True, symmetric=True)
_SCRIPT = Path(__file__).parent / "blazepose.py"


def ours(footage: Footage, weights: str) -> tuple[dict[str, Answer], dict[str, list[Place]]]:
    """Each view lifted alone; sizes and places with what is given and what is assumed."""
    name, views = Path(weights).stem, range(len(footage.views))
    tracks = footage.reference.tracks
    answers: dict[str, Answer] = {}
    places: dict[str, list[Place]] = {}
    for focal, height in itertools.product((True, False), repeat=2):
        motions = [
            lift(footage, weights, view, found, focal=focal, height=height)
            for view, found in enumerate(footage.detections)
        ]
        limbs = [limbs_of(motions[view], tracks[view]) for view in views]
        known = f"{name}, focal length {'given' if focal else 'assumed'}"
        if height:
            answers[known] = limbs
        if height and focal:
            answers[f"{name}, --bones --symmetric"] = [
                limbs_of(refine(motions[view], _CONSTANT_BONES), tracks[view]) for view in views
            ]
        places[f"{known}, {'height given' if height else '1.70 m assumed'}"] = [
            place(limbs[view], footage.target(view), footage.fps) for view in views
        ]
    answers[f"{name}, exact 2D"] = [
        limbs_of(
            lift(footage, weights, view, exact(footage, view), focal=True, height=True),
            tracks[view],
        )
        for view in views
    ]
    return answers, places


def trivial(footage: Footage, training_mean: FloatArray | None) -> dict[str, Answer]:
    """Answers that know nothing of depth.

    Args:
        footage: the recording.
        training_mean: (17, 3) mean pose of the training people, if there is a store.
    """
    views = range(len(footage.views))
    joints = footage.reference.joints
    answers: dict[str, Answer] = {
        "depth zero, exact 2D": [flat(footage.views[v].project(joints)) for v in views],
        "depth zero, our 2D": [flat(footage.keypoints(v)[..., :2]) for v in views],
        "the clip's mean pose": [mean_pose(footage.target(v)) for v in views],
    }
    if training_mean is not None:
        still = np.broadcast_to(training_mean[LIMBS], joints.shape)
        answers["mean pose of the training people"] = [still for _ in views]
    return answers


def blazepose(footage: Footage, python: str, folder: Path) -> dict[str, Answer]:
    """BlazePose's world landmarks, from ``folder`` if they were made before.

    Args:
        footage: the recording.
        python: an interpreter that has mediapipe.
        folder: where the landmarks are kept.

    Raises:
        InputError: the interpreter cannot run it.
    """
    boxes = folder / "boxes.npz"
    arrays: dict[str, Any] = {f"boxes_{v}": footage.boxes(v) for v in range(len(footage.views))}
    np.savez(boxes, **arrays)
    answers: dict[str, Answer] = {}
    for name, complexity in BLAZEPOSE.items():
        out = folder / f"blazepose_{name}.npz"
        if not out.exists():
            words = [python, str(_SCRIPT), "--complexity", str(complexity), "--boxes", str(boxes)]
            done = subprocess.run(
                [*words, "--out", str(out), *map(str, footage.videos)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
                raise InputError(f"BlazePose {name} must run with {python}, got: {last}")
        with np.load(out, allow_pickle=False) as found:
            answers[f"BlazePose {name}"] = [
                found[f"world_{v}"][:, _OF_BLAZEPOSE].astype(np.float64)
                for v in range(len(footage.views))
            ]
    return answers


def measure(footage: Footage, answers: Mapping[str, Answer]) -> dict[str, list[Figures]]:
    """The figures of each answer, the mean of the views first, then view by view."""
    measured: dict[str, list[Figures]] = {}
    for name, answer in answers.items():
        found = [
            figures(poses, footage.target(v), fps=footage.fps, hips=HIPS, bones=BONES)
            for v, poses in enumerate(answer)
        ]
        known = [part for part in found if part is not None]
        if len(known) == len(found):
            measured[name] = [mean_figures(known, by_frames=False), *known]
    return measured
