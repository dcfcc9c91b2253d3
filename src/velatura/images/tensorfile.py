"""Tensors in a safetensors file, with something said about them as JSON: no pickle, no code.

torch is imported by those who ask for its tensors alone.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from velatura.errors import FileError
from velatura.files import atomic_path

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

KEY = "velatura"  # of the metadata


def write(path: Path, tensors: "Mapping[str, Tensor]", about: Mapping[str, Any]) -> None:
    """Write `tensors` and what is said `about` them, whole or not at all.

    Raises FileError if the disk refuses.
    """
    from safetensors.torch import save_file

    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata={KEY: json.dumps(dict(about))})
    except SafetensorError as error:
        raise FileError(f"{path}: cannot be written ({error})") from error


def read_about(path: Path) -> dict[str, Any]:
    """What is said about the tensors. Raises ValueError if it is no such file."""
    with _opened(path, "np") as file:
        return _about(file)


def read(path: Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """The tensors and what is said about them. Raises ValueError if it is no such file."""
    with _opened(path, "pt") as file:
        # Copied into memory of torch's own: sums round differently where a vector starts
        # elsewhere than on a cache line.
        return {name: file.get_tensor(name).clone() for name in _names(file)}, _about(file)


def read_arrays(path: Path) -> "tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]":
    """As `read`, as NumPy arrays."""
    with _opened(path, "np") as file:
        return {name: file.get_tensor(name) for name in _names(file)}, _about(file)


@contextlib.contextmanager
def _opened(path: Path, framework: str) -> Iterator[Any]:
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise ValueError(str(error)) from error


def _names(file: Any) -> list[str]:
    return list(file.keys())


def _about(file: Any) -> dict[str, Any]:
    try:
        about = json.loads((file.metadata() or {}).get(KEY, "null"))
    except RecursionError:  # brackets in brackets; files may come from anybody
        about = None
    if not isinstance(about, dict):
        raise ValueError("it was not written by Velatura")
    return about
