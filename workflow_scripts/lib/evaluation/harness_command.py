"""The stock ``lm-eval`` command that gives the same figure as a result of ours."""

import os
import shlex
from pathlib import Path

from workflow_scripts.lib.evaluation.harness import HarnessConfig, Task

UNQUANTIZED = "on the base as it is; the figure was measured on it in {}, expect a small difference"
TOGETHER = "the figure is the mean over the documents of these tasks"


def command(
    task: Task, members: list[str], base: Path, adapter: Path | None, task_folder: Path, config: HarnessConfig
) -> str:
    """Return the command, to be run in the same folder.

    Args:
        members: Names that the harness is to run: the task, or those of a group that were chosen.
        base: Folder of the base model.
        adapter: Folder of the stage's adapter, if it has one.
        task_folder: Where the local tasks' files are.
    """
    model, folder = config.model, task.data or Path()
    places = [("pretrained", base), ("peft", adapter)]
    named = {name: os.path.relpath(place, folder) for name, place in places if place}
    arguments = [f"pretrained={named['pretrained']}", f"dtype={model.dtype}", f"attn_implementation={model.attention}"]
    arguments += [f"peft={named['peft']}"] if adapter else []
    words = ["lm-eval", "run", "--model", "hf", "--model_args", ",".join(arguments), "--tasks", ",".join(members)]
    words += ["--include_path", str(task_folder)] if task.local is not None else []
    words += ["--batch_size", str(config.eval.batch_size), "--apply_chat_template"]
    words += ["--system_instruction", model.system_prompt] if model.system_prompt else []
    words += ["--limit", str(task.limit)] if task.limit is not None else []
    words += ["--num_fewshot", str(task.num_fewshot)] if task.num_fewshot is not None else []
    remarks = [TOGETHER] if members != [task.name] else []
    # transformers 5 takes no load_in_4bit any more, and lm-eval 0.4.13 has no other way to say it
    remarks += [UNQUANTIZED.format(model.quantization)] if model.quantization != "none" else []
    start = f"cd {shlex.quote(str(folder))} && " if task.data is not None else ""
    return f"{start}{shlex.join(words)}" + (f"  # {'; '.join(remarks)}" if remarks else "")
