"""NTU RGB+D and its extension to 120 actions: sample names, actions and evaluation protocols.

A sample is named ``SsssCcccPpppRrrrAaaa``: setup, camera, person (performer), repetition and
action, each counted from 1 (Shahroudy et al. 2016; Liu et al. 2019). NTU RGB+D has the setups
1..17, 40 persons and the actions 1..60; with its extension there are 32, 106 and 120. Three cameras
record every performance at the same time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mbcli.errors import ConfigError, DataError

FPS = 30.0  # of Kinect's cameras
SIZE = (1920, 1080)
"""Width and height of the colour pictures."""

ACTIONS = (
    "drink water",
    "eat meal/snack",
    "brushing teeth",
    "brushing hair",
    "drop",
    "pickup",
    "throw",
    "sitting down",
    "standing up",
    "clapping",
    "reading",
    "writing",
    "tear up paper",
    "wear jacket",
    "take off jacket",
    "wear a shoe",
    "take off a shoe",
    "wear on glasses",
    "take off glasses",
    "put on a hat/cap",
    "take off a hat/cap",
    "cheer up",
    "hand waving",
    "kicking something",
    "reach into pocket",
    "hopping",
    "jump up",
    "make a phone call",
    "playing with phone/tablet",
    "typing on a keyboard",
    "pointing with finger",
    "taking a selfie",
    "check time",
    "rub two hands together",
    "nod head/bow",
    "shake head",
    "wipe face",
    "salute",
    "put the palms together",
    "cross hands in front",
    "sneeze/cough",
    "staggering",
    "falling",
    "touch head",
    "touch chest",
    "touch back",
    "touch neck",
    "nausea or vomiting",
    "use a fan",
    "punching/slapping",
    "kicking other person",
    "pushing",
    "pat on back",
    "point finger at other person",
    "hugging",
    "giving something",
    "touch other person's pocket",
    "handshaking",
    "walking towards each other",
    "walking apart",
    "put on headphone",
    "take off headphone",
    "shoot at the basket",
    "bounce ball",
    "tennis bat swing",
    "juggling table tennis balls",
    "hush",
    "flick hair",
    "thumb up",
    "thumb down",
    "make ok sign",
    "make victory sign",
    "staple book",
    "counting money",
    "cutting nails",
    "cutting paper",
    "snapping fingers",
    "open bottle",
    "sniff",
    "squat down",
    "toss a coin",
    "fold paper",
    "ball up paper",
    "play magic cube",
    "apply cream on face",
    "apply cream on hand back",
    "put on bag",
    "take off bag",
    "put something into a bag",
    "take something out of a bag",
    "open a box",
    "move heavy objects",
    "shake fist",
    "throw up cap/hat",
    "hands up",
    "cross arms",
    "arm circles",
    "arm swings",
    "running on the spot",
    "butt kicks",
    "cross toe touch",
    "side kick",
    "yawn",
    "stretch oneself",
    "blow nose",
    "hit other person with something",
    "wield knife",
    "knock over other person",
    "grab other person's stuff",
    "shoot at other person",
    "step on foot",
    "high-five",
    "cheers and drink",
    "carry something together",
    "take a photo",
    "follow other person",
    "whisper in ear",
    "exchange things",
    "support somebody",
    "finger-guessing game",
)
"""Short names of the 120 actions, A001 first."""

# Both data sets train on these 20 persons, the larger one on 33 more.
_PERSONS_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
_PERSONS_120 = (
    *_PERSONS_60,
    *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98),
    *(100, 103),
)
# Two of the three cameras are for training. The first 17 setups and 60 actions are NTU RGB+D.
_CAMERAS_60 = (2, 3)
_SETUPS_60 = 17
_ACTIONS_60 = 60

# One-shot: every sixth action is novel and has one exemplar, from these persons and cameras.
_NEW_ACTIONS = range(1, len(ACTIONS) + 1, 6)
_EXEMPLAR = {"camera": 3, "person": 8, "repetition": 1}

PROTOCOLS = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset", "ntu120-oneshot")

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})$")


@dataclass(frozen=True)
class NtuSample:
    """The numbers in a sample's name; all count from 1."""

    setup: int
    camera: int
    person: int
    repetition: int
    action: int

    @classmethod
    def parse(cls, name: str) -> NtuSample:
        """Parse a name; anything before it, such as a prefix, is ignored.

        Raises:
            DataError: the text does not end with such a name, or the action is unknown.
        """
        found = _NAME.search(name)
        if found is None:
            raise DataError(f"a sample must be named SsssCcccPpppRrrrAaaa, got {name!r:.60}")
        sample = cls(*map(int, found.groups()))
        if not 1 <= sample.action <= len(ACTIONS):
            raise DataError(f"an action must be within 1..{len(ACTIONS)}, got {name!r:.60}")
        return sample


def ntu_split(name: str, protocol: str) -> str:
    """The set to which a published protocol assigns a sample.

    ===============  ==================================================================
    ntu60-xsub       20 of the 40 persons train, the others test
    ntu60-xview      cameras 2 and 3 train, camera 1 tests
    ntu120-xsub      53 of the 106 persons train, the others test
    ntu120-xset      even setups train, odd ones test
    ntu120-oneshot   100 actions train; for each of the actions 1, 7, .. 115 one sample is the
                     exemplar that test samples are compared with, all others test
    ===============  ==================================================================

    Args:
        name: of the sample, such as ``"S001C002P003R002A013"``, or its sequence name in a store.
        protocol: one of ``PROTOCOLS``.

    Returns:
        ``train``, ``test``, ``exemplar``, or empty if the protocol excludes the sample.

    Raises:
        ConfigError: there is no such protocol.
        DataError: the name does not follow the data set's pattern.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"the protocol must be one of {', '.join(PROTOCOLS)}, got {protocol}")
    sample = NtuSample.parse(name)
    if protocol.startswith("ntu60") and not _in_ntu60(sample):
        return ""
    if protocol == "ntu120-oneshot":
        return _one_shot_side(sample)
    trains = {
        "ntu60-xsub": sample.person in _PERSONS_60,
        "ntu60-xview": sample.camera in _CAMERAS_60,
        "ntu120-xsub": sample.person in _PERSONS_120,
        "ntu120-xset": sample.setup % 2 == 0,
    }[protocol]
    return "train" if trains else "test"


def _in_ntu60(sample: NtuSample) -> bool:
    return sample.setup <= _SETUPS_60 and sample.action <= _ACTIONS_60


def _one_shot_side(sample: NtuSample) -> str:
    if sample.action not in _NEW_ACTIONS:
        return "train"
    setup = 1 if sample.action <= _ACTIONS_60 else _SETUPS_60 + 1
    chosen = NtuSample(setup, action=sample.action, **_EXEMPLAR)
    return "exemplar" if sample == chosen else "test"
