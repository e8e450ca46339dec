"""How much may be sent at once."""

from typing import Final

LARGEST_DRAWING: Final = 4 * 1024 * 1024
TOO_LARGE: Final = "The file is larger than 4 MB; send a smaller picture of the drawing."
LARGEST_BODY: Final = LARGEST_DRAWING + 64 * 1024  # the other fields and multipart's own lines
# A browser shows an answer only once it has sent its whole request; so much is read and thrown
# away for its sake. API Gateway lets no more than 10 MB through.
LARGEST_DRAINED: Final = 12 * 1024 * 1024
