from pathlib import Path

import numpy as np
import pytest

from app.imaging import synthetic
from app.inference.features import Trunk
from app.training.recipe import TrunkRecipe
from app.training.references import ReferenceDrawing
from tests.support.data.pictures import as_bytes

pytest.importorskip("torch", reason="fine-tuning needs `make train-setup`")
pytest.importorskip("efficientnet_lite_pytorch", reason="fine-tuning needs `make train-setup`")

RECIPE = TrunkRecipe(epochs=1, variants=2, batch=4, workers=1)


@pytest.fixture
def drawings(tmp_path: Path) -> list[ReferenceDrawing]:
    made = []
    for number, category in enumerate(("house", "fish", "cat", "tree")):
        path = tmp_path / f"{category}.png"
        path.write_bytes(as_bytes(synthetic.draw(category, 8.0, number)))
        made.append(ReferenceDrawing(path, "made", f"made/{number}", None, category))
    return made


@pytest.mark.filterwarnings("ignore")  # torch's exporter warns of itself
def test_the_same_seed_gives_the_same_trunk_and_the_product_can_read_it(
    drawings: list[ReferenceDrawing], tmp_path: Path
) -> None:
    from app.training.finetune import finetune

    paths = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
    for path in paths:
        finetune(drawings, path, RECIPE, seed=1)
    ink = np.zeros((128, 128), np.float32)
    ink[40:90, 60:64] = 1
    one, two = (Trunk(path).see(ink) for path in paths)
    assert np.allclose(one.embedding, two.embedding, atol=1e-5)
    assert one.foreign.shape == (16, 16)
