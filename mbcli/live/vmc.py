"""Motion for avatars: one person as bones of a humanoid, by OSC in the form of the VMC protocol.

The protocol (protocol.vmc.info, "Performer to Marionette") sends, for every pose:

    /VMC/Ext/OK        (int) 1: the data are usable
    /VMC/Ext/T         (float) seconds
    /VMC/Ext/Root/Pos  (string) name, (float) x y z, x y z w of the avatar as a whole
    /VMC/Ext/Bone/Pos  (string) bone of Unity's HumanBodyBones, (float) x y z, x y z w relative to
                       its parent

Unity's axes are left-handed: x right, y up, z forward, of an avatar that looks along +z. Ours of a
rig (`mbcli.kinematics.rig`) have the person's left at +x; mirroring x turns one into the other. The
rest pose of both is the T-pose, in which no bone is rotated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError, OutputError
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig import JOINTS, PARENTS
from mbcli.kinematics.rotations import quaternions
from mbcli.kinematics.solving import solve
from mbcli.motion import Motion3D
from mbcli.people import LARGEST, columns_of
from mbcli.types import FloatArray

if TYPE_CHECKING:
    from pythonosc.osc_bundle import OscBundle

Message = tuple[str, list[int | float | str]]

# Bone of Unity's humanoid: its parent there, and the joint of our rig that turns it.
_LEG = {"UpperLeg": "hip", "LowerLeg": "knee", "Foot": "ankle"}
_ARM = {"Shoulder": "collar", "UpperArm": "shoulder", "LowerArm": "elbow", "Hand": "wrist"}


def _bones() -> dict[str, tuple[str | None, str]]:
    bones: dict[str, tuple[str | None, str]] = {
        "Hips": (None, "pelvis"),
        "Spine": ("Hips", "lower_back"),
        "Chest": ("Spine", "spine"),
        "UpperChest": ("Chest", "thorax"),
        "Neck": ("UpperChest", "neck"),
        "Head": ("Neck", "nose"),
    }
    for side in ("Left", "Right"):
        for limb, parent in ((_LEG, "Hips"), (_ARM, "UpperChest")):
            for bone, joint in limb.items():
                bones[f"{side}{bone}"] = parent, f"{side.lower()}_{joint}"
                parent = f"{side}{bone}"
    return bones


BONES = _bones()

_HELD = 0.5  # seconds of the window that are solved: ten times the smoothing of a hinge
_TOGETHER = 12  # messages in a packet; some 1100 bytes, which no network cuts in two
_MIRROR = np.array([-1.0, 1.0, 1.0])  # left-handed axes, see above
# Of a rotation in the mirrored axes: its axis is a cross product, so x stays and the others turn.
_MIRROR_QUATERNION = np.array([1.0, -1.0, -1.0, 1.0])
_AT_REST = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)  # x y z, x y z w
_Y_UP = np.array([1.0, -1.0, -1.0])  # from the camera's axes, a half turn about x


class Avatar:
    """Makes messages of the person whom the avatar follows.

    It is the largest one at first, and for as long as that person is in the picture.
    """

    def __init__(self) -> None:
        self._who: int | None = None
        self._start: FloatArray | None = None

    def messages(self, motion: Motion3D | None, row: int, time: float) -> Iterator[Message]:
        """The messages for one frame.

        Args:
            motion: a window of everybody in the frame; None if nobody is.
            row: the frame's place in it.
            time: seconds.
        """
        yield "/VMC/Ext/OK", [int(motion is not None)]
        yield "/VMC/Ext/T", [time]
        if motion is None:
            return
        column = self._column(motion, row)
        frames = motion.spans.frames_of(column)
        begin = int(np.searchsorted(motion.timestamps, motion.timestamps[row] - _HELD))
        kept = slice(max(begin, frames.start), frames.stop)
        person = motion.part(kept, [column])
        pose = solve(person.in_camera[:, 0] * _Y_UP, motion.fps, motion.skeleton)
        yield from self._bones(pose, row - kept.start)

    def _column(self, motion: Motion3D, row: int) -> int:
        """The column of the person who is followed."""
        columns = np.arange(len(motion.track_ids))
        present = columns[motion.there.at(row, columns)]
        known = motion.track_ids[present].tolist()
        if self._who not in known:
            seen = motion.keypoints.part(slice(row, row + 1), present)
            self._who = int(known[columns_of(LARGEST, seen)[0]])
            self._start = None
        return int(present[known.index(self._who)])

    def _bones(self, pose: Pose, row: int) -> Iterator[Message]:
        # Nothing is known of the floor: it is where the lowest joint of the last moments was.
        floor = pose.forward()[..., 1].min()
        root = pose.root[row].copy()
        self._start = root if self._start is None else self._start
        hips = root - np.array([self._start[0], floor, self._start[2]])
        turned = _in_the_world(pose.rotations[row])
        yield "/VMC/Ext/Root/Pos", ["root", *_AT_REST]
        for bone, (parent, joint) in BONES.items():
            number = JOINTS.index(joint)
            local, place = turned[number], hips
            if parent is not None:
                above = JOINTS.index(BONES[parent][1])
                local = turned[above].T @ turned[number]
                place = pose.rig.rest[number] - pose.rig.rest[above]
            turn = quaternions(local[None])[0] * _MIRROR_QUATERNION
            yield "/VMC/Ext/Bone/Pos", [bone, *(place * _MIRROR).tolist(), *turn.tolist()]


def _in_the_world(rotations: FloatArray) -> npt.NDArray[np.float64]:
    """(J, 3, 3) rotations relative to the world from those relative to the parents."""
    turned = np.array(rotations, dtype=np.float64)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            turned[joint] = turned[parent] @ turned[joint]
    return turned


class OscSender:
    """Sends messages to a program on this machine or another, by UDP.

    Raises:
        ConfigError: python-osc is not installed, or the host is unknown.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            from pythonosc.udp_client import UDPClient
        except ImportError as error:
            raise ConfigError(
                "--osc needs the package python-osc: pip install 'mbcli[osc]'"
            ) from error
        try:
            self._client = UDPClient(host, port)
        except OSError as error:
            raise ConfigError(f"--osc names no host: {host}: {error.strerror}") from error

    def send(self, messages: Iterator[Message]) -> None:
        """Send the messages of one pose in a few packets; nobody need be listening."""
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import build_msg

        waiting = [build_msg(address, values) for address, values in messages]
        for start in range(0, len(waiting), _TOGETHER):
            bundle = OscBundleBuilder(IMMEDIATELY)
            for message in waiting[start : start + _TOGETHER]:
                bundle.add_content(message)
            self._deliver(bundle.build())

    def _deliver(self, packet: OscBundle) -> None:
        try:
            self._client.send(packet)
        except BlockingIOError:
            return  # the network is slower than the poses: this one is lost
        except OSError as error:
            raise OutputError(f"nothing can be sent to --osc: {error.strerror}") from error

    def close(self) -> None:
        """Close the socket."""
        self._client.close()
