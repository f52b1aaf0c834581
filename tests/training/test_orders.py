"""The order of rows: every row once an epoch, alike lengths together, the language quota in every batch."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest
import tiny

from workflow_scripts.lib.config.training import Align, Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training.bucket_sampler import MixedBucketSampler
from workflow_scripts.lib.training.orders import FileOrder, Shuffled, make_order


def sampler(lengths, is_zh, **changes) -> MixedBucketSampler:
    given = {"batch_size": 4, "buckets": 4, "min_zh_ratio": 0.0, "seed": 1, "section": "sft"}
    return MixedBucketSampler(lengths, is_zh, **(given | changes))


def rows_like(num_zh: int, num_others: int) -> tuple[list[int], list[bool]]:
    """Return lengths and languages; other rows are the long ones."""
    rng = np.random.default_rng(2)
    lengths = [*rng.integers(10, 100, num_zh).tolist(), *rng.integers(60, 200, num_others).tolist()]
    return lengths, [True] * num_zh + [False] * num_others


def test_file_order_is_that_of_the_file_in_every_epoch() -> None:
    assert FileOrder(5, 2).batches(0) == FileOrder(5, 2).batches(1) == [[0, 1], [2, 3], [4]]


def test_shuffled_gives_all_rows_in_another_order_each_epoch() -> None:
    order = Shuffled(9, 4, seed=1)
    first, second = order.batches(0), order.batches(1)
    assert [len(batch) for batch in first] == [4, 4, 1]
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(9))
    assert first != second
    assert first == Shuffled(9, 4, seed=1).batches(0) != Shuffled(9, 4, seed=2).batches(0)


@pytest.mark.parametrize("min_zh_ratio", [0.0, 0.5, 0.7])
@pytest.mark.parametrize(("num_zh", "num_others"), [(70, 10), (40, 17), (41, 0)])
def test_every_row_comes_once_and_every_batch_keeps_the_quota(num_zh, num_others, min_zh_ratio) -> None:
    lengths, is_zh = rows_like(num_zh, num_others)
    made = sampler(lengths, is_zh, batch_size=10, min_zh_ratio=min_zh_ratio)
    assert made.rows_left_out == 0
    for epoch in (0, 1):
        batches = made.batches(epoch)
        assert sorted(chain(*batches)) == list(range(len(lengths)))
        assert [len(batch) for batch in batches[:-1]] == [10] * (len(batches) - 1)
        for batch in batches:
            assert sum(is_zh[row] for row in batch) >= min_zh_ratio * len(batch)


def test_rows_of_a_batch_are_of_similar_length() -> None:
    lengths = np.random.default_rng(3).integers(10, 1000, 400).tolist()
    made = sampler(lengths, [True] * 400, buckets=8)
    spread = [np.ptp([lengths[row] for row in batch]) for batch in made.batches(0)]
    assert max(spread) < 1000 / 8 * 2  # a bucket is an eighth of the range; a batch may reach into the next
    assert np.mean(spread) < 100
    assert np.mean([np.ptp([lengths[row] for row in batch]) for batch in Shuffled(400, 4, 1).batches(0)]) > 500


def test_lengths_take_turns() -> None:
    lengths = [10] * 40 + [500] * 40
    first_half = sampler(lengths, [True] * 80, buckets=2).batches(0)[:10]
    assert Counter(lengths[batch[0]] for batch in first_half) == {10: 5, 500: 5}


def test_long_rows_of_other_languages_find_room_elsewhere() -> None:
    """No Chinese row is long, so a bucket alone could never keep the quota."""
    lengths, is_zh = [10] * 12 + [900] * 12, [True] * 12 + [False] * 12
    batches = sampler(lengths, is_zh, min_zh_ratio=0.5).batches(0)
    assert [sum(is_zh[row] for row in batch) for batch in batches] == [2] * 6
    assert sorted(chain(*batches)) == list(range(24))


def test_where_chinese_rows_are_short_others_are_left_out_and_drawn_anew(caplog) -> None:
    made = sampler([10] * 30, [True] * 6 + [False] * 24, min_zh_ratio=0.75)
    assert (made.rows_per_epoch, made.rows_left_out) == (8, 22)
    assert caplog.messages == [
        "Chinese rows are short of 0.75: 22 of 24 other rows are left out of each epoch, drawn anew in each"
    ]
    epochs = [made.batches(epoch) for epoch in range(30)]
    assert {len(epoch) for epoch in epochs} == {2}
    others = [frozenset(row for batch in epoch for row in batch if row >= 6) for epoch in epochs]
    assert {len(each) for each in others} == {2}
    assert len(frozenset.union(*others)) > 15


def test_a_quota_needs_chinese_rows() -> None:
    with pytest.raises(UserError) as error:
        sampler([10, 20], [False, False], min_zh_ratio=0.7, section="align")
    assert str(error.value) == (
        "min_zh_ratio is 0.7, and none of 2 rows is Chinese\n"
        "  where:  align.sampler.min_zh_ratio\n"
        "  change: set it to 0, or add Chinese rows"
    )


def test_the_config_chooses_for_dialogues_and_pairs() -> None:
    mixed = {"sampler__order": "mixed_buckets", "sampler__min_zh_ratio": 0.5, "sampler__buckets": 2}
    dialogues = [{"input_ids": [1] * n, "lang": lang} for n, lang in ((3, "zh"), (9, "en"), (4, "zh"))]
    pairs = [{"prefix": [1], "chosen": [2] * n, "rejected": [3], "lang": "zh"} for n in (1, 5)]
    sft = Sft.model_validate(tiny.section("sft", global_batch_size=2, **mixed))
    align = Align.model_validate(tiny.section("align", global_batch_size=2, **mixed))
    chosen = make_order(sft, "sft", dialogues, 1, "none")
    assert isinstance(chosen, MixedBucketSampler)
    assert sorted(map(sorted, chosen.batches(0))) in ([[0, 1], [2]], [[0], [1, 2]])
    assert make_order(align, "align", pairs, 1, "none").batches(0) in ([[0, 1]], [[1, 0]])
    assert make_order(sft, "sft", dialogues, 1, "short_to_long") == FileOrder(3, 2)
    plain = Sft.model_validate(tiny.section("sft", global_batch_size=2))
    assert make_order(plain, "sft", dialogues, 1, "none") == Shuffled(3, 2, 1)
