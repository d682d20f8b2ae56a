"""What all tests share: the course's table, where there is one."""

import os
from pathlib import Path

import pytest

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
