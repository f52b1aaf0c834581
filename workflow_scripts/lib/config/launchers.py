"""What accelerate's settings can and cannot do with the rest of the config."""

from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.errors import UserError

_MULTI = "config/accelerate/multi.yaml"
_LAUNCHER = "execution.launcher"
# What tests have shown to learn, and to go on after an interruption, with weights of which each process has a part.
_SHARED_OPTIMIZERS = ("adamw_torch", "adamw_torch_fused")


def check_launcher(config: Config, repository: Path) -> None:
    """Stop before a job starts that would run on one process, without a word, or die of a setting.

    Raises:
        UserError: Naming the keys concerned and what to change.
    """
    launcher, num_processes = config.execution.launcher, config.execution.num_processes
    settings = yaml.safe_load((repository / launcher).read_text(encoding="utf-8")) or {}
    kind = settings.get("distributed_type", "NO")
    if num_processes > 1 and kind == "NO":
        raise UserError(
            f"num_processes is {num_processes}, and {launcher} is for one process",
            f"execution.num_processes, {_LAUNCHER}",
            f"set launcher to {_MULTI}, or num_processes to 1",
        )
    if kind == "FSDP":
        _check_fsdp(config, settings.get("fsdp_config") or {})


def _check_fsdp(config: Config, settings: dict[str, Any]) -> None:
    launcher, quantization = config.execution.launcher, config.model.quantization
    if config.execution.num_processes == 1:
        what = f"{launcher} shares a model out among processes, and num_processes is 1"
        raise UserError(
            what, f"execution.num_processes, {_LAUNCHER}", "raise num_processes, or choose another launcher"
        )
    for key, wanted in (("fsdp_version", 2), ("fsdp_state_dict_type", "FULL_STATE_DICT")):
        if settings.get(key) != wanted:
            what = f"{key} is {settings.get(key)}; training is written for {wanted}"
            raise UserError(what, launcher, f"set fsdp_config.{key} to {wanted}, as config/accelerate/fsdp2.yaml does")
    if quantization != "none":
        raise UserError(
            f"{launcher} shares out weights in full precision, and quantization is {quantization}",
            f"model.quantization, {_LAUNCHER}",
            f"set quantization to none, or launcher to {_MULTI}: then each device holds the quantized model",
        )
    if config.model.dtype == "float16":
        what = f"{launcher} was not made for float16, whose losses have to be scaled"
        raise UserError(what, f"model.dtype, {_LAUNCHER}", f"set dtype to bfloat16, or launcher to {_MULTI}")
    stages = {"sft": config.sft} | ({"align": config.align} if config.align.method != "none" else {})
    for section, training in stages.items():
        if training.optimizer not in _SHARED_OPTIMIZERS:
            raise UserError(
                f"{training.optimizer} does not work on weights that are shared out by {launcher}",
                f"{section}.optimizer, {_LAUNCHER}",
                f"set optimizer to {_SHARED_OPTIMIZERS[0]}, or launcher to {_MULTI}",
            )
