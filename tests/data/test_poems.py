"""Quatrains: which poems are taken, what is asked of them, and pairs that never cross a split."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from workflow_scripts.lib.adapters.standardizing import Standardization, standardize
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.readers.pieces import whole
from workflow_scripts.lib.records import Drop, group_of
from workflow_scripts.lib.splitting.buckets import bucket_of

POEM = {"author": "王之渙", "title": "登鸛雀樓", "paragraphs": ["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓。"]}
POEM_OPTIONS = {"forms": ["quatrain5"], "share": [0.0, 0.7], "instructions": ["续写：{couplet}", "{couplet}后两句是？"]}
PAIR_OPTIONS = POEM_OPTIONS | {"share": [0.7, 1.0], "other_form": 0.5}
TAKEN = {"forms": ["quatrain5"], "share": [0.0, 1.0], "instructions": ["续写：{couplet}"]}


def run(files: list[Path], adapter: str, options: dict, seed: int = 42) -> tuple[list[dict], list[Drop]]:
    use = "preference" if adapter == "derived_pairs" else "sft"
    source = {"use": use, "adapter": adapter, "options": options}
    results = list(standardize("s", whole(files), Standardization.model_validate({"seed": seed, "source": source})))
    rows = [result for result in results if not isinstance(result, Drop)]
    return rows, [result for result in results if isinstance(result, Drop)]


def test_a_quatrain_becomes_instruction_and_second_couplet(write: Callable[..., Path]) -> None:
    (row,), drops = run([write("p.json", [POEM])], "chinese_poetry", TAKEN)
    assert drops == []
    assert row["messages"] == [
        {"role": "user", "content": "续写：白日依山盡，黃河入海流。"},
        {"role": "assistant", "content": "欲窮千里目，更上一層樓。"},
    ]
    assert row["meta"] == {"form": "quatrain5", "title": "登鸛雀樓", "author": "王之渙"}
    assert row["group"] == group_of("白日依山盡，黃河入海流。")


def test_poems_that_begin_alike_are_one_prompt(write: Callable[..., Path]) -> None:
    variant = POEM | {"paragraphs": [POEM["paragraphs"][0], "欲窮千里目，更上一層臺。"]}
    first, second = run([write("p.json", [POEM, variant])], "chinese_poetry", POEM_OPTIONS | {"share": [0.0, 1.0]})[0]
    assert first["messages"][0] == second["messages"][0] and first["group"] == second["group"]


@pytest.mark.parametrize(
    ("paragraphs", "reason", "detail"),
    [
        (["白日依山盡，黃河入海流。"], "form", "1 paragraphs, a quatrain has 2"),
        (["白日依山盡，黃河入海流。", "欲窮千里目，更上一層樓"], "form", "no two couplets"),
        (["白日依山盡,黃河入海流。", "欲窮千里目，更上一層樓。"], "form", "no two couplets"),
        (["白日依山□，黃河入海流。", "欲窮千里目，更上一層樓。"], "form", "no two couplets"),
        (["白日依山盡，黃河入海流。", "欲窮千里目去，更上一層樓來。"], "form", "no two couplets"),
        (["黃河遠上白雲間去，一片孤城。", "羌笛何須怨楊柳，春風不度玉門關。"], "form", "no two couplets"),
        (["黃河遠上白雲間，一片孤城萬仞山。", "羌笛何須怨楊柳，春風不度玉門關。"], "form", "quatrain7 is not among"),
        ([], "form", "0 paragraphs"),
        ([None, "欲窮千里目，更上一層樓。"], "not_text", "paragraph is NoneType"),
        ("白日依山盡，黃河入海流。", "wrong_type", "paragraphs is str, not a list"),
        (None, "missing_field", "paragraphs is null"),
    ],
)
def test_what_is_no_quatrain_is_dropped(
    paragraphs: object, reason: str, detail: str, write: Callable[..., Path]
) -> None:
    rows, (drop,) = run([write("p.json", [POEM | {"paragraphs": paragraphs}])], "chinese_poetry", TAKEN)
    assert rows == []
    assert drop.reason == reason and drop.detail.startswith(detail)


def test_rare_characters_are_han(write: Callable[..., Path]) -> None:
    rare = POEM | {"paragraphs": ["𠀀㐀依山盡，黃河入海流。", "欲窮千里目，更上一層\U000323af。"]}
    rows, _ = run([write("p.json", [rare])], "chinese_poetry", TAKEN)
    assert rows[0]["messages"][1]["content"] == "欲窮千里目，更上一層\U000323af。"


def test_shares_divide_the_poems(poems: list[dict], write: Callable[..., Path]) -> None:
    path = write("p.json", poems)
    first, first_drops = run([path], "chinese_poetry", POEM_OPTIONS)
    second, _ = run([path], "chinese_poetry", POEM_OPTIONS | {"share": [0.7, 1.0]}, seed=1)  # whatever the seeds
    assert {row["group"] for row in first}.isdisjoint(row["group"] for row in second)
    assert len(first) + len(second) == 400
    assert 240 < len(first) < 320
    assert Counter(drop.reason for drop in first_drops) == {"form": 400, "outside_share": 400 - len(first)}


def test_instructions_vary_by_seed_and_not_by_place(poems: list[dict], write: Callable[..., Path]) -> None:
    def asked(rows: list[dict], seed: int, name: str) -> dict[str, str]:
        made, _ = run([write(name, rows)], "chinese_poetry", POEM_OPTIONS, seed)
        return {row["group"]: row["messages"][0]["content"] for row in made}

    forwards, backwards = asked(poems, 42, "a.json"), asked(poems[::-1], 42, "b.json")
    assert forwards == backwards
    assert asked(poems, 43, "c.json") != forwards
    starts = Counter(prompt.startswith("续写：") for prompt in forwards.values())
    assert min(starts[True], starts[False]) > len(forwards) / 3


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"instructions": ["续写"]}, "'续写' has no {couplet}"),
        ({"share": [0.7, 0.2]}, "give [from, to) with from below to"),
        ({"share": [0.7]}, "sources.s.options.share"),
        ({"forms": ["sonnet"]}, "sources.s.options.forms.0"),
        ({"form": ["quatrain5"]}, "did you mean 'forms'?"),
    ],
)
def test_wrong_options_are_named(change: dict, part: str, write: Callable[..., Path]) -> None:
    with pytest.raises(UserError) as caught:
        run([write("p.json", [POEM])], "chinese_poetry", TAKEN | change)
    assert part in str(caught.value)


def test_rejected_sides_come_from_the_bucket_of_the_poem(poems: list[dict], write: Callable[..., Path]) -> None:
    path = write("p.json", poems)
    group_by_id = {
        row["id"]: row["group"]
        for form in ("quatrain5", "quatrain7")
        for row in run([path], "chinese_poetry", TAKEN | {"forms": [form]})[0]
    }
    rows, drops = run([path], "derived_pairs", PAIR_OPTIONS | {"share": [0.0, 1.0]})
    assert len(rows) > 100
    assert {row["meta"]["rejected_form"] for row in rows} == {"quatrain5", "quatrain7"}
    for row in rows:
        rejected = group_by_id[row["meta"]["rejected_id"]]
        assert bucket_of(rejected) == bucket_of(row["group"]) and rejected != row["group"]
        assert row["chosen"] != row["rejected"]
        assert row["meta"]["derived"] is True
        length = {"quatrain5": 12, "quatrain7": 16}[row["meta"]["rejected_form"]]
        assert len(row["rejected"][0]["content"]) == length
    reasons = Counter(drop.reason for drop in drops)
    assert reasons == {"form": 400, "no_rejected": 400 - len(rows)} and reasons["no_rejected"] > 0


def test_pairs_do_not_depend_on_the_order_of_rows(poems: list[dict], write: Callable[..., Path]) -> None:
    def pairs(rows: list[dict], name: str) -> dict:
        return {row["group"]: row["rejected"] for row in run([write(name, rows)], "derived_pairs", options)[0]}

    options = PAIR_OPTIONS | {"share": [0.0, 1.0]}
    forwards = pairs(poems, "a.json")
    assert len(forwards) > 20
    assert forwards == pairs(poems[::-1], "b.json")


@pytest.mark.parametrize(("other_form", "forms"), [(0.0, {"quatrain5"}), (1.0, {"quatrain7"})])
def test_other_form_is_the_share_of_other_metres(
    other_form: float, forms: set, poems: list[dict], write: Callable[..., Path]
) -> None:
    rows, _ = run([write("p.json", poems)], "derived_pairs", PAIR_OPTIONS | {"other_form": other_form})
    assert {row["meta"]["rejected_form"] for row in rows} == forms


def test_a_same_metre_rejected_side_is_outside_of_what_sft_learns(
    poems: list[dict], write: Callable[..., Path]
) -> None:
    path = write("p.json", poems)
    taught = {row["messages"][1]["content"] for row in run([path], "chinese_poetry", POEM_OPTIONS)[0]}
    rows, _ = run([path], "derived_pairs", PAIR_OPTIONS | {"other_form": 0.0})
    assert rows and not any(row["rejected"][0]["content"] in taught for row in rows)


def test_the_same_second_couplet_is_never_rejected(write: Callable[..., Path]) -> None:
    """Two poems that share their second couplet, in one bucket, have nothing to reject."""
    second = POEM["paragraphs"][1]
    own = bucket_of(group_of(POEM["paragraphs"][0]))
    twin = next(
        first
        for number in range(20_000)
        if bucket_of(group_of(first := f"白日依山盡，黃河入海{chr(0x4E00 + number)}。")) == own
    )
    files = [write("p.json", [POEM, POEM | {"paragraphs": [twin, second]}])]
    rows, drops = run(files, "derived_pairs", TAKEN | {"other_form": 0.0})
    assert rows == []
    assert [(drop.reason, drop.detail) for drop in drops] == [
        ("no_rejected", f"bucket {own} has no other poem of the same form")
    ] * 2
