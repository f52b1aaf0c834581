"""The staleness contract, row by row: what is changed, and the jobs that then really run.

Data steps run for real; the scripts that need torch are replaced by stand-ins (``stubs/``) whose results change
whenever anything they are given changes.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import running
import yaml
from running import Place

from workflow_scripts.lib import final_words

CONFIG = (
    """\
recipe: custom
model: {{base: "file://{folder}/base"}}
"""
    + running.SOURCES
    + """\
clean: {{min_chars: 1, min_tokens: 1}}
split: {{train: 0.6, val: 0.2, test: 0.2}}
eval: {{tasks: [poem_continuation], form: {{enabled: true}}}}
execution: {{threads: 1}}
"""
)

CARDS = {"write_model_card"}
TOLD = {"write_config", "write_report", "all"} | CARDS
FIGURES = {"evaluate_perplexity", "evaluate_preference", "evaluate_form", "evaluate_panel"}
ALIGNED = {"train_align", "merge_adapter", "evaluate_harness"} | FIGURES | TOLD
TRAINED = {"train_sft"} | ALIGNED
SPLIT = {"split_groups", "write_data_card"}
CHECKED = {"check_splits"}  # only where a split comes out with other bytes
DATA = {"clean_rows", "mix_sources"} | SPLIT
CHEAP = {"clean_rows", "mix_sources", "split_groups", "all"}  # what runs where the same rows come out
LINKED = {"sketch_rows", "link_rows"}
TASKS = {"write_eval_tasks"}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where everything has been made once."""
    folder = tmp_path_factory.mktemp("staleness") / "made"
    # Named relative to the repository: a place is copied for every row.
    place = running.build(folder, CONFIG.format(folder=".."), num_poems=300)
    running.tokenizer_of_characters(folder / "base")
    run = place.make(stubs=True, cores=2)
    begun = {"prepare_base", "standardize", "measure_rows", "count_tokens"}
    assert set(run.rules) == begun | LINKED | DATA | CHECKED | TASKS | TRAINED
    return place


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    return made.copy(tmp_path / "place")


def test_a_second_run_does_nothing_and_says_so(place: Place) -> None:
    run = place.make(stubs=True)
    assert run.rules == []
    assert "Nothing to be done" in run.output


def test_shards_that_were_never_made_are_no_doubt(place: Place) -> None:
    run = place.make("--dry-run", stubs=True, execution={"shards": {"poems": 3}})
    assert run.rules == [] and "vouch" not in run.output


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"align": {"learning_rate": 1e-3}}, ALIGNED, id="align.learning_rate"),
        pytest.param({"sft": {"learning_rate": 1e-3}}, TRAINED, id="sft.learning_rate"),
        pytest.param({"sft": {"lora": {"r": 8}}}, TRAINED, id="sft.lora.r"),
        pytest.param({"eval": {"limit": 5}}, {"evaluate_harness"} | TOLD, id="eval.limit"),
        pytest.param({"eval": {"panel": {"max_new_tokens": 9}}}, {"evaluate_panel"} | TOLD, id="eval.panel"),
        pytest.param({"eval": {"perplexity": {"max_rows": 9}}}, {"evaluate_perplexity"} | TOLD, id="eval.perplexity"),
        pytest.param({"eval": {"bootstrap_samples": 100}}, TOLD, id="eval.bootstrap_samples"),
        pytest.param({"generation": {"top_p": 0.5}}, {"evaluate_panel", "evaluate_form"} | TOLD, id="generation"),
        pytest.param({"model": {"license": "mit"}}, {"write_data_card"} | TOLD, id="model.license"),
        pytest.param({"export": {"merged": {"dtype": "bfloat16"}}}, {"merge_adapter"} | TOLD, id="export.merged"),
        pytest.param({"export": {"gguf": ["q8_0"]}}, {"export_gguf"} | TOLD, id="export.gguf"),
        pytest.param({"generation": {"max_new_tokens": 5}}, TOLD, id="generation of the chat alone"),
        pytest.param({"model": {"fallbacks": ["hf://a/b"]}}, TOLD, id="model.fallbacks"),
        pytest.param({"tracking": {"report_to": ["tensorboard"]}}, set(), id="tracking"),
        pytest.param({"execution": {"threads": 2, "logging_steps": 1}}, set(), id="execution"),
        pytest.param(
            {"execution": {"num_processes": 2, "launcher": "config/accelerate/multi.yaml"}}, set(), id="processes"
        ),
        pytest.param({"execution": {"shards": {"poems": 3, "pairs": 2}}}, set(), id="shards"),
    ],
)
def test_a_changed_setting(place: Place, config: dict[str, Any], expected: set[str]) -> None:
    assert set(place.make(stubs=True, **config).rules) == expected


def test_own_files_of_an_official_task(place: Place) -> None:
    file = place.repository / "data_raw/eval/gsm8k/test.jsonl"
    file.parent.mkdir(parents=True)
    told = {"clean": {"decontaminate": {"enabled": False}}, "eval": {"tasks": ["poem_continuation", "gsm8k"]}}
    file.write_text(json.dumps({"question": "2+2?", "answer": "#### 4"}) + "\n", encoding="utf-8")
    assert set(place.make(stubs=True, **told).rules) - TOLD == {
        "convert_task_data",
        "evaluate_harness",
        "write_data_card",
    }
    assert place.read_json("results/eval/data/gsm8k/manifest.json")["subsets"]["main"]["test"]["rows"] == 1
    file.write_text(json.dumps({"question": "2+2?", "answer": "#### 5"}) + "\n", encoding="utf-8")
    listed = set(place.make("--dry-run", stubs=True, **told).rules)
    assert listed == {"convert_task_data", "evaluate_harness"} | TOLD - {"write_config"}
    file.unlink()
    listed = set(place.make("--dry-run", stubs=True, **told).rules)
    assert listed == {"evaluate_harness"} | TOLD - {"write_config"}


@pytest.mark.parametrize(
    ("clean", "first"),
    [
        ({"max_tokens": 30}, {"count_tokens"}),
        ({"max_mojibake": 0.0}, set()),
        ({"pii": "drop"}, {"standardize", "measure_rows", "count_tokens"}),  # nothing is masked then: another text
    ],
)
def test_a_rule_of_cleaning_starts_at_the_step_that_it_is_for(place: Place, clean: dict, first: set[str]) -> None:
    run = place.make("results/data/card.json", stubs=True, clean=clean)
    assert set(run.rules) & {"standardize", "measure_rows", "count_tokens"} == first
    assert "clean_rows" in run.rules


@pytest.mark.parametrize("cores", [1, 2])
def test_a_threshold_that_drops_other_rows(place: Place, cores: int) -> None:
    run = place.make(stubs=True, cores=cores, clean={"max_chars": 30})
    assert set(run.rules) == DATA | CHECKED | TASKS | TRAINED


@pytest.mark.parametrize("cores", [1, 2])
def test_a_threshold_that_drops_the_same_rows_trains_nothing(place: Place, cores: int) -> None:
    before = {path: path.read_bytes() for path in (place.work / "results/models").rglob("*.*")}
    run = place.make(stubs=True, cores=cores, clean={"max_chars": 4000})
    assert set(run.rules) - TOLD == DATA
    unchanged = {path: data for path, data in before.items() if path.read_bytes() == data and "README" not in path.name}
    assert len(unchanged) >= 15


def test_a_threshold_of_one_source_cleans_that_source_only(place: Place) -> None:
    run = place.make(stubs=True, sources={"pairs": {"clean": {"max_chars": 30}}})
    assert run.rules.count("clean_rows") == 1
    assert run.rules.count("mix_sources") == 1
    assert (
        set(run.rules) == DATA | CHECKED | ALIGNED
    )  # preference accuracy of the base and of SFT too, nothing else of theirs
    assert [run.rules.count(rule) for rule in ("evaluate_perplexity", "evaluate_preference")] == [1, 3]


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        pytest.param({"threshold": 0.7}, {"link_rows", "mix_sources"}, id="threshold"),
        pytest.param({"max_same_replies": 3}, {"link_rows", "mix_sources"}, id="max_same_replies"),
        pytest.param({"action": "group"}, {"mix_sources"}, id="action"),
        pytest.param({"ngram": 3}, LINKED | {"mix_sources"}, id="ngram"),
    ],
)
def test_near_duplicates_are_measured_once(place: Place, near: dict[str, Any], expected: set[str]) -> None:
    ran = set(place.make(stubs=True, clean={"near_duplicates": near}).rules)
    assert ran - TOLD == expected | SPLIT  # the poems are too different for it to change a split


def test_evaluation_texts_are_looked_for_where_there_are_any(place: Place) -> None:
    poems = json.loads((place.folder / "raw" / "poems.json").read_text(encoding="utf-8"))
    path = place.repository / "data_raw" / "eval" / "couplets" / "test.jsonl"
    path.parent.mkdir(parents=True)
    lines = [json.dumps({"question": "".join(poem["paragraphs"])}) + "\n" for poem in poems[:40]]
    path.write_text("".join(lines), encoding="utf-8")
    ran = set(place.make(stubs=True).rules)
    assert {"find_contamination", "mix_sources"} <= ran
    assert not ran & ({"standardize", "measure_rows", "clean_rows", "prepare_base"} | LINKED)
    dropped = [json.loads(line)["detail"] for line in place.read("results/data/sft/drops.jsonl").splitlines()]
    assert len(dropped) > 10 and all(detail.startswith("holds 1.00 of couplets/test.jsonl#") for detail in dropped)
    again = place.make(stubs=True, clean={"decontaminate": {"max_overlap": 0.9}})
    assert "find_contamination" not in again.rules and "mix_sources" in again.rules


@pytest.mark.full  # what is put back for any value is tested below
def test_back_to_an_earlier_threshold_gives_the_same_bytes(place: Place) -> None:
    before = {name: place.read(f"results/data/sft/{name}.jsonl") for name in ("train", "val", "test")}
    place.make(stubs=True, clean={"max_chars": 30})
    assert place.read("results/data/sft/train.jsonl") != before["train"]
    place.make(stubs=True)
    assert {name: place.read(f"results/data/sft/{name}.jsonl") for name in before} == before


@pytest.mark.parametrize(
    ("config", "tasks"),
    [
        pytest.param({"split": {"train": 0.7, "val": 0.1, "test": 0.2}}, set(), id="split"),  # the same test split
        pytest.param({"split": {"seed": 1}}, TASKS, id="split.seed"),
    ],
)
def test_the_split_leaves_cleaning_alone(place: Place, config: dict[str, Any], tasks: set[str]) -> None:
    assert set(place.make(stubs=True, **config).rules) == SPLIT | CHECKED | tasks | TRAINED


def test_a_quota_leaves_cleaning_alone(place: Place) -> None:
    run = place.make(stubs=True, mix={"preference": {"max_samples": 10}})
    assert set(run.rules) == {"mix_sources"} | SPLIT | CHECKED | ALIGNED
    assert run.rules.count("mix_sources") == 1


def test_swapped_values_are_noticed(place: Place) -> None:
    swapped = {"max_grad_norm": 0.5, "beta": 2.0}
    place.make(stubs=True, align=swapped)
    run = place.make(stubs=True, align={"max_grad_norm": 2.0, "beta": 0.5})
    assert set(run.rules) == ALIGNED


def test_the_order_of_keys_and_the_place_they_are_set_mean_nothing_to_models(place: Place) -> None:
    text = place.configfile.read_text(encoding="utf-8")
    head, tail = text.split("clean:", 1)
    place.configfile.write_text(f"clean:{tail}{head}", encoding="utf-8")
    assert place.make(stubs=True).rules == []


POEM_FORM = {"enabled": True, "verifier": "poem_form"}


def test_sampling_is_a_stage_before_sft(place: Place) -> None:
    run = place.make("results/models/sft/adapter_model.safetensors", stubs=True, sampling=POEM_FORM)
    assert run.rules == ["sample_replies", "verify_replies", "train_sft"]
    assert place.read_json("results/sampling/stats.json")["rate"] == 0.5
    pattern = {"enabled": True, "verifier": "regex", "verifier_options": {"pattern": "，.*。$"}}
    judged = place.make("--dry-run", "results/models/sft/adapter_model.safetensors", stubs=True, sampling=pattern)
    assert judged.rules == ["verify_replies", "train_sft"]  # replies are not written again


def test_sampling_that_is_off_means_nothing(place: Place) -> None:
    off = {"temperature": 0.1, "num_samples": 2, "verifier": "number", "verifier_options": {"tolerance": 1}}
    assert set(place.make("--dry-run", stubs=True, sampling=off).rules) == TOLD  # which show the config


@pytest.mark.full
def test_sampling_comes_and_goes(place: Place) -> None:
    on = place.make(stubs=True, sampling=POEM_FORM)
    assert set(on.rules) == {"sample_replies", "verify_replies"} | TRAINED
    assert place.make(stubs=True, sampling=POEM_FORM).rules == []
    cleaned = place.make(stubs=True, sampling=POEM_FORM, clean={"max_chars": 4000})
    assert set(cleaned.rules) - TOLD == DATA  # and the same rows: nothing is sampled or trained
    pairs = place.make(stubs=True, sampling=POEM_FORM | {"pairs": True})
    assert {"verify_replies", "train_align"} <= set(pairs.rules) and "sample_replies" not in pairs.rules
    assert "results/sampling/pairs.jsonl" in pairs.output[pairs.output.index("rule train_align:") :]
    off = place.make(stubs=True)
    assert "train_sft: restored" in off.output
    assert not {"sample_replies", "verify_replies"} & set(off.rules)


@pytest.mark.full
def test_a_verifier_counts_where_it_is_selected(place: Place) -> None:
    sampled = ("--dry-run", "results/sampling/stats.json")
    place.make(sampled[1], stubs=True, sampling=POEM_FORM)
    place.edit("lib/verifiers/registry.py", '    "number"', '    "novel": "workflow_scripts.no",\n    "number"')
    place.edit("lib/verifiers/number.py", "def columns", "LIMIT = 3\n\n\ndef columns")
    assert place.make(*sampled, stubs=True, sampling=POEM_FORM).rules == []
    place.edit("lib/verifiers/poem_form.py", "def columns", "LIMIT = 3\n\n\ndef columns")
    assert place.make(*sampled, stubs=True, sampling=POEM_FORM).rules == ["verify_replies"]


def test_a_method_can_be_left_out_and_taken_back(place: Place) -> None:
    none = place.make(stubs=True, align={"method": "none"})
    assert not set(none.rules) & {"train_sft", "train_align", "standardize", "measure_rows", "clean_rows"}
    assert "merge_adapter" in none.rules
    dpo = place.make(stubs=True, align={"method": "dpo"})
    assert "train_align" in dpo.rules
    assert not set(dpo.rules) & {"train_sft", "standardize", "measure_rows", "clean_rows", "sketch_rows"}


@pytest.mark.parametrize(
    "touched",
    [
        "raw/poems.json",
        "repository/config/panels/general.jsonl",
        "repository/config/accelerate/single.yaml",
        "repository/config/config.yaml",
        "repository/workflow_scripts/train_sft.py",
        "repository/Snakefile",
        "work/results/data/sft/train.jsonl",
        "work/results/models/base/manifest.json",
    ],
)
def test_touching_means_nothing(place: Place, touched: str) -> None:
    path = place.folder / touched
    assert path.exists()
    path.touch()
    assert place.make(stubs=True).rules == []


def test_touching_all_files_of_the_repository_means_nothing(place: Place) -> None:
    """As after a branch switch and back."""
    for path in place.repository.rglob("*"):
        path.touch()
    assert place.make(stubs=True).rules == []


def test_a_moved_checkout_means_nothing(place: Place, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "deeper"
    moved.parent.mkdir()
    shutil.move(place.folder, moved)
    assert Place(moved).make(stubs=True).rules == []


def test_an_edited_raw_file_runs_its_chain(place: Place) -> None:
    path = place.folder / "raw" / "poems.json"
    poems = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(poems[:-20], ensure_ascii=False), encoding="utf-8")
    begun = {"standardize", "measure_rows", "count_tokens"}
    assert set(place.make(stubs=True).rules) == begun | LINKED | DATA | CHECKED | TASKS | TRAINED - {"write_config"}


def test_a_raw_file_that_says_the_same_in_other_bytes_trains_nothing(place: Place) -> None:
    path = place.folder / "raw" / "poems.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=1), encoding="utf-8")
    assert set(place.make(stubs=True).rules) == {"standardize", "measure_rows", "count_tokens"} | LINKED | CHEAP


def test_a_new_panel_prompt_runs_the_panel(place: Place) -> None:
    path = place.repository / "config" / "panels" / "general.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[1:]), encoding="utf-8")
    run = place.make(stubs=True)
    assert set(run.rules) == {"evaluate_panel"} | TOLD - {"write_config"}
    assert run.rules.count("evaluate_panel") == 3


def test_scores_of_people_run_the_report_only(place: Place) -> None:
    path = place.repository / "human" / "panel_scores.jsonl"
    path.parent.mkdir()
    path.write_text("{}\n", encoding="utf-8")
    assert set(place.make(stubs=True).rules) == TOLD - {"write_config"}
    path.touch()
    assert place.make(stubs=True).rules == []
    path.write_text("{}\n{}\n", encoding="utf-8")
    assert set(place.make(stubs=True).rules) == TOLD - {"write_config"}


def test_a_score_given_while_the_report_is_made_is_not_forgotten(place: Place) -> None:
    path = place.repository / "human" / "panel_scores.jsonl"
    path.parent.mkdir()
    path.write_text("{}\n", encoding="utf-8")
    rules = place.repository / "rules" / "evaluation.smk"
    text = rules.read_text(encoding="utf-8")
    end = "2>&1 | tee {log:q}\n"
    head, tail = text.split("rule write_report:", 1)
    meanwhile = f"{end}            cat {place.folder}/meanwhile >> {{input.scores:q}}\n"
    rules.write_text(f"{head}rule write_report:{tail.replace(end, meanwhile, 1)}", encoding="utf-8")
    (place.folder / "meanwhile").write_text("{}\n", encoding="utf-8")
    assert "write_report" in place.make(stubs=True).rules
    (place.folder / "meanwhile").write_text("", encoding="utf-8")
    assert "write_report" in place.make(stubs=True).rules
    assert place.make(stubs=True).rules == []


@pytest.mark.parametrize(
    ("module", "old", "new", "expected"),
    [
        pytest.param(
            "lib/training/preference_trainer.py",
            "\nimport torch",
            "\nimport math\nimport torch",
            ALIGNED - {"write_config"},
            id="a code line",
        ),
        pytest.param(
            "lib/training/preference_trainer.py", "\nimport torch", "\nimport torch  # why", set(), id="comment"
        ),
        pytest.param(
            "lib/evaluation/perplexity.py",
            "\nimport torch",
            "\nimport cmath\nimport torch",
            {"evaluate_perplexity"} | TOLD - {"write_config"},
            id="an evaluation",
        ),
        pytest.param(
            "lib/cleaning/verdicts.py",
            "\n\n\n",
            "\nSTRAY = 3\n\n\n",
            CHEAP,
            id="cleaning code with the same result",
        ),
        pytest.param("lib/adapters/alpaca.py", "\n\n\n", "\nSTRAY = 3\n\n\n", set(), id="an adapter not selected"),
    ],
)
def test_edited_code(place: Place, module: str, old: str, new: str, expected: set[str]) -> None:
    path = place.repository / "workflow_scripts" / module
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert set(place.make(stubs=True).rules) == expected


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("trl", TRAINED - {"write_config"}),
        ("lm-eval", {"evaluate_harness"} | TOLD - {"write_config"}),
        ("gguf", {"prepare_base", "count_tokens"} | CHEAP),  # no training: the same base comes out
        ("polars", {"measure_rows", "count_tokens"} | DATA | TOLD - {"write_config"}),
        ("snakemake", set()),
    ],
)
def test_an_upgraded_package_runs_what_imports_it(place: Place, package: str, expected: set[str]) -> None:
    place.upgrade(package)
    assert set(place.make(stubs=True).rules) == expected


@pytest.mark.parametrize("tampered", ["results/models/align/adapter_model.safetensors", "results/eval/sft/panel.json"])
def test_what_is_deleted_is_made_again(place: Place, tampered: str) -> None:
    (place.work / tampered).unlink()
    run = place.make(tampered, stubs=True)
    assert run.rules == [{"adapter_model.safetensors": "train_align"}.get(Path(tampered).name, "evaluate_panel")]
    assert (place.work / tampered).exists()


def test_a_dry_run_lists_what_a_threshold_makes_stale_and_why(place: Place) -> None:
    run = place.make("--dry-run", stubs=True, clean={"max_chars": 30})
    assert set(run.rules) >= DATA
    assert not set(run.rules) & ({"standardize", "measure_rows", "prepare_base", "acquire"} | LINKED)
    assert "Params have changed since last execution" in run.output
    again = place.make("--dry-run", stubs=True, align={"learning_rate": 1e-3})
    assert set(again.rules) == ALIGNED


def test_back_to_an_earlier_value_puts_everything_back(place: Place) -> None:
    before = place.contents()
    assert len(before) > 60
    changed = place.make(stubs=True, align={"learning_rate": 1e-3}, clean={"max_chars": 30})
    assert ": restored," not in changed.output
    assert place.contents() != before
    run = place.make(stubs=True)
    made_anew = {"split_groups", "all"}  # a second's work that is a store itself; no work
    assert run.output.count(": restored,") == len([rule for rule in run.rules if rule not in made_anew])
    assert place.contents() == before


def test_a_base_model_made_anew_with_the_same_bytes_trains_nothing(place: Place) -> None:
    place.edit("lib/base_model.py", "import hashlib", "import cmath\nimport hashlib")
    ran = set(place.make(stubs=True).rules)
    assert "prepare_base" in ran
    assert not ran & (TRAINED - TOLD)


@pytest.mark.parametrize(
    ("config", "edit", "words"),
    [
        pytest.param({"clean": {"max_chars": 30}}, None, ["clean.max_chars 8192 → 30", "only if "], id="config"),
        pytest.param({}, ("lib/cleaning/verdicts.py",), ["lib/cleaning/verdicts.py changed"], id="code"),
        pytest.param({}, ("trl",), ["trl 1.16.0 → 99.1.16.0"], id="pin"),
        pytest.param({}, ("raw",), ["raw/poems.json changed"], id="raw file"),
    ],
)
def test_the_plan_says_why_before_anything_runs(place: Place, config: dict, edit: tuple | None, words: list) -> None:
    match edit:
        case ("trl",):
            place.pin("trl==", "trl==99.")
        case ("raw",):
            path = place.folder / "raw" / "poems.json"
            path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        case (module,):
            place.edit(module, "\n\n\n", "\nSTRAY = 3\n\n\n")
    run = place.make("--dry-run", "--quiet", "all", stubs=True, **config)
    assert all(word in run.output for word in words), run.output
    assert "steps for sure, about" in run.output


def test_an_installed_version_that_is_not_the_pinned_one_stops_the_job(place: Place) -> None:
    place.pin("trl==", "trl==99.")
    run = place.snakemake(stubs=True)
    assert run.status != 0
    assert "installed: trl 1.16.0; pinned: trl==99.1.16.0" in run.output
    assert "python -m pip install trl==99.1.16.0" in run.output


def test_without_the_engines_notes_it_says_what_it_cannot_vouch_for(place: Place) -> None:
    shutil.rmtree(place.work / ".snakemake")
    assert "nobody can vouch" not in place.make(stubs=True).output
    (place.work / "results/eval/sft/panel.json").write_text("{}", encoding="utf-8")
    run = place.make(stubs=True, align={"learning_rate": 1e-3})
    assert not set(run.rules) & {"train_align", "evaluate_panel"}
    assert "train_align: align.learning_rate 8e-05 → 0.001" in run.output
    assert "evaluate_panel sft: results/eval/sft/panel.json is not what was made" in run.output
    mended = place.make("--forceall", stubs=True, align={"learning_rate": 1e-3})
    assert "train_sft: restored" in mended.output
    assert "train_align: restored" not in mended.output
    assert place.read("results/eval/sft/panel.json") != "{}"


def test_touched_results_are_not_vouched_for(place: Place) -> None:
    place.make("--touch", stubs=True, align={"learning_rate": 1e-3})
    run = place.make(stubs=True, align={"learning_rate": 1e-3})
    assert run.rules == []
    assert "nobody can vouch" in run.output
    assert "train_align: align.learning_rate 8e-05 → 0.001" in run.output


def test_a_second_run_in_the_folder_is_refused(place: Place) -> None:
    with final_words.hold(place.work / "results"):
        run = place.snakemake(stubs=True, align={"learning_rate": 1e-3})
    assert run.status != 0
    assert "another run is at work in this folder" in run.output
    assert set(place.make(stubs=True, align={"learning_rate": 1e-3}).rules) == ALIGNED


def test_the_log_of_the_step_that_failed_is_shown_and_no_other(place: Place) -> None:
    (place.folder / "raw" / "poems.json").write_text('[{"verse": 1}]', encoding="utf-8")
    run = place.snakemake("--keep-going", stubs=True, eval={"limit": 5})
    assert run.status != 0
    shown = run.output[run.output.index("The last lines of ") :]
    assert "The last lines of results/logs/standardize/poems.log:\n" in shown
    assert "The last lines of results/logs/standardize/pairs.log:\n" in shown
    assert shown.count("The last lines of") == 2
    assert "verse" in shown
    assert "give the same command again" in shown
    again = place.snakemake("--keep-going", stubs=True, eval={"limit": 5})
    assert again.status != 0  # and not "Nothing to be done", as the engine has it
    assert "was begun and not finished" in again.output
    running.write_poems(place.folder, 300)
    mended = place.make(stubs=True, eval={"limit": 5})
    assert set(mended.rules) >= {"standardize", "evaluate_harness"}
    assert not set(mended.rules) & {"train_sft", "train_align"}


@pytest.mark.parametrize(
    ("file", "old", "new", "contract"),
    [
        pytest.param(
            "rules/common.smk",
            "    return code.digest",
            "    CODE['0' * 16] = code\n    return '0' * 16",
            lambda place: place.edit("lib/training/preference_trainer.py", "import torch", "import math\nimport torch"),
            id="a constant code digest",
        ),
        pytest.param(
            "rules/models.smk",
            'curriculum="mix.sft.curriculum"',
            'curriculum="mix.sft.curriculum", more="eval"',
            None,
            id="a wider section",
        ),
    ],
)
def test_these_tests_bite(place: Place, file: str, old: str, new: str, contract: Any) -> None:
    """With a mechanism taken out, the jobs that run are not those of the contract."""
    path = place.repository / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    place.make(stubs=True)
    if contract:
        contract(place)
        assert place.make("--dry-run", stubs=True).rules == []  # and not the alignment and what follows
    else:
        ran = set(place.make("--dry-run", stubs=True, eval={"limit": 5}).rules)
        assert "train_sft" in ran  # and not the harness alone


def test_a_backup_put_back_in_place_of_a_raw_file_is_noticed(place: Place) -> None:
    before = place.contents()
    path, backup = place.folder / "raw" / "poems.json", place.folder / "backup.json"
    shutil.copy2(path, backup)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))[:-20]), encoding="utf-8")
    place.make(stubs=True)
    assert place.contents() != before
    backup.replace(path)  # with the time that it had, older than all results
    planned = place.make("--dry-run", "--quiet", "all", stubs=True)
    assert "raw/poems.json changed" in planned.output
    assert "standardize" in place.make(stubs=True).rules
    assert place.contents() == before
    assert place.make(stubs=True).rules == []


def test_the_order_of_sources_means_nothing(place: Place) -> None:
    config = yaml.safe_load(place.configfile.read_text(encoding="utf-8"))
    more = config["sources"]["poems"] | {"options": config["sources"]["poems"]["options"] | {"share": [0.2, 0.9]}}
    for names in (["poems", "pairs", "more"], ["more", "pairs", "poems"]):
        config["sources"] = {name: config["sources"].get(name, more) for name in names}
        place.configfile.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        assert bool(place.make(stubs=True).rules) == (names[0] == "poems")


def test_files_that_no_rule_declares_come_back_with_the_others(place: Place) -> None:
    weights = place.work / "results" / "models" / "base" / "model.safetensors"
    before = weights.read_bytes()
    shutil.rmtree(place.work / "results" / "models" / "merged")
    weights.unlink()
    run = place.make(stubs=True)
    assert {"prepare_base", "merge_adapter"} <= set(run.rules)
    assert weights.read_bytes() == before
    assert (place.work / "results" / "models" / "merged" / "tokenizer_config.json").exists()


def test_an_edited_result_is_named(place: Place) -> None:
    (place.work / "results/eval/sft/panel.json").write_text('{"headline": []}', encoding="utf-8")
    for run in (place.make("--dry-run", stubs=True), place.make(stubs=True), place.make(stubs=True)):
        assert "evaluate_panel sft: results/eval/sft/panel.json is not what was made" in run.output


def test_a_lost_store_is_mended_from_the_results(place: Place) -> None:
    shutil.rmtree(place.work / "results" / "store")
    assert place.make("--max-checksum-file-size", "0", stubs=True).rules == []
    shutil.rmtree(place.work / "results" / "store")
    (place.work / "results" / "data" / "sft" / "train.jsonl").unlink()
    assert set(place.make(stubs=True).rules) <= SPLIT | CHECKED | TOLD


def test_splits_of_earlier_settings_are_pruned(place: Place) -> None:
    place.make(stubs=True, clean={"max_chars": 30})
    place.make(stubs=True)
    store = place.work / "results" / "store"
    assert len(list(store.glob("*.jsonl"))) > 6
    listed, pruned = (
        subprocess.run(
            [sys.executable, "-m", "workflow_scripts.manage_store", *words, "--results", str(place.work / "results")],
            cwd=place.repository,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for words in (["list"], ["prune", "--max-size", "0"])
    )
    assert listed.count("a split\n") > 6
    assert listed.count("in use") > 6
    assert "a split\n" in pruned
    assert len(list(store.glob("*.jsonl"))) == 6  # three of each use
    assert place.make(stubs=True).rules == []
