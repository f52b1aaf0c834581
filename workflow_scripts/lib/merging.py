"""Merge an adapter into its base and measure that the merged model says the same."""

import logging
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from workflow_scripts.lib import folders
from workflow_scripts.lib.chat_template import encode_dialogue

log = logging.getLogger(__name__)


def merge(base: Path, adapter: Path, tokenizer: Any, output: Path, dtype: str, dialogues: list[list[dict]]) -> dict:
    """Merge onto the unquantized base in float32, save in ``dtype`` and compare logits on real dialogues.

    Args:
        base: Folder of the base model.
        adapter: Folder of the PEFT adapter.
        tokenizer: Saved beside the weights.
        output: Folder of the merged model.
        dtype: Of the merged weights.
        dialogues: Messages to compare on.

    Returns:
        ``max`` and ``mean`` absolute difference of the logits between the adapter on its base in float32 and the
        saved model loaded again, the share of positions with the same most likely token, and counts.
    """
    model = PeftModel.from_pretrained(_load(base), adapter).eval()
    encoded = [torch.tensor([encode_dialogue(tokenizer, messages).input_ids]) for messages in dialogues]
    before = [_logits(model, ids) for ids in encoded]
    merged = model.merge_and_unload(safe_merge=True)
    merged.config.dtype = getattr(torch, dtype)
    with folders.staged(output) as part:
        merged.to(getattr(torch, dtype)).save_pretrained(part, max_shard_size="50GB")
        tokenizer.save_pretrained(part)
    again = _load(output)
    differences, agreeing, positions = [], 0, 0
    for ids, adapted in zip(encoded, before, strict=True):
        found = _logits(again, ids)
        differences.append((found - adapted).abs())
        agreeing += int((found.argmax(-1) == adapted.argmax(-1)).sum())
        positions += ids.shape[1]
    return {
        "max": max(float(difference.max()) for difference in differences),
        "mean": float(torch.cat([difference.flatten() for difference in differences]).mean()),
        "same_top_token": agreeing / positions,
        "dialogues": len(dialogues),
        "positions": positions,
        "dtype": dtype,
    }


def _load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def _logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits.float()
