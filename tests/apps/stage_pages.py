"""A server on which the stages of a tiny model answer, and a panel to add prompts to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import finished
import panels
import tiny

from workflow_scripts.lib import jsonl
from workflow_scripts.lib.apps.own_panel import OwnPanel
from workflow_scripts.lib.apps.stage_models import StageModels
from workflow_scripts.lib.apps.stage_server import StageServer
from workflow_scripts.lib.config import layers

STAGES = ["base", "sft", "align"]
ALONE = [{"role": "user", "content": "续写这首诗：石徑通雲屋"}]
TURNS = [{"role": role, "content": "好"} for role in ("user", "assistant", "user")]
SHIPPED = [
    {"id": "p1", "theme": "山居", "messages": ALONE, "check": "quatrain5"},
    {"id": "p2", "theme": "多轮", "messages": TURNS},
]


def panel(folder: Path) -> OwnPanel:
    jsonl.write_rows(folder / "config" / "tiny.jsonl", SHIPPED)
    return OwnPanel(folder / "human" / "panels", folder / "config" / "tiny.jsonl")


@contextmanager
def serving(models: StageModels, folder: Path, port: int = 0, **generation: object) -> Iterator[StageServer]:
    given = {"generation": finished.GENERATION | generation, "model": {"system_prompt": "惜字如金"}, "seed": 7}
    config = layers.load(tiny.REPOSITORY, [], given).config
    with StageServer(port, lambda: models, STAGES, config, panel(folder)) as server, panels.answering(server):
        yield server
