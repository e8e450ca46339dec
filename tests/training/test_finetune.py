from pathlib import Path

import numpy as np
import pytest

from app.imaging import synthetic
from app.inference.features import Trunk
from app.training.recipe import TracerRecipe, TrunkRecipe
from app.training.references import ReferenceDrawing
from tests.support.data.pictures import as_bytes

pytest.importorskip("torch", reason="fine-tuning needs `make train-setup`")
pytest.importorskip("efficientnet_lite_pytorch", reason="fine-tuning needs `make train-setup`")

TRACER = TracerRecipe(examples=24, epochs=2, batch=4, workers=1)
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
    from app.training.tracer import teach

    paths = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
    for path in paths:
        finetune(drawings, teach(drawings, TRACER, seed=1), path, RECIPE, seed=1)
    ink = np.zeros((256, 256), np.float32)
    ink[80:180, 120:128] = 1
    one, two = (Trunk(path).see(ink) for path in paths)
    assert np.allclose(one.strokes, two.strokes, atol=1e-5)
    assert np.allclose(one.embedding, two.embedding, atol=1e-4)
    assert one.foreign.shape == (16, 16)
