"""The options of inference, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mbcli.bounds import LEAST_CUTOFF, MAX_RATE, MAX_SIDE
from mbcli.errors import ConfigError
from mbcli.excerpt import Excerpt
from mbcli.flags import option
from mbcli.people import (
    EVERYBODY,
    GRAMMAR,
    HEIGHTS,
    HEIGHTS_GRAMMAR,
    check_heights,
    read_heights,
    read_person,
)
from mbcli.pose2d import AUTO, BACKENDS, Pose2DOptions
from mbcli.refinement.known_distance import KnownDistance, read_known_distance
from mbcli.skeleton import BODY23, H36M17

DEFAULT_LIFTER = "mbcli-lifter"
# Hz. On 249 recordings of people (CMU) it changes joints by 0.6 mm on average, and 1 joint in 100
# by more than 3 mm; 6 Hz, common for gait, by 1.0 and 5.
DEFAULT_LOW_PASS = 10.0
PRECISIONS = ("float32", "bfloat16", "float16")  # the lifter's table is mbcli.lift.runtime's
COMPAT = ("motionbert",)
# Frames a second that the 2D stage looks at: those of most cameras, and of the lifter's training.
DEFAULT_POSE2D_RATE = 30.0
LEAST_POSE2D_RATE = 5.0  # further apart, people move too far to be followed

INPUT, PEOPLE, NETWORKS, KEYPOINTS, MESH = (
    "Input",
    "People and camera",
    "Networks",
    "2D stage",
    "Body meshes",
)
_NAMED = "NAME|PATH"
_TURNS = ("0", "90", "180", "270")
CUTS = ("auto", "off")
RESULTS = ("auto", H36M17.name, BODY23.name)
CAMERA_MOTIONS = (AUTO, "still", "turning", "moving")


def parse_size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT into two numbers.

    Raises:
        ConfigError: the text has another form.
    """
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*[xX]\s*([0-9]{1,9})\s*", text)
    if found is None:
        raise ConfigError(f"--image-size must be WIDTHxHEIGHT, such as 1920x1080, got {text!r}")
    return int(found[1]), int(found[2])


def quarter_turn(value: str | int) -> int:
    """Parse the clockwise rotation of pictures in degrees.

    Raises:
        ConfigError: the value is not 0, 90, 180 or 270.
    """
    if str(value).strip() not in _TURNS:
        raise ConfigError(f"--rotate must be {', '.join(_TURNS)} degrees, got {value!r}")
    return int(value)


def joint_map_of(text: str) -> dict[str, str]:
    """Read the joint map from a JSON file, or from pairs ``THEIRS=OURS`` separated by commas.

    Raises:
        InputError, ConfigError: the file cannot be read, or names joints unknown to mbcli.
    """
    # Imported on use, to keep --help fast.
    from mbcli.keypoints.joint_names import check_joint_map, read_joint_map

    if "=" not in text or Path(text).is_file():
        return read_joint_map(Path(text))
    pairs = [pair.rpartition("=") for pair in text.split(",") if pair.strip()]
    joint_map = {theirs.strip(): ours.strip() for theirs, _, ours in pairs}
    check_joint_map(joint_map, "--joint-map")
    if len(joint_map) < len(pairs):
        raise ConfigError(f"--joint-map must name each of their joints once, got {text!r}")
    return joint_map


@dataclass(frozen=True)
class InferOptions(Pose2DOptions):
    """Options for inferring 3D motion from a video; those of the 2D stage are `Pose2DOptions`.

    Attributes:
        device: device for lifting, and for front ends that support it.
        start: start time in seconds of the source; None means its beginning.
        end: end time in seconds; None means the end of the source.
        every: use every n-th frame.
        rotate: clockwise rotation of the pictures in degrees: 0, 90, 180 or 270.
        cuts: ``auto`` ends tracks at scene cuts; ``off`` treats the clip as one shot.
        person: ``all``, ``largest`` or track ids such as ``1,3``.
        height: standing height in metres, of everybody or of some people by their id; None assumes
            1.70 for adults. Where heights are not given, several people who share a floor are
            compared, see `mbcli.refinement.sizes`.
        known_distance: two pixels on the floor whose distance is known, instead of ``height``.
        focal: focal length in pixels; None derives it from ``fov``.
        fov: field of view in degrees across the picture's longer side; None takes what the file
            notes or a turning camera shows, or assumes 55.
        calibration: a calibration file, or FILE:CAMERA for one with several cameras; see
            `mbcli.calibration`.
        camera_motion: ``still``, ``turning`` in place or ``moving``; ``auto`` finds it from the
            background, where there are pictures. Never with ``compat``.
        pose2d: 2D front end, a key of ``mbcli.pose2d.BACKENDS``, or ``auto``; see
            `mbcli.pose2d.choose`.
        pose2d_rate: frames per second that the 2D stage looks at, about; at 1.5 times that many or
            more, keypoints of the frames between are interpolated. 0 looks at every frame.
        image_size: (width, height) of the pictures in pixels, for a keypoint file without it.
        fps: frames per second, for a folder of pictures or a keypoint file without them.
        joint_map: their joint names -> ours, for keypoint files with free names.
        fix_swaps: undo swaps of left and right; never with ``compat``.
        bridge: bridge flickering keypoints; never with ``compat``.
        weights: name or path of the lifter's weights.
        skeleton: joints of the result: ``h36m17``, Human3.6M's; ``body23``, those and heels and
            toes, guessed where the 2D keypoints have none; or ``auto``, with feet if the 2D
            keypoints and the weights have them. Never with ``compat``.
        precision: ``float32``, ``bfloat16`` or ``float16``, for lifting.
        flip: average the prediction with that for the mirror image.
        low_pass: cut-off in Hz of a zero-lag low-pass filter against jitter; 0 = no filter. Not
            applied with ``compat``, nor at frame rates below 2.2 times the cut-off.
        compat: ``motionbert`` for the published inference, defects included.
        root_relative: with ``compat``, whether the lifter predicts poses relative to the pelvis
            (``rootrel`` of its published configuration); None means what is known of the weights.
        action: name or path of weights for action recognition; None skips it.
        mesh: name or path of weights for mesh recovery; None skips it.
        body_model: SMPL's model file, for weights that predict SMPL's pose and shape.

    Raises:
        ConfigError: a value breaks its rule.
    """

    start: float | None = option(
        None, "Start time in seconds.", panel=INPUT, least=0, unit="seconds"
    )
    end: float | None = option(None, "End time in seconds.", panel=INPUT, above=0, unit="seconds")
    every: int = option(
        1, "Use every n-th frame.", panel=INPUT, least=1, must="1 (all frames) or more"
    )
    rotate: int = option(
        0,
        "Rotate the pictures clockwise, for sideways footage.",
        panel=INPUT,
        metavar="90|180|270",
        unit="degrees",
        parse=quarter_turn,
    )
    cuts: str = option("auto", "Whether scene cuts end tracks.", panel=INPUT, choices=CUTS)
    image_size: tuple[int, int] | None = option(
        None,
        "Size of the pictures, for a keypoint file without it.",
        panel=INPUT,
        metavar="WIDTHxHEIGHT",
        parse=parse_size,
    )
    fps: float | None = option(
        None,
        "Frames per second, for a folder of pictures or a keypoint file without them.",
        panel=INPUT,
        least=0.1,
        most=MAX_RATE,
        unit="frames/s",
    )
    joint_map: dict[str, str] | None = option(
        None,
        "Map from a keypoint file's joint names to ours, as a JSON object or pairs.",
        panel=INPUT,
        metavar="FILE.json|THEIRS=OURS,...",
        reads=True,
        parse=joint_map_of,
    )
    person: str = option(EVERYBODY, "Which people to keep.", panel=PEOPLE, metavar=GRAMMAR)
    height: float | dict[int, float] | None = option(
        None,
        "Standing height in metres, of everybody or of people by their id.",
        panel=PEOPLE,
        metavar=HEIGHTS_GRAMMAR,
        least=HEIGHTS[0],
        most=HEIGHTS[1],
        unit="metres",
        shown="1.70, with people on the same floor compared",
        parse=read_heights,
        lifts=True,
    )
    known_distance: KnownDistance | None = option(
        None,
        "Two pixels on the floor, the metres between them, and the frame: sets the scale.",
        panel=PEOPLE,
        metavar="X1,Y1,X2,Y2=METRESm@FRAME",
        parse=read_known_distance,
        lifts=True,
    )
    focal: float | None = option(
        None, "Focal length in pixels.", panel=PEOPLE, unit="pixels", shown="from --fov", lifts=True
    )
    fov: float | None = option(
        None,
        "Field of view in degrees across the picture's longer side.",
        panel=PEOPLE,
        unit="degrees",
        shown="as noted in the file, else from the camera's turns, else 55",
        lifts=True,
    )
    calibration: str | None = option(
        None,
        "Calibration file of the camera (OpenCV, Pose2Sim, Sports2D, Anipose, OpenCap, COLMAP, "
        "Kalibr): focal length, principal point and distortion.",
        panel=PEOPLE,
        metavar="FILE[:CAMERA]",
        reads=True,
        lifts=True,
    )
    camera_motion: str = option(
        AUTO,
        "What the camera does; auto finds it from the background.",
        panel=PEOPLE,
        choices=CAMERA_MOTIONS,
        lifts=True,
    )
    pose2d: str = option(
        AUTO,
        "2D model for people and their keypoints; auto uses the best one on disk.",
        panel=KEYPOINTS,
        choices=(AUTO, *BACKENDS),
    )
    pose2d_rate: float = option(
        DEFAULT_POSE2D_RATE,
        "About how many frames per second to look at; the rest are interpolated. 0 = every frame.",
        panel=KEYPOINTS,
        metavar="RATE",
        least=0,
        must=f"{LEAST_POSE2D_RATE:g} frames per second or more, or 0 for every frame",
    )
    fix_swaps: bool = option(True, "Undo short swaps of left and right.", panel=KEYPOINTS)
    bridge: bool = option(True, "Bridge keypoints lost for a few frames.", panel=KEYPOINTS)
    weights: str = option(
        DEFAULT_LIFTER,
        "Weights of the lifter.",
        panel=NETWORKS,
        metavar=_NAMED,
        reads=True,
        must="a name or the path of a file",
        lifts=True,
    )
    skeleton: str = option(
        "auto",
        "Joints of the result: body23 has heels and toes, guessed where they are not seen.",
        panel=NETWORKS,
        choices=RESULTS,
        lifts=True,
    )
    precision: str = option(
        "float32", "Precision of the lifter.", panel=NETWORKS, choices=PRECISIONS, lifts=True
    )
    flip: bool = option(
        True, "Average with the mirror image: better but slower.", panel=NETWORKS, lifts=True
    )
    low_pass: float = option(
        DEFAULT_LOW_PASS,
        "Cut-off of a zero-lag low-pass filter against jitter; 0 = no filter.",
        panel=NETWORKS,
        metavar="HZ",
        least=0,
        must=f"a frequency of {LEAST_CUTOFF:g} Hz or more, or 0 for none",
        lifts=True,
    )
    compat: str | None = option(
        None,
        "Lift exactly as published, to compare numbers; 2D keypoints stay as they are.",
        panel=NETWORKS,
        choices=COMPAT,
        lifts=True,
    )
    root_relative: bool | None = option(
        None,
        "Whether published weights were trained with rootrel, for --compat.",
        panel=NETWORKS,
        shown="what the weights or the table of weights say, or no",
        lifts=True,
    )
    action: str | None = option(
        None,
        "Weights for action recognition; the labels are added to the result.",
        panel=NETWORKS,
        metavar=_NAMED,
        reads=True,
        lifts=True,
    )
    mesh: str | None = option(
        None,
        "Weights for mesh recovery of everybody; needs --mesh-out.",
        panel=MESH,
        metavar=_NAMED,
        reads=True,
        lifts=True,
    )
    body_model: str | None = option(
        None,
        "SMPL's model file, licensed to you by its publishers.",
        panel=MESH,
        metavar="FILE",
        reads=True,
        lifts=True,
    )

    def __post_init__(self) -> None:
        # Imported on use: it loads numpy, which --help does without.
        from mbcli.camera import check_lens

        super().__post_init__()
        read_person(self.person)
        _ = self.excerpt  # checks itself
        quarter_turn(self.rotate)
        if 0 < self.low_pass < LEAST_CUTOFF:
            raise ConfigError(
                f"--low-pass must be a frequency of {LEAST_CUTOFF:g} Hz or more, or 0 for none, "
                f"got {self.low_pass:g}"
            )
        if 0 < self.pose2d_rate < LEAST_POSE2D_RATE:
            raise ConfigError(
                f"--pose2d-rate must be {LEAST_POSE2D_RATE:g} frames per second or more, or 0 for "
                f"every frame, got {self.pose2d_rate:g}"
            )
        check_lens(self.focal, self.fov)
        if isinstance(self.height, dict):
            check_heights(self.height)
        if self.height is not None and self.known_distance is not None:
            raise ConfigError("only one of --height and --known-distance may be given, got both")
        if self.calibration is not None and (self.focal, self.fov) != (None, None):
            other = "--fov" if self.focal is None else "--focal"
            raise ConfigError(
                f"--calibration gives the focal length, but {other} is given too: leave one out"
            )
        if self.image_size is not None and not (
            min(self.image_size) >= 1 and max(self.image_size) <= MAX_SIDE
        ):
            raise ConfigError(
                f"--image-size must be two numbers of 1..{MAX_SIDE} pixels, "
                f"got {'x'.join(map(str, self.image_size))}"
            )
        if self.skeleton == BODY23.name and self.compat is not None:
            raise ConfigError(f"--skeleton must be {H36M17.name} or auto with --compat, got body23")
        if self.compat is not None and self.camera_motion not in (AUTO, "still"):
            raise ConfigError(
                f"--camera-motion must be auto or still with --compat {self.compat}, "
                f"got {self.camera_motion!r}"
            )
        if self.root_relative is not None and self.compat is None:
            raise ConfigError("--root-relative needs --compat, which is not given")
        if self.body_model is not None and self.mesh is None:
            raise ConfigError("--body-model needs --mesh, which is not given")

    @property
    def looking_rate(self) -> float:
        """Frames per second that the 2D stage looks at; all (0) with ``compat``."""
        return 0.0 if self.compat is not None else self.pose2d_rate

    @property
    def follows_camera(self) -> bool:
        """Whether the background is followed in pictures."""
        return self.compat is None and self.camera_motion != "still"

    @property
    def excerpt(self) -> Excerpt:
        """The frames to use."""
        return Excerpt(self.start, self.end, self.every)
