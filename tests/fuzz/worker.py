"""One target under libFuzzer, which ends this process itself: ``python -m tests.fuzz`` begins it.

What is to be covered is imported within, so that the branches that bytes take can be seen.
"""

import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Final

import atheris

COVERED: Final = ("app", "PIL", "pillow_heif", "python_multipart", "starlette.formparsers")
DAMAGED: Final = 0.5  # of the inputs; libFuzzer changes the others


def main(name: str, folder: Path, words: list[str]) -> None:
    """``words`` are libFuzzer's; ``folder`` is for what the target itself keeps."""
    with atheris.instrument_imports(include=COVERED):
        target = import_module(f"tests.fuzz.{name}")

        def change(content: bytes, most: int, seed: int) -> bytes:
            source = random.Random(seed)  # noqa: S311 (nothing secret)
            if source.random() < DAMAGED:
                return bytes(target.damaged(content, source)[:most])
            return bytes(atheris.Mutate(content, most))

        with target.opened(folder) as take:
            atheris.Setup([name, *words], take, custom_mutator=change)
            atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
