"""Go back to the bundle before the current one."""

from app.actions.published import Pointer, open_published, point, read_pointer
from app.errors import BundleError
from app.storage.blobs import BlobStore


def roll_back(*, blobs: BlobStore) -> Pointer:
    """Check the earlier bundle, then point to it; raise ``BundleError`` where there is none.

    One step only: what was gone back from is not what a second call should bring back.
    """
    current = read_pointer(blobs)
    if current is None:
        raise BundleError("No bundle is published; run `sketchnorm publish BUNDLE`.")
    if current.previous is None:
        raise BundleError(
            f"There is no bundle before {current.version} to go back to; publish the folder of "
            "the one you want."
        )
    return point(blobs, open_published(blobs, current.previous), None)
