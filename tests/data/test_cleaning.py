"""Measures of rows, the bounds that apply, and every reason for which a row goes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from workflow_scripts import clean_rows, measure_rows
from workflow_scripts.lib.cleaning.bounds import Bounds, effective_bounds
from workflow_scripts.lib.cleaning.filters import FILTERS, rules
from workflow_scripts.lib.cleaning.measures import flags, measure, repetition
from workflow_scripts.lib.config.data import Clean, CleanOverrides
from workflow_scripts.lib.jsonl import read_rows, write_rows
from workflow_scripts.lib.records import message, preference_row, sft_row

OFF = {
    "min_chars": None,
    "max_chars": None,
    "min_tokens": None,
    "max_tokens": None,
    "min_han_ratio": None,
    "allow_english": False,
    "max_repetition": None,
}


def chat(*turns: tuple[str, str], number: int = 0) -> dict:
    return sft_row(f"s/f.json#{number}", "s", [message(role, content) for role, content in turns])


def pair(prompt: str, chosen: str, rejected: str) -> dict:
    return preference_row("s/f.json#0", "s", [message("user", prompt)], chosen, rejected)


def measured(*rows: dict, ngram: int = 4) -> list[dict]:
    return [
        row
        for batch in measure(rows, lambda texts: [2 * len(text) for text in texts], ngram)
        for row in batch.to_pylist()
    ]


def test_measures_of_a_conversation() -> None:
    row = chat(("system", "你是诗人"), ("user", "写ab"), ("assistant", "好的好的好的"))
    (found,) = measured(row)
    assert found == {
        "id": "s/f.json#0",
        "chars": 13,
        "tokens": 26,
        "han_ratio": pytest.approx(11 / 13),
        "repetition": pytest.approx(1 - 3 / 4),  # 你是诗人, 好的好的 twice, 的好的好
        "lang": "zh",
        "turns": 1,
        "flags": [],
        "hash": row["hash"],
        "chosen_chars": None,
        "chosen_tokens": None,
        "rejected_chars": None,
        "rejected_tokens": None,
    }


def test_a_pair_counts_prompt_and_chosen_and_both_answers_apart() -> None:
    (found,) = measured(pair("问题", "一二三", "abcdefgh"))
    assert (found["chars"], found["tokens"], found["han_ratio"]) == (5, 10, 1.0)
    assert (found["chosen_chars"], found["chosen_tokens"]) == (3, 6)
    assert (found["rejected_chars"], found["rejected_tokens"]) == (8, 16)


@pytest.mark.parametrize(
    ("texts", "ngram", "value"),
    [(["abc"], 4, 0.0), ([], 4, 0.0), (["aaaaa"], 4, 0.5), (["abcd", "abcd"], 4, 0.5), (["abcdef"], 2, 0.0)],
)
def test_repetition_by_hand(texts: list[str], ngram: int, value: float) -> None:
    assert repetition(texts, ngram) == pytest.approx(value)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (chat(("user", "问"), ("assistant", "答")), []),
        (chat(("system", "设"), ("user", "问"), ("assistant", "答")), []),
        (chat(("user", ""), ("assistant", "答")), ["empty_user"]),
        (chat(("user", "问"), ("assistant", " \n")), ["empty_assistant"]),
        (chat(("user", "问")), ["no_assistant"]),
        (chat(("assistant", "答")), ["no_user"]),
        (chat(), ["no_user", "no_assistant"]),
        (chat(("user", "问"), ("assistant", "答"), ("user", "再问")), ["ends_with_user"]),
        (chat(("user", "问"), ("user", "问"), ("assistant", "答")), ["roles_repeat"]),
        (pair("问", "好", ""), ["empty_rejected"]),
        (pair("问", "", "坏"), ["empty_assistant"]),
        (pair("问", "好", "好"), ["same_answers"]),
    ],
)
def test_flags_name_what_cannot_be_trained_on(row: dict, found: list[str]) -> None:
    assert flags(row) == found


def test_own_bounds_of_a_source_win_also_when_they_switch_off() -> None:
    clean = Clean(**OFF | {"min_chars": 8, "max_chars": 100, "min_han_ratio": 0.3, "repetition_ngram": 4})
    overrides = CleanOverrides.model_validate({"max_chars": 50, "min_han_ratio": None, "allow_english": True})
    expected = OFF | {"min_chars": 8, "max_chars": 50, "min_han_ratio": None, "allow_english": True}
    assert effective_bounds(clean, overrides) == expected
    assert effective_bounds(clean, CleanOverrides()) == {key: getattr(clean, key) for key in OFF}


LONG = "这是一段没有重复的中文文字"  # 13 characters


@pytest.mark.parametrize(
    ("bounds", "text", "reason", "detail"),
    [
        ({"min_chars": 15}, LONG, "too_short_chars", "chars 14 < 15"),
        ({"max_chars": 13}, LONG, "too_long_chars", "chars 14 > 13"),
        ({"min_tokens": 15}, LONG, "too_short_tokens", "tokens 14 < 15"),
        ({"max_tokens": 13}, LONG, "too_long_tokens", "tokens 14 > 13"),
        ({"min_han_ratio": 0.5}, "all of it is English", "too_little_han", "han_ratio 0.0588 < 0.5"),
        ({"max_repetition": 0.5}, "好的" * 20, "too_repetitive", "repetition 0.9459 > 0.5"),
        ({}, "", "malformed", "empty_assistant"),
    ],
)
def test_every_reason(bounds: dict, text: str, reason: str, detail: str, tokenizer: Path, tmp_path: Path) -> None:
    bad, good = chat(("user", "问"), ("assistant", text)), chat(("user", "甲"), ("assistant", "乙丙丁"), number=1)
    kept, drops = clean([bad, good], OFF | bounds, tokenizer, tmp_path)
    assert {"id": "s/f.json#0", "step": "clean", "reason": reason, "detail": detail} in drops
    inside = [drop for drop in drops if drop["id"] == "s/f.json#1"]
    assert len(kept) + len(drops) == 2 and all(drop["reason"].startswith("too_short") for drop in inside)


@pytest.mark.parametrize("bounds", [{"min_chars": 14}, {"max_chars": 14}, {"max_tokens": 14}, {"min_han_ratio": 1.0}])
def test_bounds_are_inclusive(bounds: dict, tokenizer: Path, tmp_path: Path) -> None:
    row = chat(("user", "问"), ("assistant", LONG))
    assert clean([row], OFF | bounds, tokenizer, tmp_path) == ([row], [])


def test_english_may_be_allowed(tokenizer: Path, tmp_path: Path) -> None:
    rows = [
        chat(("user", "q"), ("assistant", "All of it is English.")),
        chat(("user", "в"), ("assistant", "да"), number=1),
    ]
    kept, drops = clean(rows, OFF | {"min_han_ratio": 0.5, "allow_english": True}, tokenizer, tmp_path)
    assert kept == rows[:1]
    assert [drop["reason"] for drop in drops] == ["too_little_han"]


def test_duplicates_go_after_the_filters_and_name_the_row_that_stays(tokenizer: Path, tmp_path: Path) -> None:
    rows = [
        chat(("user", "问，"), ("assistant", LONG), number=0),
        chat(("user", "问"), ("assistant", ""), number=1),
        chat(("user", "问,"), ("assistant", LONG), number=2),  # the same but for width
        chat(("user", "问"), ("assistant", ""), number=3),
        chat(("user", "问，"), ("assistant", LONG), number=4),
    ]
    kept, drops = clean(rows, OFF, tokenizer, tmp_path)
    assert kept == rows[:1]
    assert [(drop["id"], drop["reason"], drop["detail"]) for drop in drops] == [
        ("s/f.json#1", "malformed", "empty_assistant"),
        ("s/f.json#2", "duplicate", "same contents as s/f.json#0"),
        ("s/f.json#3", "malformed", "empty_assistant"),
        ("s/f.json#4", "duplicate", "same contents as s/f.json#0"),
    ]


def test_filters_are_small_functions_named_after_their_reason() -> None:
    bounds = OFF | {"min_chars": 1, "max_chars": 1, "min_tokens": 1, "max_tokens": 1}
    on = rules(Bounds(**bounds | {"min_han_ratio": 0.1, "max_repetition": 0.1}))
    assert [rule.reason for rule in on] == [make.__name__ for make in FILTERS]
    assert [rule.reason for rule in rules(Bounds(**OFF))] == ["malformed"]


def test_measures_of_another_run_are_noticed(tokenizer: Path, tmp_path: Path) -> None:
    clean([chat(("user", "问"), ("assistant", LONG))], OFF, tokenizer, tmp_path)
    write_rows(tmp_path / "rows.jsonl", [])
    with pytest.raises(RuntimeError, match="0 rows and 1 measures"):
        run_clean(OFF, tmp_path)


def test_empty_sources_pass_through(tokenizer: Path, tmp_path: Path) -> None:
    assert clean([], OFF, tokenizer, tmp_path) == ([], [])
    assert pq.read_metadata(tmp_path / "measures.parquet").num_rows == 0


def test_measuring_in_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [chat(("user", f"问{number}"), ("assistant", LONG), number=number) for number in range(10)]
    whole = measured(*rows)
    monkeypatch.setattr("workflow_scripts.lib.cleaning.measures._BATCH", 3)
    assert measured(*rows) == whole and len(whole) == 10


def clean(rows: list[dict], bounds: dict, tokenizer: Path, folder: Path) -> tuple[list[dict], list[dict]]:
    """Measure and clean through the scripts; the tokenizer's tokens are characters."""
    write_rows(folder / "rows.jsonl", rows)
    files = {"rows": folder / "rows.jsonl", "tokenizer": tokenizer, "measures": folder / "measures.parquet"}
    flags = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    measure_rows.main(["--config", '{"repetition_ngram": 4}', *flags])
    return run_clean(bounds, folder)


def run_clean(bounds: dict, folder: Path) -> tuple[list[dict], list[dict]]:
    paths = {
        name: folder / name for name in ("rows.jsonl", "measures.parquet", "kept.jsonl", "drops.jsonl", "sums.json")
    }
    flags = [part for path in paths.values() for part in (f"--{path.stem}", str(path))]
    clean_rows.main(["--config", json.dumps(bounds), *flags])
    return list(read_rows(paths["kept.jsonl"])), list(read_rows(paths["drops.jsonl"]))
