"""After which steps a run validates."""

import pytest

from workflow_scripts.lib.training.schedule import EvenValidations


@pytest.mark.parametrize(
    ("evaluations", "every", "steps", "expected"),
    [
        (4, None, 8, {2, 4, 6, 8}),
        (4, None, 2, {1, 2}),
        (0, None, 8, set()),
        (None, 50, 120, {50, 100, 120}),
        (None, 50, 100, {50, 100}),
        (None, 50, 20, {20}),
    ],
)
def test_validations(evaluations: int | None, every: int | None, steps: int, expected: set[int]) -> None:
    assert EvenValidations(evaluations, every, steps).at == expected
