"""Cases are answered by the shipped bundle, in the place of answers that are made up."""

from functools import cache

import pytest

from app.inference.analyzer import BundleAnalyzer
from tests.support.data.bundles import BUNDLE


@cache
def shipped() -> BundleAnalyzer:
    """Opened once for all cases."""
    return BundleAnalyzer.open(BUNDLE)


@pytest.fixture
def analyzer() -> BundleAnalyzer:
    """What the site of a test answers with."""
    return shipped()
