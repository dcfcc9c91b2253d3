"""What is transparent is not there: in masks, in style images, in photographs."""

import numpy as np
import pytest
import torch
from PIL import Image

from velatura import ImageError, StyleConfig, stylize, transfer
from velatura.painting.inputs import read_inputs

CPU = torch.device("cpu")
HIDDEN = (0, 255, 0)  # a colour that is nowhere else
SHALLOW = {
    "style_layers": {"relu1_1": 1.0, "relu2_1": 1.0},
    "content_layers": {"relu2_1": 1.0},
    "content_focus": 0.0,
    "single_scale": True,
    "steps": (1,),
    "precision": "fp32",
}


def half_hidden(image, share=0.5):
    """The image in front of HIDDEN, which is transparent, on its right."""
    width = round(image.width / (1 - share))
    whole = Image.new("RGBA", (width, image.height), (*HIDDEN, 0))
    whole.paste(image.convert("RGBA"), (0, 0))
    return whole


def masks(tmp_path):
    """White on the left, and what is on the right is transparent: of each kind of file."""
    white, black = Image.new("L", (96, 64), 255), Image.new("L", (96, 64), 0)
    left = black.copy()
    left.paste(255, (0, 0, 48, 64))
    kinds = {
        "RGBA": Image.merge("RGBA", [white, white, white, left]),
        "LA": Image.merge("LA", [white, left]),
        "P": left.point(lambda value: 1 if value else 0).convert("P"),
        "grey": left.point(lambda value: 254 if value else 255),
    }
    kinds["P"].putpalette([255, 255, 255] * 2)
    for kind, image in kinds.items():
        path = tmp_path / f"{kind}.png"
        image.save(path, **{"P": {"transparency": 0}, "grey": {"transparency": 255}}.get(kind, {}))
        yield str(path)


def test_a_mask_is_black_where_it_is_transparent(tmp_path, photograph, painting):
    for path in masks(tmp_path):
        found = read_inputs(photograph, painting, StyleConfig(mask=(path,)), CPU).masks[0]
        assert found[..., :48].min() > 0.99, path
        assert found[..., 48:].max() == 0, path


def test_soft_edges_of_a_mask_are_its_grey_times_its_alpha(tmp_path, photograph, painting):
    grey, alpha = (np.full((64, 96), value, np.uint8) for value in (100, 0))
    alpha[:] = np.arange(96)
    Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]).save(tmp_path / "a.png")
    config = StyleConfig(mask=(str(tmp_path / "a.png"),))
    found = read_inputs(photograph, painting, config, CPU).masks[0][0, 0].numpy()
    np.testing.assert_allclose(found, grey / 255 * (alpha / 255), atol=1e-6)


def test_a_mask_that_is_all_transparent_is_a_black_one(tmp_path, photograph, painting):
    Image.new("RGBA", (96, 64), (255, 255, 255, 0)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="expected a mask with some white"):
        read_inputs(photograph, painting, StyleConfig(mask=(str(tmp_path / "a.png"),)), CPU)


def test_the_transparent_part_of_a_style_image_is_masked_whatever_mask_is_given(
    tmp_path, photograph, painting
):
    upper = Image.new("L", (160, 80))
    upper.paste(255, (0, 0, 160, 40))
    upper.save(tmp_path / "upper.png")
    styles = [half_hidden(painting), painting.resize((160, 80))]
    plain = read_inputs(photograph, styles, StyleConfig(), CPU).style_masks
    assert plain[0][..., :80].min() == 1
    assert plain[0][..., 80:].max() == 0
    assert plain[1].min() == 1
    config = StyleConfig(style_mask=(str(tmp_path / "upper.png"),) * 2)
    both = read_inputs(photograph, styles, config, CPU).style_masks
    assert both[0][..., :40, :80].min() == 1
    assert both[0].mean() == 0.25
    assert both[1].mean() == 0.5
    assert read_inputs(photograph, painting, StyleConfig(), CPU).style_masks == []


def test_a_transparent_style_image_is_told(tmp_path, photograph):
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "none.png")
    with pytest.raises(ImageError, match=r"none.png: expected a style image with something to see"):
        read_inputs(photograph, tmp_path / "none.png", StyleConfig(), CPU)


def test_a_transparent_ground_is_no_part_of_the_style(photograph, painting):
    """All terms are as if the painting ended where it becomes transparent."""
    config = StyleConfig(**SHALLOW, stroke_size=3.0)  # so large that no painting is reduced

    def terms(style):
        return next(transfer(photograph, style, config)).terms

    wanted, found = terms(painting), terms(half_hidden(painting))
    filled = half_hidden(painting)
    filled.putalpha(255)
    counted = terms(filled)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=0.15), name
    assert any(counted[name] > 1.5 * wanted[name] for name in wanted if name.startswith("style"))


@pytest.mark.parametrize("colors", ["style", "content-match", "content-luminance"])
def test_hidden_colours_change_no_colours(photograph, painting, colors):
    config = StyleConfig(colors=colors)
    plain = read_inputs(photograph, painting, config, CPU).recoloured(config)
    hidden = read_inputs(half_hidden(photograph), half_hidden(painting), config, CPU)
    hidden = hidden.recoloured(config)
    torch.testing.assert_close(
        hidden.content[..., : photograph.width], plain.content, atol=1e-3, rtol=0
    )
    torch.testing.assert_close(
        hidden.styles[0][..., : painting.width], plain.styles[0], atol=1e-3, rtol=0
    )


def test_the_library_and_the_engine_see_the_same_transparency(tmp_path, photograph, painting):
    half_hidden(photograph).save(tmp_path / "photo.png")
    config = StyleConfig(size=64, **SHALLOW)
    picture = stylize(tmp_path / "photo.png", painting, config)
    *_, last = transfer(tmp_path / "photo.png", painting, config)
    assert picture.mode == "RGBA"
    pixels = np.asarray(picture)[..., :3] / 255
    np.testing.assert_allclose(
        pixels, last.image[0].permute(1, 2, 0).numpy(), atol=0.5 / 255 + 1e-6
    )
