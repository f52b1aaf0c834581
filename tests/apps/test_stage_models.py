"""Stages that answer at the same time: each says what it would say alone, and they share one base."""

import threading
from pathlib import Path

import pytest
import tiny
import torch
from finished import NO_GUARD

from workflow_scripts.lib.apps import stage_models, stages
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.chat_template import Messages, with_system_prompt
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.generation import generate
from workflow_scripts.lib.model_loading import load_model, load_tokenizer

MODEL = Model.model_validate(tiny.section("model"))
DRAWN = ChatGeneration(
    max_new_tokens=20, do_sample=True, temperature=1.0, top_p=0.95, repetition_penalty=1.2, no_repeat_ngram_size=3
)
STAGES = ("base", "sft", "align")
ASKED: Messages = [{"role": "user", "content": "床前明月光"}]


class Together:
    """Threads that each let a stage answer; none goes on after its first token until all have said theirs."""

    def __init__(self, models: StageModels, seeds: dict[str, int]) -> None:
        self.models, self.barrier = models, threading.Barrier(len(seeds))
        self.order: list[str] = []
        self.texts: dict[str, str] = {}
        self.errors: dict[str, Exception] = {}
        threads = [threading.Thread(target=self._ask, args=(stage, seed)) for stage, seed in seeds.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)

    def _ask(self, stage: str, seed: int) -> None:
        said: list[str] = []

        def say(piece: str) -> None:
            if not said:
                self.barrier.wait(timeout=30)
            said.append(piece)
            self.order.append(stage)
            self.listen(stage, len(said))

        try:
            reply, _ = self.models.reply(stage, ASKED, DRAWN, "惜字如金", seed, say)
            assert "".join(said) == reply.text
            self.texts[stage] = reply.text
        except (ConnectionError, RuntimeError) as error:
            self.errors[stage] = error

    def listen(self, stage: str, tokens: int) -> None:
        """Called after each token."""


def alone(results: Path, stage: str, seed: int) -> str:
    base, adapter = stages.folders_of(results, stage)
    model, tokenizer = load_model(base, MODEL, adapter), load_tokenizer(base)
    torch.manual_seed(seed)
    return generate(model, tokenizer, [with_system_prompt(ASKED, "惜字如金")], DRAWN, 20)[0].text


def test_side_by_side_each_says_what_it_says_alone_in_evaluation(models: StageModels, three: Path) -> None:
    together = Together(models, {"base": 3, "sft": 3, "align": 4})
    assert together.errors == {}
    assert together.texts == {stage: alone(three, stage, seed) for stage, seed in zip(STAGES, (3, 3, 4), strict=True)}
    assert len(set(together.texts.values())) == 3


def test_one_that_is_left_ends_and_the_others_go_on(models: StageModels, three: Path) -> None:
    class Left(Together):
        def listen(self, stage: str, tokens: int) -> None:
            if (stage, tokens) == ("sft", 3):
                raise BrokenPipeError

    together = Left(models, dict.fromkeys(STAGES, 5))
    assert together.order.count("sft") == 3
    assert type(together.errors["sft"]) is BrokenPipeError
    assert together.texts == {stage: alone(three, stage, 5) for stage in ("base", "align")}


def test_adapters_share_one_base(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(stage_models, "load_model", lambda *given: loaded.append(given[0].name) or load_model(*given))
    StageModels(three, ["base", "sft", "align", "merged"], MODEL, NO_GUARD)
    assert loaded == ["base", "merged"]


def test_without_the_base_as_a_stage(three: Path) -> None:
    models = StageModels(three, ["align"], MODEL, NO_GUARD)
    assert models.reply("align", ASKED, DRAWN, "惜字如金", 4, lambda piece: None)[0].text == alone(three, "align", 4)


def test_without_a_seed_replies_differ(models: StageModels) -> None:
    replies = {models.reply("sft", ASKED, DRAWN, None, None, lambda piece: None)[0].text for _ in range(3)}
    assert len(replies) > 1


def test_turns_that_were_left_out_are_counted(models: StageModels) -> None:
    long = [{"role": role, "content": "甲" * 200} for role in ("user", "assistant")] * 3 + ASKED
    assert models.reply("base", long, DRAWN, None, 1, lambda piece: None)[1] == 2
    with pytest.raises(UserError, match="the message is too long"):
        models.reply("base", [{"role": "user", "content": "长" * 700}], DRAWN, None, 1, lambda piece: None)


def test_closing_ends_what_is_being_said(three: Path) -> None:
    models = StageModels(three, ["base", "align"], MODEL, NO_GUARD)

    class Closed(Together):
        def listen(self, stage: str, tokens: int) -> None:
            if (stage, tokens) == ("align", 2):
                threading.Thread(target=models.close).start()

    together = Closed(models, {"base": 1, "align": 1})
    assert {stage: type(error) for stage, error in together.errors.items()} == dict.fromkeys(
        ("base", "align"), ConnectionAbortedError
    )
    assert len(together.order) < 20
    with pytest.raises(ConnectionAbortedError):
        models.reply("base", ASKED, DRAWN, None, 1, lambda piece: None)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", ["base", "sft", "align"]), ("align  base align", ["align", "base"]), ("merged", ["merged"])],
)
def test_which_stages_are_shown(three: Path, given: str, expected: list[str]) -> None:
    assert stages.chosen(three, given) == expected


def test_without_results_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no model of stage 'base'\n.*\n  change: run `make report` first"):
        StageModels(tmp_path, stages.chosen(tmp_path, ""), MODEL, NO_GUARD)
