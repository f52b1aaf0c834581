"""``execution.*`` and ``tracking.*``: how a job runs, never what comes out, so they reach it outside its parameters."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "TUIQIAO_EXECUTION"


def execution() -> dict:
    """Return ``execution.*`` and ``tracking.*`` as the workflow exported them; empty when run by hand.

    ``fallbacks`` names, for a base model, those that would do in its place.
    """
    return json.loads(os.environ.get(VARIABLE, "{}"))


def launched(command: Sequence[str], repository: Path) -> list[str]:
    """Return a command with accelerate's settings in it, if it is accelerate that runs it.

    They stand in no rule, as a change of them must make nothing stale.

    Args:
        command: Its words, e.g. ``accelerate launch -m workflow_scripts.train_sft …``.
        repository: The folder that ``execution.launcher`` is relative to.
    """
    words, settings = list(command), execution()
    if words[:2] != ["accelerate", "launch"] or "launcher" not in settings:
        return words
    how = ["--config_file", str(repository / settings["launcher"]), "--num_processes", str(settings["num_processes"])]
    if settings["num_processes"] > 1:
        how += ["--main_process_port", "0"]  # any free one: other runs on this machine have theirs
    return [*words[:2], *how, *words[2:]]
