"""The protocol that judges pictures must hold before what it says of them does."""

import pytest
import torch
from measures import Measures, legibility, residue
from quality import hypervolume

from velatura.images.resize import gaussian_blur

from ..conftest import random_image


@pytest.fixture(scope="module")
def measures():
    return Measures()


@pytest.fixture(scope="module")
def pair(measures):
    """A photograph of broad forms and a painting of fine ones: pictures and views of both."""
    generator = torch.Generator().manual_seed(0)
    photo = gaussian_blur(random_image(generator, 96, 96), 8.0)
    photo = (photo - photo.min()) / (photo.max() - photo.min())
    painting = gaussian_blur(random_image(generator, 96, 96), 1.0)
    return photo, painting, measures.view(photo), measures.view(painting)


def test_the_photograph_is_all_content_and_the_painting_all_style(measures, pair):
    _, _, start, goal = pair
    assert measures.style(start, goal, start) == pytest.approx(1)
    assert measures.content(start, start, goal) == pytest.approx(0, abs=1e-5)
    assert measures.style(goal, goal, start) == pytest.approx(0)
    assert measures.content(goal, start, goal) == pytest.approx(1)


def test_style_does_not_depend_on_where_things_are(measures, pair):
    _, painting, start, goal = pair
    turned = measures.view(painting.flip(-1))
    assert measures.style(turned, goal, start) < 0.2
    assert measures.content(turned, start, goal) > 0.8


def test_light_and_dark_may_change_places(measures, pair):
    photo, _, start, goal = pair
    negative = measures.view(1 - photo)
    assert measures.style(negative, goal, start) > 0.8
    assert measures.content(negative, start, goal) < 0.5


def test_a_painting_laid_over_the_photograph_is_no_style_transfer(measures, pair):
    photo, painting, start, goal = pair
    views = [measures.view(torch.lerp(photo, painting, share)) for share in (0.25, 0.5, 0.75)]
    points = [(measures.style(v, goal, start), measures.content(v, start, goal)) for v in views]
    assert hypervolume(points) < 0.3


def test_hypervolume_is_the_area_that_points_dominate():
    assert hypervolume([(1.0, 0.0), (0.0, 1.0)]) == 0
    assert hypervolume([(0.5, 0.5)]) == pytest.approx(0.25)
    assert hypervolume([(0.5, 0.5), (0.25, 0.75)]) == pytest.approx(0.25 + 0.25 * 0.25)
    assert hypervolume([(0.5, 0.5), (0.6, 0.6)]) == pytest.approx(0.25)
    assert hypervolume([(1.2, 0.1), (0.1, 1.3)]) == 0


def test_a_recoloured_photograph_is_all_residue_and_another_picture_none(pair):
    photo, painting, _, _ = pair
    assert all(value > 0.95 for value in residue(0.5 * photo + 0.2, photo).values())
    assert all(abs(value) < 0.25 for value in residue(painting, photo).values())


def test_what_is_drawn_anew_in_fine_strokes_leaves_coarse_residue_alone():
    generator = torch.Generator().manual_seed(1)
    photo = random_image(generator, 96, 96)
    photo = 0.5 * photo + 0.5 * gaussian_blur(random_image(generator, 96, 96), 5.0) * 4 - 0.8
    strokes = gaussian_blur(photo, 3.0) + 0.3 * (random_image(generator, 96, 96) - 0.5)
    found = residue(strokes.clamp(0, 1), photo.clamp(0, 1))
    assert found["fine"] < 0.2 < 0.6 < found["coarse"]


def test_a_photograph_is_legible_and_its_negative_and_another_picture_are_not(pair):
    photo, painting, _, _ = pair
    assert legibility(0.4 * photo + 0.3, photo) > 0.95
    assert legibility(1 - photo, photo) < 0.2
    assert legibility(painting, photo) < 0.5


def test_pictures_of_one_colour_and_pairs_of_the_same_picture_are_finite(measures, pair):
    _, painting, start, goal = pair
    flat, dots = torch.full_like(painting, 0.5), torch.ones_like(painting)
    dots[..., 5, 5] = 0
    views = [measures.view(picture) for picture in (flat, dots, 0 * flat)]
    for photo, style in ((start, views[0]), (views[0], goal), (views[1], views[2]), (goal, goal)):
        for picture in (start, goal, *views):
            figures = (
                measures.style(picture, style, photo),
                measures.content(picture, photo, style),
            )
            assert all(0 <= figure < 200 for figure in figures), figures
    assert measures.style(goal, goal, goal) == measures.content(goal, goal, goal) == 0
