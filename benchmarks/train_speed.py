"""Time our trainers against TRL's own on the same rows, batch and seed, and compare their losses step by step.

    OMP_WAIT_POLICY=passive python -m benchmarks.train_speed

Stock is TRL as its documentation has it: PEFT adapter, default trainer, default loss. Three settings differ from its
defaults: float32 instead of bfloat16 and no gradient checkpointing, both in its favour on a CPU, and rows in file order,
because both have to see the same ones. TRL switches dropout off by itself for ORPO and DPO, but not for SFT.
"""

import argparse
import gc
import logging
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
import trl
from datasets import Dataset
from peft import get_peft_model
from transformers import PrinterCallback, Trainer, TrainerCallback, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from workflow_scripts.lib import jsonl, logs, model_loading, runtime
from workflow_scripts.lib.chat_template import render_prompt, with_system_prompt
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.training import Align, Model, Sft
from workflow_scripts.lib.training import arguments
from workflow_scripts.lib.training.collate import PairCollator, SftCollator
from workflow_scripts.lib.training.preference_trainer import PreferenceTrainer
from workflow_scripts.lib.training.reference import add_reference
from workflow_scripts.lib.training.rows import encode_pairs, encode_sft_rows
from workflow_scripts.lib.training.sft_trainer import SftTrainer

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
TOLERANCE = 1e-4  # relative; float32 sums in another order differ by less
STOCK_DROPOUT = 0.05  # the lora_dropout of TRL's ModelConfig and of its example scripts
STEADY = {"scheduler": "constant", "warmup_steps": 0, "warmup_ratio": None, "epochs": None}
BETA = 0.1  # TRL's default for DPO and ORPO


@dataclass(frozen=True)
class Setting:
    """What all contenders have in common."""

    base: Path
    model: Model
    sft: Sft
    align: Align
    tokenizer: Any
    folder: Path
    seed: int
    steps: int

    def policy(self, dropout: float) -> Any:
        """Return the base with a fresh adapter, the same weights at every call."""
        set_seed(self.seed)
        base = model_loading.load_model(self.base, self.model, trainable=True)
        return get_peft_model(base, arguments.lora_config(self.sft.lora.model_copy(update={"dropout": dropout})))

    def stock_arguments(self, training: Sft | Align) -> dict[str, Any]:
        return {
            "output_dir": str(self.folder),
            "max_steps": self.steps,
            "learning_rate": training.learning_rate,
            "per_device_train_batch_size": training.micro_batch_size,
            "lr_scheduler_type": training.scheduler,
            "seed": self.seed,
            "train_sampling_strategy": "sequential",
            "bf16": False,
            "gradient_checkpointing": False,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "dataloader_pin_memory": torch.cuda.is_available(),
        }

    def our_arguments(self, training: Sft | Align) -> Any:
        make, section = (
            (arguments.sft_arguments, "sft") if isinstance(training, Sft) else (arguments.align_arguments, "align")
        )
        return make(
            training,
            self.model,
            section=section,
            folder=self.folder,
            seed=self.seed,
            steps=self.steps,
            num_processes=1,
            in_file_order=True,
            execution={"logging_steps": 1, "save_steps": 10**6},
        )


@dataclass
class Run:
    """One training run: seconds and loss of each step, and seconds spent once before the first step."""

    seconds: list[float]
    losses: list[float]
    once: float = 0.0


@dataclass
class Contender:
    """A trainer to be timed; ``build`` returns it with the seconds that its own preparation took."""

    name: str
    build: Callable[[], tuple[Trainer, float]]
    has_dropout: bool = False  # its losses are then those of another function
    runs: list[Run] = field(default_factory=list)

    def seconds_per_step(self) -> float:
        """Return the mean over steps of the least time any run took for the step; the first step warms up."""
        best = [min(times) for times in zip(*(run.seconds for run in self.runs), strict=True)]
        return sum(best[1:]) / len(best[1:])


class StepClock(TrainerCallback):
    """Note the time of each step, fetching of its batch included."""

    def __init__(self) -> None:
        self.stamps: list[float] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.stamps = [time.perf_counter()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.stamps.append(time.perf_counter())

    def seconds(self) -> list[float]:
        return [after - before for before, after in zip(self.stamps, self.stamps[1:], strict=False)]


def run_once(contender: Contender) -> Run:
    trainer, once = contender.build()
    trainer.remove_callback(PrinterCallback)
    clock = StepClock()
    trainer.add_callback(clock)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return Run(clock.seconds(), losses, once)


def sft_contenders(setting: Setting, rows: list[dict]) -> list[Contender]:
    encoded, _ = encode_sft_rows(setting.tokenizer, rows, setting.sft, setting.model.system_prompt)
    encoded = encoded[: setting.steps * setting.sft.global_batch_size]

    def stock(dropout: float) -> tuple[Trainer, float]:
        trainer = SFTTrainer(
            model=setting.policy(dropout),
            args=SFTConfig(**setting.stock_arguments(setting.sft), dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=Dataset.from_list(encoded).select_columns(["input_ids", "labels"]),
            processing_class=setting.tokenizer,
        )
        return trainer, 0.0

    def ours() -> tuple[Trainer, float]:
        trainer = SftTrainer(
            model=setting.policy(setting.sft.lora.dropout),
            args=setting.our_arguments(setting.sft),
            train_dataset=Dataset.from_list(encoded),
            processing_class=setting.tokenizer,
            data_collator=SftCollator(setting.tokenizer.pad_token_id),
        )
        return trainer, 0.0

    return [
        Contender(f"stock TRL, dropout {STOCK_DROPOUT}", partial(stock, STOCK_DROPOUT), has_dropout=True),
        Contender("stock TRL, dropout 0", partial(stock, 0.0)),
        Contender("ours", ours),
    ]


def pair_contenders(method: str, setting: Setting, rows: list[dict]) -> list[Contender]:
    """Return stock and ours; the prompt is part of ORPO's likelihood term, as in TRL, so that losses can be equal."""
    align = setting.align.model_copy(update={"method": method, "prompt_loss": method == "orpo"})
    rows = rows[: setting.steps * align.global_batch_size]
    encoded, ledger = encode_pairs(setting.tokenizer, rows, align, setting.model.system_prompt)
    if ledger.lost:
        raise ValueError(f"rows that cannot be encoded: {ledger.counts()}")
    texts = [_as_text(setting.tokenizer, row, setting.model.system_prompt) for row in rows]
    collator = PairCollator(setting.tokenizer.pad_token_id)

    def stock() -> tuple[Trainer, float]:
        trainer_class, config_class = (ORPOTrainer, ORPOConfig) if method == "orpo" else (DPOTrainer, DPOConfig)
        trainer = trainer_class(
            model=setting.policy(STOCK_DROPOUT),
            args=config_class(**setting.stock_arguments(align), beta=align.beta),
            train_dataset=Dataset.from_list(texts),
            processing_class=setting.tokenizer,
        )
        if [_stock_ids(method, row) for row in trainer.train_dataset] != encoded:
            raise ValueError("stock TRL encodes the pairs differently: the trainers would not see the same rows")
        return trainer, 0.0

    def ours() -> tuple[Trainer, float]:
        policy = setting.policy(setting.sft.lora.dropout)
        started = time.perf_counter()
        prepared = add_reference(policy, encoded, collator, align.micro_batch_size) if method == "dpo" else encoded
        once = time.perf_counter() - started
        trainer = PreferenceTrainer(
            model=policy.train(),
            align=align,
            args=setting.our_arguments(align),
            train_dataset=Dataset.from_list(prepared),
            processing_class=setting.tokenizer,
            data_collator=collator,
        )
        return trainer, once

    return [Contender("stock TRL", stock), Contender("ours", ours)]


def _as_text(tokenizer: Any, row: dict, system_prompt: str | None) -> dict[str, str]:
    """Return the pair as text; stock TRL appends the end-of-turn token itself."""
    sides = {side: row[side][0]["content"] for side in ("chosen", "rejected")}
    return {"prompt": render_prompt(tokenizer, with_system_prompt(row["prompt"], system_prompt)), **sides}


def _stock_ids(method: str, row: dict) -> dict[str, list[int]]:
    if method == "dpo":
        return {"prefix": row["prompt_ids"], "chosen": row["chosen_ids"], "rejected": row["rejected_ids"]}
    prefix = row["prompt_input_ids"]
    return {"prefix": prefix} | {side: row[f"{side}_input_ids"][len(prefix) :] for side in ("chosen", "rejected")}


def largest_difference(expected: Contender, found: Contender) -> float:
    """Return the largest relative difference of the losses of any step of any run."""
    pairs = [
        (left, right)
        for one, other in zip(expected.runs, found.runs, strict=True)
        for left, right in zip(one.losses, other.losses, strict=True)
    ]
    return max(abs(left - right) / abs(left) for left, right in pairs)


def report(method: str, contenders: list[Contender]) -> float:
    """Print the rows of a method's table and return the largest difference of losses that should be equal."""
    *stocks, ours = contenders
    own, worst = ours.seconds_per_step(), 0.0
    once = min(run.once / len(run.losses) for run in ours.runs)
    for stock in stocks:
        difference = "not comparable"
        if not stock.has_dropout:
            worst = max(worst, largest_difference(stock, ours))
            difference = f"{largest_difference(stock, ours):.1e}"
        seconds = stock.seconds_per_step()
        print(f"| {method} | {stock.name} | {seconds:.2f} | {seconds / own:.2f} | {difference} |")
    print(f"| {method} | ours | {own:.2f} | 1 | |")
    if once:  # the pairs of a step need it once, however many epochs follow
        slowest = max(stock.seconds_per_step() for stock in stocks)
        print(f"| {method} | ours, first epoch | {own + once:.2f} | {slowest / (own + once):.2f} | |")
    for contender in contenders:
        log.info(
            "%s, losses of %s: %s", method, contender.name, " ".join(f"{x:.6f}" for x in contender.runs[-1].losses)
        )
    return worst


def measure(contenders: list[Contender], rounds: int) -> None:
    """Run all contenders in turn, again and again, so that a busy minute of the machine hits none of them alone."""
    for number in range(rounds):
        for contender in contenders:
            contender.runs.append(run_once(contender))
            gc.collect()
            seconds = " ".join(f"{value:.2f}" for value in contender.runs[-1].seconds)
            log.info("round %d of %d, %s: %s s", number + 1, rounds, contender.name, seconds)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=Path("results/models/base"), help="folder of the base model")
    parser.add_argument("--sft-rows", type=Path, default=Path("results/data/sft/train.jsonl"))
    parser.add_argument("--pairs", type=Path, default=Path("results/data/preference/train.jsonl"))
    parser.add_argument("--methods", nargs="+", default=["sft", "orpo", "dpo"], choices=["sft", "orpo", "dpo"])
    parser.add_argument("--batch-size", type=int, default=8, help="rows a step, in one micro batch")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a run, after one to warm up")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each trainer; the least time of a step counts")
    args = parser.parse_args(argv)
    threads = runtime.use_threads()
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()

    config = layers.load(REPOSITORY, [], {}).config
    batch = {"global_batch_size": args.batch_size, "micro_batch_size": args.batch_size}
    seen_by_model = Model.model_validate(config.model.model_dump(exclude={"license"}))
    print(
        f"TRL {trl.__version__}, transformers {transformers.__version__}, torch {torch.__version__}, "
        f"Python {platform.python_version()}, {model_loading.device()}, {threads} threads\n"
        f"{args.steps} steps after one to warm up, {args.rounds} rounds in turn, the least time of each step; "
        f"{args.batch_size} rows a step, LoRA r={config.sft.lora.r}, {seen_by_model.dtype}\n\n"
        "| method | trainer | s/step | times ours | largest relative difference of losses |\n"
        "| --- | --- | --- | --- | --- |",
        flush=True,
    )
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(
            base=args.base,
            model=seen_by_model,
            sft=config.sft.model_copy(update=STEADY | batch),
            align=config.align.model_copy(update=STEADY | batch | {"beta": BETA, "length_penalty": 0.0}),
            tokenizer=model_loading.load_tokenizer(args.base),
            folder=Path(folder),
            seed=config.seed,
            steps=args.steps + 1,
        )
        for method in args.methods:
            if method == "sft":
                contenders = sft_contenders(setting, list(jsonl.read_rows(args.sft_rows)))
            else:
                contenders = pair_contenders(method, setting, list(jsonl.read_rows(args.pairs)))
            measure(contenders, args.rounds)
            worst = max(worst, report(method, contenders))
    if worst > TOLERANCE:
        raise ValueError(f"losses differ by {worst:.1e}: the trainers do not compute the same thing")


if __name__ == "__main__":
    main()
