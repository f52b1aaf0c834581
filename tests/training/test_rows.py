"""From rows to ids: what is learned, and what is lost and named."""

from pathlib import Path

import pytest
import tiny
import trl
from building import dialogue, pair

from workflow_scripts.lib.chat_template import (
    UnstableTemplateError,
    encode_dialogue,
    encode_known,
    encode_prompt,
    with_system_prompt,
)
from workflow_scripts.lib.config.training import Align, Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training.rows import IGNORED, encode_pairs, encode_sft_rows


def sft(**changes):
    return Sft.model_validate(tiny.section("sft", **changes))


def align(**changes):
    return Align.model_validate(tiny.section("align", **changes))


def learned_text(tokenizer, row):
    return tokenizer.decode([label for label in row["labels"] if label != IGNORED])


def test_only_assistant_turns_and_their_end_are_learned(tokenizer):
    messages = [
        {"role": "user", "content": "一"},
        {"role": "assistant", "content": "二"},
        {"role": "user", "content": "三"},
        {"role": "assistant", "content": "四"},
    ]
    (row,), ledger = encode_sft_rows(tokenizer, [{"id": "a", "messages": messages}], sft(), None)
    assert learned_text(tokenizer, row) == "二<|im_end|>四<|im_end|>"
    assert ledger.counts() == {}


def test_all_tokens_are_learned_on_request(tokenizer):
    (row,), _ = encode_sft_rows(tokenizer, [dialogue("a", "问", "答")], sft(assistant_only_loss=False), None)
    assert row["labels"] == row["input_ids"]


def test_end_of_turn_is_appended_where_the_template_has_none(tokenizer):
    bare = tokenizer.__class__.from_pretrained(tokenizer.name_or_path)
    turns = "{% for m in messages %}{{ m['role'] }}:{{ m['content'] }}\n{% endfor %}"
    bare.chat_template = turns + "{% if add_generation_prompt %}assistant:{% endif %}"
    encoded = encode_dialogue(bare, dialogue("a", "问", "答")["messages"])
    assert encoded.input_ids[-1] == bare.eos_token_id
    assert encoded.assistant[-1]


TURNS = [("user", "一"), ("assistant", "<think>\n想\n</think>\n\n二"), ("user", "三"), ("assistant", "四")]
TURNS = [{"role": role, "content": content} for role, content in TURNS]
# Each family as its models ship it: template, tokens that are one id, end of turn, what is learned of TURNS.
FAMILIES = [
    ("llama3", ["<|start_header_id|>", "<|end_header_id|>"], "<|eot_id|>", "<think>\n想\n</think>\n\n二|四|", 0),
    ("gemma", ["<start_of_turn>", "<end_of_turn>"], "<end_of_turn>", "<think>\n想\n</think>\n\n二|四|", 0),
    ("qwen2_5", [], "<|im_end|>", "<think>\n想\n</think>\n\n二|四|", 0),
    # thoughts are taken out once the user speaks again, and the last reply has an empty thought
    ("qwen3", [], "<|im_end|>", "<think>\n\n</think>\n\n四|", 1),
]


def family(tokenizer, name, tokens, end):
    own = tokenizer.__class__.from_pretrained(tokenizer.name_or_path)
    own.add_special_tokens({"eos_token": end, "bos_token": "<bos>", "additional_special_tokens": [*tokens]})
    own.chat_template = (Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    return own


@pytest.mark.parametrize(("name", "tokens", "end", "learned", "context_turns"), FAMILIES)
def test_templates_of_other_families(tokenizer, name, tokens, end, learned, context_turns):
    own = family(tokenizer, name, tokens, end)
    (row,), ledger = encode_sft_rows(own, [{"id": "a", "messages": TURNS}], sft(), None)
    assert [label for label in row["labels"] if label != IGNORED] == own(
        learned.replace("|", end), add_special_tokens=False
    )["input_ids"]
    assert row["input_ids"][: len(encode_prompt(own, TURNS[:-1]))] == encode_prompt(own, TURNS[:-1])
    assert (ledger.context_turns, ledger.lost) == (context_turns, {})
    rejected = {"chosen": TURNS[3:], "rejected": [{"role": "assistant", "content": "五"}]}
    (row,), _ = encode_pairs(own, [{"id": "p", "prompt": TURNS[:3], **rejected}], align(), None)
    last = learned.split("|")[-2]
    assert row["prefix"] == encode_prompt(own, TURNS[:-1])
    assert own.decode(row["chosen"]) == f"{last}{end}"
    assert own.decode(row["rejected"]) == f"{last.replace('四', '五')}{end}"


def test_rows_that_a_template_refuses_are_named(tokenizer):
    gemma = family(tokenizer, "gemma", ["<start_of_turn>", "<end_of_turn>"], "<end_of_turn>")
    rows = [dialogue("a", "问", "答"), {"id": "twice", "messages": [TURNS[0], TURNS[0], TURNS[3]]}]
    encoded, ledger = encode_sft_rows(gemma, rows, sft(), None)
    assert [row["id"] for row in encoded] == ["a"]
    assert ledger.lost == {"refused_by_chat_template": ["twice"]}
    _, ledger = encode_sft_rows(gemma, rows, sft(), "你是诗人")  # there is no system role
    assert ledger.lost == {"refused_by_chat_template": ["a", "twice"]}
    with pytest.raises(UserError) as caught:
        ledger.check("sft", 0.05)
    assert caught.value.change.startswith("set model.chat_template to one that shows a reply as it follows its prompt")
    # the prompt opens a thought that the whole dialogue does not show
    deepseek = family(tokenizer, "deepseek_r1_distill", [], "<|im_end|>")
    with pytest.raises(UnstableTemplateError):
        encode_dialogue(deepseek, TURNS[:2])
    assert encode_known(deepseek, [TURNS[:2]]) == []


def test_prompt_ids_begin_the_dialogue(tokenizer):
    messages = with_system_prompt(dialogue("a", "问", "答")["messages"], "你是诗人。")
    prompt = encode_prompt(tokenizer, messages[:-1])
    assert encode_dialogue(tokenizer, messages).input_ids[: len(prompt)] == prompt
    assert tokenizer.decode(prompt).startswith("<|im_start|>system\n你是诗人。<|im_end|>")


def test_an_own_system_message_wins(tokenizer):
    own = [{"role": "system", "content": "甲"}, {"role": "user", "content": "问"}]
    assert with_system_prompt(own, "乙") == own


def test_over_length_rows_are_dropped_and_named(tokenizer):
    rows = [dialogue("short", "问", "答"), dialogue("long", "问", "答" * 100)]
    encoded, ledger = encode_sft_rows(tokenizer, rows, sft(max_length=128), None)
    assert len(encoded) == 1
    assert ledger.lost == {"over_length": ["long"]}
    with pytest.raises(
        UserError, match=r"1 of 2 rows would be dropped or truncated \(over_length: 1 \(first: long\)\)"
    ):
        ledger.check("sft", 0.05)


def test_over_length_rows_are_truncated_on_request(tokenizer):
    encoded, ledger = encode_sft_rows(
        tokenizer, [dialogue("long", "问", "答" * 100)], sft(max_length=128, over_length="truncate"), None
    )
    assert len(encoded[0]["input_ids"]) == 128
    assert ledger.counts() == {"truncated": 1}


def test_a_row_with_every_token_masked_is_named(tokenizer):
    encoded, ledger = encode_sft_rows(
        tokenizer, [dialogue("long", "问" * 100, "答")], sft(max_length=64, over_length="truncate"), None
    )
    assert encoded == []
    assert ledger.lost == {"truncated": ["long"], "nothing_to_learn": ["long"]}


def test_no_rows_at_all_stops():
    _, ledger = encode_sft_rows(None, [], sft(), None)
    with pytest.raises(UserError, match="0 of 0 rows"):
        ledger.check("sft", 0.05)
    with pytest.raises(UserError, match=r"no validation rows are left of 0 \(the split is empty\)"):
        ledger.check_validation("sft", wanted=True)
    ledger.check_validation("sft", wanted=False)


def test_a_row_lost_for_two_reasons_counts_once_and_each_reason_has_its_advice(tokenizer):
    cut = sft(max_length=64, over_length="truncate")
    rows = [dialogue("long", "问" * 100, "答"), dialogue("a", "问", "答")]
    _, ledger = encode_sft_rows(tokenizer, rows, cut, None)
    ledger.check("sft", 0.5)
    ledger.check_validation("sft", wanted=True)
    with pytest.raises(UserError, match="1 of 2 rows") as caught:
        ledger.check("sft", 0.4)
    assert caught.value.change.startswith("raise max_length, or clean long rows out with clean.max_tokens; look at")
    _, ledger = encode_pairs(tokenizer, [pair("p", "问", "好", "好")], align(), None)
    with pytest.raises(UserError) as caught:
        ledger.check("align", 0.05)
    assert caught.value.change.startswith("look at the rows: no reply to learn is left, or both sides of a pair")
    with pytest.raises(UserError, match=r"left of 1 \(nothing_to_learn: 1\)"):
        ledger.check_validation("align", wanted=True)


def test_pair_is_prefix_and_two_branches(tokenizer):
    (row,), _ = encode_pairs(tokenizer, [pair("p", "问", "好", "坏")], align(), None)
    assert tokenizer.decode(row["prefix"]) == "<|im_start|>user\n问<|im_end|>\n<|im_start|>assistant\n"
    # the line break after the end of turn is part of the dialogue, not of the completion
    assert tokenizer.decode(row["chosen"]) == "好<|im_end|>"
    assert tokenizer.decode(row["rejected"]) == "坏<|im_end|>"


def test_pairs_that_say_the_same_teach_nothing(tokenizer):
    encoded, ledger = encode_pairs(tokenizer, [pair("p", "问", "好", "好")], align(), None)
    assert encoded == []
    assert ledger.lost == {"nothing_to_learn": ["p"]}
