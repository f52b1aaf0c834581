"""A model in parts over the devices (FSDP2), where accelerate's settings say so: config/accelerate/fsdp2.yaml.

Each process holds a part of every layer, and all of them gather the layer they compute with. What one process asks of
the model, all have to ask, or it waits for them forever.
"""

import os
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedType, fsdp2_prepare_model
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy
from torch.distributed.tensor import DTensor

from workflow_scripts.lib.training.log_probs import unwrap

# set by accelerate launch
FSDP, DEEPSPEED = "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"


def is_wanted() -> bool:
    """Tell whether this job was launched to share the model out."""
    return _is_set(FSDP)


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "false").lower() == "true"


def let_cpus_share() -> None:
    """Make accelerate share a model out among CPUs as well; to be called before an Accelerator is made.

    Accelerate 1.15 knows FSDP and DeepSpeed on accelerators only: on CPUs it would turn to DDP, without a word.
    """
    state = PartialState()
    if state.device.type == "cpu" and (is_wanted() or _is_set(DEEPSPEED)):
        state.distributed_type = DistributedType.MULTI_GPU
        if _is_set(DEEPSPEED):  # its Trainer's arguments have read it; processes.join sets it
            os.environ.pop("ACCELERATE_USE_CPU", None)


def sum_gradients_in_float32(accelerator: Accelerator, dtype: torch.dtype) -> None:
    """Compute in the base model's dtype, and add up gradients in float32, as DDP does with an adapter in float32."""
    if is_wanted():
        policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32)
        accelerator.state.fsdp_plugin.mixed_precision_policy = policy


def let_gloo_reduce(model: Any) -> None:
    """Divide sums of gradients by the number of processes here: gloo, which CPUs use, knows no mean."""
    if PartialState().device.type == "cpu":
        for module in model.modules():
            if isinstance(module, FSDPModule):
                module.set_force_sum_reduction_for_comms(True)


def shared_out(model: Any) -> Any:
    """Return the model, shared out among the processes if that is wanted, to compute with and not to train."""
    if not is_wanted():
        return model
    let_cpus_share()
    accelerator = Accelerator()
    sum_gradients_in_float32(accelerator, unwrap(model).dtype)
    return fsdp2_prepare_model(accelerator, model)


def trained_weights(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights that learn, each whole; every process has to ask."""
    learning = ((name, weight.detach()) for name, weight in model.named_parameters() if weight.requires_grad)
    return {name: weight.full_tensor() if isinstance(weight, DTensor) else weight for name, weight in learning}
