"""What a user can choose about an inference, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mbcli.errors import ConfigError
from mbcli.excerpt import Excerpt
from mbcli.flags import option
from mbcli.people import EVERYBODY, GRAMMAR, read_person
from mbcli.pose2d import AUTO, BACKENDS, Pose2DOptions

DEFAULT_LIFTER = "mbcli-lifter"
# Hz. Of what 249 recordings of people (CMU) hold, it takes 0.6 mm in the mean and 3 mm in 1 of 100
# joints; 6 Hz, the custom for gait, takes 1.0 and 5.
DEFAULT_LOW_PASS = 10.0
PRECISIONS = ("float32", "bfloat16", "float16")  # the lifter's table is mbcli.lift.runtime's
COMPAT = ("motionbert",)

INPUT, PEOPLE, NETWORKS, KEYPOINTS, MESH = (
    "What to read",
    "People and camera",
    "Networks",
    "2D stage",
    "Body meshes",
)
_NAMED = "NAME|PATH"
_TURNS = ("0", "90", "180", "270")
CUTS = ("auto", "off")


def parse_size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as two numbers.

    Raises:
        ConfigError: it is written otherwise.
    """
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*[xX]\s*([0-9]{1,9})\s*", text)
    if found is None:
        raise ConfigError(f"--image-size must be WIDTHxHEIGHT, such as 1920x1080, got {text!r}")
    return int(found[1]), int(found[2])


def quarter_turn(value: str | int) -> int:
    """Degrees clockwise by which pictures are turned.

    Raises:
        ConfigError: not a whole number of quarter turns below a full one.
    """
    if str(value).strip() not in _TURNS:
        raise ConfigError(f"--rotate must be {', '.join(_TURNS)} degrees, got {value!r}")
    return int(value)


def joint_map_of(path: str) -> dict[str, str]:
    """The joint map in a JSON file.

    Raises:
        InputError, ConfigError: the file cannot be read, or names joints that mbcli does not know.
    """
    # Imported on use, so that --help answers at once.
    from mbcli.keypoints.joint_names import read_joint_map

    return read_joint_map(Path(path))


@dataclass(frozen=True)
class InferOptions(Pose2DOptions):
    """How to get from a video to 3D motion.

    Attributes:
        min_score, pose2d_mode, pose2d_config, pose2d_checkpoint, det_config, det_checkpoint,
            pose2d_flip, pose2d_batch: see `Pose2DOptions`.
        device: for lifting, and for front ends that can use it.
        start: seconds of the source at which to begin; its beginning if None.
        end: seconds at which to stop; its end if None.
        every: take every n-th frame.
        rotate: degrees clockwise by which the pictures are turned first: 0, 90, 180 or 270.
        cuts: ``auto`` ends tracks at scene cuts; ``off`` takes the clip for one shot.
        person: ``all``, ``largest`` or track ids such as ``1,3``.
        height: standing height of the people in metres; 1.70 is assumed if None.
        focal: focal length in pixels; from ``fov`` if None.
        fov: field of view in degrees across the picture's longer side; 55 is assumed if None.
        pose2d: 2D front end, a key of ``mbcli.pose2d.BACKENDS``, or ``auto``; see
            `mbcli.pose2d.choose`.
        image_size: (width, height) of the pictures, for a keypoint file that does not tell.
        fps: frames per second, for such a file or a folder of pictures.
        joint_map: their joint names -> ours, for keypoint files with free names.
        fix_swaps: undo swaps of left and right; never with ``compat``.
        bridge: bridge keypoints that flicker; never with ``compat``.
        weights: name or path of the lifter's weights.
        precision: ``float32``, ``bfloat16`` or ``float16``, for lifting.
        flip: average the lifting with that of the mirror image.
        low_pass: Hz above which movement counts as trembling and is taken out, without a lag;
            0 = nothing is. Never with ``compat``, nor at less than 2.2 times as many frames a
            second.
        compat: ``motionbert`` for the published inference, defects included.
        root_relative: with ``compat``, whether the lifter predicts poses relative to the pelvis
            (``rootrel`` of its published configuration); what is known of the weights if None.
        action: name or path of weights that name actions; none are named if None.
        mesh: name or path of weights that recover bodies; none are recovered if None.
        body_model: SMPL's model file, for weights that tell SMPL's pose and shape.

    Raises:
        ConfigError: a value outside its rule.
    """

    start: float | None = option(
        None, "Seconds at which to begin.", panel=INPUT, least=0, unit="seconds"
    )
    end: float | None = option(
        None, "Seconds at which to stop.", panel=INPUT, above=0, unit="seconds"
    )
    every: int = option(
        1, "Take every n-th frame.", panel=INPUT, least=1, must="1 (all frames) or more"
    )
    rotate: int = option(
        0,
        "Turn the pictures clockwise, for footage that lies on its side.",
        panel=INPUT,
        metavar="90|180|270",
        unit="degrees",
        parse=quarter_turn,
    )
    cuts: str = option("auto", "Whether scene cuts end tracks.", panel=INPUT, choices=CUTS)
    image_size: tuple[int, int] | None = option(
        None,
        "Size of the pictures, for a keypoint file that does not tell.",
        panel=INPUT,
        metavar="WIDTHxHEIGHT",
        parse=parse_size,
    )
    fps: float | None = option(
        None,
        "Frames per second, for such a file or a folder of pictures.",
        panel=INPUT,
        above=0,
        must="a positive number",
    )
    joint_map: dict[str, str] | None = option(
        None,
        "Joint names of a DeepLabCut or SLEAP file to ours, as a JSON object.",
        panel=INPUT,
        metavar="FILE.json",
        reads=True,
        parse=joint_map_of,
    )
    person: str = option(EVERYBODY, "Whom to keep.", panel=PEOPLE, metavar=GRAMMAR)
    height: float | None = option(
        None,
        "Standing height in metres.",
        panel=PEOPLE,
        least=0.4,
        most=2.6,
        unit="metres",
        shown="1.70",
    )
    focal: float | None = option(
        None, "Focal length in pixels.", panel=PEOPLE, unit="pixels", shown="from --fov"
    )
    fov: float | None = option(
        None,
        "Field of view in degrees across the picture's longer side.",
        panel=PEOPLE,
        unit="degrees",
        shown="55",
    )
    pose2d: str = option(
        AUTO,
        "What finds people and their keypoints; auto takes the best that is on disk.",
        panel=KEYPOINTS,
        choices=(AUTO, *BACKENDS),
    )
    fix_swaps: bool = option(True, "Undo short swaps of left and right.", panel=KEYPOINTS)
    bridge: bool = option(True, "Bridge keypoints that flicker for a few frames.", panel=KEYPOINTS)
    weights: str = option(
        DEFAULT_LIFTER,
        "Weights of the lifter.",
        panel=NETWORKS,
        metavar=_NAMED,
        reads=True,
        must="a name or the path of a file",
    )
    precision: str = option(
        "float32", "Arithmetic of the lifter.", panel=NETWORKS, choices=PRECISIONS
    )
    flip: bool = option(True, "Average with the mirror image: better, and slower.", panel=NETWORKS)
    low_pass: float = option(
        DEFAULT_LOW_PASS,
        "Take out trembling faster than this, without a lag; 0 = leave it.",
        panel=NETWORKS,
        metavar="HZ",
        least=0,
        must="a frequency in Hz, or 0 for none",
    )
    compat: str | None = option(
        None,
        "Lift exactly as published, to compare numbers: 2D keypoints stay as they come.",
        panel=NETWORKS,
        choices=COMPAT,
    )
    root_relative: bool | None = option(
        None,
        "Whether published weights were trained with rootrel, for --compat.",
        panel=NETWORKS,
        shown="what the weights or the table of weights say, or no",
    )
    action: str | None = option(
        None,
        "Weights that name what people do; the names go into the result.",
        panel=NETWORKS,
        metavar=_NAMED,
        reads=True,
    )
    mesh: str | None = option(
        None,
        "Weights that recover everybody's body as a mesh; needs --mesh-out.",
        panel=MESH,
        metavar=_NAMED,
        reads=True,
    )
    body_model: str | None = option(
        None,
        "SMPL's model file, which its publishers license to you.",
        panel=MESH,
        metavar="FILE",
        reads=True,
    )

    def __post_init__(self) -> None:
        # Imported on use: it loads numpy, which --help does without.
        from mbcli.camera import check_lens

        super().__post_init__()
        read_person(self.person)
        _ = self.excerpt  # checks itself
        quarter_turn(self.rotate)
        check_lens(self.focal, self.fov)
        if self.image_size is not None and min(self.image_size) < 1:
            raise ConfigError(f"--image-size must be two positive numbers, got {self.image_size}")
        if self.root_relative is not None and self.compat is None:
            raise ConfigError("--root-relative goes with --compat, which is not given")
        if self.body_model is not None and self.mesh is None:
            raise ConfigError("--body-model goes with --mesh, which is not given")

    @property
    def excerpt(self) -> Excerpt:
        """The frames that are looked at."""
        return Excerpt(self.start, self.end, self.every)
