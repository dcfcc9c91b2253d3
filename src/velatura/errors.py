"""Everything Velatura raises on purpose.

    VelaturaError
    ├── FileError      a file cannot be written, or would be written over an input
    ├── ImageError     a picture cannot be read, painted or written
    │   └── TooLargeError  … for it has more pixels than are allowed, or than memory holds
    ├── WeightsError   the network's weights are missing, damaged or foreign
    ├── CheckpointError  an unfinished painting or training is damaged, or another
    ├── MissingDependencyError  an extra is not installed (also an ImportError)
    ├── ConfigError    an option is out of its range (also a ValueError)
    ├── DivergenceError  the painting left the finite numbers
    └── WorkerError    a process that shared the painting ended

Each message says what was expected, what came and, where it is not obvious, what to do.
"""

import errno
import re
import textwrap


class VelaturaError(Exception):
    """Base of all errors that Velatura raises on purpose."""


class FileError(VelaturaError):
    """A file cannot be written, or would be written over an input."""


class ImageError(VelaturaError):
    """A picture cannot be read, painted or written."""


class TooLargeError(ImageError):
    """A picture has more pixels than are allowed, or than memory holds; it may be a good one."""


class WeightsError(VelaturaError):
    """The network's weights are missing, damaged or foreign."""


class CheckpointError(VelaturaError):
    """An unfinished painting or training is damaged, or is another than the one to go on with."""


class MissingDependencyError(VelaturaError, ImportError):
    """A module that only an extra of the package installs is not there."""


class ConfigError(VelaturaError, ValueError):
    """An option is out of its range."""


class DivergenceError(VelaturaError):
    """The painting left the finite numbers."""


class WorkerError(VelaturaError):
    """Another process that shared the painting ended before it was done."""


# What the allocators of torch and its devices, oneDNN, onnxruntime, Pillow and C++ say.
_OUT_OF_MEMORY = (
    *("out of memory", "not enough memory", "allocate memory", "std::bad_alloc", "alloc_failed"),
    *("could not create a primitive", "can't start new thread", "failed to map segment"),
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is that memory ran out, of any library."""
    if error is None:
        return False
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    # Libraries raise RuntimeError, OSError or exceptions of their own.
    told = not isinstance(error, VelaturaError) and any(
        sign in str(error).lower() for sign in _OUT_OF_MEMORY
    )
    return told or is_out_of_memory(error.__cause__)


def in_one_line(error: BaseException) -> str:
    """What to tell of an error of any kind."""
    text = " ".join(str(error).split())
    if isinstance(error, VelaturaError):
        return text
    if is_out_of_memory(error):
        text = re.sub(r"\[[^]]*\]( err == 0\.)?\s*", "", text)  # where in torch's source
        text = textwrap.shorten(text, 120, placeholder=" …")
        return f"out of memory{f' ({text})' if text else ''}; something smaller needs less"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
