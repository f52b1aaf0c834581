"""Measures of rows, the bounds that apply, and every reason for which a row goes."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from workflow_scripts import clean_rows, count_tokens, measure_rows
from workflow_scripts.lib.cleaning import chunks
from workflow_scripts.lib.cleaning.blocklists import own_blocklists
from workflow_scripts.lib.cleaning.bounds import Bounds, blocklist_files, edits_of, effective_bounds
from workflow_scripts.lib.cleaning.filters import FILTERS, rules
from workflow_scripts.lib.cleaning.measures import SCHEMA, measure
from workflow_scripts.lib.config.data import Clean, CleanOverrides
from workflow_scripts.lib.config.layers import read_layer
from workflow_scripts.lib.jsonl import read_rows, write_rows
from workflow_scripts.lib.records import message, preference_row, sft_row

CONFIG = Path(__file__).resolve().parents[2] / "config" / "config.yaml"
OFF: dict[str, Any] = {
    "min_chars": None,
    "max_chars": None,
    "min_tokens": None,
    "max_tokens": None,
    "languages": None,
    "min_han_ratio": None,
    "allow_english": False,
    "max_english_ratio": None,
    "max_repetition": None,
    "max_mojibake": None,
    "blocklists": [],
    "pii": "keep",
    "reasoning": "keep",
    "refusals": "keep",
}
LONG = "这是一段没有重复的中文文字"  # 13 characters


def chat(*turns: tuple[str, str], number: int = 0) -> dict:
    return sft_row(f"s/f.json#{number}", "s", [message(role, content) for role, content in turns])


def pair(prompt: str, chosen: str, rejected: str) -> dict:
    return preference_row("s/f.json#0", "s", [message("user", prompt)], chosen, rejected)


def measured(folder: Path, *rows: dict, ngram: int = 4) -> list[dict]:
    write_rows(folder / "rows.jsonl", rows)
    return [row for part in measure(folder / "rows.jsonl", ngram, own_blocklists()) for row in part.to_dicts()]


def test_measures_of_a_conversation(tmp_path: Path) -> None:
    row = chat(("system", "你是诗人"), ("user", "写ab"), ("assistant", "好的好的好的"))
    (found,) = measured(tmp_path, row)
    assert list(found) == list(SCHEMA)
    assert found == {
        "id": "s/f.json#0",
        "messages": 3,
        "turns": 1,
        "chars": 13,
        "bytes": 35,
        "han": 11,
        "han_ratio": pytest.approx(11 / 13),
        "repetition": pytest.approx(1 - 3 / 4),  # 你是诗人, 好的好的 twice, 的好的好
        "mojibake": 0.0,
        "is_plain": True,
        "lang": "zh",
        "flags": [],
        "blocked": [],
        "blocked_words": [],
        "personal_data": [],
        "has_reasoning": False,
        "refusal": None,
        "edits": [],
        "chosen_chars": None,
        "rejected_chars": None,
        "hash": row["hash"],
    }


def test_a_pair_counts_prompt_and_chosen_and_both_answers_apart(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, pair("问题", "一二三", "abcdefgh"))
    assert (found["chars"], found["bytes"], found["messages"], found["han_ratio"]) == (5, 15, 2, 1.0)
    assert (found["chosen_chars"], found["rejected_chars"]) == (3, 8)


@pytest.mark.parametrize(
    ("texts", "ngram", "value"),
    [
        (["abc"], 4, 0.0),
        ([], 4, 0.0),
        (["aaaaa"], 4, 0.5),
        (["abcd", "abcd"], 4, 0.5),
        (["abcdef"], 2, 0.0),
        (["ab", "cd", "ab", "cd"], 3, 0.0),  # none is as long, and no n-gram reaches from one into the next
        (["aab", "aab", "b"], 2, 0.5),
        (["好" * 50], 10, 1 - 1 / 41),
    ],
)
def test_repetition_by_hand(texts: list[str], ngram: int, value: float, tmp_path: Path) -> None:
    row = chat(*(("user", text) for text in texts))
    others = [chat(("user", "好" * 60)), chat(("user", "bcdabcdab"))]
    found = measured(tmp_path, others[0], row, others[1], ngram=ngram)
    assert found[1]["repetition"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (chat(("user", "问"), ("assistant", "答")), []),
        (chat(("system", "设"), ("user", "问"), ("assistant", "答")), []),
        (chat(("system", ""), ("user", "问"), ("assistant", "答"), ("user", "问"), ("assistant", "答")), []),
        (chat(("user", ""), ("assistant", "答")), ["empty_user"]),
        (chat(("user", "问"), ("assistant", " \n")), ["empty_assistant"]),
        (chat(("user", "问")), ["no_assistant"]),
        (chat(("assistant", "答")), ["no_user"]),
        (chat(), ["no_user", "no_assistant"]),
        (chat(("user", "问"), ("assistant", "答"), ("user", "再问")), ["ends_with_user"]),
        (chat(("user", "问"), ("assistant", "答"), ("tool", "3")), ["ends_with_tool"]),
        (chat(("user", "问"), ("user", "问"), ("assistant", "答")), ["roles_repeat"]),
        (chat(("user", "问"), ("tool", "1"), ("tool", "2"), ("assistant", "答")), []),
        (pair("问", "好", ""), ["empty_rejected"]),
        (pair("问", "", "坏"), ["empty_assistant"]),
        (pair("问", "好", "好"), ["same_answers"]),
        (pair("问", "好 的\n\n好", "好 的\n好"), ["same_answers"]),
        (pair("问", "好 的", "好的"), []),
        (pair("问", "", ""), ["empty_assistant", "empty_rejected", "same_answers"]),
        (pair("问", "好", "坏"), []),
    ],
)
def test_flags_name_what_cannot_be_trained_on(row: dict, found: list[str], tmp_path: Path) -> None:
    assert measured(tmp_path, row)[0]["flags"] == found


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("正常的中文，没有问题。渚清沙白鳥飛回", 0.0),
        ("naïve café – “café”, Ångström", 2 / 29),  # é” happens
        ("中文\ufffd字\ue000", 0.4),
        ("锟斤拷锟斤拷", 4 / 6),
        ("Ã©tÃ©", 4 / 5),
        ("今天天气很好，我们去公园散步。".encode().decode("gbk", "replace"), 0.5),
        ("今天天气很好，我们去公园散步。".encode().decode("cp1252", "replace"), 0.6),
    ],
)
def test_mojibake_is_a_share_of_the_characters(text: str, share: float, tmp_path: Path) -> None:
    (found,) = measured(tmp_path, chat(("user", text)))
    if share in (0.5, 0.6):  # whole sentences: bytes without a character in that encoding make it a little more or less
        assert found["mojibake"] >= share
    else:
        assert found["mojibake"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [("中文 and English\n\ttab 😀 𠀀", True), ("e\u0301", False), ("\x04", False), ("\U00040000", False)],
)
def test_plain_texts_are_those_that_token_bounds_hold_for(text: str, is_plain: bool, tmp_path: Path) -> None:
    row = chat(("user", "问")) | {"messages": [{"role": "user", "content": text}]}
    assert [found["is_plain"] for found in measured(tmp_path, row, chat(("user", "问")))] == [is_plain, True]


def test_own_bounds_of_a_source_win_also_when_they_switch_off() -> None:
    shipped = read_layer(CONFIG, CONFIG.name).values["clean"]
    clean = Clean(**shipped | OFF | {"min_chars": 8, "max_chars": 100, "min_han_ratio": 0.3})
    own = {
        "max_chars": 50,
        "min_han_ratio": None,
        "allow_english": True,
        "pii": "mask",
        "blocklists": ["terror", "a.txt"],
    }
    found = effective_bounds(clean, CleanOverrides.model_validate(own))
    assert found == OFF | {"min_chars": 8} | own
    assert (edits_of(found), blocklist_files(found)) == (
        {"mask_personal_data": True, "strip_reasoning": False},
        ["a.txt"],
    )
    assert effective_bounds(clean, CleanOverrides()) == {key: getattr(clean, key) for key in OFF}


@pytest.mark.parametrize(
    ("bounds", "text", "reason", "detail"),
    [
        ({"min_chars": 15}, LONG, "too_short_chars", "chars 14 < 15"),
        ({"max_chars": 13}, LONG, "too_long_chars", "chars 14 > 13"),
        ({"min_tokens": 15}, LONG, "too_short_tokens", "tokens 14 < 15"),
        ({"max_tokens": 13}, LONG, "too_long_tokens", "tokens 14 > 13"),
        ({"min_han_ratio": 0.5}, "all of it is English", "too_little_han", "han_ratio 0.0588 < 0.5"),
        ({"max_repetition": 0.5}, "好的" * 20, "too_repetitive", "repetition 0.9459 > 0.5"),
        ({"languages": ["zh", "en"]}, "Погода сегодня очень хорошая", "other_language", "other"),
        ({"max_mojibake": 0.2}, "锟斤拷锟斤拷锟斤拷锟", "mojibake", "mojibake 0.5455 > 0.2"),
        ({"blocklists": ["terror"]}, "论自制炸药与土制炸弹", "blocklisted", "terror: 自制炸药"),
        ({"pii": "drop"}, "打13912345678或写a@qq.com", "personal_data", "mobile_number, email"),
        ({"reasoning": "drop"}, "<think>想</think>答", "reasoning", "<think> in a reply"),
        ({"reasoning": "strip"}, "<think>想", "reasoning", "<think> without its end in a reply"),
        ({"refusals": "drop"}, "As an AI language model, I", "refusal", "As an AI language model"),
        ({"refusals": "drop"}, "作为一个人工智能语言模型，我", "refusal", "作为一个人工智能"),
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


def test_a_share_equal_to_its_bound_passes(tokenizer: Path, tmp_path: Path) -> None:
    repeating = "甲乙丙丁戊己庚甲乙丙丁戊己"  # 3 of 10 n-grams stand twice; in floating point 1 - 0.7 > 0.3
    row = chat(("user", "问"), ("assistant", repeating))
    assert clean([row], OFF | {"max_repetition": 0.3}, tokenizer, tmp_path) == ([row], [])


def test_english_may_be_allowed(tokenizer: Path, tmp_path: Path) -> None:
    rows = [
        chat(("user", "q"), ("assistant", "All of it is English.")),
        chat(("user", "в"), ("assistant", "да"), number=1),
    ]
    kept, drops = clean(rows, OFF | {"min_han_ratio": 0.5, "allow_english": True}, tokenizer, tmp_path)
    assert kept == rows[:1]
    assert [drop["reason"] for drop in drops] == ["too_little_han"]


@pytest.mark.parametrize(
    ("ratio", "english"), [(0.0, 0), (0.2, 1), (0.5, 4), (0.9, 6), (1.0, 6)], ids=["0", "0.2", "0.5", "0.9", "1"]
)
def test_english_may_have_a_share(ratio: float, english: int, tokenizer: Path, tmp_path: Path) -> None:
    rows = [chat(("user", "q"), ("assistant", f"This is reply {number}"), number=number) for number in range(6)]
    rows += [chat(("user", "问"), ("assistant", f"回答{number}"), number=number) for number in range(6, 10)]
    kept, drops = clean(rows, OFF | {"max_english_ratio": ratio}, tokenizer, tmp_path)
    assert sum(row["lang"] == "en" for row in kept) == english and len(kept) == 4 + english
    detail = f"6 English rows beside 4 others, {english} allowed"
    assert {(drop["reason"], drop["detail"]) for drop in drops} <= {("too_much_english", detail)}
    kept_hashes = [row["hash"] for row in kept if row["lang"] == "en"]
    assert sorted(kept_hashes) == sorted(row["hash"] for row in rows[:6])[:english]


def test_rejected_replies_count_for_personal_data_but_not_for_blocklists(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, pair("问", "好", "自制炸药请打13912345678<think>"))
    assert (found["blocked"], found["personal_data"], found["has_reasoning"]) == ([], ["mobile_number"], True)


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
    bounds = OFF | dict.fromkeys(("min_chars", "max_chars", "min_tokens", "max_tokens"), 1)
    bounds |= dict.fromkeys(("min_han_ratio", "max_repetition", "max_mojibake"), 0.1)
    bounds |= {"languages": ["zh"], "blocklists": ["terror"]} | dict.fromkeys(("pii", "reasoning", "refusals"), "drop")
    assert [rule.reason for rule in rules(Bounds(**bounds))] == [make.__name__ for make in FILTERS]
    assert [rule.reason for rule in rules(Bounds(**OFF))] == ["malformed"]


def test_measures_of_another_run_are_noticed(tokenizer: Path, tmp_path: Path) -> None:
    clean([chat(("user", "问"), ("assistant", LONG))], OFF, tokenizer, tmp_path)
    write_rows(tmp_path / "rows.jsonl", [])
    files = {name: tmp_path / f"{name}.jsonl" for name in ("kept", "drops", "sums")}
    with pytest.raises(RuntimeError, match="0 rows and 1 measures"):
        call(clean_rows, OFF, tmp_path, tokens=tmp_path / "tokens.parquet", **files)


def test_empty_sources_pass_through(tokenizer: Path, tmp_path: Path) -> None:
    assert clean([], OFF, tokenizer, tmp_path) == ([], [])
    assert pq.read_metadata(tmp_path / "measures.parquet").num_rows == 0


def test_measuring_in_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [chat(("user", f"问{number}"), ("assistant", LONG * number), number=number) for number in range(10)]
    whole = measured(tmp_path, *rows)
    monkeypatch.setattr(chunks, "_BYTES", 300)
    assert len(list(measure(tmp_path / "rows.jsonl", 4, []))) > 3
    assert measured(tmp_path, *rows) == whole and len(whole) == 10


def clean(rows: list[dict], bounds: dict, tokenizer: Path, folder: Path) -> tuple[list[dict], list[dict]]:
    """Measure and clean through the scripts; the tokenizer's tokens are characters."""
    write_rows(folder / "rows.jsonl", rows)
    call(measure_rows, {"repetition_ngram": 4, "blocklists": []}, folder, blocklists=None, parts=None)
    return run_clean(bounds, folder, tokenizer)


def run_clean(bounds: dict, folder: Path, tokenizer: Path) -> tuple[list[dict], list[dict]]:
    limits = {name: bounds[name] for name in ("min_tokens", "max_tokens")}
    call(count_tokens, limits, folder, parts=None, tokenizer=tokenizer, tokens=folder / "tokens.parquet")
    files = {name: folder / name for name in ("tokens.parquet", "kept.jsonl", "drops.jsonl", "sums.json")}
    call(clean_rows, bounds, folder, **{path.stem: path for path in files.values()})
    return list(read_rows(files["kept.jsonl"])), list(read_rows(files["drops.jsonl"]))


def call(script: Any, config: dict, folder: Path, **files: Path | None) -> None:
    files = {"rows": folder / "rows.jsonl", "measures": folder / "measures.parquet"} | files
    flags = [part for name, path in files.items() for part in (f"--{name}", *([str(path)] if path else []))]
    script.main(["--config", json.dumps(config), *flags])
