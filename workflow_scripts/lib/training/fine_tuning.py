"""One run of supervised fine-tuning: from rows and a base model to an adapter."""

import json
from pathlib import Path
from types import ModuleType

from datasets import Dataset
from transformers import set_seed

from workflow_scripts.lib import jsonl, model_loading, processes
from workflow_scripts.lib.config.training import Model, Sft
from workflow_scripts.lib.execution import execution
from workflow_scripts.lib.training import arguments, checkpoints, gates, orders, sharding, trackers
from workflow_scripts.lib.training.collate import make_sft_collator
from workflow_scripts.lib.training.rows import encode_sft_rows
from workflow_scripts.lib.training.run import Stopwatch, ledger_figures, run, save_adapter
from workflow_scripts.lib.training.watching import WatchedReplies


def fine_tune(
    backend: ModuleType,
    config: str,
    code: str,
    *,
    train: Path,
    validation: Path,
    base: Path,
    checkpoints_folder: Path,
    tracking: Path,
    output: Path,
) -> None:
    """Train, and leave adapter, tokenizer, metrics and timing in ``output``.

    Args:
        backend: A module of ``backends/``.
        config: JSON of seed, model, sft and curriculum.
        code: Digest of the rule's code, part of the checkpoints' identity.
        train: Dialogues to learn, JSON Lines.
        validation: Dialogues to choose the adapter by, JSON Lines.
        base: Folder of the base model.
        checkpoints_folder: Folder to resume from.
        tracking: Folder for what trackers write.
        output: Folder of the adapter.
    """
    processes.join()
    report_to = trackers.use(execution().get("report_to", []), tracking)
    values = json.loads(config)
    sft, model_config = Sft.model_validate(values["sft"]), Model.model_validate(values["model"])
    seed = values["seed"] if sft.seed is None else sft.seed

    tokenizer = model_loading.load_tokenizer(base)
    (rows, ledger), (held_out, held_out_ledger) = (
        encode_sft_rows(tokenizer, jsonl.read_rows(path), sft, model_config.system_prompt)
        for path in (train, validation)
    )
    ledger.check("sft", sft.max_lost_ratio)
    held_out_ledger.check_validation("sft", wanted=sft.evaluations != 0)

    run_id = checkpoints.identity(config, code, [train, validation], [model_loading.base_digest(base)])
    with (
        checkpoints.reserved(checkpoints_folder, run_id) as folder,
        gates.out_of_memory_explained("sft", sft, model_config),
    ):
        set_seed(seed)
        order = orders.make_order(sft, "sft", rows, seed, values["curriculum"])
        trainer = backend.make_trainer(
            base,
            model_config,
            sft,
            {
                "folder": folder,
                "seed": seed,
                "steps": arguments.num_steps(sft, order.rows_per_epoch),
                "execution": execution() | {"report_to": report_to},
            },
            train_dataset=Dataset.from_list(rows),
            eval_dataset=Dataset.from_list(held_out),
            processing_class=tokenizer,
            data_collator=make_sft_collator(tokenizer.pad_token_id, sft, model_config),
            order=order,
            patience=sft.early_stopping,
            offloading=sft.activation_offloading,
            watch=WatchedReplies(
                tokenizer, jsonl.read_rows(validation), sft.watched_replies, model_config.system_prompt
            ),
            bin_tokens=sft.max_length if sft.packing else None,
            neftune_noise_alpha=sft.neftune_noise_alpha,
        )
        stopwatch = Stopwatch()
        figures = run(trainer, folder, sft.evaluations, sft.evaluation_steps)
        metrics = {**ledger_figures(ledger, held_out_ledger, order), **figures}
        weights = sharding.trained_weights(trainer.model)
        if trainer.is_world_process_zero():
            save_adapter(trainer.model, weights, tokenizer, output, model_config.base)
            jsonl.write_json(output / "metrics.json", metrics)
            jsonl.write_json(output / "timing.json", stopwatch.figures(metrics, trainer))
