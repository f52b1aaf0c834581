"""Time training on a GPU with random weights in the exact shape of a 7B model: speed, use of the card, peak memory.

    python -m benchmarks.training_gpu --peak-tflops 989

Random weights compute as fast as trained ones and need no download. Rows of 200 to 900 random tokens are packed into
sequences of 2048, each isolated from the others; pairs share their prompt. Stock TRL packs the same rows its own way
(bfd). Tokens are those of rows, never padding.

Model FLOPs of a token, of which the use of the card (MFU) is a share: 2 for each weight forward and 2 backward, as
frozen weights need no gradients of their own, and attention's 8 * layers * hidden size * half of the row's tokens;
what is computed a second time to spare memory does not count.
"""

import argparse
import gc
import logging
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Trainer, set_seed
from trl import SFTConfig, SFTTrainer

from benchmarks.timing import StepClock
from workflow_scripts.lib import logs, model_loading
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.training import Align, Model, Sft
from workflow_scripts.lib.training import arguments, liger
from workflow_scripts.lib.training.collate import PairCollator, make_sft_collator
from workflow_scripts.lib.training.orders import FileOrder
from workflow_scripts.lib.training.preference_trainer import PreferenceTrainer
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import IGNORED
from workflow_scripts.lib.training.sft_trainer import SftTrainer

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
LENGTH, SEED = 2048, 7
SHAPES = {
    "qwen2.5-7b": {
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    },
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}
QUANTIZATIONS = {"LoRA bf16": "none", "QLoRA nf4": "nf4"}


def make_base(shape: str, folder: Path) -> tuple[Path, PreTrainedTokenizerFast]:
    """Save a model of random weights in bfloat16; its tokenizer has a name for each id and is never used on text."""
    size = SHAPES[shape]["vocab_size"]
    names = {f"<{number}>": number for number in range(size)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(names, unk_token="<2>")), eos_token="<0>", pad_token="<1>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(SEED)
    config = Qwen2Config(**SHAPES[shape], max_position_embeddings=4 * LENGTH, tie_word_embeddings=False)
    with model_loading.device():
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    del model
    gc.collect()
    torch.cuda.empty_cache()
    return folder, tokenizer


def make_rows(vocabulary: int, sequences: int) -> list[dict[str, Any]]:
    """Return rows that fill about so many sequences; the first third of each is a prompt."""
    draws, rows, left = random.Random(SEED), [], sequences * LENGTH
    while left > 0:
        ids = [draws.randrange(3, vocabulary) for _ in range(draws.randrange(200, 900))]
        labels = [IGNORED] * (len(ids) // 3) + ids[len(ids) // 3 :]
        rows.append({"id": str(len(rows)), "lang": "zh", "input_ids": ids, "labels": labels, "weight": 1.0})
        left -= len(ids)
    return rows


def make_pairs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return pairs of a row and another reply as long as its own."""
    pairs = []
    for row, other in zip(rows, reversed(rows), strict=True):
        prompt = len(row["input_ids"]) // 3
        reply = row["input_ids"][prompt:]
        rejected = (other["input_ids"] * 5)[: len(reply)]
        pairs.append({"id": row["id"], "lang": "zh", "prefix": row["input_ids"][:prompt], "chosen": reply})
        pairs[-1]["rejected"] = rejected
    return pairs


def model_flops(model: Any, lengths: list[int]) -> float:
    """Return the floating-point operations of one pass over rows of these lengths, forward and backward."""
    config = model.config
    weights = sum(
        module.in_features * module.out_features
        for name, module in model.named_modules()
        if hasattr(module, "in_features") and "lora_" not in name and "base_layer" not in name.rsplit(".", 1)[-1:]
    )
    attention = 8 * config.num_hidden_layers * config.hidden_size * sum(length * length / 2 for length in lengths)
    return 4 * weights * sum(lengths) + attention


def measure(name: str, build: Callable[[], Trainer], lengths: list[int], peak_tflops: float | None) -> None:
    """Train and print a row: seconds a step (the first warms up), tokens/s, MFU, peak memory, last loss."""
    gc.collect()
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    trainer = build()
    clock = StepClock()
    trainer.add_callback(clock)
    trainer.train()
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    if not all(entry["grad_norm"] > 0 for entry in history):
        raise RuntimeError(f"{name}: a step had no gradient")
    steps = len(clock.stamps) - 2
    seconds = (clock.stamps[-1][0] - clock.stamps[1][0]) / steps
    per_step = sum(lengths) / trainer.args.max_steps
    flops = model_flops(trainer.accelerator.unwrap_model(trainer.model), lengths) / trainer.args.max_steps
    used = f"{flops / seconds / peak_tflops / 1e12:.1%}" if peak_tflops else "?"
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if on_gpu else "?"
    loss = history[-1]["loss"]
    print(f"| {name} | {seconds:.2f} | {per_step / seconds:.0f} | {used} | {memory} | {loss:.3f} |", flush=True)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="qwen2.5-7b")
    parser.add_argument("--peak-tflops", type=float, help="dense bfloat16 of the card, for MFU: 989 for an H100 SXM")
    parser.add_argument("--steps", type=int, default=6, help="optimizer steps, the first one to warm up")
    parser.add_argument("--sequences", type=int, default=8, help="of 2048 tokens, an optimizer step")
    parser.add_argument("--micro-batch-size", type=int, default=1, help="sequences a forward pass")
    parser.add_argument("--attention", choices=("sdpa", "flash_attention_2"), default="sdpa")
    parser.add_argument("--activation-offloading", action="store_true", help="ours with it")
    parser.add_argument("--liger-kernel", action="store_true", help="ours with it, and stock with its RoPE")
    args = parser.parse_args(argv)
    config = layers.load(REPOSITORY, [], {"recipe": "k12", "hardware": "rtx4090"}).config
    rows = make_rows(SHAPES[args.shape]["vocab_size"], args.steps * args.sequences)
    batch = len(rows) // args.steps
    rows = rows[: batch * args.steps]
    pairs = make_pairs(rows)
    dtype = "bfloat16" if torch.cuda.is_available() else "float32"
    steady = {"scheduler": "constant", "warmup_steps": 0, "warmup_ratio": None}
    steady |= {"global_batch_size": batch, "micro_batch_size": args.micro_batch_size, "max_length": LENGTH}
    steady |= {"gradient_checkpointing": True, "activation_offloading": args.activation_offloading}
    steady |= {"liger_kernel": args.liger_kernel, "max_steps": args.steps, "epochs": None}
    lora = config.sft.lora.model_copy(update={"dropout": 0.0})
    sft = Sft.model_validate(config.sft.model_dump() | steady | {"packing": True, "lora": lora.model_dump()})
    align = Align.model_validate(config.align.model_dump() | steady)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    print(f"{name}, torch {torch.__version__}, {args.shape}, {args.attention}, {dtype}, {batch} rows a step")
    print("| trainer | s/step | tokens/s | MFU | peak GiB | last loss |\n| --- | ---: | ---: | ---: | ---: | ---: |")

    with tempfile.TemporaryDirectory() as temporary:
        started = time.monotonic()
        base, tokenizer = make_base(args.shape, Path(temporary) / "base")
        log.info("made the base in %.0f s", time.monotonic() - started)
        how = {"folder": Path(temporary), "seed": SEED, "steps": args.steps}
        how["execution"] = {"logging_steps": 1, "save_steps": 10**6}
        order = FileOrder(len(rows), batch)
        lengths = [len(row["input_ids"]) for row in rows]
        shared = {"processing_class": tokenizer, "order": order}

        for kind, quantization in QUANTIZATIONS.items():
            if quantization != "none" and not torch.cuda.is_available():
                continue
            changes = {"dtype": dtype, "quantization": quantization, "attention": args.attention}
            model = Model.model_validate(config.model.model_dump(exclude={"license", "fallbacks"}) | changes)

            def policy(model: Model = model, *, liger_kernel: bool = False) -> Any:
                set_seed(SEED)
                loaded = model_loading.load_model(base, model, trainable=True)
                if liger_kernel:
                    liger.apply(loaded, "sft", model_loading.device())
                return get_peft_model(loaded, arguments.lora_config(lora))

            def ours(model: Model = model, policy: Callable[[], Any] = policy) -> Trainer:
                return SftTrainer(
                    model=policy(liger_kernel=sft.liger_kernel),
                    args=arguments.sft_arguments(sft, model, **how),
                    train_dataset=Dataset.from_list(rows),
                    data_collator=make_sft_collator(tokenizer.pad_token_id, sft, model),
                    bin_tokens=LENGTH,
                    neftune_noise_alpha=None,
                    offloading=sft.activation_offloading,
                    **shared,
                )

            def stock(policy: Callable[[], Any] = policy) -> Trainer:
                given = SFTConfig(
                    output_dir=temporary,
                    max_steps=args.steps,
                    per_device_train_batch_size=args.micro_batch_size,
                    gradient_accumulation_steps=max(1, args.sequences // args.micro_batch_size),
                    packing=True,
                    max_length=LENGTH,
                    bf16=torch.cuda.is_available(),
                    gradient_checkpointing=True,
                    logging_steps=1,
                    save_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                )
                part = Dataset.from_list(rows).select_columns(["input_ids", "labels"])
                return SFTTrainer(model=policy(), args=given, train_dataset=part, processing_class=tokenizer)

            def aligned(method: str, model: Model = model, policy: Callable[[], Any] = policy) -> Trainer:
                chosen = align.model_copy(update={"method": method})
                collator, made = PairCollator(tokenizer.pad_token_id), policy(liger_kernel=chosen.liger_kernel)
                encoded = pairs
                if method == "dpo":
                    encoded = add_reference(made, pairs, collator, align.micro_batch_size)
                return PreferenceTrainer(
                    model=made.train(),
                    align=chosen,
                    args=arguments.align_arguments(chosen, model, **how),
                    train_dataset=Dataset.from_list(encoded),
                    data_collator=collator,
                    offloading=chosen.activation_offloading,
                    **shared,
                )

            both = [len(pair["prefix"]) + len(pair["chosen"]) + len(pair["rejected"]) for pair in pairs]
            measure(f"{kind}, SFT, ours", ours, lengths, args.peak_tflops)
            measure(f"{kind}, SFT, stock TRL", stock, lengths, args.peak_tflops)
            for method in ("orpo", "dpo"):
                measure(f"{kind}, {method}, ours", lambda method=method: aligned(method), both, args.peak_tflops)


if __name__ == "__main__":
    main()
