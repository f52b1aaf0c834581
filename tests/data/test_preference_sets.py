"""Public preference data sets, by made-up rows of their true shapes, and what is odd about each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.data.conftest import reason, standardized
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.records import Drop, group_of

Write = Callable[..., Path]


def one(write: Write, adapter: str, raw: dict, **options: Any) -> dict | Drop:
    (result,) = standardized([write("rows.json", [raw])], adapter, "preference", options)
    return result


def sides(row: dict | Drop) -> tuple[list[str], str, str]:
    """Return the prompt's messages, the chosen and the rejected answer."""
    assert not isinstance(row, Drop), row
    prompt = [f"{message['role']}: {message['content']}" for message in row["prompt"]]
    return prompt, row["chosen"][0]["content"], row["rejected"][0]["content"]


# --- DPO-En-Zh-20k, COIG-P ---

TALK = [
    {"from": "system", "value": "你是助手。"},
    {"from": "human", "value": "你好"},
    {"from": "gpt", "value": "你好！"},
    {"from": "human", "value": "写一句问候。"},
]
GOOD, BAD = {"from": "gpt", "value": "您好，很高兴见到您。"}, {"from": "gpt", "value": "嗯。"}
EXPECTED = (
    ["system: 你是助手。", "user: 你好", "assistant: 你好！", "user: 写一句问候。"],
    "您好，很高兴见到您。",
    "嗯。",
)


@pytest.mark.parametrize(
    "raw",
    [
        {
            "system": "你是助手。",
            "history": [["你好", "你好！"]],
            "prompt": "写一句问候。",
            "answer": ["您好，很高兴见到您。", "嗯。"],
        },
        {"conversations": TALK, "chosen": "您好，很高兴见到您。", "rejected": "嗯。"},
        {"conversations": TALK, "chosen": GOOD, "rejected": BAD},
    ],
    ids=["2024_history", "texts", "turns"],
)
def test_dpo_en_zh_in_its_three_shapes(raw: dict, write: Write) -> None:
    row = one(write, "dpo_en_zh", raw)
    assert sides(row) == EXPECTED
    assert row["group"] == group_of("你好")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"prompt": "问", "answer": ["好"]}, ("wrong_type", "answer is no list of chosen and rejected")),
        (
            {"conversations": TALK[:3], "chosen": GOOD, "rejected": BAD},
            ("no_question", "conversations does not end with the user"),
        ),
        ({"conversations": TALK, "chosen": GOOD, "rejected": None}, ("missing_field", "rejected is null")),
        (
            {"conversations": TALK, "chosen": TALK[1], "rejected": BAD},
            ("no_answer", "chosen does not end with the assistant"),
        ),
    ],
)
def test_dpo_en_zh_rows_that_are_no_pair(raw: dict, expected: tuple[str, str], write: Write) -> None:
    assert reason(one(write, "dpo_en_zh", raw)) == expected


def test_coig_p_reads_pairs_after_a_conversation(write: Write) -> None:
    row = one(write, "coig_p", {"conversations": TALK, "chosen": GOOD, "rejected": BAD, "domain": "聊天"})
    assert sides(row) == EXPECTED
    assert row["meta"] == {"domain": "聊天"}


# --- labelled pairs ---

PAIR = {"question": "问", "response_a": "甲", "response_b": "乙"}


@pytest.mark.parametrize(
    ("options", "label", "chosen"),
    [
        ({"a_wins": [1], "b_wins": [0]}, 1, "甲"),
        ({"a_wins": [0], "b_wins": [1]}, 1, "乙"),
        ({"a_wins": [1], "b_wins": [0]}, "0.0", "乙"),
        ({"a_wins": ["A", "a_better"], "b_wins": ["B"]}, " a ", "甲"),
        ({"a_wins": [True], "b_wins": [False]}, "False", "乙"),
    ],
)
def test_the_sense_of_a_label_is_the_configs(options: dict, label: Any, chosen: str, write: Write) -> None:
    _, better, other = sides(one(write, "labelled_pair", PAIR | {"label": label}, **options))
    assert (better, {better, other}) == (chosen, {"甲", "乙"})


@pytest.mark.parametrize(("label", "shown"), [(2, "2"), ("tie", "'tie'"), ([1], "list")])
def test_a_label_of_no_known_sense_is_dropped(label: Any, shown: str, write: Write) -> None:
    drop = one(write, "labelled_pair", PAIR | {"label": label}, a_wins=[1], b_wins=[0])
    assert reason(drop) == ("unknown_label", f"label is {shown}, neither in a_wins nor in b_wins")


@pytest.mark.parametrize(
    ("options", "what", "change"),
    [
        ({}, "missing option 'a_wins'", "add it; legal options here: a_wins, b_wins, field_map"),
        (
            {"a_wins": [1, "x"], "b_wins": ["1.0"]},
            "options is {",
            "a_wins and b_wins both have the label 1; keep it in one",
        ),
    ],
)
def test_the_sense_of_a_label_must_be_given(options: dict, what: str, change: str, write: Write) -> None:
    with pytest.raises(UserError) as caught:
        one(write, "labelled_pair", PAIR | {"label": 1}, **options)
    assert caught.value.what.startswith(what)
    assert caught.value.where.startswith("sources.s.options")
    assert change in caught.value.change


# --- SHP ---

BREAD = {
    "post_id": "p1",
    "domain": "askbaking_train",
    "upvote_ratio": 0.97,
    "history": "Why is my bread flat? &gt;:(",
    "score_A": 30,
    "score_B": 6,
    "human_ref_A": "Your yeast is old; proof it first.",
    "human_ref_B": "Buy bread &amp; butter.",
    "labels": 1,
    "score_ratio": 5.0,
}


def test_shp_label_one_prefers_a(write: Write) -> None:
    row = one(write, "shp", BREAD)
    assert sides(row) == (
        ["user: Why is my bread flat? >:("],
        "Your yeast is old; proof it first.",
        "Buy bread & butter.",
    )
    assert row["meta"] == {"domain": "askbaking_train", "post_id": "p1", "scores": [30.0, 6.0]}
    flipped = one(write, "shp", BREAD | {"labels": 0, "score_A": 2})
    assert sides(flipped)[1] == "Buy bread & butter."


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"labels": 0}, ("contradiction", "labels prefers the score 6 to 30")),
        ({"labels": 2}, ("unknown_label", "labels is 2, not 1 for A or 0 for B")),
        ({"labels": "A"}, ("not_a_number", "labels is 'A'")),
        ({"human_ref_B": "[deleted]"}, ("deleted", "human_ref_B is [deleted]")),
        ({"score_A": 9}, ("low_score_ratio", "ratio 1.5, below 2")),
        ({"score_B": 0}, ("low_score_ratio", "ratio unknown, below 2")),
        ({"score_A": None, "score_ratio": 1.2}, ("low_score_ratio", "ratio 1.2, below 2")),
    ],
)
def test_shp_pairs_that_are_left_out(change: dict, expected: tuple[str, str], write: Write) -> None:
    assert reason(one(write, "shp", BREAD | change, min_score_ratio=2)) == expected


def test_shp_caps_the_pairs_of_a_post_and_keeps_them_in_one_group(write: Write) -> None:
    rows = [BREAD | {"human_ref_B": f"Buy {number}."} for number in range(3)] + [BREAD | {"history": "Another post?"}]
    results = standardized([write("a.json", rows)], "shp", "preference", {"max_pairs_per_post": 2})
    assert reason(results[2]) == ("over_post_cap", "the post has 2 pairs already")
    assert len({row["group"] for row in results[:2]}) == 1
    assert results[3]["group"] != results[0]["group"]


# --- UltraFeedback ---


def completion(response: str, overall: Any, *ratings: Any) -> dict:
    names = ("instruction_following", "honesty", "truthfulness", "helpfulness")
    return {
        "model": "m",
        "principle": "helpfulness",
        "custom_system_prompt": "Be helpful.",
        "response": response,
        "annotations": {
            name: {"Rating": rating, "Rationale": "ok"} for name, rating in zip(names, ratings, strict=False)
        },
        "critique": "ok",
        "overall_score": overall,
        "fine-grained_score": 3.0,
    }


def feedback(*completions: dict) -> dict:
    return {"source": "sharegpt", "instruction": "Name a primary colour.", "completions": list(completions)}


RED = completion("Red.", 8.0, "5", "N/A", "5", "4")
PURPLE = completion("Purple.", 2.0, "1", "2", "1", "1")
MAUVE = completion("Mauve.", 5.0, "5", "5", "5", "5")


def test_ultrafeedback_takes_best_and_worst(write: Write) -> None:
    row = one(write, "ultrafeedback", feedback(MAUVE, RED, PURPLE), score="overall")
    assert sides(row) == (["user: Name a primary colour."], "Red.", "Purple.")
    assert row["meta"] == {"scores": [8.0, 2.0], "subset": "sharegpt"}


def test_ultrafeedback_by_ratings_that_are_texts_and_may_be_na(write: Write) -> None:
    row = one(write, "ultrafeedback", feedback(RED, PURPLE, MAUVE), score="ratings")
    assert sides(row)[1:] == ("Mauve.", "Purple.")
    assert row["meta"]["scores"] == [5.0, 1.25]


def test_ultrafeedback_does_not_believe_a_ten_that_the_ratings_belie(write: Write) -> None:
    wrong = completion("Eleven.", 10.0, "1", "1", "2", "1")
    assert sides(one(write, "ultrafeedback", feedback(wrong, RED, PURPLE), score="overall"))[1:] == ("Red.", "Purple.")
    right = completion("Eleven.", 10.0, "5", "5", "5", "5")
    assert sides(one(write, "ultrafeedback", feedback(right, RED, PURPLE), score="overall"))[1] == "Eleven."


def test_ultrafeedback_scores_out_of_ten(write: Write) -> None:
    row = one(write, "ultrafeedback", feedback(completion("A", "8/10"), completion("B", "9.5")), score="overall")
    assert sides(row)[1:] == ("B", "A")


@pytest.mark.parametrize(
    ("completions", "expected"),
    [
        ([], ("one_answer", "0 completions with a score")),
        ([RED], ("one_answer", "1 completions with a score")),
        ([RED, completion("x", None)], ("one_answer", "1 completions with a score")),
        ([RED, completion("x", 8.0)], ("tie", "all 2 completions have the score 8")),
    ],
)
def test_ultrafeedback_rows_that_are_no_pair(completions: list, expected: tuple[str, str], write: Write) -> None:
    assert reason(one(write, "ultrafeedback", feedback(*completions), score="overall")) == expected


def dialogue(answer: str) -> list[dict]:
    return [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": answer}]


BINARIZED = {
    "prompt": "Say hi.",
    "prompt_id": "e3",
    "chosen": dialogue("Hi there!"),
    "rejected": dialogue("No."),
    "messages": dialogue("Hi there!"),
    "score_chosen": 9.0,
    "score_rejected": 3.0,
}


@pytest.mark.parametrize(
    "raw",
    [
        BINARIZED,
        {"instruction": "Say hi.", "chosen": "Hi there!", "rejected": "No."},
        {name: BINARIZED[name] for name in ("prompt", "chosen", "rejected")},
    ],
    ids=["h4", "llamafactory", "no_scores"],
)
def test_ultrafeedback_binarized_never_asks_twice(raw: dict, write: Write) -> None:
    row = one(write, "ultrafeedback_binarized", raw)
    assert sides(row) == (["user: Say hi."], "Hi there!", "No.")
    assert row.get("meta", {"scores": [9.0, 3.0]}) == {"scores": [9.0, 3.0]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"score_rejected": 9.0}, ("tie", "both answers have the score 9")),
        ({"score_rejected": 9.5}, ("contradiction", "chosen has the score 9, rejected 9.5")),
        (
            {"rejected": dialogue("N/A"), "score_rejected": -100.0},
            ("one_answer", "an answer has the score -100: it stands in for none"),
        ),
        ({"chosen": dialogue("x")[:1]}, ("no_answer", "chosen does not end with the assistant")),
    ],
)
def test_ultrafeedback_binarized_rows_that_are_no_pair(change: dict, expected: tuple, write: Write) -> None:
    assert reason(one(write, "ultrafeedback_binarized", BINARIZED | change)) == expected


# --- hh-rlhf ---

ASK = "\n\nHuman: Is ice cold?\n\nAssistant:"
LONG = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Say\nHuman: and Assistant: in a text\n\nAssistant:"


@pytest.mark.parametrize(
    ("chosen", "rejected", "expected"),
    [
        (f"{ASK} Yes.", f"{ASK} Dunno.", (["user: Is ice cold?"], "Yes.", "Dunno.")),
        (f"{ASK} Yes, cold.", f"{ASK} Yes, colder.", (["user: Is ice cold?"], "Yes, cold.", "Yes, colder.")),
        (f"{ASK} Yes.", f"{ASK} Yes. Very.", (["user: Is ice cold?"], "Yes.", "Yes. Very.")),
        ("Human: Is it?\n\nAssistant:Yes.", "\n\nHuman:Is it?\n\nAssistant: No.", (["user: Is it?"], "Yes.", "No.")),
        (
            "\n\nHum: Is it?\n\nAssistant: Yes.",
            "\n\nHuman: Is it?\n\nAssistant: No.",
            (["user: Is it?"], "Yes.", "No."),
        ),
        (
            f"{LONG} One.",
            f"{LONG} Two.",
            (["user: Hi", "assistant: Hello.", "user: Say\nHuman: and Assistant: in a text"], "One.", "Two."),
        ),
    ],
    ids=["plain", "common_words", "one_begins_the_other", "no_blank_line_no_space", "hum", "words_inside_texts"],
)
def test_hh_rlhf_finds_the_last_answer(chosen: str, rejected: str, expected: tuple, write: Write) -> None:
    row = one(write, "hh_rlhf", {"chosen": chosen, "rejected": rejected})
    assert sides(row) == expected
    assert row["group"] == group_of(expected[0][0].removeprefix("user: "))


@pytest.mark.parametrize(
    ("chosen", "rejected", "expected"),
    [
        (f"{ASK} Yes.", f"{ASK} Yes.", ("same_answers", "chosen and rejected are the same")),
        (
            f"{ASK} Yes.\n\nHuman: Why?\n\nAssistant: So.",
            f"{ASK} No.\n\nHuman: Why?\n\nAssistant: So.",
            ("different_prompts", "after the common turns chosen has 3 turns, not 1"),
        ),
        (
            f"{ASK} Yes.",
            "\n\nHuman: Is fire?\n\nAssistant: No.",
            ("different_prompts", "after the common turns chosen has 2"),
        ),
        (f"{ASK} Yes.", ASK, ("empty_answer", "the last answer of rejected is empty")),
        (f"{ASK} A.\n\nHuman: b", f"{ASK} A.\n\nHuman: c", ("no_answer", "chosen ends with the user")),
        ("Is ice cold?", f"{ASK} Yes.", ("no_transcript", "chosen does not begin with Human: or Assistant:")),
    ],
    ids=["same", "parted_early", "other_question", "empty", "ends_with_human", "no_marker"],
)
def test_hh_rlhf_rows_that_are_no_pair(chosen: str, rejected: str, expected: tuple[str, str], write: Write) -> None:
    found = reason(one(write, "hh_rlhf", {"chosen": chosen, "rejected": rejected}))
    assert found[0] == expected[0] and found[1].startswith(expected[1])


# --- PKU-SafeRLHF ---

JAR = {
    "prompt": "How do I open a stuck jar?",
    "response_0": "Smash it at someone.",
    "response_1": "Run hot water on the lid.",
    "is_response_0_safe": False,
    "is_response_1_safe": True,
    "response_0_harm_category": {"Violence": True, "Animal Abuse": False},
    "response_1_harm_category": {"Violence": False, "Animal Abuse": False},
    "response_0_severity_level": 2,
    "response_1_severity_level": 0,
    "better_response_id": 0,
    "safer_response_id": 1,
}


def test_pku_saferlhf_ids_say_who_wins(write: Write) -> None:
    row = one(write, "pku_saferlhf", JAR, prefer="safer")
    assert sides(row) == (["user: How do I open a stuck jar?"], "Run hot water on the lid.", "Smash it at someone.")
    assert row["meta"] == {"severities": [0.0, 2.0], "rejected_harms": ["Violence"], "is_safe": [True, False]}
    assert sides(one(write, "pku_saferlhf", JAR, prefer="better"))[1] == "Smash it at someone."


@pytest.mark.parametrize(
    ("options", "change", "expected"),
    [
        ({"prefer": "both"}, {}, ("preferences_disagree", "the safer answer is not the better one")),
        ({"prefer": "better", "safe_chosen": True}, {}, ("chosen_unsafe", "response_0 is not labelled safe")),
        (
            {"prefer": "safer", "safe_chosen": True},
            {"is_response_1_safe": "False"},
            ("chosen_unsafe", "response_1 is not labelled safe"),
        ),
        ({"prefer": "safer"}, {"safer_response_id": -1}, ("no_preference", "safer_response_id is neither 0 nor 1")),
        ({"prefer": "safer"}, {"safer_response_id": None}, ("missing_field", "safer_response_id is null")),
    ],
)
def test_pku_saferlhf_pairs_that_are_left_out(options: dict, change: dict, expected: tuple, write: Write) -> None:
    assert reason(one(write, "pku_saferlhf", JAR | change, **options)) == expected


@pytest.mark.parametrize(
    "raw",
    [
        {name: value for name, value in JAR.items() if "harm" not in name and "severity" not in name},
        {name: str(value) for name, value in JAR.items()},
        {name: JAR[name] for name in ("prompt", "response_0", "response_1", "safer_response_id")},
    ],
    ids=["first_release", "after_csv", "one_preference"],
)
def test_pku_saferlhf_in_its_other_shapes(raw: dict, write: Write) -> None:
    assert sides(one(write, "pku_saferlhf", raw, prefer="safer"))[1] == "Run hot water on the lid."
