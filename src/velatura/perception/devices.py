"""Where and in what precision the network runs."""

import functools
import os

import torch

from velatura.errors import ConfigError, in_one_line


def pick_device(name: str) -> torch.device:
    """The device that `name` means; `auto` is the first of CUDA, MPS and CPU that is there.

    Processes that are forked from now on have one thread of PyTorch's.
    """
    _mind_forks()
    if name == "auto":
        if torch.cuda.is_available():
            name = "cuda"
        else:
            return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cpu", "cuda", "mps"):
            raise ConfigError(f"device: expected cpu, cuda or mps, got {name!r}")
        torch.empty(1, device=device)
    except ConfigError:
        raise
    except Exception as error:  # each backend has its own
        raise ConfigError(
            f"device: {name!r} is not there ({in_one_line(error)[:200]}); use auto or cpu"
        ) from None
    return device


@functools.cache
def _mind_forks() -> None:
    """OpenMP's threads do not come along with a fork, and waiting for them would never end."""
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The convolutions' type: bf16 where asked for, or where `auto` finds hardware for it."""
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return torch.bfloat16
    return torch.float32


def has_bf16(device: torch.device) -> bool:
    """Whether `device` multiplies bf16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return any(capabilities.get(k) for k in ("avx512_bf16", "amx_bf16", "bf16"))
    return False
