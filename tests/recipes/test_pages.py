"""The recipes' pages: their figures are the estimates', their commands and templates work."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from benchmarks import recipe_costs
from workflow_scripts.lib.adapters.base import Context
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.records import Drop, RawRow
from workflow_scripts.lib.reporting.memory import shape_of
from workflow_scripts.lib.reporting.training_cost import Machine, training_seconds

REPOSITORY = recipe_costs.REPOSITORY
DOCS = REPOSITORY / "docs"
PAGES = sorted((DOCS / "recipes").glob("*.md"))
RECIPES = sorted(path.stem for path in (REPOSITORY / "config" / "recipes").glob("*.yaml"))
EXPECTED = yaml.safe_load((DOCS / "recipes" / "expected.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_tables_of_expectations_are_the_estimates(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert recipe_costs.written(text) == text, "run `python -m benchmarks.recipe_costs`"


def test_every_recipe_with_expectations_has_its_table() -> None:
    found = [name for page in PAGES for _, name, _ in recipe_costs.BLOCK.findall(page.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(EXPECTED["recipes"])
    assert len(found) >= 5


def commands(page: Path) -> list[dict[str, str]]:
    """Return what each snakemake command of a page gives with --config."""
    found = re.findall(r"^\$ (snakemake .* --config .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    words = [shlex.split(command) for command in found]
    return [dict(word.split("=", 1) for word in line[line.index("--config") + 1 :]) for line in words]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_commands_of_a_page_give_a_consistent_config(page: Path) -> None:
    """Merged, not loaded: the domain recipes want a file of one's own."""
    assert commands(page)
    for given in commands(page):
        chosen = {key: given.get(key, "cpu") for key in ("recipe", "hardware")}
        values = {key: yaml.safe_load(text) for key, text in given.items() if key not in chosen}
        config = recipe_costs.config_of(chosen["recipe"], chosen["hardware"], values)
        if chosen["recipe"] == "law":  # a card's cap is for larger models
            assert config.sft.max_length == config.clean.max_tokens + config.sampling.max_new_tokens == 4096


def test_every_recipe_and_hardware_is_listed() -> None:
    text = (DOCS / "recipes" / "README.md").read_text(encoding="utf-8")
    hardware = [path.stem for path in (REPOSITORY / "config" / "hardware").glob("*.yaml")]
    assert [name for name in [*RECIPES, *hardware] if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("model", "billions"), [("Qwen2.5-7B", 7.62), ("Qwen3-4B", 4.02), ("Qwen2-1.5B", 1.54)], ids=str
)
def test_the_shapes_have_the_published_numbers_of_weights(model: str, billions: float) -> None:
    assert shape_of(EXPECTED["models"][model]).parameters / 1e9 == pytest.approx(billions, abs=0.01)


def test_time_by_hand() -> None:
    shape = shape_of(
        {"num_hidden_layers": 1, "hidden_size": 10, "intermediate_size": 10, "num_attention_heads": 1, "vocab_size": 30}
    )
    assert shape is not None and shape.linear_parameters == 700
    machine = Machine("abacus", 1e-12, 0.5)  # half an operation a second
    seconds = [
        training_seconds(shape, 5, machine, checkpointing=c, reference=r)
        for c, r in ((False, False), (True, False), (True, True))
    ]
    assert seconds == [4 * 1000 * 5 / 0.5, 6 * 1000 * 5 / 0.5, 8 * 1000 * 5 / 0.5]


def test_the_template_of_custom_data_loads(tmp_path: Path) -> None:
    text = (REPOSITORY / "config" / "recipes" / "custom.yaml").read_text(encoding="utf-8")
    lines = text[text.index("# model:") :].splitlines()
    template = "\n".join(line.removeprefix("# ").removeprefix("#") for line in lines if line.startswith("#"))
    template = template.replace("hf://<owner>/<name>/<config>/<split>", "hf://a/b/c/d")
    for name in ("my_dialogues", "my_questions"):
        (tmp_path / f"{name}.jsonl").write_text("{}\n", encoding="utf-8")
        template = template.replace(f"data_raw/{name}.jsonl", str(tmp_path / f"{name}.jsonl"))
    own = tmp_path / "mine.yaml"
    own.write_text(template, encoding="utf-8")
    config = layers.load(REPOSITORY, [own], {"recipe": "custom"}).config
    assert list(config.sources) == ["my_dialogues", "my_pairs", "my_questions"]
    assert config.sources["my_dialogues"].options["input_label"] == "补充信息"


def test_the_adapter_of_the_guide_works() -> None:
    guide = (DOCS / "adding-a-dataset.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    module: dict = {}
    exec(compile(code, "adapter", "exec"), module)
    raws = [RawRow("s/f#1", {"ask": "问", "reply": "答"}), RawRow("s/f#2", {"ask": "问", "reply": None})]
    row, drop = module["convert"](raws, module["Options"](), Context("s", "sft", 42))
    assert [message["content"] for message in row["messages"]] == ["问", "答"]
    assert drop == Drop("s/f#2", "missing_field", "reply is null")


def test_the_config_of_the_guide_loads(tmp_path: Path) -> None:
    guide = (DOCS / "adding-a-dataset.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"instruction": "问", "output": "答"}), encoding="utf-8")
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace("data_raw/my_dialogues.jsonl", str(tmp_path / "rows.jsonl")), encoding="utf-8")
    assert layers.load(REPOSITORY, [own], {"recipe": "custom"}).config.align.method == "none"
