"""The formats that ``mbcli data import`` reads: one module and one table entry per format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal

from mbcli.data.datasets.h36m_npz import read_h36m_npz
from mbcli.data.datasets.h36m_pickle import read_h36m_pickle
from mbcli.data.datasets.humaneva import read_humaneva
from mbcli.data.datasets.instavariety import read_instavariety
from mbcli.data.datasets.mpi_inf_3dhp import read_mpi_inf_3dhp
from mbcli.data.datasets.ntu_skeleton import read_ntu_skeleton
from mbcli.data.datasets.posetrack import read_posetrack
from mbcli.data.datasets.pyskl import read_pyskl
from mbcli.data.datasets.sequence_import import SequenceImport, import_sequences
from mbcli.data.datasets.threedpw import read_threedpw
from mbcli.data.datasets.tracks import read_tracks
from mbcli.data.recordings.amass import import_amass
from mbcli.data.recordings.importing import ImportReport, import_folder
from mbcli.data.recordings.joint_arrays import import_joint_arrays
from mbcli.data.recordings.reading import ImportOptions
from mbcli.errors import ConfigError


@dataclass(frozen=True)
class ImportFormat:
    """One format.

    Attributes:
        title: its usual name.
        store: the kind of store that the import creates.
        source: what SOURCE must be.
        run: ``(source, out, *, prefix, licence, progress, overwrite, **options)``.
        options: names of the additional options that it accepts.
    """

    title: str
    store: Literal["clips", "sequences"]
    source: Literal["folder", "file", "file or folder"]
    run: Callable[..., ImportReport]
    options: tuple[str, ...] = ()


def _sequences(
    title: str,
    source: Literal["folder", "file", "file or folder"],
    read: Callable[..., SequenceImport],
    *options: str,
) -> ImportFormat:
    return ImportFormat(title, "sequences", source, partial(import_sequences, read), options)


_READING = tuple(field.name for field in fields(ImportOptions))
_RECORDINGS = (*_READING, "subject", "jobs")


def _recordings(title: str, run: Callable[..., ImportReport]) -> ImportFormat:
    return ImportFormat(title, "clips", "file or folder", run, _RECORDINGS)


FORMATS: dict[str, ImportFormat] = {
    "bvh": _recordings("BVH", partial(import_folder, "bvh")),
    "asf-amc": _recordings("Acclaim ASF/AMC", partial(import_folder, "asf-amc")),
    "c3d": _recordings("C3D: markers or joint centres", partial(import_folder, "c3d")),
    "trc": _recordings("TRC: markers or joint centres", partial(import_folder, "trc")),
    "joints": _recordings("Places of named joints, .npz", import_joint_arrays),
    "amass": ImportFormat(
        "AMASS, by your SMPL-H models",
        "clips",
        "file or folder",
        import_amass,
        ("models", "fps", "max_fps", "subject", "jobs"),
    ),
    "h36m-pickle": _sequences("Human3.6M, MotionBERT's pickle", "file", read_h36m_pickle),
    "h36m-npz": _sequences(
        "Human3.6M, VideoPose3D's npz", "folder", read_h36m_npz, "detections", "cameras"
    ),
    "humaneva": _sequences("HumanEva-I, VideoPose3D's npz", "folder", read_humaneva, "detections"),
    "mpi-inf-3dhp": _sequences("MPI-INF-3DHP, both parts", "folder", read_mpi_inf_3dhp),
    "3dpw": _sequences("3DPW's sequence files", "folder", read_threedpw),
    "ntu-pyskl": _sequences("NTU RGB+D, PYSKL's 2D pickle", "file", read_pyskl, "fps"),
    "ntu-skeleton": _sequences("NTU RGB+D, raw .skeleton files", "folder", read_ntu_skeleton),
    "posetrack18": _sequences("PoseTrack 2018 annotations", "folder", read_posetrack, "fps"),
    "instavariety": _sequences(
        "InstaVariety, MotionBERT's arrays", "folder", read_instavariety, "fps"
    ),
    # The readers of keypoint files live on the same floor and cannot be imported here: the caller
    # passes `files` and `reader`.
    "keypoints": _sequences(
        "2D keypoint files of any kind that mbcli reads",
        "file or folder",
        read_tracks,
        "fps",
        "image_size",
        "joint_map",
    ),
}


def import_format(name: str) -> ImportFormat:
    """Look up a format by name.

    Raises:
        ConfigError: there is no format of this name.
    """
    if name not in FORMATS:
        raise ConfigError(f"the format must be one of {', '.join(FORMATS)}, got {name}")
    return FORMATS[name]
