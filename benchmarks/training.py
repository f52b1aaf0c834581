"""Time our trainers against TRL's own on the same rows, batch and seed, and compare their losses step by step.

    GOMP_SPINCOUNT=30000 python -m benchmarks.training

Stock is TRL as its documentation has it: PEFT adapter, default trainer, default loss. Three settings differ from its
defaults: float32, without which losses could not be compared to 1e-4; no gradient checkpointing, which would slow it
down; and rows in file order, because both have to see the same ones. TRL switches dropout off by itself for ORPO and
DPO, but not for SFT.
On a machine that does other work too, trust the main thread's time more than the clock (benchmarks/timing.py).
"""

import argparse
import gc
import logging
import tempfile
from pathlib import Path

import datasets
import torch
import transformers
import trl

from benchmarks.contenders import Setting, pair_contenders, sft_contenders
from benchmarks.timing import Contender, Times, least, run_once
from workflow_scripts.lib import jsonl, logs, model_loading, runtime
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.training import Model

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
METHODS = ("sft", "orpo", "dpo")
TOLERANCE = 1e-4  # relative; float32 sums in another order differ by less
BETA = 0.1  # TRL's default for ORPO and DPO
STEADY = {"scheduler": "constant", "warmup_steps": 0, "warmup_ratio": None, "epochs": None}


def measure(contenders: list[Contender], rounds: int) -> None:
    """Run all contenders in turn, again and again, so that a busy minute of the machine hits none of them alone."""
    for number in range(rounds):
        for contender in contenders:
            contender.runs.append(run_once(contender))
            gc.collect()
            run = contender.runs[-1]
            times = " ".join(f"{clock:.2f} ({thread:.2f})" for clock, thread in run.seconds)
            losses = " ".join(f"{loss:.6f}" for loss in run.losses)
            log.info("round %d of %d, %s: %s s; losses %s", number + 1, rounds, contender.name, times, losses)


def report(method: str, contenders: list[Contender]) -> float:
    """Print the rows of a method's table and return the largest difference of losses that should be equal."""
    ours, *others = contenders
    own, differences = ours.seconds_per_step(), [0.0]
    _print_row(method, ours.name, own, own, "")
    for other in others:
        difference = ""
        if other.same_loss:
            differences.append(other.largest_difference(ours))
            difference = f"{differences[-1]:.1e}"
        _print_row(method, other.name, other.seconds_per_step(), own, difference)
        if method == "dpo":
            # A pair's reference is computed once, however many epochs follow: in the first one it counts in full.
            once = least(run.once for run in ours.runs)
            first = own[0] + once[0], own[1] + once[1]
            _print_row(method, "ours with its reference, first epoch", first, first, "")
            _print_row(method, f"{other.name}, against that", other.seconds_per_step(), first, "")
    return max(differences)


def _print_row(method: str, name: str, times: Times, own: Times, difference: str) -> None:
    figures = " | ".join(f"{seconds:.2f} | {seconds / base:.2f}" for seconds, base in zip(times, own, strict=True))
    print(f"| {method} | {name} | {figures} | {difference} |", flush=True)


def main(argv: list[str] | None = None) -> None:
    logs.start()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=Path("results/models/base"), help="folder of the base model")
    parser.add_argument("--sft-rows", type=Path, default=Path("results/data/sft/train.jsonl"))
    parser.add_argument("--pairs", type=Path, default=Path("results/data/preference/train.jsonl"))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
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
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(
            base=args.base,
            model=Model.model_validate(config.model.model_dump(exclude={"license", "fallbacks"})),
            sft=config.sft.model_copy(update=STEADY | batch),
            align=config.align.model_copy(update=STEADY | batch | {"beta": BETA, "length_penalty": 0.0}),
            tokenizer=model_loading.load_tokenizer(args.base),
            folder=Path(folder),
            seed=config.seed,
            steps=args.steps + 1,
        )
        print(
            f"TRL {trl.__version__}, transformers {transformers.__version__}, torch {torch.__version__}, "
            f"{model_loading.device()}, {threads} threads, {setting.model.dtype}; {args.batch_size} rows a step, "
            f"LoRA r={config.sft.lora.r}\n{args.steps} steps after one to warm up; {args.rounds} rounds, trainers in "
            "turn, least time of each step\n\n"
            "| method | trainer | s/step | ours = 1 | main thread s/step | ours = 1 | largest difference of losses |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
            flush=True,
        )
        for method in args.methods:
            rows = list(jsonl.read_rows(args.sft_rows if method == "sft" else args.pairs))
            contenders = sft_contenders(setting, rows) if method == "sft" else pair_contenders(method, setting, rows)
            measure(contenders, args.rounds)
            worst = max(worst, report(method, contenders))
    if worst > TOLERANCE:
        raise ValueError(f"losses differ by {worst:.1e}: the trainers do not compute the same thing")


if __name__ == "__main__":
    main()
