"""Reader of AMASS (Mahmood et al. 2019): motion capture as SMPL-H poses, in ``.npz`` files.

========================  ===========  ====================================================
poses                     (F, 156)     axis times angle, radians, of SMPL-H's 52 joints
trans                     (F, 3)       metres, z up
betas                     (16,)        shape
gender                    text         male, female or neutral: the body model that was
                                       fitted
mocap_framerate, or       number       frames per second
mocap_frame_rate
========================  ===========  ====================================================

Every recording is one file; each data set has a folder, with a folder for each person in it.
``shape.npz`` and ``*_stagei.npz`` among the recordings contain no motion. Joint positions need the
body model, which must be requested from its authors: see `mbcli.data.recordings.smpl`.

Joints are computed by forward kinematics, as for other recordings; eyes, ears and nose are vertices
of the skin. SMPL's hip joints are closer together (about 0.12 m) than those of marker systems.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.body import body_positions
from mbcli.data.recordings.importing import ImportReport, Take, import_bodies
from mbcli.data.recordings.naming import files_in
from mbcli.data.recordings.reading import ImportOptions
from mbcli.data.recordings.smpl import FACE, JOINTS, VERTICES, SmplModel, turned
from mbcli.errors import ConfigError, DataError, InputError
from mbcli.kinematics.rotations import from_vectors
from mbcli.skeleton import BODY21
from mbcli.storage.plainpickle import load_plain_npz

_WIDTH = 156  # numbers per pose, see above
_RATES = ("mocap_framerate", "mocap_frame_rate")
_GENDERS = ("male", "female", "neutral")
_SUFFIXES = (".npz", ".pkl")

# From z up to y up.
_Y_UP = from_vectors((-np.pi / 2, 0.0, 0.0)).round()


def import_amass(
    source: Path,
    out: Path,
    *,
    models: Path | None = None,
    fps: float | None = None,
    max_fps: float = 60.0,
    subject: str | None = None,
    prefix: str = "",
    licence: str = "",
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
) -> ImportReport:
    """Read AMASS recordings under a folder into a new clip store.

    Args:
        source: a recording, or a folder that is searched recursively.
        out: the store to create.
        models: the body model file, or a folder with one for each gender, see `find_models`.
        fps: frames per second, instead of the files' own.
        max_fps: faster recordings keep every n-th frame so as not to exceed it.
        subject: see `import_folder`.
        prefix: put before the subject's name.
        licence: terms of use, recorded with every clip.
        jobs: number of parallel reader processes.
        progress: called with the number of files done and their total.
        overwrite: whether a store at ``out`` may be replaced.

    Returns:
        What was imported and what was refused.

    Raises:
        ConfigError: an option breaks its rule, or no body model was given.
        DataError: no recordings, all were refused, or a body model is damaged.
        OutputError: ``out`` exists or cannot be written.
    """
    if models is None:
        raise ConfigError(
            "AMASS needs the body model that it was fitted with: give the folder of SMPL-H "
            "files downloaded from mano.is.tue.mpg.de"
        )
    ImportOptions(fps=fps, max_fps=max_fps)
    files = [path for path in files_in(source) if _holds_motion(path)]
    if not files:
        raise DataError(f"{source}: must hold .npz recordings, got none")
    found = find_models(models)
    for path in set(found.values()):
        _model(path)
    return import_bodies(
        partial(read_amass, models=found, fps=fps),
        files,
        source,
        out,
        max_fps=max_fps,
        subject=subject,
        prefix=prefix,
        licence=licence,
        jobs=jobs,
        progress=progress,
        overwrite=overwrite,
    )


def find_models(path: Path) -> dict[str, Path]:
    """Body model files by gender.

    Args:
        path: one model, which is then used for every gender; or a folder with one ``.npz`` or
            ``.pkl`` file per gender, which has the gender as a word in its path, such as
            ``male/model.npz`` or ``SMPLH_MALE.pkl``.

    Raises:
        ConfigError: there is no model, or more than one for a gender.
    """
    if path.is_file():
        return dict.fromkeys(_GENDERS, path)
    if not path.is_dir():
        raise ConfigError(f"the body model must be a file or a folder of model files, got {path}")
    models: dict[str, Path] = {}
    for file in sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES):
        words = re.split(r"[^a-z]+", file.relative_to(path).as_posix().lower())
        for gender in set(_GENDERS).intersection(words):
            if gender in models:
                raise ConfigError(
                    f"{path} must hold one body model for each gender, got {models[gender].name} "
                    f"and {file.name} for {gender}"
                )
            models[gender] = file
    if not models:
        raise ConfigError(
            f"{path} must hold a body model, .npz or .pkl, with {', '.join(_GENDERS[:-1])} or "
            f"{_GENDERS[-1]} as a word in its name, got none"
        )
    return models


def read_amass(path: Path, models: dict[str, Path], *, fps: float | None = None) -> Take:
    """Read one recording.

    Args:
        path: the ``.npz`` file.
        models: see `find_models`.
        fps: frames per second, instead of the file's own.

    Raises:
        DataError: the file violates the format, or there is no body model for its gender.
    """
    data = _load(path)
    poses = _numbers(path, data["poses"], "poses", (None, _WIDTH))
    trans = _numbers(path, data["trans"], "trans", (len(poses), 3))
    betas = _numbers(path, data["betas"], "betas", (None,))
    fps = fps or float(_numbers(path, data["rate"], "the frame rate", ()))
    gender = _gender(data["gender"])
    if gender not in models:
        raise DataError(
            f"{path}: a body model of gender {gender!r:.40} is needed, got {', '.join(models)}"
        )
    model = _model(models[gender])
    # The hands move no joint of the body, so a model with fewer joints than SMPL-H also works.
    turns = np.zeros((len(poses), len(model.parents), 3))
    given = poses.reshape(len(poses), -1, 3)
    count = given.shape[1] if len(model.parents) == given.shape[1] else len(JOINTS)
    turns[:, :count] = given[:, :count]
    motion = turned(model.recording(turns, trans, betas, fps=fps, source=path), _Y_UP)
    body = body_positions(motion)
    if len(model.template) == VERTICES:
        skin = model.surface(motion, betas, tuple(FACE.values()))
        body[:, [BODY21.index(name) for name in FACE]] = skin
    return Take(body, fps, read_as="z up (by the format), m (by the format)")


def _holds_motion(path: Path) -> bool:
    return path.suffix == ".npz" and path.name != "shape.npz" and not path.stem.endswith("_stagei")


@lru_cache(maxsize=len(_GENDERS))
def _model(path: Path) -> SmplModel:
    return SmplModel.load(path)


def _load(path: Path) -> dict[str, npt.NDArray[Any]]:
    last: InputError | None = None
    for rate in _RATES:
        try:
            data = load_plain_npz(path, ("poses", "trans", "betas", "gender", rate))
        except InputError as error:
            last = last or error
        else:
            return {**data, "rate": data[rate]}
    raise DataError(str(last)) from last


def _numbers(
    path: Path, array: npt.NDArray[Any], name: str, shape: tuple[int | None, ...]
) -> npt.NDArray[np.float64]:
    fits = array.dtype.kind in "iuf" and array.ndim == len(shape)
    if not fits or any(n not in (None, got) for n, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise DataError(
            f"{path}: {name} must be numbers of shape ({wanted}), got {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all() or not array.size:
        raise DataError(f"{path}: {name} must be finite numbers")
    return array.astype(np.float64)


def _gender(array: npt.NDArray[Any]) -> str:
    value = array.item() if array.size == 1 else ""
    text = value.decode("latin1") if isinstance(value, bytes) else str(value)
    # Some files store the repr of a Python bytes object.
    return text.strip().removeprefix("b").strip("'\"").lower()
