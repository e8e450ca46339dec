import pytest

# Its promises are plain functions, which pytest would not explain when they fail.
pytest.register_assert_rewrite("tests.packages.behaviours")
