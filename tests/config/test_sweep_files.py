"""Files of sweeps: the variants they name, and what is wrong with them, by file, line and key."""

import re
from pathlib import Path

import pytest
import yaml

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.sweeps import configs, definition
from workflow_scripts.lib.sweeps.definition import Sweep

REPOSITORY = Path(__file__).resolve().parents[2]
FILE = "config/sweeps/own.yaml"


def read(folder: Path, text: str) -> Sweep:
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return definition.read(path, REPOSITORY)


def load(folder: Path, text: str) -> dict:
    return configs.load(read(folder, text), FILE, REPOSITORY, [])


def test_every_shipped_sweep_loads() -> None:
    files = sorted((REPOSITORY / "config/sweeps").glob("*.yaml"))
    assert "orpo_or_dpo" in [file.stem for file in files]
    for file in files:
        sweep = definition.read(file, REPOSITORY)
        assert configs.load(sweep, f"config/sweeps/{file.name}", REPOSITORY, []).keys() == {
            variant.name for variant in sweep.variants
        }


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_example_of_the_readme_is_a_sweep(tmp_path: Path, name: str) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / name).read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "config").mkdir()
    assert len(load(tmp_path, example.replace("[config/mine.yaml]", "[]"))) == 12


def test_what_yaml_merges_in_counts(tmp_path: Path) -> None:
    sweep = read(tmp_path, "variants:\n  a: &a {align.beta: 0.1}\n  b: {<<: *a, seed: 3}")
    assert sweep.variants[1].layer.values == {"align": {"beta": 0.1}, "seed": 3}
    assert sweep.variants[1].layer.lines["align", "beta"] == 3


def test_values_are_combined_and_named(tmp_path: Path) -> None:
    sweep = read(
        tmp_path,
        """\
set: {eval.limit: 5}
values:
  align.learning_rate: [1e-4, 2.0e-4]
  sft.learning_rate: [null]
variants:
  whole: {align.method: orpo}
  short: {align.method: dpo, mix.sft: {max_samples: 10}}
seeds: {keys: [sft.seed, align.seed], values: [1, 2]}
""",
    )
    assert [variant.name for variant in sweep.variants[:3]] == [
        "whole,align.learning_rate=1e-4,sft.learning_rate=null,seed=1",
        "whole,align.learning_rate=1e-4,sft.learning_rate=null,seed=2",
        "whole,align.learning_rate=0.0002,sft.learning_rate=null,seed=1",
    ]
    assert len(sweep.variants) == 8
    last = sweep.variants[-1]
    assert (last.group, last.seed) == ("short,align.learning_rate=0.0002,sft.learning_rate=null", 2)
    assert last.told == {
        "align.method": "dpo",
        "mix.sft": {"max_samples": 10},
        "align.learning_rate": 2.0e-4,
        "sft.learning_rate": None,
        "sft.seed": 2,
        "align.seed": 2,
    }
    assert last.layer.values == {
        "eval": {"limit": 5},
        "align": {"method": "dpo", "learning_rate": 2.0e-4, "seed": 2},
        "mix": {"sft": {"max_samples": 10}},
        "sft": {"learning_rate": None, "seed": 2},
    }
    assert last.layer.lines["mix", "sft", "max_samples"] == 7


def test_names_are_those_of_folders(tmp_path: Path) -> None:
    values = ["你是诗人。", "a/b c", [1, 2], "x" * 50]
    sweep = read(tmp_path, yaml.safe_dump({"values": {"model.system_prompt": values}}, allow_unicode=True))
    names = [variant.name for variant in sweep.variants]
    assert names[0].startswith("system_prompt=你是诗人-")
    assert names[1].startswith("system_prompt=a-b-c-")
    assert names[2].startswith("system_prompt=1-2-")
    assert len(names[3]) == len("system_prompt=") + 40 + len("-123456")


def test_a_key_that_ends_another_is_named_whole(tmp_path: Path) -> None:
    sweep = read(tmp_path, "values: {seed: [1], align.seed: [2], align.beta: [0.1]}")
    assert [variant.name for variant in sweep.variants] == ["seed=1,align.seed=2,beta=0.1"]


def test_a_config_is_that_of_a_run_with_the_variant_s_own_file(tmp_path: Path) -> None:
    found = load(tmp_path, "values: {align.beta: [0.1, 0.3], recipe: [tang]}")
    settings = found["beta=0.3,recipe=tang"]
    assert settings.config.align.beta == 0.3
    assert settings.layer_of["align", "beta"] == "variant.yaml"
    assert settings.layer_of["align", "learning_rate"] == "config/recipes/tang.yaml"


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("values: {align.bta: [0.1, 0.2]}", "unknown key 'bta'", f"align.bta ({FILE}, line 1)"),
        ("values:\n  align.beta: [0.1, much]", "align.beta is 'much'", f"align.beta ({FILE}, line 2)"),
        ("variants: {a: {align.lora.rank: 3}, b: {}}", "unknown key 'lora'", f"align.lora ({FILE}"),
        ("values: {align.beta: []}", "values.align.beta is an empty list", f"values.align.beta ({FILE}, line 1)"),
        ("values: {align.beta: 0.1}", "values.align.beta is 0.1", f"values.align.beta ({FILE}, line 1)"),
        ("seeds: {keys: [seed], values: []}", "seeds.values is []", f"seeds.values ({FILE}, line 1)"),
        ("seeds: {keys: [seed], values: [x]}", "seeds.values.0 is 'x'", f"seeds.values.0 ({FILE}, line 1)"),
        ("seeds: {keys: [align.sed], values: [1]}", "unknown key 'sed'", f"align.sed ({FILE}, line 1)"),
        ("\nbase: [own.yaml]\nseeds: {keys: [seed], values: [1]}", "no config file own.yaml", f"base ({FILE}, line 2)"),
        ("variants: {a: &x {align.bta: 1}, b: {<<: *x}}", "unknown key 'bta'", f"align.bta ({FILE}, line 1)"),
        ("vales: {align.beta: [1]}", "unknown key 'vales'", f"vales ({FILE}, line 1)"),
        ("set: {align.beta: 0.1}", "the sweep has no variants", FILE),
        ("", "the sweep has no variants", FILE),
        (
            "set: {align.beta: 0.1}\nvalues:\n  align.beta: [0.1, 0.2]",
            "align.beta is set twice",
            f"align.beta ({FILE}, lines 1 and 3)",
        ),
        (
            "values:\n  align: [{beta: 1.0}]\nvariants:\n  a:\n    align.beta: 1.0",
            "align.beta is set twice",
            f"align.beta ({FILE}, lines 2 and 5)",
        ),
        ("variants: {'a/b': {}}", "'a/b' is no name of a folder", FILE),
        ("values: {align.beta: [0.1, 0.1]}", "two variants have the values beta=0.1", FILE),
        (
            "variants: {a: {align.beta: 0.1}, b: {align.beta: '1e-1'}}",
            "the variants a and b have the same values",
            f"{FILE}, variant b",
        ),
        (
            "variants: {a: {execution.threads: 1}, b: {execution.threads: 2}}",
            "the variants a and b have the same values",
            f"{FILE}, variant b",
        ),
        (
            "variants: {a: {}, b: {sft.max_steps: 3, sft.epochs: 1.0}}",
            "epochs is 1.0 and max_steps is 3",
            f"{FILE}, variant b",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, what: str, where: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert what in caught.value.what
    assert where in caught.value.where
    assert caught.value.change


def test_no_such_sweep() -> None:
    with pytest.raises(UserError, match=r"no config file config/sweeps/nothing\.yaml"):
        definition.read(REPOSITORY / "config/sweeps/nothing.yaml", REPOSITORY)
