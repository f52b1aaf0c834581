"""Write several replies to each prompt; what was written before a run was cut off is not written again."""

import logging
import time
from collections.abc import Iterator
from typing import Any, Protocol

from workflow_scripts.lib.config.fields import Section, Whole
from workflow_scripts.lib.config.sampling import Drawing
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.generation import Reply
from workflow_scripts.lib.sampling.jobs import Job, Prompt, batches, prompt_of
from workflow_scripts.lib.sampling.kept_replies import KeptReplies

log = logging.getLogger(__name__)
TOO_LONG = "prompt_too_long"
_SECONDS = 10  # between two progress lines


class SamplingConfig(Section):
    seed: Whole
    model: Model
    sampling: Drawing


class Engine(Protocol):
    """What writes replies.

    Attributes:
        tokenizer: Of the model.
        context: Tokens of prompt and reply together that the model reads; None: any number.
    """

    tokenizer: Any
    context: int | None

    def write(self, jobs: list[Job]) -> list[Reply]:
        """Return one reply a job."""


def sample(rows: list[dict[str, Any]], engine: Engine, config: SamplingConfig, kept: KeptReplies) -> Iterator[dict]:
    """Yield ``{"id", "replies": [{"text", "tokens", "stopped"}, …]}`` for each row, in order.

    A prompt that leaves a reply no room in the model's context has no replies, and ``fault`` says so.

    A batch is written whole or not at all, and which replies it holds does not depend on what is there already: with
    weights of 16 bits the neighbours in a batch have a say in a logit's last bits.
    """
    drawing = config.sampling
    prompts = [prompt_of(engine.tokenizer, row, config.model.system_prompt) for row in rows]
    room = None if engine.context is None else engine.context - drawing.max_new_tokens
    fitting = [prompt for prompt in prompts if room is None or len(prompt.ids) <= room]
    _write(fitting, engine, drawing, kept)
    written = {prompt.row_id for prompt in fitting}
    for row in rows:
        if row["id"] not in written:
            yield {"id": row["id"], "replies": [], "fault": TOO_LONG}
            continue
        replies = [kept.replies[row["id"], number] for number in range(drawing.num_samples)]
        yield {
            "id": row["id"],
            "replies": [{"text": r.text, "tokens": r.tokens, "stopped": r.stopped} for r in replies],
        }


def _write(prompts: list[Prompt], engine: Engine, drawing: Drawing, kept: KeptReplies) -> None:
    total = len(prompts) * drawing.num_samples
    open_batches = []
    for batch in batches(prompts, drawing.num_samples, drawing.batch_size):
        if any(job.key not in kept.replies for job in batch):
            open_batches.append(batch)
    todo = sum(map(len, open_batches))
    log.info("sampling: %d of %d replies are there already", total - todo, total)
    started = told = time.monotonic()
    done = 0
    for batch in open_batches:
        replies = engine.write(batch)
        kept.add({job.key: reply for job, reply in zip(batch, replies, strict=True)})
        done += len(batch)
        now = time.monotonic()
        if now - told >= _SECONDS or done == todo:
            told = now
            speed = done / max(now - started, 1e-9)
            minutes = (todo - done) / speed / 60
            log.info(
                "sampling: %d of %d replies, %.2f replies/s, %.0f min left", total - todo + done, total, speed, minutes
            )
