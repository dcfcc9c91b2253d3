"""Networks that are as good as learnt: none of their numbers is what it was to begin with."""

import torch

from velatura.fast.network import StyleNetwork


def learnt_network(seed):
    generator = torch.Generator().manual_seed(seed)
    network = StyleNetwork(seed).requires_grad_(False)
    for name, parameter in network.named_parameters():
        if name.endswith(("_scale", "_bias")):
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    network.up1_kernel *= 5
    painting = torch.rand(1, 3, 40, 40, generator=generator) * torch.tensor([0.9, 0.5, 0.3]).view(
        3, 1, 1
    )
    painting[:, 1] += 0.5 * painting[:, 0]  # colours that go together
    network.set_palette(painting)
    return network
