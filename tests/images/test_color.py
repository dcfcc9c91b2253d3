import torch
from skimage import color as scikit

from velatura.images.color import from_oklab, gray, match_colors, oklab, with_lightness


def statistics(image):
    flat = image.transpose(0, 1).flatten(1)
    return flat.mean(1), torch.cov(flat, correction=0)


def test_mean_and_covariance_become_the_references(generator):
    image = torch.rand(1, 3, 40, 30, generator=generator)
    reference = torch.rand(1, 3, 20, 50, generator=generator) ** 2 * 0.5
    reference[:, 1] = 0.5 * reference[:, 0] + 0.1
    matched = match_colors(image, reference)
    for got, expected in zip(statistics(matched), statistics(reference), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)


def test_matching_an_image_to_itself_changes_nothing(generator):
    image = torch.rand(1, 3, 40, 30, generator=generator)
    torch.testing.assert_close(match_colors(image, image), image, atol=1e-4, rtol=1e-4)


def test_a_grey_photograph_stays_finite(generator):
    grey = torch.rand(1, 1, 30, 30, generator=generator).expand(1, 3, 30, 30)
    reference = torch.rand(1, 3, 30, 30, generator=generator)
    matched = match_colors(grey, reference)
    assert torch.isfinite(matched).all()
    assert float(matched.min()) > -2
    assert float(matched.max()) < 3


def test_oklab_of_known_colours():
    """The author's own figures for white, and for sRGB's red."""
    white, red = torch.ones(1, 3, 1, 1), torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    torch.testing.assert_close(oklab(white).flatten(), torch.tensor([1.0, 0, 0]), atol=1e-4, rtol=0)
    expected = torch.tensor([0.62796, 0.22486, 0.12585])
    torch.testing.assert_close(oklab(red).flatten(), expected, atol=1e-4, rtol=0)


def test_oklab_there_and_back(generator):
    image = torch.rand(2, 3, 20, 30, generator=generator)
    torch.testing.assert_close(from_oklab(oklab(image)), image, atol=1e-4, rtol=0)


def test_lightness_changes_and_hue_and_chroma_stay(generator):
    image, painted = (torch.rand(1, 3, 40, 40, generator=generator) for _ in range(2))
    mixed = with_lightness(image, painted)
    before, after, wanted = oklab(image), oklab(mixed), oklab(painted)
    # Clamping what lies a ten-thousandth outside of sRGB moves dark colours a little.
    torch.testing.assert_close(after[:, 1:], before[:, 1:], atol=4e-3, rtol=0)
    reached = (after[:, 0] - wanted[:, 0]).abs() < 1e-2
    assert float(reached.float().mean()) > 0.3
    assert float((after[:, 0] - wanted[:, 0]).abs().mean()) < float(
        (before[:, 0] - wanted[:, 0]).abs().mean()
    )


def test_gray_keeps_the_lightness_and_has_no_colour(generator):
    image = torch.rand(1, 3, 20, 20, generator=generator)
    colorless = gray(image)
    assert float((colorless - colorless.mean(1, keepdim=True)).abs().max()) < 1e-3
    lab = scikit.rgb2lab(colorless[0].permute(1, 2, 0).numpy())
    assert abs(lab[..., 1:]).max() < 0.5
    torch.testing.assert_close(oklab(colorless)[:, 0], oklab(image)[:, 0], atol=1e-3, rtol=0)


def test_what_weighs_nothing_changes_nothing(generator):
    image, reference, hidden = (
        torch.rand(1, 3, 8, 10, generator=generator, dtype=torch.float64) for _ in range(3)
    )
    weights = torch.ones(1, 1, 8, 20, dtype=torch.float64)
    weights[..., 10:] = 0
    wide = [torch.cat([seen, hidden], dim=3) for seen in (image, reference)]
    torch.testing.assert_close(
        match_colors(*wide, weights, weights)[..., :10], match_colors(image, reference)
    )
