"""What the backward pass needs waits in the computer's memory, so that the card's own holds longer rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from workflow_scripts.lib.training.log_probs import unwrap

# Own hooks: save_on_cpu would copy all weights at every step (more bytes than the activations, for short rows), and
# TRL's OffloadActivations, which also leaves weights alone, does nothing at all without an accelerator, so that
# nothing about it could be tested on a CPU. TRL's second stream may hide more of the copying.
SMALLEST = 1024  # bytes; TRL's bound
Packed = torch.Tensor | Callable[[], torch.Tensor]


def helps(device: torch.device) -> bool:
    """Tell whether a device has memory of its own: to a CPU, and to MPS, the computer's memory is no other place."""
    return device.type == "cuda"


@contextmanager
def offloaded(model: Any) -> Iterator[None]:
    """Move what is saved for the backward pass to the computer's memory, bit for bit, until it is asked for.

    Weights stay, as they are there in any case, and so does what the LM head and the loss save: the backward pass
    begins with it.
    """
    base = unwrap(model)
    device, in_loss = base.device, False
    weights = {_address(weight) for weight in (*model.parameters(), *model.buffers())}

    def enter_head(*_: Any) -> None:
        nonlocal in_loss
        in_loss = True

    def pack(tensor: torch.Tensor) -> Packed:
        if in_loss or tensor.device != device or tensor.nbytes < SMALLEST or _address(tensor) in weights:
            return tensor
        return stored(tensor)

    handle = base.get_output_embeddings().register_forward_pre_hook(enter_head)
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, _unpack):
            yield
    finally:
        handle.remove()


def stored(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Copy a tensor to the computer's memory and return what brings it back, with the same strides.

    The stretch of memory between its first and last element is copied: an expanded mask stays as small as it is, and
    kernels, whose choice may depend on strides, see the same tensor again.
    """
    size, stride, device = tensor.size(), tensor.stride(), tensor.device
    length = 1 + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    stretch = tensor.as_strided((length,), (1,))
    # Both copies are queued between the kernels that need them; pinned memory lets the CPU go on meanwhile.
    host = torch.empty(length, dtype=tensor.dtype, pin_memory=device.type == "cuda")
    host.copy_(stretch, non_blocking=True)
    return lambda: host.to(device, non_blocking=True).as_strided(size, stride)


def _unpack(packed: Packed) -> torch.Tensor:
    return packed if isinstance(packed, torch.Tensor) else packed()


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
