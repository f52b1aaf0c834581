"""The model and its kernels from unsloth; rows, loss, steps, checkpoints and files stay ours.

Written for unsloth 2026.10.9, whose code was read for this. What would change training without a word:

* Loading a model gives transformers' Trainer another way to count what a step learns. It cannot count our steps, which
  are lists of micro batches, and losses would be too high by their number. Trainer gets its own methods back.
* TRL's trainers pack rows by themselves then. Ours is no TRL trainer here.
* Rows that share a sequence are told apart in one sequence only, so micro batches are flattened.
* Its kernels read FP4 as NF4; lib/config/checks.py refuses that and what was not read.

And before the first step the log-probabilities of some rows are compared with those that transformers computes.
"""

from workflow_scripts.lib.training.backends.unsloth_first import FastLanguageModel

# isort: split
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
import unsloth_zoo  # noqa: F401 (unsloth imports it; named here, its pin counts)
from transformers import AutoConfig, Trainer

from workflow_scripts.lib import model_loading
from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training import arguments, gates
from workflow_scripts.lib.training.collate import PackedCollator, SftCollator
from workflow_scripts.lib.training.sft_trainer import SftLoss, learned_log_probs

log = logging.getLogger(__name__)
KNOWN = ("llama", "mistral", "qwen2", "qwen3")  # model types with kernels of their own; others go ways not read
PROBED = 4  # rows, the shortest, each of them twice: a row that sees its double predicts it far too well
MOST = 0.1  # nats a token; other rounding comes to some hundredths in bfloat16
CHANGE = "set sft.backend to transformers"
_TRAINER = dict(vars(Trainer))


class UnslothTrainer(SftLoss):
    """transformers' trainer with our loss."""

    def training_step(self, model: Any, inputs: list, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:
        if num_items_in_batch is None:
            raise RuntimeError("the tokens of the step were not counted")
        return super().training_step(model, inputs, num_items_in_batch)


def make_trainer(base: Path, model: Model, sft: Sft, how: dict[str, Any], **given: Any) -> UnslothTrainer:
    """Return a trainer of a fresh adapter, as ``stock.make_trainer`` does.

    Raises:
        UserError: If the model is none that unsloth has kernels for, or comes out as another.
    """
    config = AutoConfig.from_pretrained(base, trust_remote_code=model.trust_remote_code)
    if config.model_type not in KNOWN:
        what = f"the base model is a {config.model_type}; with unsloth this works for {', '.join(KNOWN)}"
        raise UserError(what, "sft.backend, model.base", f"{CHANGE}, or choose another base")
    if sft.max_length > config.max_position_embeddings:  # unsloth would stretch its positions
        what = f"max_length is {sft.max_length}, and the base model has {config.max_position_embeddings} positions"
        raise UserError(what, "sft.max_length", f"lower it, or {CHANGE}")

    padding = given["processing_class"].pad_token_id
    collator = PackedCollator(padding, flatten=True) if sft.packing else SftCollator(padding)
    probe = sorted(given["train_dataset"], key=lambda row: len(row["input_ids"]))[:PROBED]
    expected = _by_transformers(base, model, probe, padding)
    adapted = _load(base, model, sft, how["seed"])
    _compare(adapted, collator([[*probe, *probe]] if sft.packing else [*probe, *probe]), expected.repeat(2))
    # unsloth has its checkpointing in the model
    plain = sft.model_copy(update={"gradient_checkpointing": False})
    args = arguments.align_arguments(plain, model, **how)  # those of a trainer that is not TRL's
    return UnslothTrainer(model=adapted, args=args, **given | {"data_collator": collator})


def _load(base: Path, model: Model, sft: Sft, seed: int) -> Any:
    dtype = getattr(torch, model.dtype)
    loaded, _ = FastLanguageModel.from_pretrained(
        str(base),
        max_seq_length=sft.max_length,
        dtype=dtype,
        load_in_4bit=model.quantization != "none",
        quantization_config=model_loading.quantization(model),
        device_map={"": model_loading.device()},
        trust_remote_code=model.trust_remote_code,
        use_exact_model_name=True,  # else a name may stand for a repository of theirs
        use_gradient_checkpointing="unsloth" if sft.gradient_checkpointing else False,
        fix_tokenizer=False,
        offload_embedding=False,
        random_state=seed,
    )
    if loaded.dtype != dtype or getattr(loaded, "is_loaded_in_4bit", False) != (model.quantization != "none"):
        what = f"unsloth loads the base model in {loaded.dtype} here, quantized or not as it can"
        raise UserError(what, "model.dtype, model.quantization", f"choose what this GPU can do, or {CHANGE}")
    gates.check_targets(loaded, sft.lora.target_modules)
    adapted = FastLanguageModel.get_peft_model(
        loaded,
        r=sft.lora.r,
        lora_alpha=sft.lora.alpha,
        lora_dropout=sft.lora.dropout,
        target_modules=sft.lora.target_modules,
        use_rslora=sft.lora.use_rslora,
        bias="none",
        use_gradient_checkpointing="unsloth" if sft.gradient_checkpointing else False,
        random_state=seed,
    )
    # its own writing of replies leaves the model in another state; without a cache it is the model's forward again
    loaded.generate = partial(loaded._old_generate, use_cache=False)
    for name in vars(Trainer).keys() - _TRAINER.keys():
        delattr(Trainer, name)
    for name, own in _TRAINER.items():
        if vars(Trainer)[name] is not own:
            setattr(Trainer, name, own)
    adapted.peft_config["default"].auto_mapping = None  # as stock.py leaves it, so that the files are the same
    return adapted.train()


def _by_transformers(base: Path, model: Model, rows: list[dict], padding: int) -> torch.Tensor:
    """Return the log-probabilities of the rows' learned tokens, each row by itself; the model is gone afterwards."""
    loaded = model_loading.load_model(base, model)
    with torch.no_grad():
        found = torch.cat([learned_log_probs(loaded, _moved(SftCollator(padding)([row]))) for row in rows])
    del loaded
    gc.collect()
    torch.cuda.empty_cache()
    return found


def _compare(model: Any, batch: dict[str, Any], expected: torch.Tensor) -> None:
    """Compare what the model computes before the first step, in training and in evaluation.

    Raises:
        UserError: If it is not what transformers computes.
    """
    for training in (True, False):
        with torch.no_grad(), _without_dropout(model.train(training)):
            found = learned_log_probs(model, _moved(batch))
        off = (found - expected).abs().mean().item()
        log.info("unsloth and transformers differ by %.4f nats a token, over %d tokens", off, len(expected))
        if not off <= MOST:  # or is no number
            raise UserError(
                f"unsloth computes another model than transformers: {off:.2f} nats a token between their "
                f"log-probabilities, over {len(expected)} tokens, before the first step",
                "sft.backend",
                CHANGE,
            )
    model.train()


@contextmanager
def _without_dropout(model: Any) -> Iterator[None]:
    layers = [(module, module.p) for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    for module, _ in layers:
        module.p = 0.0
    try:
        yield
    finally:
        for module, share in layers:
            module.p = share


def _moved(batch: dict[str, Any]) -> dict[str, Any]:
    device = model_loading.device()
    return {name: value.to(device) if torch.is_tensor(value) else value for name, value in batch.items()}
