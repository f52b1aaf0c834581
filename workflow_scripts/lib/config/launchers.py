"""What accelerate's settings can and cannot do with the rest of the config."""

from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.errors import UserError

_MULTI = "config/accelerate/multi.yaml"
_LAUNCHER = "execution.launcher"
# What training is written for, and was seen to work with.
FSDP = {"fsdp_version": 2, "fsdp_state_dict_type": "FULL_STATE_DICT"}
DEEPSPEED = {"zero_stage": 2, "gradient_accumulation_steps": 1}
# What tests have shown to learn, and to go on after an interruption, with weights of which each process has a part.
_OPTIMIZER = "adamw_torch"


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
        _check_parts(config, settings.get("fsdp_config") or {}, "fsdp2", FSDP)
    if kind == "DEEPSPEED":
        _check_parts(config, settings.get("deepspeed_config") or {}, "deepspeed", DEEPSPEED)
        _check_installed("deepspeed", launcher)


def _check_installed(package: str, launcher: str) -> None:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        what = f"{launcher} needs {package}, which is not installed"
        raise UserError(what, _LAUNCHER, f"pip install {package}, or set launcher to {_MULTI}") from None


def _check_parts(config: Config, settings: dict[str, Any], name: str, wanted: dict[str, Any]) -> None:
    launcher, quantization = config.execution.launcher, config.model.quantization
    if config.execution.num_processes == 1:
        raise UserError(
            f"{launcher} shares work out among processes, and num_processes is 1",
            f"execution.num_processes, {_LAUNCHER}",
            "raise num_processes, or choose another launcher",
        )
    for key, value in wanted.items():
        if settings.get(key) != value:
            what = f"{key} is {settings.get(key)}; training is written for {value}"
            raise UserError(what, launcher, f"set it to {value}, as config/accelerate/{name}.yaml does")
    if quantization != "none":
        raise UserError(
            f"{launcher} is for weights in full precision, and quantization is {quantization}",
            f"model.quantization, {_LAUNCHER}",
            f"set quantization to none, or launcher to {_MULTI}: then each device holds the quantized model",
        )
    if config.model.dtype == "float16":
        what = f"{launcher} was not made for float16, whose losses have to be scaled"
        raise UserError(what, f"model.dtype, {_LAUNCHER}", f"set dtype to bfloat16, or launcher to {_MULTI}")
    stages = {"sft": config.sft} | ({"align": config.align} if config.align.method != "none" else {})
    for section, training in stages.items():
        if training.optimizer != _OPTIMIZER:
            raise UserError(
                f"{training.optimizer} was not made for parts of weights, as {launcher} has them",
                f"{section}.optimizer, {_LAUNCHER}",
                f"set optimizer to {_OPTIMIZER}, or launcher to {_MULTI}",
            )
        if training.activation_offloading and name == "fsdp2":  # gathered weights look like any other tensor
            raise UserError(
                f"activation_offloading would copy the weights, too, of a model in parts: {launcher}",
                f"{section}.activation_offloading, {_LAUNCHER}",
                f"set activation_offloading to false, or launcher to {_MULTI}",
            )
