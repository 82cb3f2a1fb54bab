"""Networks in the shapes of OpenMMLab's exports that compute something simple and exact.

Their output can be derived from the picture by hand, so that preprocessing, decoding and conversion
to the picture's coordinates are tested without any trained weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MEAN_RGB = np.array([123.675, 116.28, 103.53])
DEVIATION_RGB = np.array([58.395, 57.12, 57.375])

# What an array of nodes is made of: operator, inputs, outputs, attributes.
Node = tuple[str, list[str], list[str], dict[str, Any]]


class Graphs:
    """Writes ONNX files; one a name."""

    def __init__(self, folder: Path) -> None:
        self._onnx = pytest.importorskip("onnx", reason="building graphs needs the onnx package")
        self._folder = folder

    def write(
        self,
        name: str,
        nodes: list[Node],
        constants: dict[str, Any],
        shape: list[int | str],
        outputs: dict[str, int],
        dtype: str = "FLOAT",
        input_name: str = "input",
    ) -> Path:
        """A graph with one input and outputs of the given ranks."""
        helper, proto = self._onnx.helper, self._onnx.TensorProto
        kinds = {"labels": proto.INT64}
        graph = helper.make_graph(
            [helper.make_node(op, i, o, **attributes) for op, i, o, attributes in nodes],
            name,
            [helper.make_tensor_value_info(input_name, getattr(proto, dtype), shape)],
            [
                helper.make_tensor_value_info(
                    output, kinds.get(output, getattr(proto, dtype)), [None] * rank
                )
                for output, rank in outputs.items()
            ],
            [self._onnx.numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        self._onnx.checker.check_model(model)
        path = self._folder / f"{name}.onnx"
        self._onnx.save(model, path)
        return path

    def red_box(
        self, name: str, *, size: tuple[int, int], yolox: bool = False, half: bool = False
    ) -> Path:
        """A detector of everything fully red; its score is the redness, 1 for 255.

        It gives that box as a person (class 0) and as a car (class 2). An RTMDet convolves the
        normalised picture; a YOLOX takes it apart first and wants it raw.
        """
        dtype = np.float16 if half else np.float32
        scale, shift = (1.0, 0.0) if yolox else (DEVIATION_RGB[0], MEAN_RGB[0])
        weight = np.array([0, 0, scale / 255]).reshape(1, 3, 1, 1)  # of B, G, R
        nodes: list[Node] = []
        if yolox:
            nodes.append(("Slice", ["input", "begin", "end", "axes"], ["picture"], {}))
        source = "picture" if yolox else "input"
        nodes += [
            ("Conv", [source, "weight", "bias"], ["red"], {}),  # (1, 1, H, W), 0..1
            ("ReduceMax", ["red"], ["columns"], {"axes": [2], "keepdims": 0}),  # (1, 1, W)
            ("ReduceMax", ["red"], ["rows"], {"axes": [3], "keepdims": 0}),
            ("ReduceMax", ["red"], ["best"], {"axes": [2, 3], "keepdims": 0}),  # (1, 1)
        ]
        for profile, low, high in (("columns", "x1", "x2"), ("rows", "y1", "y2")):
            first = {"axis": 2, "keepdims": 0}
            nodes += [
                ("Greater", [profile, "limit"], [f"{profile}_on"], {}),
                ("Cast", [f"{profile}_on"], [f"{profile}_i"], {"to": 6}),
                ("ArgMax", [f"{profile}_i"], [f"{low}_i"], first),
                ("ArgMax", [f"{profile}_i"], [f"{high}_i"], first | {"select_last_index": 1}),
                ("Cast", [f"{low}_i"], [low], {"to": 10 if half else 1}),
                ("Cast", [f"{high}_i"], [f"{high}_last"], {"to": 10 if half else 1}),
                ("Add", [f"{high}_last", "one"], [high], {}),
            ]
        nodes += [
            ("Concat", ["x1", "y1", "x2", "y2", "best"], ["det"], {"axis": 1}),  # (1, 5)
            ("Unsqueeze", ["det", "second"], ["row"], {}),
            ("Concat", ["row", "row"], ["dets"], {"axis": 1}),  # (1, 2, 5)
            ("Identity", ["classes"], ["labels"], {}),
        ]
        constants = {
            "weight": weight.astype(dtype),
            "bias": np.array([shift / 255], dtype),
            "limit": np.array(0.9, dtype),
            "one": np.array(1, dtype),
            "second": np.array([1]),
            "begin": np.array([0]),
            "end": np.array([size[1]]),
            "axes": np.array([2]),
            "classes": np.array([[0, 2]]),
        }
        return self.write(
            name,
            nodes,
            constants,
            ["batch", 3, size[1], size[0]],
            {"dets": 3, "labels": 2},
            "FLOAT16" if half else "FLOAT",
        )

    def constant(
        self,
        name: str,
        arrays: dict[str, np.ndarray],
        *,
        size: tuple[int | str, int | str],
    ) -> Path:
        """A network that gives the same whatever it is shown."""
        nodes: list[Node] = [
            ("Slice", ["input", "begin", "end"], ["some"], {}),
            ("ReduceMean", ["some"], ["mean"], {"keepdims": 0}),
            ("Mul", ["mean", "nothing"], ["zero"], {}),
        ]
        constants: dict[str, Any] = {
            "begin": np.array([0]),
            "end": np.array([1]),
            "nothing": np.array(0, np.float32),
        }
        for output, array in arrays.items():
            constants[f"{output}_value"] = array.astype(np.float32)
            nodes.append(("Add", [f"{output}_value", "zero"], [output], {}))
        ranks = {output: array.ndim for output, array in arrays.items()}
        return self.write(name, nodes, constants, ["batch", 3, size[1], size[0]], ranks)

    def brightest(
        self,
        name: str,
        *,
        joints: int,
        size: tuple[int, int] = (48, 64),
        batch: int | str = "batch",
        bins: int = 2,
    ) -> Path:
        """A SimCC of the brightest column and row: of red, green or blue, by joint number."""
        nodes: list[Node] = [("Mul", ["input", "scale"], ["scaled"], {})]
        nodes += [("Add", ["scaled", "shift"], ["light"], {})]  # (N, 3, H, W), 0..1
        nodes += [("Gather", ["light", "channels"], ["each"], {"axis": 1})]
        for axis, output in ((2, "simcc_x"), (3, "simcc_y")):
            nodes += [
                ("ReduceMax", ["each"], [f"{output}_pixels"], {"axes": [axis], "keepdims": 0}),
                ("Unsqueeze", [f"{output}_pixels", "last"], [f"{output}_column"], {}),
                ("Tile", [f"{output}_column", "repeats"], [f"{output}_bins"], {}),
                ("Reshape", [f"{output}_bins", "flat"], [output], {}),
            ]
        constants = {
            "scale": (DEVIATION_RGB / 255).reshape(1, 3, 1, 1).astype(np.float32),
            "shift": (MEAN_RGB / 255).reshape(1, 3, 1, 1).astype(np.float32),
            "channels": np.arange(joints) % 3,
            "last": np.array([3]),
            "repeats": np.array([1, 1, 1, bins]),
            "flat": np.array([0, 0, -1]),
        }
        return self.write(
            name, nodes, constants, [batch, 3, size[1], size[0]], {"simcc_x": 3, "simcc_y": 3}
        )


@pytest.fixture
def graphs(tmp_path: Path) -> Graphs:
    """A writer of ONNX files into the test's own folder."""
    return Graphs(tmp_path)


@pytest.fixture
def scene() -> Callable[..., np.ndarray]:
    """Pictures with one rectangle of one colour on black."""

    def draw(
        box: tuple[int, int, int, int],
        colour: tuple[int, int, int] = (255, 0, 0),
        size: tuple[int, int] = (128, 96),
    ) -> np.ndarray:
        image = np.zeros((size[1], size[0], 3), np.uint8)
        image[box[1] : box[3], box[0] : box[2]] = colour
        return image

    return draw
