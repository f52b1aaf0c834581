"""The harness's model, reading what several choices have in common once instead of once a choice."""

from collections.abc import Callable
from itertools import groupby

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from workflow_scripts.lib.evaluation import shared_context
from workflow_scripts.lib.evaluation.fitting import in_fitting_batches, with_fitting_size

Request = tuple[tuple[str, str], list[int], list[int]]  # texts, ids of the context, ids of the continuation
Answer = tuple[float, bool]  # log-probability of the continuation in nats, and whether it is the greedy one


class SharedContextLM(HFLM):
    """Answers as ``HFLM`` does, up to rounding, in half the time where a prompt has four choices."""

    @torch.inference_mode()
    def _loglikelihood_tokens(
        self, requests: list[Request], disable_tqdm: bool = False, override_bs: int | None = None
    ) -> list[Answer]:
        fits = all(len(context) + len(continuation) <= self.max_length for _, context, continuation in requests)
        if not fits or not shared_context.supported(self.model):
            return self._fitting(lambda: HFLM._loglikelihood_tokens(self, requests, disable_tqdm, override_bs))
        order = sorted(range(len(requests)), key=lambda index: (len(requests[index][1]), requests[index][1]))
        prompts = [list(group) for _, group in groupby(order, key=lambda index: requests[index][1])]
        answers: dict[int, Answer] = {}

        def answer(batch: list[list[int]]) -> list[Answer]:
            return self._answer([[requests[index] for index in group] for group in batch])

        size = max(1, self.batch_size // max(map(len, prompts), default=1))
        for batch, found in in_fitting_batches(prompts, size, answer):
            chosen = [index for group in batch for index in group]
            answers |= zip(chosen, found, strict=True)
            for index in chosen:
                if requests[index][0] is not None:
                    self.cache_hook.add_partial("loglikelihood", requests[index][0], answers[index])
        return [answers[index] for index in range(len(requests))]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return self._fitting(lambda: HFLM.generate_until(self, requests, disable_tqdm))

    def _fitting(self, run: Callable[[], list]) -> list:
        """Return what the stock model returns; its batches, the longest first, are halved until they fit."""

        def with_size(size: int) -> list:
            self.batch_size_per_gpu = size
            return run()

        return with_fitting_size(self.batch_size_per_gpu, with_size)

    def _answer(self, groups: list[list[Request]]) -> list[Answer]:
        """Answer requests of a few prompts, (prompts, continuations of each)."""
        # a prompt's last token predicts the first one of each continuation: it is read with them
        heads = [group[0][1][:-1] for group in groups]
        opening = shared_context.common_prefix(heads)
        context = shared_context.extend(self.model, shared_context.empty(1, self.device), [heads[0][:opening]])
        context = shared_context.extend(self.model, context.repeat(len(heads)), [head[opening:] for head in heads])
        context = context.repeat_each([len(group) for group in groups])
        requests = [request for group in groups for request in group]
        tails = [prompt[-1:] + continuation[:-1] for _, prompt, continuation in requests]
        log_probs = shared_context.logits_after(self.model, context, tails).log_softmax(-1, dtype=self.softmax_dtype)
        return [
            _judge(row[: len(continuation)], torch.tensor(continuation, device=row.device))
            for row, (_, _, continuation) in zip(log_probs, requests, strict=True)
        ]


def _judge(log_probs: torch.Tensor, continuation: torch.Tensor) -> Answer:
    """Read off a continuation, (tokens,), from the log-probabilities of all tokens, (tokens, vocabulary)."""
    said = log_probs.gather(1, continuation.unsqueeze(1))
    return float(said.sum()), bool((log_probs.argmax(-1) == continuation).all())
