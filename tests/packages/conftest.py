import signal
from collections.abc import Iterator

import pytest

# Its promises are plain functions, which pytest would not explain when they fail.
pytest.register_assert_rewrite("tests.packages.behaviours")


@pytest.fixture(autouse=True, scope="session")
def sigterm_ends_as_ctrl_c_does() -> Iterator[None]:
    """So that containers are removed, which would go on without whoever started them."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)
