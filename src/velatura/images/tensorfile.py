"""Tensors in a safetensors file, with something said about them as JSON: no pickle, no code.

torch is imported by those who ask for its tensors alone.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from velatura.errors import ImageError
from velatura.images.io import atomic_path
from velatura.untrusted import read_object

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

KEY = "velatura"  # of the metadata
KINDS = ("F16", "F32", "F64", "I64")  # of numbers, as safetensors calls them


def write(path: Path, tensors: "Mapping[str, Tensor]", about: Mapping[str, Any]) -> None:
    """Write `tensors` and what is said `about` them, whole or not at all.

    Raises ImageError if the disk refuses.
    """
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata={KEY: json.dumps(dict(about))})
    except SafetensorError as error:
        raise ImageError(f"{path}: cannot be written ({error})") from error


def read_about(path: Path) -> dict[str, Any]:
    """What is said about the tensors. Raises ValueError if it is no such file."""
    with _opened(path, "np") as file:
        return _about(file)


def read(path: Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """The tensors and what is said about them.

    Raises ValueError if it is no such file, or it holds numbers that are not finite.
    """
    import torch

    with _opened(path, "pt") as file:
        # Copied into memory of torch's own: sums round differently where a vector starts
        # elsewhere than on a cache line.
        tensors = {name: _tensor(file, name).clone() for name in _names(file)}
        about = _about(file)
    _check_finite(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
    return tensors, about


def read_arrays(path: Path) -> "tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]":
    """As `read`, as NumPy arrays."""
    import numpy as np

    with _opened(path, "np") as file:
        arrays = {name: _tensor(file, name) for name in _names(file)}
        about = _about(file)
    _check_finite(bool(np.isfinite(array).all()) for array in arrays.values())
    return arrays, about


@contextlib.contextmanager
def _opened(path: Path, framework: str) -> Iterator[Any]:
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises for names too long
        raise ValueError("expected a file, found none")  # a pipe would be waited for
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise ValueError(str(error)) from error


def _names(file: Any) -> list[str]:
    return list(file.keys())


def _tensor(file: Any, name: str) -> Any:
    kind = file.get_slice(name).get_dtype()
    if kind not in KINDS:
        raise ValueError(f"{name}: expected numbers of {', '.join(KINDS)}, got {kind}")
    return file.get_tensor(name)


def _check_finite(all_finite: Iterable[bool]) -> None:
    if not all(all_finite):
        raise ValueError("it holds numbers that are not finite")


def _about(file: Any) -> dict[str, Any]:
    about = (file.metadata() or {}).get(KEY)
    if about is None:
        raise ValueError("it was not written by Velatura")
    return read_object(about)
