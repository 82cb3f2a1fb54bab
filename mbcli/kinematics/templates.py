"""Where keypoints of head and hands lie on an adult of 1.70 m."""

from __future__ import annotations

STATURE = 1.70  # metres: of a person with these measures

# Metres from the head joint: forward, up, left. That joint is the end of Vicon's head
# bone, as in Human3.6M: at the level of a headband, 0.07 m below the vertex. (With the shoulders at
# 0.818 of the stature, from Winter's table, it is 0.06 to 0.09 m in the recordings.)
FACE = {
    "nose": (0.110, -0.080, 0.0),
    "left_eye": (0.085, -0.045, 0.0315),
    "right_eye": (0.085, -0.045, -0.0315),
    "left_ear": (0.0, -0.060, 0.0725),
    "right_ear": (0.0, -0.060, -0.0725),
}

# Metres from the wrist: along the hand, towards the back of it, towards the thumb. The knuckles of
# index and little finger, and BlazePose's point of the thumb: medians in 44 poses of BlazePose's
# own metric output, both hands, of people with forearms of 0.237 m.
HAND = {
    "index": (0.093, 0.0, 0.022),
    "pinky": (0.060, 0.0, -0.022),
    "thumb": (0.031, -0.003, 0.006),
}
