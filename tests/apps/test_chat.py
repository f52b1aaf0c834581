"""Chat with a tiny model: what it is shown, commands, scripts, and a person at a terminal."""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
import tiny
import torch
from finished import NO_GUARD

from workflow_scripts import chat as script
from workflow_scripts.lib.apps.chat import Chat
from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.apps.speaker import Speaker
from workflow_scripts.lib.chat_template import encode_dialogue, with_system_prompt
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.stage import load_stage
from workflow_scripts.lib.generation import generate

MODEL = Model.model_validate(tiny.section("model"))
SETTINGS = ChatGeneration(
    max_new_tokens=12, do_sample=False, temperature=1.0, top_p=1.0, repetition_penalty=1.0, no_repeat_ngram_size=0
)


@pytest.fixture
def speaker(results: Path) -> Speaker:
    torch.set_num_threads(1)
    model, tokenizer = load_stage(results / "models/base", results / "models/align", MODEL)
    return Speaker(model, tokenizer, SETTINGS, "惜字如金", NO_GUARD)


@pytest.fixture
def shown(speaker: Speaker, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Return the list to which the ids of each prompt are added."""
    prompts: list[list[int]] = []
    real = speaker.model.generate

    def recording(**arguments: Any) -> Any:
        prompts.append(arguments["input_ids"][0].tolist())
        return real(**arguments)

    monkeypatch.setattr(speaker.model, "generate", recording)
    return prompts


@pytest.fixture
def chat(speaker: Speaker, tmp_path: Path) -> Chat:
    return Chat(speaker, "align", lambda piece: None, lambda text: None, tmp_path / "human" / "chats.jsonl")


def test_every_turn_is_shown_as_training_encoded_it(chat, shown, speaker):
    chat.run(["床前明月光\n", "\n", "  再来一首 \n"])
    first, reply, second, _ = chat.messages
    assert [first["content"], second["content"]] == ["床前明月光", "再来一首"]
    dialogue = [{"role": "system", "content": "惜字如金"}, first, reply, second]
    trained = encode_dialogue(speaker.tokenizer, [*dialogue, {"role": "assistant", "content": "好"}])
    assert shown[1] == trained.input_ids[:-5]  # but for the three bytes of 好, the end of turn and a line break
    assert shown[1][: len(shown[0])] == shown[0]


def test_the_pieces_add_up_to_the_reply_that_evaluation_gets(speaker):
    messages = with_system_prompt([{"role": "user", "content": "白日依山尽"}], "惜字如金")
    pieces: list[str] = []
    reply = speaker.reply(messages, pieces.append)
    assert reply == generate(speaker.model, speaker.tokenizer, [messages], SETTINGS, 12)[0]
    assert "".join(pieces) == reply.text != ""


def test_what_a_listener_raises_ends_the_reply_and_leaves_the_model_as_it_was(speaker):
    own = speaker.model.generation_config

    def leave(piece: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        speaker.reply([{"role": "user", "content": "你好"}], leave)
    assert speaker.model.generation_config is own


def test_the_earliest_turns_are_left_out_when_the_context_is_full(chat, shown, speaker):
    notes: list[str] = []
    chat.note = notes.append
    chat.run(["甲" * 200, "乙" * 200, "丙" * 200, "丁" * 200])
    assert notes[-2] == "the conversation is longer than the model can hold: its first turn is left out"
    text = speaker.tokenizer.decode(shown[-1])
    assert text.startswith("<|im_start|>system\n惜字如金<|im_end|>\n<|im_start|>user\n乙乙")
    assert len(shown[-1]) + 12 <= speaker.context == 2048
    assert [message["content"][0] for message in chat.messages[::2]] == list("甲乙丙丁")


def test_a_message_that_is_too_long_is_refused_with_its_length(chat):
    notes: list[str] = []
    chat.note = notes.append
    chat.run(["长" * 700])
    assert notes[0].startswith("the message is too long: 2141 tokens, and the model has room for 2036")
    assert chat.messages == []


def test_reset_forgets_and_save_keeps_a_dialogue_that_an_adapter_reads(chat):
    notes: list[str] = []
    chat.note = notes.append
    chat.run(["/save", "早", "/reset", "晚", "/save", "/sav", "quit", "never asked"])
    assert [note for note in notes if not note.startswith("cut off")] == [
        "nothing was said yet",
        "a new conversation",
        f"saved: {chat.saves}",
        "no command /sav; /help lists them",
    ]
    (line,) = chat.saves.read_text(encoding="utf-8").splitlines()
    saved = json.loads(line)
    assert saved["stage"] == "align"
    assert [turn["role"] for turn in saved["messages"]] == ["system", "user", "assistant"]
    assert saved["messages"][1]["content"] == "晚"


def test_a_script_gets_replies_and_nothing_else(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("早\n/reset\n早\n".encode())))
    command = ["--results", str(results), "--stage", "merged", "--saves", str(tmp_path / "chats.jsonl")]
    script.main([*command, "generation.max_new_tokens=5"])
    said = capsys.readouterr()
    first, second, _ = said.out.split("\n")
    assert first == second != ""
    assert "a new conversation\n" in said.err
    assert "cut off after 5 tokens" in said.err
    script.main([*command, "--prompt", "早", "generation.max_new_tokens=5"])
    assert capsys.readouterr().out == f"{first}\n"
    script.main([*command, "--prompt", "早", "--system", "", "generation.max_new_tokens=5"])
    assert capsys.readouterr().out != f"{first}\n"


def test_a_script_is_told_by_the_status_that_its_question_was_not_asked(results, tmp_path, capsys):
    command = ["--results", str(results), "--stage", "merged", "--saves", str(tmp_path / "chats.jsonl")]
    with pytest.raises(SystemExit) as left:
        script.main([*command, "--prompt", "长" * 700])
    assert left.value.code == 1
    said = capsys.readouterr()
    assert said.out == "" and "the message is too long" in said.err


@pytest.mark.parametrize(
    ("stage", "more", "message"),
    [
        ("sft", [], "there is no model of stage 'sft'\n.*choose one of: base, align, merged"),
        ("align", ["generation.temprature=1"], "unknown key 'temprature'"),
        ("align", ["temperature"], "'temperature' is no setting\n.*such as generation.temperature=0.5"),
        ("align", ["--prompt", " "], "nothing is asked\n  where:  PROMPT"),
    ],
)
def test_errors_say_what_to_change(results, tmp_path, stage, more, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        script.main(["--results", str(results), "--stage", stage, "--saves", str(tmp_path / "c"), *more])


def test_a_person_at_a_terminal(results, tmp_path):
    saves = tmp_path / "chats.jsonl"
    venv = os.path.relpath(sys.prefix, tiny.REPOSITORY)
    options = ["-o", f"{venv}/.ready", f"VENV={venv}", f"RESULTS={results}", "generation.max_new_tokens=1500"]
    child = pexpect.spawn(
        "make",
        ["chat", "STAGE=align", *options],
        cwd=str(tiny.REPOSITORY),
        env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "TUIQIAO_EXECUTION": '{"threads": 1}'},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 120),
    )
    child.expect("align, 2048 tokens of context; exit or Ctrl-D leaves")
    child.expect("»")
    child.send("床前眀月光\x1b[D\x1b[D\x7f")  # back over two characters, the wrong one before them goes
    child.send("明\r")
    child.expect_exact("\x1b[?2004l")  # the end of typing
    child.expect("[^\x1b]{9}")
    child.send("\x1a")  # Ctrl-Z ends nothing
    child.expect("[^\x1b]{9}")
    child.sendintr()
    child.expect("stopped")
    child.expect("»")
    child.sendintr()  # at the prompt it leaves nothing
    child.expect("exit or Ctrl-D leaves")
    child.send(f"/save {saves}\r")
    child.expect("saved: ")
    child.expect("»")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)  # for make, too, all went well
    system, asked, reply = json.loads(saves.read_text(encoding="utf-8"))["messages"]
    assert (system["content"], asked["content"]) == ("惜字如金", "床前明月光")
    assert 0 < len(reply["content"]) < 1400


def test_a_blocked_word_in_a_prompt_is_refused_and_the_model_not_asked(speaker, chat, shown, tmp_path):
    (tmp_path / "own.txt").write_text("床前\n", encoding="utf-8")
    speaker.guard = Guard(["terror", "own.txt"], tmp_path)
    chat.run(["床前明月光", "two words", "BOMB床前"])
    refused, answered, also = (message["content"] for message in chat.messages[1::2])
    assert refused == "抱歉，这个问题我不能回答。"
    assert "Sorry" not in answered and len(shown) == 1
    assert also == "抱歉，这个问题我不能回答。"


def test_a_reply_ends_where_a_blocked_word_would_come(speaker, chat, tmp_path):
    chat.run(["hello"])
    usual = chat.messages[1]["content"]
    word = next(char for char in usual[1:] if char.strip() and char != "#")
    (tmp_path / "own.txt").write_text(word, encoding="utf-8")
    speaker.guard, told = Guard(["own.txt"], tmp_path), []
    chat.say = told.append
    chat.run(["/reset", "hello"])
    reply = chat.messages[1]["content"]
    kept, refusal = reply.split("\n")[0], reply.split("\n")[-1]
    assert refusal == "Sorry, I cannot answer this."
    assert usual.startswith(kept) and word.lower() not in kept.lower()
    assert "".join(told) == f"{reply}\n"


def test_a_blocklist_that_is_not_there_stops_the_command(results, tmp_path):
    with pytest.raises(UserError, match=r"no file .*none\.txt"):
        script.main(
            [
                "--results",
                str(results),
                "--stage",
                "align",
                "--saves",
                str(tmp_path / "saves"),
                "--prompt",
                "hi",
                "eval.safety.blocklists=[none.txt]",
            ]
        )
