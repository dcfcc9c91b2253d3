"""Networks as ONNX files, for programs without PyTorch, each checked beside PyTorch."""

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from velatura.errors import ConfigError, WeightsError
from velatura.extras import import_extra
from velatura.files import atomic_path

SIZES = ((96, 128), (131, 77))  # at which the file is compared with the network
LARGEST_DIFFERENCE = 1e-3  # a quarter of a grey level


def export(
    whole: nn.Module, path: Path, output: str, card: Mapping[str, Any]
) -> dict[tuple[int, int], float]:
    """Write `whole` to `path`: from `photograph` (1, 3, height, width) to a picture named `output`.

    Any height and width of at least 16 pixels will do. Returns and raises what `write` does, and
    ConfigError if onnx or onnxscript is not installed.
    """
    _check_name(path)
    onnx, _ = _needed("onnx"), _needed("onnxscript")  # the latter is the exporter's own need
    height, width = torch.export.Dim("height", min=16), torch.export.Dim("width", min=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making, as is what it logs
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program: Any = torch.onnx.export(
            whole,
            (torch.rand(1, 3, *SIZES[0]),),
            dynamo=True,
            input_names=["photograph"],
            output_names=[output],
            dynamic_shapes=({2: height, 3: width},),
            verbose=False,
        )
    model = program.model_proto
    onnx.helper.set_model_props(model, {"velatura": json.dumps(dict(card))})
    return write(model, whole, path)


def write(model: Any, whole: nn.Module, path: Path) -> dict[tuple[int, int], float]:
    """Write the ONNX `model` to `path` if it does what `whole` does.

    Both are run at two sizes; returns the largest difference of a pixel at each (height, width).

    Raises:
        ConfigError: onnxruntime is not installed, or the name is no .onnx.
        WeightsError: the model does not do what the network does; nothing is written.
    """
    _check_name(path)
    written = model.SerializeToString()
    runtime = _needed("onnxruntime")
    session = runtime.InferenceSession(written, providers=["CPUExecutionProvider"])
    differences = {}
    for size in SIZES:
        photograph = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
        (made,) = session.run(None, {"photograph": photograph.numpy()})
        with torch.no_grad():
            expected = whole(photograph)
        differences[size] = float((torch.from_numpy(made) - expected).abs().max())
    if max(differences.values()) > LARGEST_DIFFERENCE:
        raise WeightsError(f"{path}: the export differs from the network by {differences}")
    with atomic_path(path) as temporary:
        temporary.write_bytes(written)
    return differences


def _check_name(path: Path) -> None:
    """Raise ConfigError if `path` is no name for an ONNX file."""
    if path.suffix.lower() != ".onnx":
        raise ConfigError(f"output: expected a name ending in .onnx, got {path.name!r}")


def _needed(module: str) -> Any:
    return import_extra(module, "onnx", "export")
