"""Replies by transformers: one batch after the other, prompts padded on the left."""

from pathlib import Path

import torch
from transformers import LogitsProcessorList

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.stage import load_stage
from workflow_scripts.lib.generation import Reply, write
from workflow_scripts.lib.sampling.choosing import OwnNumbers, numbers_of
from workflow_scripts.lib.sampling.jobs import Job
from workflow_scripts.lib.sampling.sampling import SamplingConfig


class HfEngine:
    """A model in this process.

    Args:
        base: Folder of the base model.
        config: How it is loaded, and how replies are drawn.
    """

    def __init__(self, base: Path, config: SamplingConfig) -> None:
        self._model, self.tokenizer = load_stage(base, None, config.model)
        self.context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._seed, self._drawing = config.seed, config.sampling

    def write(self, jobs: list[Job]) -> list[Reply]:
        drawing = self._drawing
        numbers = [numbers_of(self._seed, *job.key, drawing.max_new_tokens) for job in jobs]
        longest = max(len(job.prompt.ids) for job in jobs)
        own = OwnNumbers(torch.stack(numbers), longest, drawing.temperature, drawing.top_p)
        prompts = [job.prompt.ids for job in jobs]
        choosing = LogitsProcessorList([own])
        try:
            return write(
                self._model, self.tokenizer, prompts, drawing.max_new_tokens, do_sample=False, choosing=choosing
            )
        except torch.OutOfMemoryError:
            raise UserError(
                f"out of memory with {len(jobs)} replies of up to {drawing.max_new_tokens} tokens at a time",
                "sampling.batch_size",
                "halve it (sampling then begins anew), or lower max_new_tokens",
            ) from None


def load(base: Path, config: SamplingConfig) -> HfEngine:
    return HfEngine(base, config)
