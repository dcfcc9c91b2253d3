import numpy as np
import pytest
import torch
from skimage import data

from velatura import Painter
from velatura.errors import ConfigError
from velatura.fast.styles import shipped
from velatura.perception.vgg import VGG19
from velatura.training.modelfile import read_card


def test_at_least_six_styles_come_along_in_twelve_megabytes():
    styles = shipped()
    assert len(styles) >= 6
    assert sum(path.stat().st_size for path in styles.values()) <= 12_000_000


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_style_describes_itself(name):
    card = read_card(shipped()[name])
    assert ", " in card["painting"]  # the painter and the title
    assert card["licence"]
    assert card["photographs"]
    assert len(card["sha256"]) == 64
    assert card["command"].startswith("velatura fast train")
    # The end is about the best: at one content weight, which is not the one that was sought.
    assert card["held_out"][str(card["steps"])] <= 1.02 * min(card["held_out"].values())


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_style_paints_and_keeps_what_is_there(name, embedded):
    """Much changes, but deep features of the photograph are still nearer than another's."""
    network = VGG19(embedded, ["relu4_2"], padding="replicate")
    cat, other = (
        torch.from_numpy(array / np.float32(255)).permute(2, 0, 1)[None][..., :192, :256]
        for array in (data.chelsea(), data.astronaut())
    )
    painted = torch.from_numpy(np.asarray(Painter(name).paint(cat)) / np.float32(255))
    painted = painted.permute(2, 0, 1)[None]
    assert float((painted - cat).abs().mean()) > 0.05
    with torch.no_grad():
        seen, own, others = (
            network(image, ["relu4_2"])["relu4_2"] for image in (painted, cat, other)
        )
    assert float((seen - own).square().sum()) < 0.8 * float((seen - others).square().sum())


def test_an_unknown_style_lists_the_known():
    with pytest.raises(ConfigError, match="starry_night"):
        Painter("guernica")
