"""The whole DAG for real: a tiny random model, made-up poems, a few steps; what comes out, and again."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import running
import tiny
from running import Place

from workflow_scripts.lib.reporting.report_schema import Report

CONFIG = (
    """\
recipe: custom
model: {{base: "file://{folder}/base", license: mit, system_prompt: 你是诗人。}}
"""
    + running.SOURCES
    + """\
clean: {{min_chars: 1, min_tokens: 1, max_chars: 90}}
split: {{train: 0.6, val: 0.1, test: 0.3}}
sft: {{epochs: null, max_steps: 3, learning_rate: 1.0e-2, global_batch_size: 4, evaluations: 1, max_length: 512}}
align: {{epochs: null, max_steps: 2, learning_rate: 1.0e-2, global_batch_size: 4, evaluations: 1, max_length: 512}}
eval:
  tasks: [poem_continuation]
  limit: 8
  bootstrap_samples: 100
  perplexity: {{max_rows: 8}}
  preference: {{max_rows: 8}}
  form: {{enabled: true, max_rows: 4, max_new_tokens: 8}}
  panel: {{prompts: "{panel}", max_new_tokens: 8}}
execution: {{threads: 2, logging_steps: 1, save_steps: 2}}
"""
)
ADAPTER = "results/models/{}/adapter_model.safetensors"
NUM_POEMS = 800  # a pair needs two poems in the same thousandth of the groups
STAGES = ("base", "sft", "align")


def place_in(folder: Path) -> Place:
    config = CONFIG.format(folder="..", panel="../panel.jsonl")
    place = running.build(folder, config, num_poems=NUM_POEMS // 2)
    prompts = [
        {"id": f"p{n}", "theme": "诗", "messages": [{"role": "user", "content": f"续写：{n}"}], "check": "quatrain5"}
        for n in range(2)
    ]
    lines = "".join(json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in prompts)
    (folder / "panel.jsonl").write_text(lines, encoding="utf-8")
    tiny.build(folder / "base")
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Everything, made once on one core."""
    made = place_in(tmp_path_factory.mktemp("end_to_end") / "place")
    run = made.make(cores=1)
    assert {"train_sft", "train_align", "write_report", "write_model_card"} <= set(run.rules)
    assert "results/eval/report.html: " in run.output  # the last line names the report and its figures
    return made


@pytest.fixture(scope="module")
def report(place: Place) -> dict[str, Any]:
    return place.read_json("results/eval/report.json")


def test_the_report_has_every_stage_and_figure(report: dict[str, Any]) -> None:
    assert Report.model_validate(report).stages == list(STAGES)
    names = {metric["name"]: metric for metric in report["metrics"]}
    assert {metric["kind"] for metric in names.values()} == {"perplexity", "form", "preference", "panel", "harness"}
    for metric in names.values():
        assert set(metric["stages"]) == set(STAGES), metric["name"]
    assert len(report["headline"]) == 3
    assert report["training"]["sft"]["steps"] == 3
    assert report["training"]["align"]["steps"] == 2
    assert report["method"] == "orpo"
    assert report["training"]["sft"]["tokens_trained"] > 0


def test_training_changed_what_is_measured(report: dict[str, Any]) -> None:
    perplexity = next(metric for metric in report["metrics"] if metric["kind"] == "perplexity")["stages"]
    assert len({perplexity[stage]["value"] for stage in STAGES}) == 3
    assert perplexity["sft"]["value"] < perplexity["base"]["value"]


def test_every_row_ends_in_one_place(place: Place) -> None:
    card = place.read_json("results/data/card.json")
    raw = {f"{source}/poems.json#{number}" for source in ("poems", "pairs") for number in range(NUM_POEMS)}
    for use, source in (("sft", "poems"), ("preference", "pairs")):
        ledgers = [f"standard/{source}.drops", f"clean/{source}.drops", f"{use}/drops"]
        splits = [f"{use}/{name}" for name in ("train", "val", "test")]
        dropped, kept = (
            [json.loads(line) for name in names for line in place.read(f"results/data/{name}.jsonl").splitlines()]
            for names in (ledgers, splits)
        )
        assert all(drop["reason"] and drop["step"] for drop in dropped)
        ids = [row["id"] for row in dropped + kept]
        assert len(ids) == len(set(ids)) == NUM_POEMS
        assert len(kept) > 20
        assert card["uses"][use]["rows"] == len(kept)
        if use == "sft":
            assert {row_id.rsplit("#", 1)[1] for row_id in ids} == {name.rsplit("#", 1)[1] for name in raw}


def test_no_poem_is_in_two_splits_or_both_uses(place: Place) -> None:
    groups = {}
    for use in ("sft", "preference"):
        for name in ("train", "val", "test"):
            rows = [json.loads(line) for line in place.read(f"results/data/{use}/{name}.jsonl").splitlines()]
            groups[use, name] = {row["group"] for row in rows}
            assert rows
    for (one, found), (other, others) in itertools.combinations(groups.items(), 2):
        if one[1] != other[1]:  # what both uses have in common stands in the same split of both
            assert not found & others, (one, other)


def test_no_artifact_names_this_machine(place: Place) -> None:
    texts = [
        path
        for path in (place.work / "results").rglob("*")
        if path.suffix in (".json", ".jsonl", ".md", ".yaml", ".html")
    ]
    published = [path for path in texts if not {"logs", "checkpoints", "benchmarks"} & set(path.parts)]
    assert len(published) > 40
    for path in published:
        assert str(place.folder) not in path.read_text(encoding="utf-8"), path


def test_the_merged_model_loads_with_plain_transformers(place: Place) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    models = place.work / "results" / "models"
    tokenizer = AutoTokenizer.from_pretrained(models / "merged")
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "续写"}], return_tensors="pt", return_dict=True)
    base = AutoModelForCausalLM.from_pretrained(models / "base")
    with torch.no_grad():
        plain = base(**prompt).logits
        merged = AutoModelForCausalLM.from_pretrained(models / "merged")(**prompt).logits
        adapted = PeftModel.from_pretrained(base, models / "align")(**prompt).logits
    torch.testing.assert_close(merged, adapted, rtol=1e-3, atol=1e-3)
    assert (plain - adapted).abs().max() > 0.01
    assert sorted(path.name for path in (models / "merged").glob("*.safetensors")) == ["model.safetensors"]


def test_model_cards_tell_the_stage(place: Place) -> None:
    cards = {folder: place.read(f"results/models/{folder}/README.md") for folder in ("sft", "align", "merged")}
    assert len(set(cards.values())) == 3
    assert all("license: mit" in card for card in cards.values())


def test_a_second_run_has_nothing_to_do(place: Place) -> None:
    run = place.make()
    assert run.rules == []
    assert "Nothing to be done" in run.output


def reproducible(place: Place) -> dict[str, Any]:
    """Return what every run has to make alike: all results but times, and the report but its provenance."""
    found: dict[str, Any] = {
        path: data for path, data in place.contents().items() if Path(path).name not in ("timing.json", "report.html")
    }
    report = json.loads(found["results/eval/report.json"])
    del report["provenance"]
    return found | {"results/eval/report.json": report}


@pytest.mark.full
def test_two_cores_another_folder_and_another_hash_seed_give_the_same_bytes(place: Place, tmp_path: Path) -> None:
    other = place_in(tmp_path / "another" / "other")
    other.make(cores=2, variables={"PYTHONHASHSEED": "7"})
    expected, found = reproducible(place), reproducible(other)
    assert found.keys() == expected.keys()
    assert [path for path in found if found[path] != expected[path]] == []
    assert sum(path.endswith(".safetensors") for path in found) >= 3


def test_refactored_training_with_the_same_result_restores_what_follows(place: Place, tmp_path: Path) -> None:
    other = place.copy(tmp_path / "other")
    other.edit("lib/training/sft_trainer.py", "import torch", "import cmath\nimport torch")
    run = other.make("results/models/merged/model.safetensors", "results/eval/align/panel.json")
    assert "train_sft" in run.rules
    assert "train_sft: restored" not in run.output
    assert run.output.count(": restored,") == len(run.rules) - 1


@pytest.mark.full  # with stand-ins it is a row of test_staleness.py
def test_another_method_keeps_sft_and_the_data(place: Place, tmp_path: Path) -> None:
    other = place.copy(tmp_path / "other")
    orpo = (other.work / ADAPTER.format("align")).read_bytes()
    dpo = other.make("results/models/merged/model.safetensors", align={"method": "dpo", "beta": 0.1})
    assert dpo.rules == ["train_align", "merge_adapter"]
    assert (other.work / ADAPTER.format("align")).read_bytes() != orpo
    none = other.make("results/models/merged/model.safetensors", align={"method": "none"})
    assert "train_sft" not in none.rules  # without pairs the data steps are others, and SFT's rows the same
    assert none.rules[-1] == "merge_adapter"


@pytest.mark.full
def test_another_template_and_back_puts_whole_models_back(place: Place, tmp_path: Path) -> None:
    other = place.copy(tmp_path / "other")
    (other.folder / "template.jinja").write_text(tiny.TEMPLATE.replace("\n", " "), encoding="utf-8")

    def models() -> dict[str, bytes]:
        found = other.contents().items()  # but for model cards, which are another step's
        return {name: data for name, data in found if name.startswith("results/models/") and "README" not in name}

    before = models()
    merged = "results/models/merged/model.safetensors"
    changed = other.make(merged, model={"chat_template": "../template.jinja"})
    assert {"prepare_base", "train_sft", "train_align", "merge_adapter"} <= set(changed.rules)
    differing = {name for name, data in models().items() if data != before.get(name)}
    assert {f"results/models/{name}/chat_template.jinja" for name in ("base", "sft", "align", "merged")} <= differing
    back = other.make(merged)
    assert "train_sft: restored" in back.output
    assert models() == before
