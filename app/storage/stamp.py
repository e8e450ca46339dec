"""The mark on a store that says which environment made it."""

import json

from app.errors import ConfigurationError, WrongEnvironment

# No key begins with a dot, so no blob can take this place.
STAMP = ".environment.json"


def stamp_of(environment: str) -> bytes:
    """What is written at ``STAMP``."""
    return json.dumps({"environment": environment}).encode()


def check_stamp(content: bytes, environment: str, place: str, setting: str) -> None:
    """Raise ``WrongEnvironment`` where another one made ``place``, which ``setting`` names.

    A stamp that cannot be understood is not taken for none.
    """
    try:
        stamped = str(json.loads(content)["environment"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"The stamp {STAMP} of {place} is damaged; restore it, or use another {setting}."
        ) from error
    if stamped != environment:
        raise WrongEnvironment(
            f"{place[0].upper()}{place[1:]} was made by the environment {stamped!r} and is now "
            f"opened by {environment!r}; set ENVIRONMENT={stamped}, or use another {setting}."
        )
