"""A model that answers while one listens."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation.streamers import BaseStreamer

from workflow_scripts.lib.apps.guard import BlockedError, Guard
from workflow_scripts.lib.apps.history import shortened
from workflow_scripts.lib.chat_template import Messages, encode_prompt, with_system_prompt
from workflow_scripts.lib.config.models import ChatGeneration
from workflow_scripts.lib.generation import Reply, generate

UNFINISHED = "\ufffd"


class Speaker:
    """A stage's model, asked as in training and answering as in evaluation.

    Args:
        model: From ``load_stage``.
        tokenizer: With the chat template that was trained.
        settings: How replies are written.
        system_prompt: Put first in every dialogue; None: none.
        guard: Refuses in the model's place.
    """

    def __init__(
        self, model: Any, tokenizer: Any, settings: ChatGeneration, system_prompt: str | None, guard: Guard
    ) -> None:
        self.model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.tokenizer, self.settings, self.system_prompt, self.guard = tokenizer, settings, system_prompt, guard

    @property
    def context(self) -> int:
        """Tokens that the model can hold, prompt and reply together."""
        return self.model.config.get_text_config().max_position_embeddings

    def fitted(self, messages: Messages) -> Messages:
        """Return what of a dialogue is shown to the model, system prompt included, so that a reply has room.

        Raises:
            UserError: If the last message alone is too long.
        """
        room = self.context - min(self.settings.max_new_tokens, self.context // 2)
        return shortened(with_system_prompt(messages, self.system_prompt), self._length, room)

    def reply(self, messages: Messages, say: Callable[[str], None]) -> Reply:
        """Answer a dialogue that fits.

        Args:
            messages: From ``fitted``.
            say: Called after each token with the text that it adds, often none; what it raises ends the reply.
        """
        prompt, said = messages[-1]["content"], []

        def say_checked(piece: str) -> None:
            if piece:
                self.guard.check(prompt, "".join([*said, piece]))
            said.append(piece)
            say(piece)

        room = self.context - self._length(messages)
        listened = _Listened(self.model, _Teller(self.tokenizer, say_checked))
        try:
            self.guard.check(prompt, "")
            tokens = min(self.settings.max_new_tokens, room)
            return generate(listened, self.tokenizer, [messages], self.settings, tokens)[0]
        except BlockedError:
            shown = "".join(said)
            refusal = self.guard.refusal(prompt) if not shown else f"\n{self.guard.refusal(prompt)}"
            say(refusal)
            return Reply(shown + refusal, len(said), True)

    def _length(self, messages: Messages) -> int:
        return len(encode_prompt(self.tokenizer, messages))


class _Teller(BaseStreamer):
    """Tells text as it grows, but for a last character whose bytes are not all there: Han often has several tokens."""

    def __init__(self, tokenizer: Any, say: Callable[[str], None]) -> None:
        self.tokenizer, self.say = tokenizer, say
        self.ids: list[int] | None = None  # the first that are put are the prompt's
        self.said = ""

    def put(self, value: torch.Tensor) -> None:
        if self.ids is None:
            self.ids = []
            return
        self.ids += value.tolist()
        self._tell(self._text().rstrip(UNFINISHED))

    def end(self) -> None:
        self._tell(self._text())

    def _text(self) -> str:
        return self.tokenizer.decode(self.ids, skip_special_tokens=True)

    def _tell(self, text: str) -> None:
        added = text[len(self.said) :] if text.startswith(self.said) else ""
        self.said += added
        self.say(added)


class _Listened:
    """The model as ``generate`` sees it, with a listener that ``generate`` knows nothing of."""

    def __init__(self, model: Any, teller: _Teller) -> None:
        self._model, self._teller = model, teller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @property
    def generation_config(self) -> GenerationConfig:
        return self._model.generation_config

    @generation_config.setter
    def generation_config(self, config: GenerationConfig) -> None:
        self._model.generation_config = config

    def generate(self, **arguments: Any) -> Any:
        return self._model.generate(**arguments, streamer=self._teller)
