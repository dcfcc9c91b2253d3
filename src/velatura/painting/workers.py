"""Several processes that paint one picture together, each its share of the tiles.

Under `torchrun` every process runs the same engine on the same images. Only sums travel: the
layers' moments on the way to the loss, the gradient on the way back.
"""

import atexit
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from velatura.errors import WorkerError


class Workers:
    """One process among those that paint; alone, the first of one, which changes nothing.

    `devices` are the kinds of devices whose tensors travel. Those of others go by way of the first,
    as numbers on the CPU do where the processes talk over NCCL alone.
    """

    def __init__(self, rank: int = 0, count: int = 1, devices: Sequence[str] = ("cpu",)) -> None:
        self.rank, self.count, self.devices = rank, count, devices

    def all_reduce(self, *tensors: Tensor) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.count > 1:
            for tensor in tensors:
                self._collective(dist.all_reduce, tensor)

    def broadcast(self, tensor: Tensor) -> Tensor:
        """The first process's tensor, shaped like this process's."""
        if self.count > 1:
            tensor = tensor.clone()
            self._collective(dist.broadcast, tensor, src=0)
        return tensor

    def broadcast_number(self, number: float) -> float:
        """The first process's number."""
        if self.count == 1:
            return number
        return float(self.broadcast(torch.tensor(number, dtype=torch.float64)))

    def _collective(self, collective: Any, tensor: Tensor, **options: Any) -> None:
        """Do a collective in place."""
        travels = tensor.device.type in self.devices
        travelling = tensor if travels else tensor.to(self.devices[0])
        try:
            collective(travelling, **options)
        except RuntimeError as error:
            raise WorkerError(
                "expected all processes of this painting to go on, one has ended "
                f"({' '.join(str(error).split())[:120]})"
            ) from error
        if not travels:
            tensor.copy_(travelling)


def process_group(device: torch.device) -> Workers:
    """The processes that `torchrun` started, or a process group that stands already."""
    if not dist.is_available():
        return Workers()
    if not dist.is_initialized():
        if not dist.is_torchelastic_launched():
            return Workers()
        # gloo carries what is on CPUs, NCCL what is on GPUs.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)  # its threads would abort the program's end
    if device.type == "cuda" and device.index is None:
        torch.cuda.set_device(dist.get_rank() % torch.cuda.device_count())
    backends = (part.partition(":") for part in dist.get_backend_config().split(","))
    devices = [kind for kind, _, _ in backends]  # of "cpu:gloo,cuda:nccl"
    return Workers(dist.get_rank(), dist.get_world_size(), devices)
