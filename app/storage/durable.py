"""What makes a file, and the name that leads to it, outlive a power cut."""

import os
from pathlib import Path
from typing import IO


def sync(stream: IO[bytes]) -> None:
    """Return once the bytes are on the disk."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Without it a new name may be lost in a power cut although the bytes are safe."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
