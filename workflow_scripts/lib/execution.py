"""``execution.*`` and ``tracking.*``: how a job runs, never what comes out, so they reach it outside its parameters."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "TUIQIAO_EXECUTION"
LAUNCH = ["accelerate", "launch"]
WHOLE_MODELS = "config/accelerate/multi.yaml"
SHARED = ("workflow_scripts.evaluate_perplexity", "workflow_scripts.evaluate_preference")  # they share out their rows


def execution() -> dict:
    """Return ``execution.*`` and ``tracking.*`` as the workflow exported them; empty when run by hand.

    ``fallbacks`` names, for a base model, those that would do in its place.
    """
    return json.loads(os.environ.get(VARIABLE, "{}"))


def launched(command: Sequence[str], repository: Path) -> list[str]:
    """Return a command as ``execution.num_processes`` processes run it, or as it is, if one does.

    Accelerate's settings stand in no rule, as a change of them must make nothing stale.

    Args:
        command: Its words, e.g. ``accelerate launch -m workflow_scripts.train_sft …``.
        repository: The folder that ``execution.launcher`` is relative to.
    """
    words, settings = list(command), execution()
    launcher = settings.get("launcher")
    if takes_all(words) and words[:2] != LAUNCH:
        # each process evaluates with the whole model, however it is trained
        launcher, words = WHOLE_MODELS, [*LAUNCH, *words[1:]]
    if words[:2] != LAUNCH or launcher is None:
        return words
    how = ["--config_file", str(repository / launcher), "--num_processes", str(settings["num_processes"])]
    if settings["num_processes"] > 1:
        how += ["--main_process_port", "0"]  # any free one: other runs on this machine have theirs
    return [*words[:2], *how, *words[2:]]


def takes_all(command: Sequence[str]) -> bool:
    """Tell whether a command is work for all of several processes."""
    several = execution().get("num_processes", 1) > 1
    return several and (list(command[:2]) == LAUNCH or list(command[:3]) in [["python", "-m", name] for name in SHARED])
