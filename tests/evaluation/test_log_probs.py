"""Log-probabilities with a shortened projection, and with shared beginnings, are those of the whole computation."""

from typing import Any

import pytest
import torch

from workflow_scripts.lib.evaluation import shared_context
from workflow_scripts.lib.evaluation.log_probs import IGNORED, completion_log_probs, pad

ROWS = [[5, 9, 2, 7, 30, 8], [5, 9, 2, 7], [5, 9, 2, 11, 4]]
LABELS = [[IGNORED, IGNORED, IGNORED, 7, 30, 8], [5, IGNORED, IGNORED, 7], [IGNORED] * 5]


def expected(model: Any, ids: list[int], labels: list[int]) -> float:
    """One row at a time, all logits, no padding, no cache; the first token has nothing that predicts it."""
    with torch.no_grad():
        log_probs = model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return sum(float(log_probs[place - 1, label]) for place, label in enumerate(labels) if place and label != IGNORED)


@torch.inference_mode()
def test_sums_and_counts_are_those_of_full_logits(model: Any) -> None:
    mask = pad([[1] * len(row) for row in ROWS], 0)
    sums, counts = completion_log_probs(model, pad(ROWS, 0), mask, pad(LABELS, IGNORED))
    assert counts.tolist() == [3, 1, 0]
    assert sums.tolist() == pytest.approx([expected(model, *row) for row in zip(ROWS, LABELS, strict=True)], abs=1e-5)
    assert sums[2] == 0 and sums[0] < -1


@torch.inference_mode()
def test_the_projection_is_whole_again_afterwards(model: Any) -> None:
    ids = torch.tensor([ROWS[0]])
    completion_log_probs(model, ids, torch.ones_like(ids), torch.tensor([LABELS[0]]))
    assert model(input_ids=ids).logits.shape == (1, 6, model.config.vocab_size)


@torch.inference_mode()
@pytest.mark.parametrize("heads", [[[], [], []], [[2], [2], []], [[2, 7], [], [2, 11, 4]]])
def test_a_shared_beginning_changes_nothing(model: Any, heads: list[list[int]]) -> None:
    """Opening read once for all rows, then heads of different lengths, then the rest."""
    opening = [5, 9]
    tails = [[30, 8, 3], [7, 1], [13]]
    context = shared_context.extend(model, shared_context.empty(1, model.device), [opening])
    context = shared_context.extend(model, context.repeat(3), heads)
    labels = [[IGNORED, *tail[1:]] for tail in tails]
    sums, counts = shared_context.log_probs_after(model, context, tails, labels, IGNORED)
    whole = [opening + head + tail for head, tail in zip(heads, tails, strict=True)]
    wanted = [
        expected(model, ids, [IGNORED] * (len(ids) - len(scored)) + scored)
        for ids, scored in zip(whole, labels, strict=True)
    ]
    assert counts.tolist() == [2, 1, 0]
    assert sums.tolist() == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("rows", "length"),
    [([[1, 2, 3], [1, 2, 4]], 2), ([[1, 2], [1, 2, 4]], 2), ([[7], [8]], 0), ([[1, 2]], 2), ([[], [1]], 0)],
)
def test_common_prefix(rows: list[list[int]], length: int) -> None:
    assert shared_context.common_prefix(rows) == length


@pytest.mark.parametrize(("left", "wanted"), [(False, [[1, 2, 3], [4, 0, 0]]), (True, [[1, 2, 3], [0, 0, 4]])])
def test_pad(left: bool, wanted: list[list[int]]) -> None:
    assert pad([[1, 2, 3], [4]], 0, left=left).tolist() == wanted
