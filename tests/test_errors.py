import errno

import pytest
import torch

from velatura.errors import (
    ConfigError,
    ImageError,
    WeightsError,
    in_one_line,
    is_out_of_memory,
)
from velatura.extras import import_extra
from velatura.perception import weights
from velatura.perception.devices import pick_device


class RuntimeException(Exception):  # noqa: N818  onnxruntime's, by its name
    pass


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
        RuntimeException("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer"),
        RuntimeError("std::bad_alloc"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_is_known_whoever_says_it(error):
    assert is_out_of_memory(error)
    assert in_one_line(error).startswith("out of memory")
    assert "\n" not in in_one_line(error)
    wrapped = ImageError("a.jpg: cannot be read")
    wrapped.__cause__ = error
    assert is_out_of_memory(wrapped)
    assert in_one_line(wrapped) == "a.jpg: cannot be read"


def test_torchs_own_failure_on_the_cpu_is_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert in_one_line(caught.value).startswith("out of memory (DefaultCPUAllocator: ")


@pytest.mark.parametrize(
    "error",
    [RuntimeError("shapes do not fit"), ImageError("out of memory.jpg: broken"), OSError(2, "No")],
    ids=str,
)
def test_other_errors_are_not_taken_for_it(error):
    assert not is_out_of_memory(error)


def test_little_memory_is_not_told_as_something_that_is_missing(monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(ConfigError, match=r"device: 'cpu' is not there \(out of memory"):
        pick_device("cpu")

    def load(*arguments):
        raise ImportError("onnxruntime.so: failed to map segment from shared object")

    monkeypatch.setattr("importlib.import_module", load)
    with pytest.raises(ImportError, match="failed to map"):
        import_extra("onnxruntime", "onnx", "backend")


def test_weights_that_memory_is_too_small_for_are_not_called_damaged(tmp_path, monkeypatch):
    def load(*arguments, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9")

    torch.save({}, tmp_path / "w.pth")
    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(WeightsError, match=r"w.pth: cannot be read \(out of memory"):
        weights.load(str(tmp_path / "w.pth"))


def test_a_long_story_of_no_memory_ends_with_a_word():
    told = in_one_line(RuntimeError("can't allocate memory: " + "something " * 50))
    assert told.endswith("something …); something smaller needs less")
