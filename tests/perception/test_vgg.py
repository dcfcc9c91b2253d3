import pytest
import torch
from torch import nn

from velatura.errors import ConfigError
from velatura.perception.layers import CONVOLUTIONS, LAYERS
from velatura.perception.vgg import AVERAGE_POOLING_GAIN, VGG19

from ..conftest import random_image


def reference(weights, image, depth):
    """The same network out of PyTorch's own modules, in the original convention."""
    x = image[:, [2, 1, 0]] * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    seen = {}
    for name in LAYERS[:depth]:
        if name.startswith("conv"):
            kernel, bias = weights.convolutions[name]
            layer = nn.Conv2d(*CONVOLUTIONS[name], 3, padding=1)
            layer.weight.data, layer.bias.data = kernel, bias
        else:
            layer = nn.ReLU() if name.startswith("relu") else nn.MaxPool2d(2)
        x = seen[name] = layer(x)
    return seen


def test_every_layer_equals_pytorchs_modules(embedded, generator):
    image = random_image(generator, 37, 50)
    layers = LAYERS[: LAYERS.index("conv5_1") + 1]
    with torch.no_grad():
        seen = VGG19(embedded, layers)(image, layers)
        expected = reference(embedded, image, len(layers))
    for name in layers:
        torch.testing.assert_close(
            seen[name], expected[name], rtol=1e-4, atol=1e-4 * float(expected[name].abs().max())
        )


@pytest.mark.parametrize("padding", ["zero", "replicate"])
@pytest.mark.parametrize("pooling", ["max", "average"])
def test_gradient_equals_finite_differences(embedded, generator, padding, pooling):
    network = VGG19(embedded, ["relu3_1"], pooling=pooling, padding=padding, dtype=torch.float64)
    network = network.double()
    image = random_image(generator, 20, 21).double().requires_grad_()
    share = torch.randn(1, 256, 5, 5, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((network(image, ["relu3_1"])["relu3_1"] * share).sum(), image)
    direction = torch.randn(image.shape, generator=generator, dtype=torch.float64)
    h = 1e-7

    def value(x):
        with torch.no_grad():
            return (network(x, ["relu3_1"])["relu3_1"] * share).sum()

    numeric = (value(image + h * direction) - value(image - h * direction)) / (2 * h)
    assert float((gradient * direction).sum()) == pytest.approx(float(numeric), rel=1e-4)


def test_features_before_and_after_relu(embedded, generator):
    network = VGG19(embedded, ["conv2_1", "relu2_1"])
    seen = network(random_image(generator, 16, 16), ["conv2_1", "relu2_1"])
    assert (seen["conv2_1"] < 0).any()
    torch.testing.assert_close(seen["relu2_1"], seen["conv2_1"].clamp_min(0))


def test_replicate_padding_sees_no_border(embedded):
    flat = torch.full((1, 3, 32, 32), 0.5)
    network = VGG19(embedded, ["relu4_1"], padding="replicate")
    seen = network(flat, ["relu4_1"])["relu4_1"]
    torch.testing.assert_close(seen, seen[:, :, :1, :1].expand_as(seen), rtol=1e-4, atol=1e-2)


def test_average_pooling_keeps_the_size_of_activations(embedded, photograph):
    from velatura.images.io import read

    image = read(photograph).pixels
    pools = list(AVERAGE_POOLING_GAIN)[:4]
    highest = VGG19(embedded, pools)(image, pools)
    average = VGG19(embedded, pools, pooling="average")(image, pools)
    for name in pools:
        assert float(average[name].mean() / highest[name].mean()) == pytest.approx(1, abs=0.35)


def test_the_network_ends_after_the_deepest_layer(embedded):
    network = VGG19(embedded, ["relu1_1", "relu3_1"])
    assert network.layers[-1] == "relu3_1"
    assert not any(name.startswith("conv3_2") for name, _ in network.named_buffers())
    assert not list(network.parameters())


def test_unknown_layer_is_named(embedded):
    with pytest.raises(ConfigError, match="relu9_9"):
        VGG19(embedded, ["relu9_9"])


def test_batches_are_independent(embedded, generator):
    images = torch.cat([random_image(generator, 16, 16) for _ in range(2)])
    network = VGG19(embedded, ["relu2_1"])
    together = network(images, ["relu2_1"])["relu2_1"]
    alone = network(images[1:], ["relu2_1"])["relu2_1"]
    torch.testing.assert_close(together[1:], alone, rtol=1e-5, atol=1e-3)
