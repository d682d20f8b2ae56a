"""What all tests share: the course's table, where there is one, and how hard hypothesis tries."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The suite runs the same examples every time; HYPOTHESIS_PROFILE=fuzz looks for new ones.
settings.register_profile(
    "default", max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

COURSE_TABLE = os.environ.get("TITANIC_CSV")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests on the course's table where no path to it is given."""
    if COURSE_TABLE:
        return
    needing = [item for item in items if item.get_closest_marker("course_table")]
    config.hook.pytest_deselected(items=needing)
    items[:] = [item for item in items if item not in needing]


@pytest.fixture
def course_table() -> Path:
    """The path of the course's table; a test that asks for it carries the mark course_table."""
    assert COURSE_TABLE, "mark the test with pytest.mark.course_table"
    return Path(COURSE_TABLE)
