"""Messages to avatars, received by python-osc's server and put together in Unity's axes."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from motions import walking
from scipy.spatial.transform import Rotation

from mbcli.errors import ConfigError
from mbcli.kinematics.rig import JOINTS
from mbcli.kinematics.solving import solve
from mbcli.live.vmc import BONES, Avatar, OscSender
from mbcli.motion import Motion3D

# Of Unity's HumanBodyBones, those without fingers, eyes, jaw and toes.
HUMANOID = {
    "Hips", "Spine", "Chest", "UpperChest", "Neck", "Head",
    "LeftShoulder", "LeftUpperArm", "LeftLowerArm", "LeftHand",
    "RightShoulder", "RightUpperArm", "RightLowerArm", "RightHand",
    "LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "RightUpperLeg", "RightLowerLeg", "RightFoot",
}  # fmt: skip
# Joints of our skeleton at which these bones begin.
AT = {
    "Hips": "pelvis", "LeftUpperLeg": "left_hip", "LeftLowerLeg": "left_knee",
    "LeftFoot": "left_ankle", "RightUpperLeg": "right_hip", "RightLowerLeg": "right_knee",
    "RightFoot": "right_ankle", "Chest": "spine", "UpperChest": "thorax", "Head": "nose",
    "LeftUpperArm": "left_shoulder", "LeftLowerArm": "left_elbow", "LeftHand": "left_wrist",
    "RightUpperArm": "right_shoulder", "RightLowerArm": "right_elbow", "RightHand": "right_wrist",
}  # fmt: skip


@pytest.fixture(scope="module")
def motion() -> Motion3D:
    """Two people who walk; the first is nearer."""
    return walking(40, people=2)


@pytest.fixture
def received() -> Any:
    """Messages in the order in which they come, and the port that takes them."""
    from pythonosc.dispatcher import Dispatcher
    from pythonosc.osc_server import BlockingOSCUDPServer

    messages: list[tuple[str, list[Any]]] = []
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: messages.append((address, [*values])))
    server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield messages, server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def wait_for(messages: list[Any], count: int) -> None:
    for _ in range(500):
        if len(messages) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{len(messages)} of {count} messages came")


def put_together(messages: list[tuple[str, list[Any]]]) -> dict[str, np.ndarray]:
    """Where each bone begins, in Unity's axes: by its formulas, which hold in left-handed axes."""
    turns: dict[str, Rotation] = {}
    places: dict[str, np.ndarray] = {}
    for address, (name, *values) in messages:
        if address != "/VMC/Ext/Bone/Pos":
            continue
        place, turn = np.array(values[:3]), Rotation.from_quat(values[3:])
        parent = BONES[name][0]
        if parent is not None:
            place = places[parent] + turns[parent].apply(place)
            turn = turns[parent] * turn
        places[name], turns[name] = place, turn
    return places


def test_a_receiver_puts_the_pose_together(motion: Motion3D, received: Any) -> None:
    messages, port = received
    with closing(OscSender("127.0.0.1", port)) as sender:
        sender.send(Avatar().messages(motion, 20, 0.66))
    wait_for(messages, 3 + len(HUMANOID))
    assert messages[0] == ("/VMC/Ext/OK", [1])
    assert messages[1] == ("/VMC/Ext/T", [pytest.approx(0.66)])
    assert messages[2] == ("/VMC/Ext/Root/Pos", ["root", 0, 0, 0, 0, 0, 0, 1])
    bones = {values[0]: values[1:] for address, values in messages[3:]}
    assert {address for address, _ in messages[3:]} == {"/VMC/Ext/Bone/Pos"}
    assert set(bones) == HUMANOID
    for values in bones.values():
        assert [type(value) for value in values] == [float] * 7
        assert np.linalg.norm(values[3:]) == pytest.approx(1, abs=1e-5)

    column = int(np.argmax(motion.keypoints.boxes[20, :, 3] - motion.keypoints.boxes[20, :, 1]))
    y_up = motion.in_camera[:, column] * (1, -1, -1)
    solved = solve(y_up, motion.fps).forward()[20]
    places = put_together(messages)
    for bone, joint in AT.items():
        want = solved[JOINTS.index(joint)] - solved[0]
        got = (places[bone] - places["Hips"]) * (-1, 1, 1)  # left-handed to right-handed
        # The sender solves the last moments alone, the lengths of which differ a little.
        assert np.linalg.norm(got - want) < 0.02, bone


def test_left_is_left_for_somebody_who_looks_along_z(motion: Motion3D) -> None:
    """Unity's x is right: the left arm of somebody who faces the camera is at negative x."""
    facing = stand(motion)
    places = put_together(list(Avatar().messages(facing, 5, 0.0)))
    assert places["LeftUpperArm"][0] < -0.1 < 0.1 < places["RightUpperArm"][0]
    assert places["Head"][1] > places["Hips"][1] > places["LeftFoot"][1]
    assert abs(places["Head"][2] - places["Hips"][2]) < 0.3
    # The right hand is raised, the left one hangs down.
    assert places["RightHand"][1] > places["Head"][1]
    assert places["LeftHand"][1] < places["LeftUpperArm"][1] - 0.3
    # Feet stand on the floor.
    assert 0 <= places["LeftFoot"][1] < 0.15


def stand(motion: Motion3D) -> Motion3D:
    """Somebody who faces the camera, with the right hand up: left joints are at positive x."""
    places = {
        "pelvis": (0, 0), "right_hip": (-0.12, 0), "right_knee": (-0.12, 0.45),
        "right_ankle": (-0.12, 0.9), "left_hip": (0.12, 0), "left_knee": (0.12, 0.45),
        "left_ankle": (0.12, 0.9), "spine": (0, -0.25), "thorax": (0, -0.5), "nose": (0, -0.6),
        "head": (0, -0.7), "left_shoulder": (0.18, -0.5), "left_elbow": (0.18, -0.2),
        "left_wrist": (0.18, 0.05), "right_shoulder": (-0.18, -0.5),
        "right_elbow": (-0.18, -0.8), "right_wrist": (-0.18, -1.05),
    }  # fmt: skip
    body = np.array([(*places[joint], 0.0) for joint in motion.skeleton.joints], np.float32)
    one = motion.part(slice(0, 10), [0])
    root = np.broadcast_to(np.array([0.3, 0.1, 4], np.float32), (10, 1, 3))
    return replace(one, positions=np.broadcast_to(body, (10, 1, 17, 3)), root=root)


def test_the_avatar_stays_with_a_person_who_is_no_longer_the_largest(motion: Motion3D) -> None:
    avatar = Avatar()

    def hips(shown: Motion3D) -> Any:
        sent = avatar.messages(shown, 20, 0.0)
        return {name: values for address, (name, *values) in sent if "Bone" in address}["Hips"]

    first = hips(motion)
    swapped = replace(motion, keypoints=replace(motion.keypoints, boxes=motion.keypoints.boxes / 9))
    assert hips(swapped) == first
    # Gone, and somebody else is there.
    other = motion.part(slice(0, 40), [1 - avatar._column(motion, 20)])
    assert hips(other) != first


def test_nobody_is_said_to_be_there(received: Any) -> None:
    messages, port = received
    with closing(OscSender("127.0.0.1", port)) as sender:
        sender.send(Avatar().messages(None, 0, 1.5))
    wait_for(messages, 2)
    assert messages == [("/VMC/Ext/OK", [0]), ("/VMC/Ext/T", [1.5])]


def test_no_such_host() -> None:
    with pytest.raises(ConfigError, match=r"--osc names no host: nowhere.invalid"):
        OscSender("nowhere.invalid", 39539)
