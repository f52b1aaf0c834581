"""Order of the tests: what takes minutes a file begins, so that no core is left with it alone at the end."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "workflow" not in item.path.parts)
