"""Bounds on tokens: what each kind of tokenizer proves, and that it holds on any text."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from workflow_scripts.lib.cleaning.measures import measure
from workflow_scripts.lib.cleaning.token_bounds import TokenBounds, token_bounds
from workflow_scripts.lib.cleaning.token_counts import SAMPLE, TokenLimits, bounded, counted, counter, is_open
from workflow_scripts.lib.jsonl import write_rows
from workflow_scripts.lib.records import message, preference_row, sft_row

CORPUS = [
    "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。",
    "the quick brown fox jumps over the lazy dog    indeed",
] * 40
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(normalizer: Any = None, **options: Any) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.normalizer = normalizer
    split = pre_tokenizers.Split(Regex(r"\p{L}+|\p{N}|[^\p{L}\p{N}]+"), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    )
    made.add_special_tokens([AddedToken("<|im_start|>", **options)])
    return made


def byte_fallback(prepend: bool = True) -> Tokenizer:
    letters = sorted({"▁", *"".join(CORPUS)} - {" "})
    vocabulary = {piece: number for number, piece in enumerate([*BYTES, *letters, "▁t", "▁th", "白日", "白日依"])}
    merges = [("▁", "t"), ("▁t", "h"), ("白", "日"), ("白日", "依")]
    made = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True))
    steps = [normalizers.Prepend("▁")] * prepend + [normalizers.Replace(" ", "▁")]
    made.normalizer = normalizers.Sequence(steps)
    return made


TOKENIZERS = {
    "byte_level": byte_level(),
    "nfc": byte_level(normalizers.NFC()),
    "takes_space": byte_level(lstrip=True, rstrip=True),
    "byte_fallback": byte_fallback(),
    "no_prefix": byte_fallback(prepend=False),
}


def bounds_of(tokenizer: Tokenizer) -> TokenBounds | None:
    return token_bounds(json.loads(tokenizer.to_str()))


def test_what_each_kind_proves() -> None:
    found = {name: bounds_of(tokenizer) for name, tokenizer in TOKENIZERS.items()}
    assert found["byte_level"].chars_per_token == len("<|im_start|>")
    assert found["byte_level"].han_per_token == 5  # 白日依山尽 became one token
    assert found["nfc"] == found["byte_level"]
    assert found["takes_space"].chars_per_token is None
    assert found["byte_fallback"] == TokenBounds(chars_per_token=3, han_per_token=3, added_per_text=1)
    assert found["no_prefix"].added_per_text == 0


def changed(name: str, **parts: Any) -> dict[str, Any]:
    return json.loads(TOKENIZERS[name].to_str()) | parts


def without(name: str, piece: str) -> dict[str, Any]:
    made = changed(name)
    made["model"]["vocab"] = {key: value for key, value in made["model"]["vocab"].items() if key != piece}
    return made


@pytest.mark.parametrize(
    "tokenizer",
    [
        changed("byte_level", normalizer={"type": "Lowercase"}),
        changed("byte_level", normalizer={"type": "NFKC"}),
        changed("byte_level", pre_tokenizer={"type": "Whitespace"}),
        changed("byte_level", pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}),
        without("byte_level", "ä"),  # the byte that begins 你
        without("byte_fallback", "▁"),
        without("byte_fallback", "<0x0A>"),
        json.loads(Tokenizer(models.WordLevel({"?": 0}, unk_token="?")).to_str()),
    ],
)
def test_where_anything_else_may_happen_nothing_is_promised(tokenizer: dict[str, Any]) -> None:
    assert token_bounds(tokenizer) is None


TEXTS = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("白日依山尽黄河 the<|im_start|>"), max_size=60
)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TEXTS | st.sampled_from([*CORPUS, "   <|im_start|>   ", "白日依" * 9]), min_size=1, max_size=4))
def test_they_hold_on_any_text(name: str, tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("bounds")
    rows = [sft_row("s/f#0", "s", [{"role": "user", "content": text} for text in texts])]
    write_rows(folder / "rows.jsonl", rows)
    (measures,) = measure(folder / "rows.jsonl", 4, [])
    measures.write_parquet(folder / "m.parquet")
    tokenizer = TOKENIZERS[name]
    found = bounded(folder / "m.parquet", bounds_of(tokenizer)).row(0, named=True)
    tokens = sum(len(tokenizer.encode(text, add_special_tokens=False)) for text in texts)
    assert found["least_tokens"] <= tokens
    assert found["most_tokens"] is None or tokens <= found["most_tokens"]


@pytest.mark.parametrize(
    ("limits", "are_open"),
    [
        ((None, None), [False, False, False, False]),
        ((8, None), [False, True, False, True]),
        ((None, 20), [False, False, True, True]),
        ((10, 10), [False, True, False, True]),
        ((5, 30), [False, False, False, True]),
    ],
)
def test_a_row_is_open_where_a_limit_lies_between_its_bounds(limits: tuple, are_open: list[bool]) -> None:
    rows = pl.DataFrame({"least_tokens": [1, 5, 15, 0], "most_tokens": [3, 10, 30, None]})
    found = rows.select(is_open(TokenLimits(min_tokens=limits[0], max_tokens=limits[1]))).to_series()
    assert found.to_list() == are_open


def test_a_sample_is_marked_and_what_is_wanted_is_counted(tmp_path: Path) -> None:
    rows = [sft_row(f"s/f#{n}", "s", [message("user", f"白日{n}"), message("assistant", "好")]) for n in range(5000)]
    write_rows(tmp_path / "rows.jsonl", rows)
    pl.concat(measure(tmp_path / "rows.jsonl", 4, [])).write_parquet(tmp_path / "m.parquet")
    TOKENIZERS["byte_fallback"].save(str(tmp_path / "tokenizer.json"))
    found = bounded(tmp_path / "m.parquet", bounds_of(TOKENIZERS["byte_fallback"]))
    assert found["is_sampled"].sum() == SAMPLE == 4096
    lowest = sorted(range(5000), key=lambda n: rows[n]["hash"])[:SAMPLE]
    assert set(found["is_sampled"].arg_true().to_list()) == set(lowest)
    wanted = pl.Series([n in (3, 4999) for n in range(5000)])
    both = counted(tmp_path / "rows.jsonl", wanted, counter(tmp_path / "tokenizer.json"))
    tokens = both["tokens"]
    assert both["rejected_tokens"].null_count() == 5000
    assert tokens.is_not_null().arg_true().to_list() == [3, 4999]
    assert tokens[3] == 2 + 1 + 4  # ▁ 白日 and the byte of 3; ▁ and the three bytes of 好


def test_both_answers_of_a_pair_are_counted(tmp_path: Path) -> None:
    row = preference_row("s/f#0", "s", [message("user", "白日")], "好", "白日依")
    write_rows(tmp_path / "rows.jsonl", [row])
    found = counted(tmp_path / "rows.jsonl", pl.Series([True]), lambda texts: [len(text) for text in texts])
    assert found.rows() == [(3, 3)]
