"""LawShift: whose law applies, what is right under it, and which statutes are quoted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.conftest import standardized
from workflow_scripts.lib.adapters.lawshift_labels import LABELS, expectation
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.records import Drop, group_of

Write = Callable[..., Path]
CASE = {
    "fact": "某县检察院指控：被告人甲三次在其家中容留他人吸食毒品。",
    "relevant_articles": ["354-0-0"],
    "charge": "容留他人吸毒",
    "prison_time": 7,
}
OLD, NEW = {"354-0-0": "【容留他人吸毒罪】旧条文"}, {"354-0-0": "【容留他人吸毒罪】新条文"}


def judged(write: Write, change: str, law: str, use: str = "sft", **other: object) -> dict | Drop:
    files = [
        write(f"{change}/articles_original.json", [{"id": "354-0-0", "content": OLD["354-0-0"]}]),
        write(f"{change}/articles_poisoned.json", NEW),
        write(f"{change}/{law}.json", [CASE | other]),
    ]
    results = standardized(files, "lawshift", use, {})
    assert len(results) == 3
    return next(
        result
        for result in results
        if (result.id if isinstance(result, Drop) else result["id"]).endswith(f"/{law}.json#0")
    )


def answer(result: dict | Drop) -> str:
    assert not isinstance(result, Drop), result
    return result["messages"][-1]["content"]


def test_a_training_case_quotes_its_statute_and_ends_in_charge_and_months(write: Write) -> None:
    files = [write("articles_original.json", OLD | {"1-0-0": "x"}), write("training_set.json", [CASE])]
    row, used = standardized(files, "lawshift", "sft", {})
    question = row["messages"][0]["content"]
    assert "【案件事实】\n某县检察院指控：被告人甲三次在其家中容留他人吸食毒品。" in question
    assert question.endswith("【相关法条】\n【354-0-0】【容留他人吸毒罪】旧条文")
    assert answer(row) == "<answer> 容留他人吸毒 | 7 </answer>"
    assert row["group"] == group_of(CASE["fact"])
    assert row["meta"] == {
        "fact": CASE["fact"],
        "relevant_articles": ["354-0-0"],
        "law": "original",
        "charge": "容留他人吸毒",
        "prison_time": 7,
    }
    assert (used.reason, used.detail) == ("used_by", row["id"])


@pytest.mark.parametrize("term", [10000, 10001, "XT", "10000"])
def test_life_and_death_are_written_xt(term: object, write: Write) -> None:
    (row,) = standardized([write("training_set.json", [CASE | {"prison_time": term}])], "lawshift", "sft", {})
    assert answer(row) == "<answer> 容留他人吸毒 | XT </answer>"
    assert row["messages"][0]["content"].endswith("【354-0-0】（未收录）")


@pytest.mark.parametrize(
    ("change", "law", "expected"),
    [
        ("action_explicit_reduce", "original", "容留他人吸毒 | 7"),
        ("action_explicit_reduce", "poisoned", "不违规"),  # whatever charge the row still has
        ("action_explicit_extend", "poisoned", "容留他人吸毒 | 7"),
        ("objCon_explicit_extend", "poisoned", "不违规"),
        ("term_extremity_in", "original", "容留他人吸毒 | 7"),
        ("term_extremity_in", "poisoned", "容留他人吸毒 | XT"),
        ("term_extremity_out", "original", "容留他人吸毒 | XT"),
    ],
)
def test_what_is_right_follows_from_the_folder(change: str, law: str, expected: str, write: Write) -> None:
    assert answer(judged(write, change, law)) == f"<answer> {expected} </answer>"


@pytest.mark.parametrize("change", ["term_up", "term_down", "term_extremity_out"])
def test_a_new_term_that_is_only_bounded_teaches_nothing_but_can_be_tested(change: str, write: Write) -> None:
    drop = judged(write, change, "poisoned")
    assert (drop.reason, drop.detail) == ("no_gold", f"under the new law ({change}) the right term is not known")
    row = judged(write, change, "poisoned", "evaluation")
    assert [message["role"] for message in row["messages"]] == ["user"]
    assert (
        row["meta"]["months"]
        == {"term_up": [120, None], "term_down": [None, 36], "term_extremity_out": [36, None]}[change]
    )


def test_a_poisoned_case_quotes_both_laws_and_keeps_the_old_judgement_under_another_name(write: Write) -> None:
    row = judged(write, "subject_explicit_reduce", "poisoned", "evaluation")
    question = row["messages"][0]["content"]
    assert question.endswith(
        "【旧法】\n【354-0-0】【容留他人吸毒罪】旧条文\n\n【新法】\n【354-0-0】【容留他人吸毒罪】新条文"
    )
    assert row["meta"] == {
        "fact": CASE["fact"],
        "relevant_articles": ["354-0-0"],
        "law": "poisoned",
        "change": "subject_explicit_reduce",
        "label": "NV",
        "verdict": "NV",
        "extreme": False,
        "months": [None, None],
        "old_charge": "容留他人吸毒",
        "old_prison_time": 7,
    }


def test_original_and_poisoned_are_of_one_group(write: Write) -> None:
    rows = [judged(write, "action_explicit_extend", law) for law in ("original", "poisoned")]
    assert rows[0]["group"] == rows[1]["group"] and rows[0]["hash"] != rows[1]["hash"]


@pytest.mark.parametrize(
    ("change", "raw", "reason", "detail"),
    [
        ("elsewhere", CASE, "unknown_change", "what is right follows from the folder, and this one is not known"),
        ("term_up", CASE | {"fact": None}, "missing_field", "fact is null"),
        ("term_up", CASE | {"relevant_articles": "354-0-0"}, "wrong_type", "relevant_articles is str, not a list"),
        ("term_up", CASE | {"prison_time": "many"}, "bad_term", "prison_time is no number of months"),
    ],
)
def test_cases_that_cannot_be_judged(change: str, raw: dict, reason: str, detail: str, write: Write) -> None:
    (drop,) = standardized([write(f"{change}/poisoned.json", [raw])], "lawshift", "sft", {})
    assert (drop.reason, drop.detail) == (reason, detail)


def test_rows_labelled_not_guilty_need_no_charge(write: Write) -> None:
    innocent = {"fact": CASE["fact"], "relevant_articles": ["354-0-0"], "label": "NV"}
    (row,) = standardized([write("nv.json", [innocent])], "lawshift", "sft", {})
    assert answer(row) == "<answer> 不违规 </answer>"


def test_what_a_changed_law_leaves_out_reads_as_before_and_not_as_another_change_has_it(write: Write) -> None:
    files = [
        write("term_down/articles_original.json", {"232-0-0": "旧甲", "5-0-0": "旧乙"}),
        write("term_down/articles_poisoned.json", {"232-0-0": "别改", "5-0-0": "别改"}),
        write("term_up/articles_original.json", OLD | {"232-0-0": "旧"}),
        write("term_up/articles_poisoned.json", NEW),
        write("term_up/poisoned.json", [CASE | {"relevant_articles": ["354-0-0", "232-0-0", "5-0-0", "6-0-0"]}]),
    ]
    results = standardized(files, "lawshift", "evaluation", {})
    (asked,) = [result["messages"][0]["content"] for result in results if not isinstance(result, Drop)]
    new = asked.partition("【新法】\n")[2]
    assert new == "【354-0-0】【容留他人吸毒罪】新条文\n【232-0-0】旧\n【5-0-0】旧乙\n【6-0-0】（未收录）"


def test_statutes_that_no_case_quotes_are_listed(write: Write) -> None:
    (drop,) = standardized([write("term_up/articles_poisoned.json", NEW)], "lawshift", "sft", {})
    assert (drop.reason, drop.detail) == ("unused_statute", "no case here is judged by it")


def test_the_folder_whose_statutes_are_quoted_can_be_chosen(write: Write) -> None:
    files = [
        write("action_explicit_extend/articles_original.json", {"354-0-0": "甲", "9-0-0": "乙"}),
        write("term_up/articles_original.json", {"354-0-0": "丙"}),
        write("training_set.json", [CASE | {"relevant_articles": ["354-0-0", "9-0-0"]}]),
    ]
    for chosen, first in (("action_explicit_extend", "甲"), ("term_up", "丙")):
        results = standardized(files, "lawshift", "sft", {"statutes": chosen})
        (row,) = [result for result in results if not isinstance(result, Drop)]
        assert row["messages"][0]["content"].endswith(f"【354-0-0】{first}\n【9-0-0】乙")
        used = {result.id.split("/")[1]: result.reason for result in results if isinstance(result, Drop)}
        assert used[chosen] == "used_by" and set(used.values()) == {"used_by", "unused_statute"}


@pytest.mark.parametrize(
    ("statutes", "error"),
    [
        (
            "term_down",
            "no statutes of term_down among the files\n  where:  sources.s.options.statutes\n  change: let `from` name "
            "term_down/articles_original.json as well, or choose another folder",
        ),
        (
            "term_upp",
            "statutes is 'term_upp'\n  where:  sources.s.options.statutes\n  change: did you mean 'term_up'? ",
        ),
    ],
)
def test_a_folder_without_statutes_stops(write: Write, statutes: str, error: str) -> None:
    files = [write("term_up/articles_original.json", OLD), write("training_set.json", [CASE])]
    with pytest.raises(UserError) as raised:
        standardized(files, "lawshift", "sft", {"statutes": statutes})
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize(
    ("cases", "kept"),
    [
        ("all", {"training_set", "original_case_pool", "original"}),
        ("training_set", {"training_set"}),
        ("folders", {"original"}),
    ],
)
def test_cases_to_learn_and_cases_to_be_tested_by_are_kept_apart(write: Write, cases: str, kept: set[str]) -> None:
    names = ("training_set", "original_case_pool", "term_up/original")
    files = [write(f"{name}.json", [CASE | {"prison_time": 40 + number}]) for number, name in enumerate(names)]
    results = standardized(files, "lawshift", "sft", {"cases": cases})
    rows, drops = ([each for each in results if isinstance(each, Drop) is dropped] for dropped in (False, True))
    assert {Path(row["id"].partition("#")[0]).stem for row in rows} == kept
    assert len(drops) == 3 - len(kept)
    assert {(drop.reason, drop.detail) for drop in drops} <= {("other_cases", f"the source takes {cases} only")}


def test_there_are_31_changes() -> None:
    assert len(LABELS) == 31
    assert sorted(LABELS.values()).count("V") == 9 + 3 + 1
    assert sorted(LABELS.values()).count("NV") == 9 + 4 + 1
    assert expectation("term_up", "original") == {"label": "TU", "verdict": "V", "extreme": False, "months": [36, 120]}
    assert expectation("term_extremity_in", "poisoned")["extreme"] is True
