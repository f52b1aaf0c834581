"""SFT with unsloth runs in an environment of its own: its pins, its file, how a step gets there, and what stops it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import running
import yaml

from workflow_scripts.lib import environment, staleness
from workflow_scripts.lib.config import layers
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.training.backends import registry
from workflow_scripts.lib.workflow import Plan

ENVS = running.REPOSITORY / "envs"
COMMON = staleness.pinned_versions(ENVS / "requirements.txt")
OWN = staleness.pinned_versions(ENVS / "requirements-unsloth.txt")
UNSLOTH = registry.MODULES["unsloth"]


def test_its_pins_are_those_of_all_but_for_what_unsloth_does_not_take() -> None:
    assert {name for name in OWN if OWN[name] != COMMON.get(name)} == {
        *("transformers", "trl", "datasets", "huggingface-hub"),
        *("unsloth", "unsloth-zoo"),
    }


@pytest.mark.parametrize("path", sorted(ENVS.glob("*.yaml")), ids=lambda path: path.name)
def test_conda_environments_take_the_pins_of_pip(path: Path) -> None:
    conda = yaml.safe_load(path.read_text(encoding="utf-8"))
    (pip,) = [each["pip"] for each in conda["dependencies"] if isinstance(each, dict)]
    assert conda["dependencies"][:2] == ["python=3.11", "pip"]
    assert pip[0] == f"-r requirements{'-unsloth' if path.stem == 'unsloth' else ''}.txt"
    assert all((ENVS / line.removeprefix("-r ")).exists() for line in pip)


def plan_of(**arguments: object) -> Plan:
    return Plan(layers.load(running.REPOSITORY, [], arguments), running.REPOSITORY)


def test_rules_name_its_environment_and_its_code_where_the_config_wants_it() -> None:
    usual, wanted = plan_of(), plan_of(sft={"backend": "unsloth"})
    assert (usual.sft_environment, wanted.sft_environment) == ("../envs/workflow.yaml", "../envs/unsloth.yaml")
    usual_code, code = (staleness.code_of("train_sft", plan.backend_module) for plan in (usual, wanted))
    assert code.pins.items() >= {"unsloth": OWN["unsloth"], "unsloth-zoo": OWN["unsloth-zoo"], "trl": "1.15.0"}.items()
    assert usual_code.pins["trl"] == COMMON["trl"]
    assert "unsloth" not in usual_code.pins and not any("unsloth" in name for name in usual_code.modules)


def test_the_backend_is_a_setting_of_training_and_where_its_python_is_changes_nothing() -> None:
    python = os.path.relpath(sys.executable, running.REPOSITORY)
    usual, wanted = plan_of(), plan_of(sft={"backend": "unsloth"}, execution={"unsloth_python": python})
    changed = {name for name in usual.values if usual.section(part=name) != wanted.section(part=name)}
    assert changed == {"sft", "execution"}
    assert wanted.untracked()["unsloth_python"] == python
    assert "unsloth_python" not in wanted.annotated()


def test_a_step_that_finds_another_environment_says_how_to_make_its_own() -> None:
    with pytest.raises(UserError) as caught:
        environment.check_pins({"unsloth": "1.0", "tqdm": "0.1"})
    assert re.fullmatch(
        r"sft\.backend is unsloth, which has an environment of its own, "
        r"and this one has: unsloth is missing, tqdm [\d.]+",
        caught.value.what,
    )
    assert caught.value.where == "execution.unsloth_python"
    assert "-r envs/requirements-unsloth.txt" in caught.value.change and "--sdm conda" in caught.value.change


def test_a_step_goes_on_in_its_own_environment(tmp_path: Path) -> None:
    """A step whose code has unsloth's pins runs in the named Python, whose programs come first; others do not."""
    python = tmp_path / "own" / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "own"], check=True
    )
    site = next((tmp_path / "own" / "lib").glob("python*/site-packages"))
    (site / "of_tests.pth").write_text(next(path for path in sys.path if path.endswith("site-packages")))
    (site / "unsloth-1.0.dist-info").mkdir()
    (site / "unsloth-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: unsloth\nVersion: 1.0\n")
    codes = tmp_path / "results" / "provenance" / "code"
    codes.mkdir(parents=True)
    for name, pins in (("with", {"unsloth": "1.0"}), ("without", {})):
        (codes / f"{name}.json").write_text(json.dumps({"modules": {}, "pins": pins}))
    settings = {"unsloth_python": os.path.relpath(python, running.REPOSITORY), "num_processes": 1}
    found = {}
    for code in ("with", "without"):
        said = f"import shutil, sys; open('{code}.txt', 'w').write(sys.prefix + ' ' + shutil.which('python'))"
        words = ["--step", "s", "--code", code, "--outputs", f"{code}.txt", "--", "python", "-c", said]
        done = subprocess.run(
            [sys.executable, "-m", "workflow_scripts.run_step", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(running.REPOSITORY), "TUIQIAO_EXECUTION": json.dumps(settings)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found[code] = (tmp_path / f"{code}.txt").read_text()
    assert found["with"] == f"{tmp_path / 'own'} {python}"
    assert str(tmp_path / "own") not in found["without"]


def test_what_unsloth_patches_is_imported_after_it() -> None:
    """With the script nothing of it is imported, and the backend's own imports begin with unsloth."""
    asked = (
        "import sys, workflow_scripts.train_sft; print(*{'torch', 'transformers', 'trl', 'peft'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=running.REPOSITORY, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("\n", 0), done.stderr
    asked = """
import sys
from workflow_scripts.lib.training.backends import registry
try:
    registry.load("unsloth")
except BaseException as error:
    print(type(error).__name__, str(error).splitlines()[0], *{"transformers", "trl", "peft"} & set(sys.modules))
"""
    env = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=running.REPOSITORY, env=env, capture_output=True, text=True
    )
    assert done.stdout == "UserError unsloth is for NVIDIA GPUs, and PyTorch finds none here\n", done.stderr
