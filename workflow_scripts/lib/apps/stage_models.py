"""The models of several stages in memory, answering side by side."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.lib.apps import stages
from workflow_scripts.lib.apps.guard import Guard
from workflow_scripts.lib.apps.history import left_out
from workflow_scripts.lib.apps.speaker import Speaker
from workflow_scripts.lib.apps.turns import Turns
from workflow_scripts.lib.chat_template import Messages
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.model_loading import load_model, load_tokenizer


class StageModels:
    """Models whose replies are written at the same time, a token each in turn.

    Args:
        results: Folder of the results.
        names: Stages to load.
        model: How to load them.
        guard: Refuses in their place.

    Raises:
        UserError: If a stage is not there.
    """

    def __init__(self, results: Path, names: list[str], model: Model, guard: Guard) -> None:
        self._guard = guard
        folders = {name: stages.folders_of(results, name) for name in names}
        bases = {base: _Base(base, model) for base in dict.fromkeys(base for base, _ in folders.values())}
        self._base_of = {name: bases[base] for name, (base, _) in folders.items()}
        for name, (_, adapter) in folders.items():
            if adapter is not None:
                self._base_of[name].add(name, adapter)
        self._turns = Turns()
        self._closed = False

    def reply(
        self,
        stage: str,
        messages: Messages,
        settings: ChatGeneration,
        system_prompt: str | None,
        seed: int | None,
        say: Callable[[str], None],
    ) -> tuple[Reply, int]:
        """Let a stage answer, and return what it said and how many of the earliest turns it was not shown.

        What is drawn depends on the seed alone, whoever else is answering.

        Args:
            stage: One that was loaded.
            messages: A dialogue without system prompt that ends with what the user said.
            settings: How the reply is written.
            system_prompt: Put first; None: none.
            seed: Of what is drawn; None: another one each time.
            say: Called after each token with the text that it adds; what it raises ends the reply.

        Raises:
            UserError: If the last message is too long.
            ConnectionAbortedError: If the models were closed.
        """
        base = self._base_of[stage]
        with self._turns.mine():
            self._be_open()
            base.activate(stage)
            # `generate` sets the settings of its model aside: each reply has its own to set aside, and no own weights.
            speaker = Speaker(copy.copy(base.model), base.tokenizer, settings, system_prompt, self._guard)
            shown = speaker.fitted(messages)
            torch.seed() if seed is None else torch.manual_seed(seed)
            random = _random_numbers(base.model.device)

            def tell(piece: str) -> None:
                drawn = random.get_rng_state()
                with self._turns.passed_on():
                    say(piece)
                self._be_open()
                base.activate(stage)
                random.set_rng_state(drawn)

            return speaker.reply(shown, tell), left_out(messages, shown)

    def close(self) -> None:
        """End all replies and begin none: a process must not end while a thread of it computes."""
        self._closed = True
        with self._turns.mine():
            pass  # who computed when it was closed has come to its end

    def _be_open(self) -> None:
        if self._closed:
            raise ConnectionAbortedError("closed")


class _Base:
    """A model and its adapters, of which at most one is at work."""

    def __init__(self, folder: Path, model: Model) -> None:
        self.model, self.tokenizer = load_model(folder, model), load_tokenizer(folder)
        self._adapted: Any = None
        self._adapters: set[str] = set()
        self._active: str | None = None

    def add(self, name: str, adapter: Path) -> None:
        from peft import PeftModel  # takes seconds to import, and the base alone does without

        if self._adapted is None:
            self._adapted = PeftModel.from_pretrained(self.model, adapter, adapter_name=name).eval()
        else:
            self._adapted.load_adapter(adapter, adapter_name=name)
        self._adapters.add(name)

    def activate(self, name: str) -> None:
        """Let the adapter of this name work, or none if there is none of it."""
        if name == self._active or self._adapted is None:
            return
        if name in self._adapters:
            self._adapted.base_model.set_adapter(name, inference_mode=True)
            self._adapted.base_model.enable_adapter_layers()
        else:
            self._adapted.base_model.disable_adapter_layers()
        self._active = name


def _random_numbers(device: torch.device) -> Any:
    """Return the module that keeps the state of the numbers which are drawn on a device."""
    return torch if device.type == "cpu" else torch.get_device_module(device)
