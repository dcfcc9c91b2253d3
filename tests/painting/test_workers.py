"""Two processes over gloo, each with half of the tiles, against one that sees the whole."""

import atexit

import pytest
import torch
from torch import distributed as dist
from torch import multiprocessing
from torch._subclasses.fake_tensor import FakeTensorMode

from velatura.errors import WorkerError
from velatura.images.resize import gaussian_blur
from velatura.painting.config import StyleConfig
from velatura.painting.engine import transfer
from velatura.painting.objective import Objective
from velatura.painting.workers import Workers, process_group
from velatura.perception import weights
from velatura.perception.vgg import VGG19

from ..conftest import random_image

CPU = torch.device("cpu")
SHALLOW = {"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0}
CONFIGS = {
    "wasserstein": StyleConfig(style_layers=SHALLOW),
    "gram and tv": StyleConfig(
        style_loss="gram",
        content_loss="mse",
        content_weight=1e-4,
        tv_weight=0.5,
        style_layers=SHALLOW,
    ),
}
STEPS = StyleConfig(size=96, steps=(3, 2), precision="fp32", style_layers=SHALLOW)


def judge(config, workers, tile_pixels=None):
    """Loss and gradient of always the same image, in float64."""
    generator = torch.Generator().manual_seed(0)
    network = VGG19(
        weights.load(), config.layers, padding=config.padding, dtype=torch.float64
    ).double()
    content, image = (gaussian_blur(random_image(generator, 163, 141), s).double() for s in (3, 1))
    style = gaussian_blur(random_image(generator, 119, 87), 1.0).double()
    focus = random_image(generator, 10, 8)[:, :1].double()
    objective = Objective(network, content, [style], config, tile_pixels, workers, focus=focus)
    terms, gradient = objective(image if workers.rank == 0 else torch.zeros_like(image))
    return (
        float(sum(terms.values())),
        gradient,
        len(objective.walk._own(objective.walk.stages[0].tiles)),
    )


def meet(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    atexit.register(dist.destroy_process_group)
    return process_group(CPU)


def judge_together(rank, folder):
    workers = meet(rank, folder)
    for name, config in CONFIGS.items():
        for tile_pixels in (None, 130 * 130):
            torch.save(
                judge(config, workers, tile_pixels), f"{folder}/{name} {tile_pixels} {rank}.pt"
            )


def paint_together(rank, folder):
    meet(rank, folder)
    generator = torch.Generator().manual_seed(0)
    photo, painting = random_image(generator, 96, 80), random_image(generator, 70, 90)
    *_, last = transfer(photo, painting, STEPS)
    torch.save(last.image, f"{folder}/{rank}.pt")


def desert(rank, folder):
    workers = meet(rank, folder)
    workers.all_reduce(torch.zeros(3))
    if rank == 0:
        with pytest.raises(WorkerError, match="one has ended"):
            workers.all_reduce(torch.zeros(3))  # which the other one never comes to


def test_two_processes_give_the_loss_and_gradient_of_one(tmp_path):
    multiprocessing.spawn(judge_together, (tmp_path,), nprocs=2)
    for name, config in CONFIGS.items():
        expected_loss, expected, _ = judge(config, Workers())
        for tile_pixels in (None, 130 * 130):
            for rank in range(2):
                loss, gradient, tiles = torch.load(
                    tmp_path / f"{name} {tile_pixels} {rank}.pt", weights_only=True
                )
                assert tiles >= 1
                assert loss == pytest.approx(expected_loss, rel=1e-5)
                assert float((gradient - expected).norm() / expected.norm()) < 1e-5


def test_two_processes_paint_the_same_picture_as_one(tmp_path):
    multiprocessing.spawn(paint_together, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert torch.equal(first, second)
    generator = torch.Generator().manual_seed(0)
    photo, painting = random_image(generator, 96, 80), random_image(generator, 70, 90)
    *_, alone = transfer(photo, painting, STEPS)
    # Five steps enlarge the rounding of sums, in single pixels to some hundredths.
    assert float((first - alone.image).abs().mean()) < 2e-3


def test_a_process_that_ends_is_told(tmp_path):
    multiprocessing.spawn(desert, (tmp_path,), nprocs=2)


def test_alone_nothing_changes():
    workers = process_group(CPU)
    tensor = torch.ones(2)
    workers.all_reduce(tensor)
    assert (workers.rank, workers.count) == (0, 1)
    assert torch.equal(tensor, torch.ones(2))
    assert workers.broadcast(tensor) is tensor
    assert workers.broadcast_number(2.5) == 2.5


def test_numbers_on_the_cpu_travel_where_only_gpus_talk(monkeypatch):
    """As over NCCL alone; PyTorch's pretended device stands for the GPU."""
    travelled = []
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "get_backend_config", lambda: "meta:nccl")
    for name in ("all_reduce", "broadcast"):
        monkeypatch.setattr(dist, name, lambda tensor, **_: travelled.append(tensor.device.type))
    workers = process_group(CPU)
    with FakeTensorMode():
        number, features = torch.ones(()), torch.ones(2, device="meta")
        workers.all_reduce(number, features)
        assert workers.broadcast(number).device.type == "cpu"
        assert workers.broadcast(features).device.type == "meta"
    assert travelled == ["meta"] * 4
