"""Where training figures go besides the log: TensorBoard, Weights & Biases, SwanLab, Trackio."""

import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version
from transformers import integrations

from workflow_scripts.lib.errors import UserError

_INSTALLED = {
    "tensorboard": integrations.is_tensorboard_available,
    "wandb": integrations.is_wandb_available,
    "swanlab": integrations.is_swanlab_available,
    "trackio": integrations.is_trackio_available,
}
_WANTED = {"swanlab": "swanlab<0.8"}  # transformers 5.23 asks for a run before it begins one; 0.8 refuses


def use(names: Sequence[str], folder: Path) -> list[str]:
    """Return the trackers for TrainingArguments; they write below a folder, and to no server without the user's key.

    What the user's environment sets for a tracker stays as it is.

    Args:
        names: ``tracking.report_to``.
        folder: Of this stage's figures.

    Raises:
        UserError: If one of them is not installed.
    """
    names = [name for name in names if name != "none"]
    for name in names:
        wanted = _WANTED.get(name, name)
        if not _INSTALLED[name]():
            raise UserError(f"{name} is not installed", "tracking.report_to", f"pip install {wanted!r}, or take it out")
        if Version(version(name)) not in Requirement(wanted).specifier:
            what = f"{name} {version(name)} does not work with this transformers"
            raise UserError(what, "tracking.report_to", f"pip install {wanted!r}")
    settings = {
        "TENSORBOARD_LOGGING_DIR": folder / "tensorboard",
        "WANDB_DIR": folder,
        "SWANLAB_LOG_DIR": folder / "swanlab",
        "TRACKIO_DIR": folder / "trackio",
    }
    for name, kept in (("WANDB", Path.home() / ".netrc"), ("SWANLAB", Path.home() / ".swanlab" / ".netrc")):
        if f"{name}_API_KEY" not in os.environ and not kept.exists():  # who is logged in has one of them
            settings[f"{name}_MODE"] = "offline"
    for name, value in settings.items() if names else ():
        os.environ.setdefault(name, str(value))
    if names:
        folder.mkdir(parents=True, exist_ok=True)
    return names
