"""Rows as the contract has them."""

import pytest

from workflow_scripts.lib.jsonl import dumps
from workflow_scripts.lib.records import (
    MAX_CHARS,
    Drop,
    RejectedRowError,
    content_hash,
    group_of,
    message,
    preference_row,
    sft_row,
    text_of,
)


def test_sft_row_literally() -> None:
    messages = [message("user", "你好，"), message("assistant", "您好！")]
    row = sft_row("s/f.json#0", "s", messages, weight=0.5, meta={"a": 1})
    assert dumps(row) == (
        '{"id": "s/f.json#0", "source": "s", "messages": [{"role": "user", "content": "你好，"}, '
        '{"role": "assistant", "content": "您好！"}], "lang": "zh", "weight": 0.5, "group": "037101b3acdeb1e0", '
        '"meta": {"a": 1}, "hash": "HASH"}'
    ).replace("HASH", row["hash"])
    assert row["hash"] == "6e454150faba3dbbdeb0cc1f151bf0a349aaf0408730a72dde7b3a3e88244977"


def test_preference_row_literally() -> None:
    row = preference_row("s/f.json#1", "s", [message("user", "问")], "好", "坏")
    assert list(row) == ["id", "source", "prompt", "chosen", "rejected", "lang", "group", "hash"]
    assert row["chosen"] == [{"role": "assistant", "content": "好"}]
    assert row["rejected"] == [{"role": "assistant", "content": "坏"}]
    assert row["hash"] == "707f60fe135c0453317e2c7051dd44ebcafe54971c5ca356fd2b853affb84dc8"


def test_weight_one_and_empty_meta_are_not_written() -> None:
    row = sft_row("s/f#0", "s", [message("user", "问")], weight=1, meta={})
    assert list(row) == ["id", "source", "messages", "lang", "group", "hash"]


def test_hash_ignores_width_but_not_order_or_boundaries() -> None:
    assert content_hash(["你好，", "ＡＢ"]) == content_hash(["你好,", "AB"])
    assert content_hash(["a", "b"]) != content_hash(["b", "a"])
    assert content_hash(["ab", ""]) != content_hash(["a", "b"])
    assert content_hash(["a\x1fb"]) == content_hash(["ab"]) != content_hash(["a", "b"])  # no forged separator


def test_group_is_that_of_the_first_prompt_whatever_follows() -> None:
    first = sft_row("a/f#0", "a", [message("system", "s"), message("user", "问，"), message("assistant", "一")])
    second = sft_row("b/f#0", "b", [message("user", "问,"), message("assistant", "二"), message("user", "再问")])
    pair = preference_row("c/f#0", "c", [message("user", "问，")], "好", "坏")
    assert first["group"] == second["group"] == pair["group"] == group_of("问，")
    assert len(first["group"]) == 16


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (None, "not_text", "x is NoneType"),
        (["a"], "not_text", "x is list"),
        (3.5, "not_text", "x is float"),
        ("a\ud800", "invalid_unicode", "x has characters that are no Unicode text"),
        ("a" * (MAX_CHARS + 1), "oversize", "x has 1000001 characters, at most 1000000 are read"),
    ],
)
def test_text_of_rejects_with_a_reason(value: object, reason: str, detail: str) -> None:
    with pytest.raises(RejectedRowError) as caught:
        text_of(value, "x")
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


@pytest.mark.parametrize("role", ["bot", None, ["user"], 1])
def test_unknown_roles_are_rejected(role: object) -> None:
    with pytest.raises(RejectedRowError, match="unknown_role"):
        message(role, "x")


def test_ledger_line_is_short_and_writable() -> None:
    line = Drop("s/f#0", "form", "\ud800" + "长" * 300).line("standardize")
    assert list(line) == ["id", "step", "reason", "detail"]
    assert line["detail"].startswith("\\ud800长") and line["detail"].endswith("…")
    assert dumps(line).encode("utf-8")
