import math

import pytest
import torch

from velatura.painting.config import StyleConfig
from velatura.painting.optimizers import LBFGS, Adam, build, frequency_falloff


def quadratic(generator, size=(8, 9)):
    """A random convex quadratic on images, with its minimiser."""
    n = 3 * size[0] * size[1]
    root = torch.randn(n, n, generator=generator, dtype=torch.float64)
    hessian = root @ root.T / n + 0.1 * torch.eye(n, dtype=torch.float64)
    best = torch.rand(1, 3, *size, generator=generator, dtype=torch.float64)

    def gradient(image):
        return (hessian @ (image - best).flatten()).view_as(image)

    return gradient, best


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_lbfgs_finds_the_minimum_of_a_quadratic(generator, power):
    gradient, best = quadratic(generator)
    image, optimizer = torch.full_like(best, 0.5), LBFGS(power=power, history=30)
    for _ in range(150):
        image = optimizer.step(image, gradient(image))
    torch.testing.assert_close(image, best, atol=1e-5, rtol=0)


def test_lbfgs_with_all_of_its_history_satisfies_the_secant_equation(generator):
    gradient, best = quadratic(generator, (4, 4))
    image, optimizer = torch.full_like(best, 0.5), LBFGS(power=1.0)
    for _ in range(5):
        image = optimizer.step(image, gradient(image))
    s, y, _ = optimizer.pairs[-1]
    torch.testing.assert_close(optimizer._inverse_hessian(y), s)


def test_plain_lbfgs_takes_pytorchs_steps(generator):
    gradient, best = quadratic(generator, (4, 5))
    ours = torch.full_like(best, 0.5)
    theirs = ours.clone().requires_grad_()
    other = torch.optim.LBFGS([theirs], max_iter=1, history_size=10, lr=1)
    optimizer = LBFGS(power=0.0, history=10)
    first = min(1.0, 1 / float(gradient(ours).abs().sum())) * float(
        gradient(ours).square().mean().sqrt()
    )
    optimizer.first_step = first  # theirs begins with another length
    optimizer.longest_step = math.inf

    def closure():
        theirs.grad = gradient(theirs.detach())
        return torch.tensor(0.0)

    for _ in range(12):
        ours = optimizer.step(ours, gradient(ours))
        other.step(closure)
    torch.testing.assert_close(ours, theirs.detach(), atol=1e-8, rtol=1e-6)


def test_the_fourier_basis_is_a_change_of_variables(generator):
    """Preconditioning by 1/f equals plain L-BFGS on coefficients scaled by f^-0.5."""
    size = (8, 8)
    gradient, best = quadratic(generator, size)
    half = frequency_falloff(size, 0.5, torch.device("cpu")).double()

    def scale(image):
        return torch.fft.irfft2(torch.fft.rfft2(image) * half, s=size)

    image, coded = torch.full_like(best, 0.5), torch.zeros_like(best)
    start = image.clone()
    direct, coder = LBFGS(power=1.0), LBFGS(power=0.0)
    direct.longest_step = coder.longest_step = math.inf
    for number in range(10):
        g = gradient(image)
        if number == 0:  # one length for the first step in both variables
            coder.first_step = 0.02 * float(
                scale(g).square().mean().sqrt() / scale(scale(g)).square().mean().sqrt()
            )
        image = direct.step(image, g)
        coded = coder.step(coded, scale(gradient(start + scale(coded))))
    torch.testing.assert_close(image, start + scale(coded), atol=1e-9, rtol=1e-6)


def test_falloff_is_one_over_frequency():
    falloff = frequency_falloff((16, 16), 1.0, torch.device("cpu"))
    assert falloff[0, 4] == pytest.approx(4.0)
    assert falloff[3, 4] == pytest.approx(16 / 5)
    assert falloff[0, 0] == pytest.approx(16.0)


def test_no_step_is_longer_than_the_limit(generator):
    image, optimizer = torch.zeros(1, 3, 8, 8), LBFGS()
    for scale in (1.0, 0.99, 0.98):  # a gradient that hardly changes asks for giant steps
        new = optimizer.step(image, torch.full_like(image, scale))
        assert float((new - image).square().mean().sqrt()) <= LBFGS.longest_step * 1.001
        image = new


def test_a_zero_gradient_moves_nothing():
    image = torch.rand(1, 3, 8, 8)
    for optimizer in (LBFGS(), Adam()):
        for _ in range(3):
            assert torch.equal(optimizer.step(image, torch.zeros_like(image)), image)


def test_adam_takes_pytorchs_steps(generator):
    gradient, best = quadratic(generator, (4, 5))
    ours = torch.full_like(best, 0.5)
    theirs = ours.clone().requires_grad_()
    optimizer, other = Adam(learning_rate=0.02), torch.optim.Adam([theirs], lr=0.02)
    for _ in range(10):
        ours = optimizer.step(ours, gradient(ours))
        theirs.grad = gradient(theirs.detach())
        other.step()
    torch.testing.assert_close(ours, theirs.detach())


def test_build_gives_what_the_config_asks_for():
    assert isinstance(build(StyleConfig(optimizer="adam")), Adam)
    pixels = build(StyleConfig(basis="pixels", learning_rate=0.5))
    assert isinstance(pixels, LBFGS)
    assert (pixels.power, pixels.learning_rate) == (0.0, 0.5)
