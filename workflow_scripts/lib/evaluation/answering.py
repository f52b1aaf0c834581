"""Replies of a model to many dialogues, in batches as large as memory holds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from workflow_scripts.lib.chat_template import Messages
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.evaluation.fitting import in_fitting_batches
from workflow_scripts.lib.generation import Reply, generate

Item = TypeVar("Item")


def answered(
    model: Any,
    tokenizer: Any,
    items: Sequence[Item],
    dialogue_of: Callable[[Item], Messages],
    settings: Generation,
    max_new_tokens: int,
    batch_size: int,
) -> Iterator[tuple[Sequence[Item], list[Reply]]]:
    """Yield batches of items with one reply each; where memory runs out, smaller ones from there on.

    Raises:
        torch.OutOfMemoryError: If a single one does not fit.
    """

    def answer(batch: Sequence[Item]) -> list[Reply]:
        return generate(model, tokenizer, [dialogue_of(item) for item in batch], settings, max_new_tokens)

    return in_fitting_batches(items, batch_size, answer)
