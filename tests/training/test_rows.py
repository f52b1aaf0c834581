"""From rows to ids: what is learned, and what is lost and named."""

import pytest
import tiny
from building import dialogue, pair

from workflow_scripts.lib.chat_template import encode_dialogue, encode_prompt, with_system_prompt
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
    assert ledger.lost == {"over_length_dropped": ["long"]}
    with pytest.raises(
        UserError, match=r"1 of 2 rows would be dropped or truncated \(over_length_dropped: 1 \(first: long\)\)"
    ):
        ledger.check("sft", 0.05)


def test_over_length_rows_are_truncated_on_request(tokenizer):
    encoded, ledger = encode_sft_rows(
        tokenizer, [dialogue("long", "问", "答" * 100)], sft(max_length=128, over_length="truncate"), None
    )
    assert len(encoded[0]["input_ids"]) == 128
    assert ledger.counts() == {"over_length_truncated": 1}


def test_a_row_with_every_token_masked_is_named(tokenizer):
    encoded, ledger = encode_sft_rows(
        tokenizer, [dialogue("long", "问" * 100, "答")], sft(max_length=64, over_length="truncate"), None
    )
    assert encoded == []
    assert ledger.lost == {"over_length_truncated": ["long"], "nothing_to_learn": ["long"]}


def test_no_rows_at_all_stops():
    _, ledger = encode_sft_rows(None, [], sft(), None)
    with pytest.raises(UserError, match="0 of 0 rows"):
        ledger.check("sft", 0.05)


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
