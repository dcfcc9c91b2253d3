import pytest
import torch

from velatura import StyleConfig, transfer
from velatura.images.color import oklab
from velatura.images.io import read
from velatura.painting.colors import prepare

SHORT = {"steps": (3, 2), "precision": "fp32"}


def statistics(image):
    flat = image.transpose(0, 1).flatten(1)
    return flat.mean(1), torch.cov(flat, correction=0)


def test_content_luminance_paints_lightness_alone(photograph, painting):
    *_, step = transfer(photograph, painting, StyleConfig(colors="content-luminance", **SHORT))
    image, own = step.image, read(photograph).pixels
    assert float((image - own).abs().mean()) > 0.01
    torch.testing.assert_close(oklab(image)[:, 1:], oklab(own)[:, 1:], atol=4e-3, rtol=0)


def test_content_match_gives_the_painting_the_photographs_mean_and_covariance(generator):
    # Spread so little that nothing needs to be clamped.
    photo = 0.4 + 0.2 * torch.rand(1, 3, 40, 40, generator=generator)
    painting = torch.rand(1, 3, 30, 50, generator=generator)
    prepared = prepare(photo, [painting], StyleConfig(colors="content-match"))
    assert prepared.photograph is photo
    for got, expected in zip(statistics(prepared.paintings[0]), statistics(photo), strict=True):
        torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)


def test_each_choice_gives_the_picture_its_colours(photograph, painting):
    """Far from the photograph's with the style's; its own in every pixel; its own on the whole."""
    photo = read(photograph).pixels
    pixels, means = {}, {}
    for colors in ("style", "content-luminance", "content-match"):
        *_, step = transfer(photograph, painting, StyleConfig(colors=colors, **SHORT))
        apart = (oklab(step.image) - oklab(photo))[:, 1:]
        pixels[colors] = float(apart.abs().mean())
        means[colors] = float(apart.mean((0, 2, 3)).abs().max())
    assert pixels["content-luminance"] < 0.005
    assert means["content-match"] < 0.01
    assert min(pixels["style"], means["style"]) > 0.015


def test_a_black_painting_and_a_flat_photograph_stay_finite():
    flat, black = torch.full((1, 3, 32, 32), 0.5), torch.zeros(1, 3, 32, 32)
    for colors in ("content-luminance", "content-match"):
        prepared = prepare(flat, [black], StyleConfig(colors=colors))
        assert torch.isfinite(prepared.photograph).all()
        assert torch.isfinite(prepared.paintings[0]).all()


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match="colors: expected style or content-luminance"):
        StyleConfig(colors="blue")


def test_with_masks_each_region_begins_in_its_own_paintings_colours(generator):
    photo, one, other = (torch.rand(1, 3, 20, 20, generator=generator) for _ in range(3))
    left = torch.zeros(1, 1, 40, 40)  # masks come in any size
    left[..., :20] = 1
    both = prepare(photo, [one, other], StyleConfig(), [left, 1 - left]).photograph
    alone = [prepare(photo, [style], StyleConfig()).photograph for style in (one, other)]
    torch.testing.assert_close(both[..., :8], alone[0][..., :8])
    torch.testing.assert_close(both[..., 12:], alone[1][..., 12:])


def test_where_no_mask_is_the_photograph_keeps_its_colours(generator):
    photo, painting = (torch.rand(1, 3, 20, 20, generator=generator) for _ in range(2))
    mask = torch.zeros(1, 1, 20, 20)
    mask[..., :10], mask[..., 10:15] = 1, 0.5
    begun = prepare(photo, [painting], StyleConfig(), [mask]).photograph
    all_of_it = prepare(photo, [painting], StyleConfig()).photograph
    torch.testing.assert_close(begun[..., :10], all_of_it[..., :10])
    torch.testing.assert_close(begun[..., 15:], photo[..., 15:])
    moved, whole = (begun - photo)[..., 10:15], (all_of_it - photo)[..., 10:15]
    assert 0.4 < float(moved.abs().mean() / whole.abs().mean()) < 0.6


def test_at_strength_zero_the_photograph_keeps_its_colours(generator):
    photo, painting = (torch.rand(1, 3, 20, 20, generator=generator) for _ in range(2))
    assert torch.equal(prepare(photo, [painting], StyleConfig(strength=0)).photograph, photo)
    half, full = (
        (prepare(photo, [painting], StyleConfig(strength=s)).photograph - photo).abs().mean()
        for s in (0.25, 0.5)
    )
    assert 0 < float(half) < float(full)
