import pytest
import torch

from velatura.errors import ConfigError
from velatura.painting.config import StyleConfig
from velatura.painting.memory import limit_bytes, plan_memory

CPU = torch.device("cpu")


def test_small_pictures_are_seen_whole():
    room = plan_memory((384, 512), 30, StyleConfig(), torch.float32, 4e9)
    assert room == (None, 30)


def test_large_pictures_are_seen_in_tiles_within_the_limit():
    config = StyleConfig().at_scale(5176, False, True)
    room = plan_memory((3464, 5176), 6, config, torch.bfloat16, 6e9)
    assert room.tile_pixels is not None
    assert 300_000 < room.tile_pixels < 3_000_000
    assert 1 <= room.history <= 6


def test_a_small_picture_needs_little_for_its_neighbours():
    assert plan_memory((96, 128), 2, StyleConfig(), torch.bfloat16, 1e9).tile_pixels is None
    for options in ({"stroke_size": 4.0}, {"size": 1024}):
        size = (768, 1024) if "size" in options else (96, 128)
        with pytest.raises(ConfigError, match="memory: expected at least"):
            plan_memory(size, 2, StyleConfig(**options), torch.bfloat16, 1e9)


def test_too_little_memory_is_told_with_what_is_needed():
    with pytest.raises(ConfigError, match=r"at least \d+\.\dGB to paint 5176×3464, got 1.0GB"):
        plan_memory((3464, 5176), 6, StyleConfig(), torch.bfloat16, 1e9)


def test_sizes_are_read():
    assert limit_bytes("6GB", CPU) == 6e9
    assert limit_bytes("1.5gb", CPU) == 1.5e9
    assert limit_bytes("800MB", CPU) == 8e8
    assert limit_bytes("auto", CPU) > 1e8


@pytest.mark.parametrize("memory", ["6", "lots", "-1GB", "6 TB"])
def test_other_sizes_are_refused(memory):
    with pytest.raises(ConfigError, match="memory: expected auto"):
        StyleConfig(memory=memory)
