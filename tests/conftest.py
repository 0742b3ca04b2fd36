"""What every test shares: one seed, printed; hypothesis without a clock; and which memograd is tested, in the header."""

import numpy as np
import pytest
from hypothesis import settings

import memograd

SEED = 20260

# The same examples in each run, and no deadline: a slow machine is no error.
settings.register_profile("memograd", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("memograd")


def pytest_report_header() -> str:
    return f"memograd {memograd.__version__} from {memograd.__path__[0]}, NumPy {np.__version__}, seed {SEED}"


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that begins at the same number in every test."""
    return np.random.default_rng(SEED)
