"""Compare the plain tiny model with one that has Liger's kernels, run by Triton's interpreter on a CPU.

    TRITON_INTERPRET=1 PYTHONPATH=.:tests:tests/training python tests/training/interpreted.py <folder>

Leaves found.json there: for each method the losses, the largest difference of gradients relative to the largest
gradient of their weight, and what computes the norms. Says nothing about the kernels' speed, nor about what a compiler
makes of them.
"""

import sys
from pathlib import Path

import building
import numpy as np
import tiny
import torch
import triton.language as tl
from building import dialogue, pair
from liger_kernel.ops import rms_norm
from triton.runtime import interpreter

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.config.training import Align, Sft
from workflow_scripts.lib.model_loading import load_tokenizer
from workflow_scripts.lib.training import liger
from workflow_scripts.lib.training.rows import encode_pairs, encode_sft_rows

AS_BEFORE = interpreter._implicit_cvt


def main() -> None:
    torch.set_num_threads(1)
    fill_gaps()
    folder = Path(sys.argv[1])
    base = tiny.build(folder / "base")
    tokenizer = load_tokenizer(base)
    sft, align = Sft.model_validate(tiny.section("sft")), Align.model_validate(tiny.section("align"))
    texts = ["春风", "夏天到了", "秋", "冬雪"]
    rows, _ = encode_sft_rows(tokenizer, [dialogue(t, "写", t) for t in texts], sft, None)
    pairs, _ = encode_pairs(tokenizer, [pair(t, "写" * len(t), t, "坏") for t in texts], align, None)
    makers = {
        "sft": lambda: building.sft_trainer(base, tokenizer, rows, folder),
        "packed": lambda: building.sft_trainer(base, tokenizer, rows, folder, packing=True, micro_batch_size=1),
        "orpo": lambda: building.preference_trainer(base, tokenizer, pairs, folder),
    }
    plain = {name: step(make(), checkpointing=False) for name, make in makers.items()}  # rope is patched for good
    found = {}
    for name, make in makers.items():
        trainer = make()
        liger.apply(trainer.model, "sft", torch.device("cuda"))
        loss, gradients = step(trainer, checkpointing=name == "orpo")
        expected, others = plain[name]
        differences = [(gradients[key] - grad).abs().max() / grad.abs().max() for key, grad in others.items()]
        norm = trainer.model.get_base_model().model.norm
        found[name] = {
            "losses": [expected, loss],
            "largest_difference": max(differences).item(),
            "gradients": len(gradients) == len(others) > 0,
            "norm": norm.forward.__qualname__,
        }
    jsonl.write_json(folder / "found.json", found)


def fill_gaps() -> None:
    """Give triton 3.9's interpreter what it lacks: numbers with a dtype, and the square root of libdevice."""

    def converted(value):
        if not isinstance(value, float):
            return AS_BEFORE(value)
        return tl.tensor(interpreter.TensorHandle(np.array([value], dtype=np.float32), tl.float32), tl.float32)

    interpreter._implicit_cvt = converted
    rms_norm.rsqrt = lambda value: tl.math.rsqrt(value)


def step(trainer, checkpointing):
    if checkpointing:
        trainer.model.gradient_checkpointing_enable()
    torch.manual_seed(building.SEED)
    for name, weight in trainer.model.named_parameters():
        if "lora_B" in name:  # zero in a fresh adapter, and with it the gradient of each lora_A
            weight.data.normal_(std=0.1)
    return building.loss_and_gradients(trainer, [trainer.heaviest_batch()])


if __name__ == "__main__":
    main()
