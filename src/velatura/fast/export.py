"""Styles as ONNX files, for programs without PyTorch."""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from velatura.errors import ConfigError, WeightsError
from velatura.fast.network import StyleNetwork
from velatura.fast.styles import ARCHITECTURE, Style
from velatura.images.io import atomic_path

SIZES = ((96, 128), (131, 77))  # at which the file is compared with the network
LARGEST_DIFFERENCE = 1e-3  # a quarter of a grey level


class _Whole(nn.Module):
    """Photograph in, painting out."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, photograph: Tensor) -> Tensor:
        return self.network(self.network.recolour(photograph))


def export(style: Style, path: Path) -> dict[tuple[int, int], float]:
    """Write `style` to `path`: input `photograph`, output `painting`, both (1, 3, height, width).

    Any height and width of at least 16 pixels will do. The file is run beside the network at two
    sizes; returns the largest difference of a pixel at each (height, width).

    Raises:
        ConfigError: onnx, onnxscript or onnxruntime is not installed, or the name is no .onnx.
        WeightsError: the file does not do what the network does; nothing is written.
    """
    if path.suffix.lower() != ".onnx":
        raise ConfigError(f"output: expected a name ending in .onnx, got {path.name!r}")
    onnx, runtime = _onnx()
    whole = _Whole(style.network).eval()
    height, width = torch.export.Dim("height", min=16), torch.export.Dim("width", min=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own making, as is what it logs
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program: Any = torch.onnx.export(
            whole,
            (torch.rand(1, 3, *SIZES[0]),),
            dynamo=True,
            input_names=["photograph"],
            output_names=["painting"],
            dynamic_shapes=({2: height, 3: width},),
            verbose=False,
        )
    model = program.model_proto
    onnx.helper.set_model_props(
        model, {"velatura": json.dumps({"architecture": ARCHITECTURE, **style.card})}
    )
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    differences = {}
    for size in SIZES:
        photograph = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
        (painted,) = session.run(None, {"photograph": photograph.numpy()})
        with torch.no_grad():
            expected = whole(photograph)
        differences[size] = float((torch.from_numpy(painted) - expected).abs().max())
    if max(differences.values()) > LARGEST_DIFFERENCE:
        raise WeightsError(f"{path}: the export differs from the network by {differences}")
    with atomic_path(path) as temporary:
        onnx.save(model, temporary)
    return differences


def _onnx() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401  torch's exporter needs it
    except ImportError as error:
        raise ConfigError(
            f"export: needs {error.name}, which is not installed: pip install velatura[onnx]"
        ) from None
    return onnx, onnxruntime
