"""Collators on literal token lists."""

import torch

from workflow_scripts.lib.training.collate import PackedCollator, PairCollator, SftCollator, branch_attention


def test_sft_rows_are_padded_on_the_right():
    rows = [
        {"input_ids": [1, 2, 3], "labels": [-100, 2, 3], "weight": 1.0},
        {"input_ids": [4], "labels": [4], "weight": 0.5},
    ]
    batch = SftCollator(pad_token_id=0)(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 2, 3], [-100, -100, -100]]  # nothing precedes a first token
    assert batch["weight"].tolist() == [[1.0, 1.0, 1.0], [0.5, 0.0, 0.0]]
    assert batch["length"].tolist() == [[3, 3, 3], [1, 0, 0]]


ROWS = [
    {"input_ids": [1, 2], "labels": [1, 2], "weight": 1.0},
    {"input_ids": [3], "labels": [3], "weight": 0.5},
    {"input_ids": [4, 5], "labels": [-100, 5], "weight": 2.0},
]


def test_packed_rows_start_again_at_position_zero():
    batch = PackedCollator(pad_token_id=0, flatten=False)([[ROWS[0], ROWS[1]], [ROWS[2]]])
    assert {name: value.tolist() for name, value in batch.items()} == {
        "input_ids": [[1, 2, 3], [4, 5, 0]],
        "position_ids": [[0, 1, 0], [0, 1, 0]],
        "labels": [[-100, 2, -100], [-100, 5, -100]],  # the first token of a row follows none of its own
        "weight": [[1.0, 1.0, 0.5], [2.0, 2.0, 0.0]],
        "length": [[2, 2, 1], [2, 2, 0]],
    }


def test_flattened_rows_are_one_sequence_with_their_bounds():
    batch = PackedCollator(pad_token_id=0, flatten=True)([[ROWS[0], ROWS[1]], [ROWS[2]]])
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5]]
    assert batch["position_ids"].tolist() == [[0, 1, 0, 0, 1]]
    assert batch["cu_seq_lens_q"].tolist() == batch["cu_seq_lens_k"].tolist() == [0, 2, 3, 5]
    assert batch["cu_seq_lens_q"].dtype == torch.int32
    assert batch["max_length_q"] == batch["max_length_k"] == 2


def test_a_pair_shares_its_prefix():
    rows = [{"prefix": [1, 2], "chosen": [3, 4], "rejected": [5]}, {"prefix": [6], "chosen": [7], "rejected": [8]}]
    batch = PairCollator(pad_token_id=0)(rows)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 0, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 2], [0, 1, 1, 0, 0]]
    assert batch["branch"].tolist() == [[0, 0, 1, 1, 2], [0, 1, 2, -1, -1]]
    assert batch["predictor"].tolist() == [[0, 0, 1, 2, 1], [0, 0, 0, 0, 0]]


def test_the_rejected_side_never_sees_the_chosen_one():
    allowed = branch_attention(torch.tensor([[0, 0, 1, 2, -1]]))[0, 0].int().tolist()
    assert allowed == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 1, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_reference_figures_are_passed_on():
    row = {"prefix": [1], "chosen": [2], "rejected": [3], "reference_chosen": -1.5, "reference_rejected": -2.5}
    batch = PairCollator(pad_token_id=0)([row])
    assert batch["reference_chosen"].tolist() == [-1.5]
    assert batch["reference_rejected"].tolist() == [-2.5]
