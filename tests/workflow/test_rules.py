"""The rules as such: style, form, every target, and errors at the command line."""

import json
import os
import re
import resource
import subprocess
import sys
from typing import Any

import pytest
import running
from running import Place

from workflow_scripts.lib.config import layers

CONFIG = running.REPOSITORY / "config"
RULES = sorted((running.REPOSITORY / "rules").glob("*.smk"))
STAGES = ("base", "sft", "align")
USES = ("sft", "preference")
FIGURES = ("perplexity", "preference", "form", "panel")
SOURCES = layers.read_layer(CONFIG / "recipes" / "tang.yaml", "tang").values["sources"]
TARGETS = [
    "results/config.yaml",
    *(
        f"results/data/{name}"
        for source in SOURCES
        for name in (
            f"standard/{source}.jsonl",
            f"standard/{source}.drops.jsonl",
            f"measured/{source}.parquet",
            f"measured/{source}.tokens.parquet",
            f"clean/{source}.jsonl",
            f"clean/{source}.drops.jsonl",
            f"standard/{source}.json",
            f"clean/{source}.json",
            f"sketched/{source}.parquet",
            f"linked/{source}.parquet",
        )
    ),
    *(
        f"results/data/{use}/{name}.jsonl"
        for use in ("sft", "preference")
        for name in ("train", "val", "test", "drops")
    ),
    "results/data/leaks.json",
    "results/data/card.json",
    "results/data/card.md",
    *(f"results/data/card/{picture}.svg" for picture in ("funnel", "languages", "lengths", "turns")),
    "results/models/base/manifest.json",
    *(
        f"results/models/{stage}/{name}"
        for stage in ("sft", "align")
        for name in ("adapter_model.safetensors", "adapter_config.json", "metrics.json", "timing.json", "README.md")
    ),
    *(f"results/models/merged/{name}" for name in ("model.safetensors", "config.json", "tokenizer.json", "README.md")),
    "results/eval/tasks/poem_continuation.yaml",
    *(f"results/eval/{stage}/harness/poem_continuation.json" for stage in STAGES),
    *(
        f"results/eval/{stage}/{kind}.json"
        for stage in STAGES
        for kind in ("perplexity", "preference", "form", "panel")
    ),
    "results/eval/report.json",
    "results/eval/report.html",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A copy of the repository with nothing made, and the default config."""
    made = running.build(tmp_path_factory.mktemp("rules") / "place", "", num_poems=4)
    made.configfile.unlink()
    return made


def texts_of_rules() -> dict[str, str]:
    """Return the text of every rule by name."""
    found = {}
    for path in RULES:
        parts = re.split(r"^(?:rule|checkpoint) (\w+):\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        bodies = (re.split(r"^\S", body, flags=re.MULTILINE)[0] for body in parts[2::2])
        found |= dict(zip(parts[1::2], bodies, strict=True))
    return found


def inherited_rules() -> set[str]:
    """Return the names of rules that are others with other files."""
    found = re.findall(
        r"^use rule \w+ as (\w+) with:$", "".join(path.read_text("utf-8") for path in RULES), re.MULTILINE
    )
    assert found
    return set(found)


def directives_of(rule: str) -> dict[str, str]:
    parts = re.split(r"^    (\w+):", rule, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_lint_is_clean(place: Place) -> None:
    run = place.make("--lint")
    assert "Congratulations, your workflow is in a good condition!" in run.output


def test_format_is_that_of_snakefmt() -> None:
    files = [str(running.REPOSITORY / "Snakefile"), *map(str, RULES)]
    command = [sys.executable, "-m", "snakefmt", "--check", *files]
    done = subprocess.run(command, cwd=running.REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_job_has_a_shell_and_exactly_the_two_tracked_params() -> None:
    jobs = texts_of_rules()
    assert len(jobs) >= 18
    for name, text in jobs.items():
        directives = directives_of(text)
        assert {"log", "conda", "output", "params", "shell"} <= set(directives), name
        assert not {"script", "run", "notebook", "wrapper"} & set(directives), name
        assert re.findall(r"^        (\w+)=", directives["params"], re.MULTILINE) == ["config", "code"], name
        assert "--config {params.config:q}" in directives["shell"], name
        assert "directory(" not in text, name
        assert "results/checkpoints" not in directives["output"], name
        launched = re.findall(r"-m workflow_scripts\.(\w+)", directives["shell"])
        assert launched == ["run_step", name], "a rule runs the script of its name, and notes what it made"
        assert re.search(rf'code_digest\("{name}"[,)]', directives["params"]), name


def test_every_script_has_a_rule() -> None:
    scripts = {path.stem for path in (running.REPOSITORY / "workflow_scripts").glob("*.py")} - {"__init__"}
    assert scripts - set(texts_of_rules()) <= {
        "write_schema",
        "run_step",
        "manage_store",
        "what_if",
        "score_panel",
        "compare_runs",
        "chat",
        "serve_stages",
        "explain",
        "publish",
        "push_results",
        "sweep",
    }


def test_threads_and_gpu_are_asked_for_together() -> None:
    heavy = {name for name, text in texts_of_rules().items() if "threads:" in text}
    assert heavy >= {"train_sft", "train_align", "merge_adapter", "evaluate_panel"}
    assert heavy == {name for name, text in texts_of_rules().items() if "gpu=" in text}


def test_the_custom_recipe_asks_for_sources(place: Place) -> None:
    run = place.snakemake("--dry-run", recipe="custom")
    assert run.status == 1
    assert "no source is used for sft\n  where:  sources\n  change: add a source with `use: sft`" in run.output


def test_a_run_does_not_begin_that_would_find_no_environment_for_sft(place: Place) -> None:
    wanted = {"sft": {"backend": "unsloth"}}
    assert "train_sft" in place.make("--dry-run", **wanted).rules
    run = place.snakemake("results/config.yaml", **wanted)
    assert run.status == 1 and not run.rules
    assert "where:  execution.unsloth_python\n  change: python -m venv .venv-unsloth && " in run.output
    python = os.path.relpath(sys.executable, place.repository)
    assert place.make("results/config.yaml", **wanted, execution={"unsloth_python": python}).rules == ["write_config"]
    (place.work / "results" / "config.yaml").unlink()  # the place has nothing made


def test_every_public_target_can_be_asked_for(place: Place) -> None:
    assert place.make("--dry-run", *TARGETS).rules
    named = set(re.findall(r"\S+", place.make("--summary", *TARGETS).output))
    assert set(TARGETS) <= named


def test_sampling_is_asked_for_by_the_config_only(place: Place) -> None:
    assert not {"sample_replies", "verify_replies"} & set(place.make("--dry-run").rules)
    run = place.make("--dry-run", sampling={"enabled": True, "verifier": "poem_form"})
    assert {"sample_replies", "verify_replies", "train_sft"} <= set(run.rules)
    named = set(re.findall(r"results/sampling/\S+\.jsonl?", run.output))
    names = ("replies", "sampled", "learned", "validated", "pairs", "drops")
    assert named == {f"results/sampling/{name}.jsonl" for name in names} | {"results/sampling/stats.json"}


@pytest.mark.parametrize(
    ("target", "rule", "absent"),
    [
        ("results/data/sft/train.jsonl", "split_groups", {"train_sft", "write_data_card"}),
        ("results/data/card.md", "write_data_card", {"train_sft"}),
        ("results/models/sft/adapter_model.safetensors", "train_sft", {"train_align", "evaluate_panel"}),
        ("results/eval/base/panel.json", "evaluate_panel", {"train_sft", "train_align"}),
        ("results/eval/report.json", "write_report", {"write_model_card"}),
    ],
)
def test_one_target_makes_what_it_needs(place: Place, target: str, rule: str, absent: set[str]) -> None:
    rules = set(place.make("--dry-run", target).rules)
    assert rule in rules
    assert not rules & absent


def test_without_alignment_nothing_of_it_is_made(place: Place) -> None:
    run = place.make("--dry-run", align={"method": "none"})
    assert {"train_sft", "merge_adapter", "write_report"} <= set(run.rules)
    assert not {"train_align", "evaluate_preference"} & set(run.rules)
    assert not [name for name, source in SOURCES.items() if source["use"] == "preference" and name in run.output]
    assert "results/eval/align" not in run.output


def test_a_stage_left_out_is_not_evaluated(place: Place) -> None:
    run = place.make("--dry-run", eval={"stages": ["base", "align"]})
    assert "results/eval/sft" not in run.output
    assert run.rules.count("evaluate_panel") == 2


def test_safety_is_measured_where_it_is_asked_for(place: Place) -> None:
    own = {"use": "evaluation", "adapter": "red_team", "from": "file://Snakefile", "license": "mit"}
    run = place.make("--dry-run", sources={"attacks": own}, eval={"safety": {"enabled": True}})
    assert run.rules.count("evaluate_safety") == 3
    assert "results/data/standard/attacks.jsonl, " in run.output and "config/safety/zh.jsonl" in run.output
    assert "judge_safety" not in run.rules
    assert "evaluate_safety" not in place.make("--dry-run").rules


def test_a_model_judges_the_replies_that_the_rules_judge(place: Place) -> None:
    judge = {"base": "hf://Qwen/Qwen2.5-7B-Instruct", "revision": None}
    run = place.make("--dry-run", eval={"safety": {"enabled": True, "judge": judge}})
    assert {rule: run.rules.count(rule) for rule in ("acquire", "prepare_judge", "judge_safety")} == {
        "acquire": 3,  # data, base and judge
        "prepare_judge": 1,
        "judge_safety": 3,
    }
    assert "judge_safety" not in place.make("--dry-run", eval={"safety": {"enabled": False, "judge": judge}}).rules


def test_two_sources_of_one_uri_fetch_it_once(place: Place) -> None:
    assert place.make("--dry-run").rules.count("acquire") == 2  # the base model, and the poems of both sources


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (("--rulegraph", "mermaid-js"), ("flowchart TB", "train_align")),
        (("--rulegraph",), ("digraph snakemake_dag", 'label = "train_align"')),
        (("--dag",), ("digraph snakemake_dag", "stage: align")),
        (("--d3dag",), ('"nodes"', "train_align")),
    ],
)
def test_pictures_of_the_dag_need_no_results(place: Place, option: tuple[str, ...], expected: tuple[str, ...]) -> None:
    run = place.make(*option)
    assert all(text in run.output for text in expected)
    assert not (place.work / "results" / "data").exists()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"sft": {"lora": {"alpa": 3}}},
            "unknown key 'alpa'\n  where:  sft.lora.alpa (--config)\n  change: did you mean 'alpha'?",
        ),
        (
            {"align": {"beta": "high"}},
            "align.beta is 'high'\n  where:  align.beta (--config)\n  change: Input should be a valid number",
        ),
        (
            {"sources": {name: {"weight": 0} for name in SOURCES}},
            "the weights of all sft sources are 0: tang_poems\n  where:  sources.<name>.weight\n  change: give",
        ),
        (
            {"recipe": "tanng"},
            "unknown recipe 'tanng'\n  where:  recipe (--config)\n  change: did you mean tang?",
        ),
        (
            {"sources": {"tang_poems": {"from": "file://absent.json"}}},
            "no such file or folder: absent.json\n  where:  sources.tang_poems.from\n  change: correct the path",
        ),
        (
            {"sampling": {"enabled": True, "verifier": "legal_judgment"}},
            "unknown verifier 'legal_judgment'\n  where:  sampling.verifier\n  change: did you mean 'legal_judgement'?",
        ),
        (
            {"sources": {"tang_poems": {"adapter": "chinese_poem"}}},
            "unknown adapter 'chinese_poem'\n  where:  sources.tang_poems.adapter\n  change: did you",
        ),
    ],
    ids=[
        "misspelt key",
        "word for a number",
        "weights 0",
        "unknown recipe",
        "missing file",
        "unknown verifier",
        "unknown adapter",
    ],
)
def test_config_errors_stop_at_once(place: Place, config: dict[str, Any], text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = place.snakemake(**config)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run.status == 1
    assert f"config: {text}" in run.output
    assert "Traceback" not in run.output
    assert run.rules == []
    assert not (place.work / "results" / "config.yaml").exists()
    # CPU seconds: on a machine that does nothing else they are the seconds a person waits.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3


def test_nested_values_of_the_command_line_reach_the_job(place: Place) -> None:
    run = place.make("--dry-run", "--printshellcmds", align={"beta": 0.3}, sft={"learning_rate": "1e-4"})
    configs = [json.loads(found) for found in re.findall(r"--config '(\{.*?\})' \\?$", run.output, re.MULTILINE)]
    assert len(configs) > 20
    assert {config["align"]["beta"] for config in configs if "beta" in config.get("align", {})} == {0.3}
    assert {config["sft"]["learning_rate"] for config in configs if "lora" in config.get("sft", {})} == {0.0001}
