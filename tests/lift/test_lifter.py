from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import crop_scale, fit_window, flip, network_input
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.lift.model import DSTformer
from mbcli.lift.runtime import Network, resolve_device
from mbcli.lift.windows import fade, window_starts
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import Keypoints2D

FIXTURES = Path(__file__).parents[1] / "fixtures"
SIZE = (1280, 720)


@pytest.fixture(scope="module")
def model():
    """Random weights, large enough to make the output depend on everything."""
    torch.manual_seed(0)
    net = DSTformer(DSTformerConfig(dim_feat=16, dim_rep=16, depth=2, num_heads=2, maxlen=27))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
        # As training leaves it: near frames have near embeddings, the ends of a window differ.
        place = torch.linspace(0, 3, 27)[:, None] * torch.randn(16) + torch.randn(16)
        net.temp_embed[0, :, 0] = 0.3 * torch.sin(place)
    return net.eval()


def a_clip(frames, people=1, fps=30.0, seed=0):
    """Smoothly swaying bodies that cross the picture and come nearer."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None, None] / fps
    body = rng.uniform(-1, 1, (people, 17, 2)) * [60, 160]
    body[:, H36M17.index("thorax"), 1] = -160  # upright, so that nobody is turned
    body[:, [H36M17.index(f"{side}_ankle") for side in ("left", "right")], 1] = 160
    phase = rng.uniform(0, 6, (people, 17, 2))
    xy = body * (1 + 0.1 * t) + 15 * np.sin(3 * t + phase) + [500, 360] + t * [40.0, 5.0]
    data = np.concatenate([xy, np.full((frames, people, 17, 1), 0.9)], axis=-1)
    return clip_of(data, fps)


def clip_of(data, fps=30.0):
    frames, people = data.shape[:2]
    return Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=fps,
        timestamps=np.arange(frames) / fps,
        size=SIZE,
        track_ids=np.arange(people),
        boxes=np.zeros((frames, people, 4)),
        frame_index=np.arange(frames),
    )


def without(clip, *where):
    data = clip.data.copy()
    for index in where:
        data[index] = np.nan, np.nan, 0
    return clip_of(data, clip.fps)


def cpu(**options):
    return LiftOptions(device="cpu", **options)


def to_pixels(units):
    return units * (min(SIZE) / 2) + np.array([SIZE[0] / 2, SIZE[1] / 2, 0])


# windows


@pytest.mark.parametrize("window", [1, 2, 5, 27, 243])
@pytest.mark.parametrize("overlap", [0.5, 0.75])
def test_windows_cover_everything_with_enough_overlap(window, overlap):
    for length in {1, window, window + 1, 2 * window - 1, 2 * window, 5 * window + 3}:
        starts = window_starts(length, window, overlap)
        size = min(length, window)
        assert starts[0] == 0
        assert starts[-1] + size == length
        steps = np.diff(starts)
        assert (steps >= 1).all()
        assert (steps <= max(1, window * (1 - overlap))).all()


def test_no_more_windows_than_needed():
    assert window_starts(100, 100, 0.5) == [0]
    assert window_starts(150, 100, 0.5) == [0, 50]
    assert window_starts(160, 100, 0.5) == [0, 30, 60]


def test_faded_windows_are_a_smooth_partition_of_unity():
    length, window = 400, 81
    starts = window_starts(length, window, 0.5)
    shares = np.zeros((len(starts), length))
    for row, start in zip(shares, starts, strict=True):
        row[start : start + window] = fade(window)
    assert (shares.sum(axis=0) > 0).all()
    shares /= shares.sum(axis=0)
    assert np.allclose(shares.sum(axis=0), 1)
    assert np.abs(np.diff(shares, axis=1)).max() < 4 / window


# metadata of the weights


def test_a_model_of_whole_pictures_sees_the_whole_picture(model, monkeypatch):
    clip = a_clip(20)
    seen = []
    lifter = Lifter(model, cpu(), {"window": "image"})
    network = lifter.network

    def watched(clips):
        seen.append(clips)
        return network(clips)

    monkeypatch.setattr(lifter, "network", watched)
    poses = to_pixels(lifter.lift(clip))[:, 0]
    half = SIZE[0] / 2
    xy = (clip.data[:, 0, :, :2] - [half, SIZE[1] / 2]) / half
    assert np.abs(seen[0][0, ..., :2] - xy).max() < 1e-6
    prediction = network(seen[0])[0]
    wanted = prediction * half + np.array([half, SIZE[1] / 2, 0])
    assert np.abs(poses[..., :2] - wanted[..., :2]).max() < 1e-2
    assert np.abs(poses[..., 2] - (wanted[..., 2] - wanted[:, :1, 2])).max() < 1e-2


@pytest.mark.parametrize("window", ["image", "crop"])
def test_a_root_relative_pose_is_put_onto_the_person(model, window, monkeypatch):
    clip = a_clip(20)
    lifter = Lifter(model, cpu(), {"root": "relative", "window": window})

    def relative(clips):
        xy = clips[..., :2] - clips[:, :, :1, :2]
        xy[:, :, 0] = 5  # by its training 0, whatever the network says
        return np.concatenate([xy, xy[..., :1]], axis=-1)

    monkeypatch.setattr(lifter, "network", relative)
    truth = clip.data[:, 0, :, :2]
    poses = to_pixels(lifter.lift(clip))[:, 0]
    assert np.abs(poses[..., :2] - truth).max() < 1e-2
    assert np.abs(poses[..., 2] - (truth[..., 0] - truth[:, :1, 0])).max() < 1e-2
    # A frame whose keypoints are all missing stands between its neighbours.
    there = relative(np.pad(truth, ((0, 0), (0, 0), (0, 1)))[None])
    monkeypatch.setattr(lifter, "network", lambda clips: there / 500)
    gap = to_pixels(lifter.lift(without(clip, (9, 0, slice(1, None)))))[:, 0]
    assert np.isfinite(gap).all()
    assert np.abs(gap[9, 0, :2] - truth[9, 0]).max() < 1e-2


# the network


def test_mirror_average_is_the_published_one():
    with np.load(FIXTURES / "dstformer_tiny.npz") as file:
        data = {key: file[key] for key in file.files}
    config = json.loads(str(data["config"]))
    del config["layernorm_eps"]
    net = DSTformer(DSTformerConfig(**config))
    net.load_state_dict(
        {n.removeprefix("sd/"): torch.from_numpy(t) for n, t in data.items() if n[:3] == "sd/"}
    )
    assert np.abs(Network(net, "cpu")(data["x"]) - data["y_flip_tta"]).max() < 1e-5
    assert np.abs(Network(net, "cpu", mirror=False)(data["x"]) - data["y"]).max() < 1e-5


def test_half_precision_is_close(model):
    clip = a_clip(30)
    exact = Lifter(model, cpu()).lift(clip)
    rough = Lifter(model, cpu(precision="bfloat16")).lift(clip)
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.05 * np.abs(exact).max()


def test_devices():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("gpu", "cuda:", "cuda:x", "", "CPU"):
        with pytest.raises(ConfigError, match="must be auto, cpu, cuda, cuda:N or mps"):
            resolve_device(name)
    with pytest.raises(
        ConfigError, match="cuda:99 is not available on this machine; it has auto, cpu"
    ):
        resolve_device("cuda:99")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one here")
def test_no_gpu_no_cuda():
    with pytest.raises(ConfigError, match="cuda is not available"):
        resolve_device("cuda")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "float16"}, "float16 needs a GPU"),
        ({"precision": "int8"}, "must be float32, bfloat16, float16, got 'int8'"),
        ({"window": 28}, "at most 27 frames with these weights, got 28"),
        ({"window": 0}, "at least 1"),
        ({"overlap": 0.4}, r"0\.5 or more"),
        ({"overlap": 1.0}, "below 1"),
        ({"batch_size": 0}, "at least 1"),
        ({"compat": "videopose"}, "must be motionbert, got 'videopose'"),
    ],
)
def test_options_outside_their_rules(model, options, message):
    with pytest.raises(ConfigError, match=message):
        Lifter(model, cpu(**options))


def test_a_lifter_takes_h36m(model):
    with pytest.raises(ValueError, match="got coco17"):
        Lifter(model, cpu()).lift(replace(a_clip(3), skeleton=COCO17))
    config = DSTformerConfig(dim_feat=16, dim_rep=8, depth=1, num_heads=2, maxlen=9, num_joints=21)
    with pytest.raises(WeightsError, match="got 21 with 3 and 3"):
        Lifter(DSTformer(config), cpu())


# lifting


@pytest.mark.parametrize("frames", [1, 2, 11, 27])
def test_a_short_clip_is_one_window_of_its_own_length(model, frames):
    clip = a_clip(frames)
    got = Lifter(model, cpu(flip=False)).lift(clip)
    assert got.shape == (frames, 1, 17, 3)
    assert got.dtype == np.float32
    window = clip.data[:, 0]
    center, scale = fit_window(window[..., :2], window[..., 2])
    with torch.inference_mode():
        x = torch.from_numpy(network_input(window, center, scale))
        want = model(x[None])[0].numpy()
    pixels = to_pixels(got[:, 0])
    assert np.allclose(pixels[..., :2], want[..., :2] * scale + center, atol=1e-2)
    assert np.allclose(pixels[..., 2], (want[..., 2] - want[:, :1, 2]) * scale, atol=1e-2)
    assert not got[:, 0, 0, 2].any()


class Echo(DSTformer):
    """Stands for a model that finds exactly the keypoints, at a depth that drifts."""

    def __init__(self, maxlen):
        small = DSTformerConfig(dim_feat=8, dim_rep=3, depth=1, num_heads=1, maxlen=maxlen)
        super().__init__(small)
        torch.nn.init.eye_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def get_representation(self, x):
        drift = torch.linspace(0, 3, x.shape[1])[None, :, None].expand(x.shape[:3])
        depth = 0.5 * x[..., 1] + drift
        return torch.stack([x[..., 0], x[..., 1], depth], dim=-1)


def test_windows_meet_in_one_unit_and_one_depth():
    """Whatever square each window was normalised by, and wherever its depth began."""
    clip = a_clip(200, people=2)
    got = Lifter(Echo(27), cpu()).lift(clip)
    pixels = to_pixels(got.astype(np.float64))
    assert np.allclose(pixels[..., :2], clip.data[..., :2], atol=1e-2)
    wanted = 0.5 * (clip.data[..., 1] - clip.data[..., :1, 1])
    assert np.allclose(pixels[..., 2], wanted, atol=1e-2)


def jerks(poses):
    """(T - 2,) largest second difference between frames, where a seam would stand out."""
    return np.abs(np.diff(poses[:, 0], n=2, axis=0)).max(axis=(1, 2))


def test_no_seam_can_be_seen(model):
    """Side by side, windows jump where they meet; faded, they move there as they do inside."""
    clip = a_clip(270)
    lifter = Lifter(model, cpu())
    parts = [lifter.lift(clip_of(clip.data[i : i + 27])) for i in range(0, 270, 27)]
    inside = max(jerks(part).max() for part in parts)
    assert jerks(np.concatenate(parts)).max() > 10 * inside
    assert jerks(lifter.lift(clip)).max() < 1.5 * inside


def test_people_and_batches_do_not_mix(model):
    clip = a_clip(70, people=3)
    together = Lifter(model, cpu(batch_size=3)).lift(clip)
    for who in range(3):
        alone = Lifter(model, cpu(batch_size=1)).lift(clip_of(clip.data[:, who : who + 1]))
        assert np.allclose(together[:, who], alone[:, 0], atol=1e-4)


def test_absent_frames_are_nan_and_time_is_not_squeezed(model):
    clip = a_clip(27)
    gone = slice(10, 14)
    got = Lifter(model, cpu(flip=False)).lift(without(clip, gone))
    missing = np.zeros(27, dtype=bool)
    missing[gone] = True
    assert np.array_equal(np.isnan(got).all(axis=(1, 2, 3)), missing)
    assert np.isfinite(got[~missing]).all()
    window = without(clip, gone).data[:, 0]
    x = network_input(window, *fit_window(window[..., :2], window[..., 2]))
    assert not x[gone].any()
    with torch.inference_mode():
        want = model(torch.from_numpy(x)[None])[0, ~missing].numpy()
    shape = got[~missing, 0, :, 2]
    want = want[..., 2] - want[:, :1, 2]
    assert np.corrcoef(shape.ravel(), want.ravel())[0, 1] > 0.9999


def test_long_absences_separate(model):
    """What happens before one does not reach what happens after it."""
    clip, lifter = a_clip(90), Lifter(model, cpu())
    got = lifter.lift(without(clip, slice(30, 50)))
    assert np.isnan(got[30:50]).all()
    assert np.allclose(got[:30], lifter.lift(clip_of(clip.data[:30])), atol=1e-4)
    assert np.allclose(got[50:], lifter.lift(clip_of(clip.data[50:])), atol=1e-4)


def some(clip, frames, fps):
    """The clip with some of its frames alone, at their own times."""
    return replace(
        clip,
        data=clip.data[frames],
        boxes=clip.boxes[frames],
        frame_index=clip.frame_index[frames],
        timestamps=clip.timestamps[frames],
        fps=fps,
    )


def test_dropped_frames_do_not_squeeze_time(model):
    lifter, clip = Lifter(model, cpu()), a_clip(60)
    kept = [*range(20), *range(24, 60)]
    absent = without(clip, slice(20, 24))
    assert np.array_equal(lifter.lift(some(clip, kept, 28.0)), lifter.lift(absent)[kept])


def test_each_side_of_a_pause_is_lifted_as_if_alone(model):
    lifter, clip = Lifter(model, cpu()), a_clip(120)
    before, after = np.arange(40), np.arange(85, 120)
    both = lifter.lift(some(clip, np.concatenate([before, after]), 19.0))
    assert np.allclose(both[:40], lifter.lift(some(clip, before, 30.0)), atol=1e-6)
    assert np.allclose(both[40:], lifter.lift(some(clip, after, 30.0)), atol=1e-6)


def test_each_rate_of_a_clip_is_lifted_by_its_own(model):
    lifter = Lifter(model, cpu(), {"fps": [24, 30]})
    clip = a_clip(240, fps=60.0)
    fast, slow = np.arange(121), np.arange(124, 240, 4)
    both = lifter.lift(some(clip, np.concatenate([fast, slow]), 38.0))
    assert np.allclose(both[:121], lifter.lift(some(clip, fast, 60.0)), atol=1e-6)
    assert np.allclose(both[121:], lifter.lift(some(clip, slow, 15.0)), atol=1e-6)


def test_missing_joints_are_zeros_and_still_lifted(model):
    clip = without(a_clip(20), (slice(3, 9), 0, 4), (slice(None), 0, 16))
    got = Lifter(model, cpu()).lift(clip)
    assert np.isfinite(got).all()


def test_one_wild_keypoint_moves_nothing_but_itself(model):
    clip = a_clip(27)
    data = clip.data.copy()
    data[13, 0, 5, :2] = 9000, -7000
    lifter = Lifter(model, cpu())
    wild = lifter.lift(clip_of(data))
    masked = lifter.lift(without(clip, (13, 0, 5)))
    assert np.array_equal(wild, masked)


def test_nobody_and_nothing(model):
    lifter = Lifter(model, cpu())
    assert lifter.lift(a_clip(5, people=0)).shape == (5, 0, 17, 3)
    assert np.isnan(lifter.lift(without(a_clip(5, people=2), slice(None)))).all()
    assert lifter.lift(a_clip(0)).shape == (0, 1, 17, 3)
    compat = Lifter(model, cpu(compat="motionbert"))
    assert compat.lift(a_clip(5, people=0)).shape == (5, 0, 17, 3)
    assert np.isnan(compat.lift(without(a_clip(5, people=2), slice(None)))).all()


def test_high_frame_rates_are_lifted_as_interleaved_clips(model):
    clip = a_clip(80, fps=120.0)
    got = Lifter(model, cpu(), {"fps": [12, 60]}).lift(clip)
    for phase in (0, 1):
        alone = Lifter(model, cpu()).lift(clip_of(clip.data[phase::2], 60.0))
        assert np.allclose(got[phase::2], alone, atol=1e-4)
    # Rates as files give them, a little off: twice 60, and 60 itself.
    for fps in (119.88, 120.005):
        near = Lifter(model, cpu(), {"fps": [12, 60]}).lift(clip_of(clip.data, fps))
        assert np.array_equal(near, got)
    slow = a_clip(80, fps=60.0)
    for fps in (59.94, 60.005):
        near = Lifter(model, cpu(), {"fps": [12, 60]}).lift(clip_of(slow.data, fps))
        assert np.array_equal(near, Lifter(model, cpu()).lift(slow))
    known, unknown = Lifter(model, cpu(), {"fps": [12, 60]}), Lifter(model, cpu())
    assert np.array_equal(known.lift(slow), unknown.lift(slow))


@pytest.mark.parametrize(
    ("fps", "span", "window"), [(30.0, 0.5, 15), (120.0, 0.25, 15), (20.0, 0.1, 9), (30.0, 9, 27)]
)
def test_a_window_lasts_no_longer_than_the_span_of_the_weights(model, fps, span, window):
    clip = a_clip(80, fps=fps)
    metadata = {"fps": [12, 60], "span": span}
    got = Lifter(model, cpu(), metadata).lift(clip)
    want = Lifter(model, cpu(window=window), {"fps": [12, 60]}).lift(clip)
    assert np.array_equal(got, want)
    asked = Lifter(model, cpu(window=27), metadata).lift(clip)
    assert np.array_equal(asked, Lifter(model, cpu(), {"fps": [12, 60]}).lift(clip))


def test_progress_reaches_its_end(model):
    calls = []
    Lifter(model, cpu(batch_size=2)).lift(
        a_clip(100, people=2), lambda done, total: calls.append((done, total))
    )
    assert calls[-1][0] == calls[-1][1] == 2 * len(window_starts(100, 27, LiftOptions().overlap))
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


# compatibility


@pytest.mark.parametrize("root_relative", [False, True])
@pytest.mark.parametrize("averaged", [False, True])
def test_compat_is_the_published_inference(model, root_relative, averaged):
    """Against the published steps written out: crop the sequence, windows side by side, root."""
    clip = without(a_clip(70), slice(40, 47), (5, 0, 3), (60, 0, 11))
    options = cpu(compat="motionbert", flip=averaged, root_relative=root_relative)
    got = Lifter(model, options).lift(clip)

    seen = clip.present[:, 0]
    motion = clip.data[seen, 0].astype(np.float64)
    motion[np.isnan(motion)] = 0
    motion = crop_scale(motion).astype(np.float32)
    assert (np.abs(motion[5, 3, :2]) == 1).any()  # a missing joint ends up at the border
    parts = []
    for start in range(0, len(motion), 27):
        x = torch.from_numpy(motion[None, start : start + 27])
        with torch.no_grad():
            y = model(x)
            if averaged:
                mirrored = model(torch.from_numpy(flip(x.numpy())))
                y = (y + torch.from_numpy(flip(mirrored.numpy()))) / 2
        if root_relative:
            y[:, :, 0, :] = 0
        else:
            y[:, 0, 0, 2] = 0
        parts.append(y[0].numpy())
    want = np.concatenate(parts)
    assert [len(part) for part in parts] == [27, 27, 9]
    assert np.abs(got[seen, 0] - want).max() < 1e-5
    assert np.isnan(got[~seen]).all()


def test_compat_takes_the_root_rule_from_the_weights(model):
    clip = a_clip(10)
    options = cpu(compat="motionbert")
    assert not Lifter(model, options, {"root_relative": True}).lift(clip)[:, 0, 0].any()
    assert Lifter(model, options).lift(clip)[1:, 0, 0].any()
