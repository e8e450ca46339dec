import pytest

from tests.infra.templates import Templates


@pytest.fixture(scope="session")
def templates() -> Templates:
    """All templates, as they are deployed."""
    return Templates.read()
