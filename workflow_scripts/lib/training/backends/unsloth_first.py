"""unsloth, imported before all that it patches, once it is clear that it can work here."""

import os
import tempfile

import torch

from workflow_scripts.lib.errors import UserError

if not torch.cuda.is_available():  # unsloth would put a trainer of its own for CPUs in place of transformers'
    raise UserError(
        "unsloth is for NVIDIA GPUs, and PyTorch finds none here",
        "sft.backend",
        "set it to transformers, or train on a machine with a GPU",
    )

_GENERATED = tempfile.TemporaryDirectory(prefix="unsloth-")  # code it writes; else in the working directory
os.environ["UNSLOTH_COMPILE_LOCATION"] = _GENERATED.name
os.environ["UNSLOTH_DISABLE_STATISTICS"] = "1"  # else it tells its makers of each model that it loads

try:
    from unsloth import FastLanguageModel
except ImportError as error:
    raise UserError(
        f"unsloth cannot be imported: {error}",
        "sft.backend",
        "set it to transformers, or make the environment anew from envs/requirements-unsloth.txt",
    ) from error

__all__ = ["FastLanguageModel"]
