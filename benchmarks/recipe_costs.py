"""What each recipe is expected to take: rows, tokens, hours and memory, written into its page in docs/recipes/.

python -m benchmarks.recipe_costs
"""

import logging
import re
from pathlib import Path
from typing import Any

import yaml

from workflow_scripts.lib import logs
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.reporting.data_size import verdict
from workflow_scripts.lib.reporting.memory import Shape, shape_of, training_bytes
from workflow_scripts.lib.reporting.training_cost import MACHINES, training_seconds

log = logging.getLogger(__name__)
REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = REPOSITORY / "docs" / "recipes"
BLOCK = re.compile(r"(<!-- expected: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
WEIGHTS = {"nf4": "nf4", "none": None}  # of the hardware's quantization; none: its dtype
GIB = 2**30
HEAD = "| stage | rows | tokens a pass | passes | machine | time | memory | enough data? |\n"
RULE = "| --- | ---: | ---: | ---: | --- | ---: | ---: | --- |\n"


def table(recipe: str) -> str:
    """Return the table of one recipe as Markdown."""
    known = yaml.safe_load((PAGES / "expected.yaml").read_text(encoding="utf-8"))
    expected = known["recipes"][recipe]
    shape = shape_of(known["models"][expected["model"]])
    if shape is None:
        raise RuntimeError(f"expected.yaml tells too little of {expected['model']}")
    lines = [
        _line(recipe, stage, expected[stage], shape, hardware, expected.get("config", {}))
        for stage in ("sft", "align")
        if stage in expected
        for hardware in expected["machines"]
    ]
    return HEAD + RULE + "".join(lines)


def written(page: str) -> str:
    """Return a page with its tables made anew."""
    return BLOCK.sub(lambda found: found[1] + table(found[2]) + found[3], page)


def _line(recipe: str, stage: str, expected: dict[str, Any], shape: Shape, hardware: str, given: dict[str, Any]) -> str:
    config = config_of(recipe, hardware, given)
    training, machine = getattr(config, stage), MACHINES[hardware]
    share = config.split.train
    rows, epochs = round(expected["rows"] * share), training.epochs
    tokens = rows * expected["tokens"]
    seconds = training_seconds(
        shape,
        tokens * epochs,
        machine,
        checkpointing=training.gradient_checkpointing,
        reference=stage == "align" and config.align.method in ("dpo", "ipo"),
    )
    weights = WEIGHTS[config.model.quantization] or config.model.dtype
    longest = training.micro_batch_size * training.max_length * (2 if stage == "align" else 1)
    memory = training_bytes(shape, weights, longest, checkpointing=training.gradient_checkpointing)
    found = verdict("sft" if stage == "sft" else "preference", rows, tokens, shape.parameters)["verdict"]
    told = [stage, f"{rows:,}", f"{tokens / 1e6:.1f} M", f"{epochs:g}", f"{machine.name}, {weights}"]
    return f"| {' | '.join([*told, _time(seconds), f'{memory / GIB:.1f} GiB', found])} |\n"


def config_of(recipe: str, hardware: str, given: dict[str, Any]) -> Config:
    """Return the config of a recipe on a machine, with values given on top."""
    folder = REPOSITORY / "config"
    names = ("config.yaml", f"recipes/{recipe}.yaml", f"hardware/{hardware}.yaml")
    read = [layers.read_layer(folder / name, f"config/{name}") for name in names]
    return layers.merge([*read, layers.Layer("--config", given, {})]).config


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> None:
    logs.start()
    for path in sorted(PAGES.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            log.info("%s written anew", path.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
