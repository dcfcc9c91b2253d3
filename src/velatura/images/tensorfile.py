"""Tensors in a safetensors file, with something said about them as JSON: no pickle, no code.

torch is imported by those who ask for its tensors alone.
"""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from velatura.errors import FileError
from velatura.files import atomic_path
from velatura.untrusted import read_object

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

KEY, CHECKSUM = "velatura", "crc32"  # of the metadata
KINDS = ("F16", "F32", "F64", "I64")  # of numbers, as safetensors calls them


def write(path: Path, tensors: "Mapping[str, Tensor]", about: Mapping[str, Any]) -> None:
    """Write `tensors` and what is said `about` them, whole or not at all.

    Raises FileError if the disk refuses.
    """
    from safetensors.torch import save_file

    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    said = json.dumps(dict(about))
    arrays = {name: tensor.numpy() for name, tensor in contiguous.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata={KEY: said, CHECKSUM: _sum(arrays, said)})
    except SafetensorError as error:
        raise FileError(f"{path}: cannot be written ({error})") from error


def read_about(path: Path) -> dict[str, Any]:
    """What is said about the tensors. Raises ValueError if it is no such file."""
    with _opened(path) as file:
        return read_object(_said(file))


def read(path: Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """The tensors and what is said about them. Raises ValueError if it is damaged, or another."""
    import torch

    arrays, about = read_arrays(path)
    # Copied into memory of torch's own: sums round differently where a vector starts elsewhere than
    # on a cache line.
    return {name: torch.from_numpy(array).clone() for name, array in arrays.items()}, about


def read_arrays(path: Path) -> "tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]":
    """As `read`, as NumPy arrays."""
    import numpy as np

    arrays = {}
    with _opened(path) as file:
        said = _said(file)
        for name in file.keys():  # noqa: SIM118  it is no dictionary
            kind = file.get_slice(name).get_dtype()
            if kind not in KINDS:
                raise ValueError(f"{name}: expected numbers of {', '.join(KINDS)}, got {kind}")
            arrays[name] = file.get_tensor(name)
        checksum = file.metadata().get(CHECKSUM)  # models of before have none
    if checksum and checksum != _sum(arrays, said):
        raise ValueError("its checksum is another")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("it holds numbers that are not finite")
    return arrays, read_object(said)


def _sum(arrays: "Mapping[str, np.ndarray[Any, Any]]", said: str) -> str:
    checksum = zlib.crc32(said.encode())
    for name, array in sorted(arrays.items()):
        checksum = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), checksum)
        checksum = zlib.crc32(array.reshape(-1).data, checksum)
    return f"{checksum:08x}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
        raise ValueError("expected a file, found none")  # a pipe would be waited for
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise ValueError(str(error)) from error


def _said(file: Any) -> str:
    said = (file.metadata() or {}).get(KEY)
    if said is None:
        raise ValueError("it was not written by Velatura")
    return str(said)
