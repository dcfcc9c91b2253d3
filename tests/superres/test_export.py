import json

import numpy as np
import onnxruntime
import pytest

from velatura.errors import ConfigError
from velatura.superres.export import export
from velatura.superres.models import UpscaleModel
from velatura.superres.network import UpscaleNetwork

from ..conftest import random_image


@pytest.fixture(scope="module")
def model():
    return UpscaleModel(UpscaleNetwork(1).eval().requires_grad_(False), {"made for": "a test"})


def test_the_file_enlarges_any_size_as_the_network_does(model, tmp_path, generator):
    differences = export(model, 3, tmp_path / "m.onnx")
    assert any(height % 2 for height, _ in differences)
    assert max(differences.values()) < 1e-3
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    photograph = random_image(generator, 33, 50)
    (large,) = session.run(["enlarged"], {"photograph": photograph.numpy()})
    expected = model.network.upscale(photograph, 3).numpy()
    np.testing.assert_allclose(large, expected, atol=1e-3)
    card = json.loads(session.get_modelmeta().custom_metadata_map["velatura"])
    assert card["scale"] == 3
    assert card["made for"] == "a test"


def test_another_ending_is_refused(model, tmp_path):
    with pytest.raises(ConfigError, match=r"\.onnx"):
        export(model, 2, tmp_path / "m.bin")
