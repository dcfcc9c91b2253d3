import math

import pytest
import torch

from velatura.perception import losses


def features(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def finite_difference(function, at, direction, h=1e-6):
    return (function(at + h * direction) - function(at - h * direction)) / (2 * h)


def test_moments_are_the_gram_matrix_of_the_definition(generator):
    f = features(generator, 2, 3, 4, 5).float()
    expected = torch.zeros(3, 3)
    for b in range(2):
        for y in range(4):
            for x in range(5):
                expected += torch.outer(f[b, :, y, x], f[b, :, y, x])
    torch.testing.assert_close(losses.moments(f).float(), expected)


@pytest.mark.parametrize(
    ("normalization", "divisor"), [("positions", 40), ("elements", 120), ("none", 1)]
)
def test_moments_divisor(normalization, divisor):
    assert losses.moments_divisor(3, 40, normalization) == divisor


def test_gram_of_known_matrices():
    loss = losses.gram(torch.tensor([[1.0, 2.0], [2.0, 5.0]]), torch.eye(2))
    assert loss.value == (0 + 4 + 4 + 16) / 4
    torch.testing.assert_close(loss.gradient, torch.tensor([[0.0, 1.0], [1.0, 2.0]]))


def test_moments_gradient_agrees_with_autograd(generator):
    f = features(generator, 1, 4, 3, 5).requires_grad_()
    target = losses.moments(features(generator, 1, 4, 6, 2)) / 12
    (expected,) = torch.autograd.grad((losses.moments(f) / 15 - target).square().mean(), f)
    loss = losses.gram(losses.moments(f.detach()) / 15, target)
    torch.testing.assert_close(losses.through_moments(f.detach(), loss.gradient / 15), expected)


def covariance(generator, channels):
    f = features(generator, channels, 4 * channels)
    return f @ f.T / f.shape[1]


def test_wasserstein_of_commuting_moments_is_the_closed_form():
    # For diagonal matrices d² = Σ (√a − √b)².
    a, b = torch.tensor([4.0, 9.0, 1.0]), torch.tensor([1.0, 16.0, 1.0])
    loss = losses.wasserstein(a.diag(), losses.moments_root(b.diag()))
    assert float(loss.value) == pytest.approx((1 + 1 + 0) / 18, rel=1e-5)


def test_wasserstein_to_itself_is_zero_and_flat(generator):
    m = covariance(generator, 5)
    loss = losses.wasserstein(m, losses.moments_root(m), damping=0)
    assert float(loss.value) == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(loss.gradient, torch.zeros(5, 5, dtype=m.dtype), atol=1e-9, rtol=0)


def test_wasserstein_gradient_equals_finite_differences(generator):
    m, target = covariance(generator, 6), covariance(generator, 6)
    root = losses.moments_root(target)
    direction = features(generator, 6, 6)
    direction = direction + direction.T
    numeric = finite_difference(lambda x: losses.wasserstein(x, root).value, m, direction)
    exact = (losses.wasserstein(m, root, damping=0).gradient * direction).sum()
    assert float(exact) == pytest.approx(float(numeric), rel=1e-6)


def test_wasserstein_agrees_with_matrix_square_roots(generator):
    from scipy.linalg import sqrtm

    m, target = covariance(generator, 6).numpy(), covariance(generator, 6).numpy()
    half = sqrtm(target)
    distance = m.trace() + target.trace() - 2 * sqrtm(half @ m @ half).trace().real
    loss = losses.wasserstein(torch.from_numpy(m), losses.moments_root(torch.from_numpy(target)))
    assert float(loss.value) == pytest.approx(distance / target.trace(), rel=1e-9)


def test_wasserstein_takes_a_painting_with_fewer_positions_than_channels(generator):
    f = features(generator, 8, 3)
    root = losses.moments_root(f @ f.T / 3)
    assert root.shape == (8, 3)
    torch.testing.assert_close(root @ root.T, f @ f.T / 3)


def test_wasserstein_to_a_target_of_zeros_is_no_loss(generator):
    root = losses.moments_root(torch.zeros(4, 4))
    for moment in (torch.zeros(4, 4), covariance(generator, 4).float()):
        loss = losses.wasserstein(moment, root)
        assert float(loss.value) == 0
        assert not loss.gradient.any()


def test_wasserstein_of_zeros_is_the_whole_distance_and_its_gradient_no_more_than_damped(generator):
    target = 1e6 * covariance(generator, 4).float()
    root = losses.moments_root(target)
    loss = losses.wasserstein(torch.zeros(4, 4), root)
    assert float(loss.value) == pytest.approx(1)
    assert float(loss.gradient.abs().max() * target.trace()) < 2e6
    faint = losses.wasserstein(1e-4 * target, root)  # far above rounding: as if nothing held it
    assert float(faint.gradient.abs().max() * target.trace()) < 200


def test_content_relative_to_zeros_is_no_loss(generator):
    loss = losses.content(features(generator, 1, 3, 4, 4), torch.zeros(1, 3, 4, 4), 0.0)
    assert float(loss.value) == 0
    assert not loss.gradient.any()


def test_content_gradient_equals_finite_differences(generator):
    f, target, direction = (features(generator, 1, 3, 4, 4) for _ in range(3))
    numeric = finite_difference(lambda x: ((x - target) ** 2).sum() / 7, f, direction)
    loss = losses.content(f, target, 7)
    assert float(loss.value) == pytest.approx(float(((f - target) ** 2).sum() / 7))
    assert float((loss.gradient * direction).sum()) == pytest.approx(float(numeric), rel=1e-6)


def test_content_weighs_each_position_by_its_own(generator):
    f, target, direction = (features(generator, 2, 3, 4, 5) for _ in range(3))
    weights = torch.rand(2, 1, 4, 5, generator=generator, dtype=torch.float64)

    def error(x):
        return (weights * (x - target) ** 2).sum() / 7

    loss = losses.content(f, target, 7, weights)
    assert float(loss.value) == pytest.approx(float(error(f)))
    numeric = finite_difference(error, f, direction)
    assert float((loss.gradient * direction).sum()) == pytest.approx(float(numeric), rel=1e-6)
    assert float(losses.square_sum(f, weights)) == pytest.approx(float((weights * f**2).sum()))


def test_total_variation_of_a_known_image():
    image = torch.tensor([[[[0.0, 1.0, 0.0], [0.5, 0.5, 0.5]]]])
    # across: 1, 1, 0, 0 of 4; down: 0.5, 0.5, 0.5 of 3
    assert float(losses.total_variation(image).value) == pytest.approx(2 / 4 + 1.5 / 3)


def test_total_variation_gradient_agrees_with_autograd(generator):
    image = features(generator, 1, 3, 5, 7).requires_grad_()
    loss = losses.total_variation(image)
    (expected,) = torch.autograd.grad(loss.value, image)
    torch.testing.assert_close(loss.gradient.detach(), expected)


def test_total_variation_of_one_pixel_is_zero():
    loss = losses.total_variation(torch.rand(1, 3, 1, 1))
    assert float(loss.value) == 0
    assert math.isfinite(float(loss.gradient.sum()))


@pytest.mark.parametrize("positions", [5, 12])
def test_wasserstein_of_few_positions_is_that_of_their_moments(generator, positions):
    target = features(generator, 16, 9)
    f = features(generator, 16, positions)
    root = losses.moments_root(target @ target.T / 9)
    whole = losses.wasserstein(f @ f.T / positions, root)
    few = losses.wasserstein_of_few(f, root, positions)
    assert float(few.value) == pytest.approx(float(whole.value), rel=1e-7)
    torch.testing.assert_close(
        few.gradient, 2 / positions * whole.gradient @ f, rtol=1e-5, atol=1e-8
    )
