import torch

from velatura.images.color import match_colors


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
