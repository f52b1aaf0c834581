"""Merge an adapter into its base and measure that the merged model says the same."""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from workflow_scripts.lib import folders
from workflow_scripts.lib.chat_template import encode_known
from workflow_scripts.lib.config.export import Merged
from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)
ONE_FILE = "50GB"  # what a hub takes
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


def merge(
    base: Path, adapter: Path, tokenizer: Any, output: Path, settings: Merged, dialogues: list[list[dict]]
) -> dict:
    """Merge onto the unquantized base in float32, save, and compare logits on real dialogues.

    Args:
        base: Folder of the base model.
        adapter: Folder of the PEFT adapter.
        tokenizer: Saved beside the weights, with its chat template.
        output: Folder of the merged model. What is in it goes first: the card of another model too.
        settings: ``export.merged``.
        dialogues: Messages to compare on.

    Returns:
        ``max`` and ``mean`` absolute difference of the logits between the adapter on its base in float32 and the
        saved model loaded again, the share of positions with the same most likely token, and counts.

    Raises:
        UserError: If the logits differ by more than the settings allow.
    """
    dtype = getattr(torch, settings.dtype)
    model = PeftModel.from_pretrained(_load(base), adapter).eval()
    encoded = [torch.tensor([ids]) for ids in encode_known(tokenizer, dialogues)]
    before = [_logits(model, ids) for ids in encoded]
    merged = model.merge_and_unload(safe_merge=True)
    merged.config.dtype = dtype
    for path in output.glob("*"):
        if path.is_file():
            path.unlink()
    with folders.staged(output) as part:
        merged.to(dtype).save_pretrained(part, max_shard_size=settings.shard_size or ONE_FILE)
        tokenizer.save_pretrained(part)
        if settings.shard_size:
            _index(part)
    again = _load(output)
    differences, agreeing, positions = [], 0, 0
    for ids, adapted in zip(encoded, before, strict=True):
        found = _logits(again, ids)
        differences.append((found - adapted).abs())
        agreeing += int((found.argmax(-1) == adapted.argmax(-1)).sum())
        positions += ids.shape[1]
    parity = {
        "max": max(float(difference.max()) for difference in differences),
        "mean": float(torch.cat([difference.flatten() for difference in differences]).mean()),
        "same_top_token": agreeing / positions,
        "dialogues": len(encoded),
        "positions": positions,
        "dtype": settings.dtype,
    }
    log.info("logits differ from the adapter's by %.2g on average, %.2g at most", parity["mean"], parity["max"])
    if not parity["mean"] <= settings.max_mean_difference:  # NaN, where half precision overflows, is not
        raise UserError(
            f"the merged model says something else than the adapter: logits differ by {parity['mean']:.2g} on average",
            f"export.merged.max_mean_difference: {settings.max_mean_difference:g}",
            f"merge in float32 or bfloat16 (export.merged.dtype is {settings.dtype}), or allow more",
        )
    return parity


def _index(folder: Path) -> None:
    """Write the index of the shards where there is only one, for which transformers 5.23 writes none."""
    if not (folder / INDEX).exists():
        with safe_open(folder / WEIGHTS, framework="pt") as weights:
            names = sorted(weights.keys())
        index = {"metadata": {}, "weight_map": dict.fromkeys(names, WEIGHTS)}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits.float()
