"""The network of one pass as an ONNX graph, written without torch."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from velatura.extras import import_extra
from velatura.fast.layers import (
    EPSILON,
    FOLDING,
    GRAIN,
    LAST,
    LAYERS,
    MOST_GAIN,
    NEWTON_STEPS,
    OFFSETS,
    PARITIES,
    PASSES,
    SHAPES,
    SMALLEST_SPREAD,
    Layer,
)
from velatura.version import __version__

Array = NDArray[np.float32]
OPSET = 18
IR_VERSION = 8  # which this opset came with: older programs can read it


def build(tensors: Mapping[str, Array], card: Mapping[str, Any]) -> Any:
    """The model of the network with `tensors`, as its files name them; with `card` as metadata.

    Input `photograph` (1, 3, height, width), sRGB in [0, 1], at least 16 pixels a side; output
    `painting` of the same size.

    Raises:
        ConfigError: onnx is not installed.
        ValueError: a tensor is missing, or of another shape.
    """
    for name, shape in SHAPES.items():
        if name not in tensors or tensors[name].shape != shape:
            raise ValueError(f"expected {name} of {shape}")
    graph = _Graph()
    recoloured = _recoloured(graph, tensors)
    centred = graph.add("Sub", recoloured, graph.constant(0.5))
    x, entered, seen = centred, centred, {"": centred}
    for layer in LAYERS:
        if layer.enters:
            entered = x
        x = _convolved(graph, layer, x, tensors)
        if layer.name != LAST:
            x = _whitened(graph, layer, x, tensors)
        if layer.enlarge:  # an odd side is one less than twice its half
            x = _shuffled(graph, x, layer.outputs)
            size = graph.add("Shape", seen[layer.joins], start=2)
            x = graph.add("Slice", x, graph.constant([0, 0]), size, graph.constant([2, 3]))
        if layer.grained:
            x = graph.add("Add", x, _grain(graph, layer, x, tensors))
        if layer.name != LAST:
            x = graph.add("Add", x, entered) if layer.adds else graph.add("Relu", x)
        seen[layer.name] = x
        if layer.joins:
            x = graph.add("Add", x, seen[layer.joins])
    x = graph.add("Add", x, graph.add("Mul", centred, graph.constant(PASSES)))
    graph.add("Sigmoid", x, output="painting")
    return graph.model(card)


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.onnx = import_extra("onnx", "onnx", "a style as ONNX")
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node of one output; return the output's name."""
        output = output or f"{operator.lower()}{len(self.nodes)}"
        node = self.onnx.helper.make_node(operator, [*inputs], [output], **attributes)
        self.nodes.append(node)
        return output

    def constant(self, value: Any) -> str:
        """Add a constant, float32 or int64; return its name."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"constant{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def model(self, card: Mapping[str, Any]) -> Any:
        """All of it, with the card."""
        helper = self.onnx.helper
        photograph, painting = (
            helper.make_tensor_value_info(
                name, self.onnx.TensorProto.FLOAT, [1, 3, "height", "width"]
            )
            for name in ("photograph", "painting")
        )
        graph = helper.make_graph(self.nodes, "style", [photograph], [painting], self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="velatura",
            producer_version=__version__,
        )
        helper.set_model_props(model, {"velatura": json.dumps(dict(card))})
        return model


def _recoloured(graph: _Graph, tensors: Mapping[str, Array]) -> str:
    """As `StyleNetwork.recolour` does it."""
    add, constant = graph.add, graph.constant
    axes = constant(tensors["palette_axes"])
    mean, covariance = _moments(graph, add("Reshape", "photograph", constant([3, -1])))
    variance = add("ReduceSum", add("Mul", axes, add("MatMul", covariance, axes)), constant([0]))
    spread = add("Sqrt", add("Max", variance, constant(SMALLEST_SPREAD**2)))
    gain = add("Min", add("Div", constant(tensors["palette_spread"]), spread), constant(MOST_GAIN))
    matrix = add("Gemm", add("Mul", axes, gain), axes, transB=1)
    palette_mean = constant(tensors["palette_mean"].reshape(3, 1))
    recoloured = _mapped(graph, "photograph", 3, matrix, mean, palette_mean)
    return add("Clip", recoloured, constant(0.0), constant(1.0))


def _moments(graph: _Graph, values: str) -> tuple[str, str]:
    """Mean (channels, 1) of values (channels, positions), and covariance of the channels."""
    add = graph.add
    mean = add("ReduceMean", values, graph.constant([1]))
    values = add("Sub", values, mean)
    shape = add("Shape", values, start=1)
    positions = add("Cast", shape, to=graph.onnx.TensorProto.FLOAT)
    return mean, add("Div", add("Gemm", values, values, transB=1), positions)


def _mapped(graph: _Graph, x: str, channels: int, matrix: str, mean: str, bias: str) -> str:
    """`matrix` · (x - mean) + bias, the mean put into the bias, which is smaller than `x`."""
    add = graph.add
    bias = add("Sub", bias, add("MatMul", matrix, mean))
    values = add("Reshape", x, graph.constant([channels, -1]))
    return add("Reshape", add("Gemm", matrix, values, bias), add("Shape", x))


def _looked_at(graph: _Graph, layer: Layer, x: str) -> str:
    """The rows of `x` that the whitening goes by."""
    add, constant = graph.add, graph.constant
    side = add("Squeeze", add("Shape", x, start=2, end=3))
    numbers = add("Range", constant(0), side, constant(layer.every))
    turns = add("Mod", add("Div", numbers, constant(layer.every)), constant(len(OFFSETS)))
    offsets = constant([offset % layer.every for offset in OFFSETS])
    numbers = add("Add", numbers, add("Gather", offsets, turns))
    last = add("Sub", side, constant(1))
    return add("Gather", x, add("Min", numbers, last), axis=2)


def _whitened(graph: _Graph, layer: Layer, x: str, tensors: Mapping[str, Array]) -> str:
    """As `StyleNetwork` does it; see `inverse_root`."""
    add, constant = graph.add, graph.constant
    looked_at = _looked_at(graph, layer, x) if layer.every > 1 else x
    values = add("Reshape", looked_at, constant([layer.outputs, -1]))
    mean, covariance = _moments(graph, values)
    unit = np.eye(layer.outputs)
    covariance = add("Add", covariance, constant(EPSILON * unit))
    trace = add("ReduceSum", add("Mul", covariance, constant(unit)), constant([0, 1]))
    covariance = add("Div", covariance, trace)
    root = constant(unit)
    for _ in range(NEWTON_STEPS):
        cube = add("MatMul", add("MatMul", root, root), root)
        root = add("Gemm", cube, covariance, root, alpha=-0.5, beta=1.5)
    scale, bias = (tensors[f"{layer.name}_{part}"].reshape(-1, 1) for part in ("scale", "bias"))
    matrix = add("Mul", constant(scale), add("Div", root, add("Sqrt", trace)))
    return _mapped(graph, x, layer.outputs, matrix, mean, constant(bias))


def _shuffled(graph: _Graph, x: str, channels: int) -> str:
    """As `pixel_shuffle` does it; onnxruntime's DepthToSpace takes twice as long."""
    add, constant = graph.add, graph.constant
    x = add("Reshape", x, constant([2 * channels, 2, 0, 0]))
    x = add("Transpose", x, perm=[0, 2, 3, 1])  # columns between columns
    rows = add("Shape", x, start=1, end=2)
    x = add("Reshape", x, add("Concat", constant([channels, 2]), rows, constant([-1]), axis=0))
    x = add("Transpose", x, perm=[0, 2, 1, 3])  # rows between rows
    columns = add("Shape", x, start=3)
    size = add("Concat", constant([1, channels, -1]), columns, axis=0)
    return add("Reshape", x, size)


def _grain(graph: _Graph, layer: Layer, x: str, tensors: Mapping[str, Array]) -> str:
    """Noise for `x`."""
    add, constant = graph.add, graph.constant
    noise = constant(tensors["grain"])
    for axis in (2, 3):
        side = add("Squeeze", add("Shape", x, start=axis, end=axis + 1))
        numbers = add("Range", constant(0), side, constant(1))
        noise = add("Gather", noise, add("Mod", numbers, constant(GRAIN)), axis=axis)
    return add("Mul", constant(tensors[f"{layer.name}_grain"].reshape(1, -1, 1, 1)), noise)


def _convolved(graph: _Graph, layer: Layer, x: str, tensors: Mapping[str, Array]) -> str:
    kernel = np.asarray(tensors[f"{layer.name}_kernel"], dtype=np.float32)
    if layer.enlarge:
        parities = np.asarray(PARITIES, dtype=np.float32)
        folded = np.einsum(FOLDING, parities, parities, kernel, optimize=True)
        kernel = folded.reshape(-1, *folded.shape[3:])
    inputs = [graph.constant(kernel)]
    if layer.name == LAST:  # elsewhere the bias follows the whitening
        inputs.append(graph.constant(np.repeat(tensors[f"{LAST}_bias"], 4)))
    around = graph.constant([0, 0, layer.around, layer.around] * 2)
    padded = graph.add("Pad", x, around, mode="reflect")
    return graph.add("Conv", padded, *inputs, strides=[layer.stride] * 2)
