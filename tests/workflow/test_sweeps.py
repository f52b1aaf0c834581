"""Sweeps: what variants share is made once, one that fails stops no other, and a finished sweep has nothing to do.

Steps that need torch have stand-ins, and so has the comparison, which reads what they do not write.
"""

import os
import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
import running
import yaml
from running import Place

from workflow_scripts import sweep
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records, sharing
from workflow_scripts.lib.provenance.store import Store
from workflow_scripts.lib.sweeps import configs, definition, engine_runs, graph
from workflow_scripts.lib.workflow import Plan

CONFIG = """\
recipe: custom
model: {base: "file://../base"}
sources:
  poems:
    use: sft
    adapter: chinese_poetry
    from: "file://../raw/poems.json"
    license: mit
    options: {forms: [quatrain5, quatrain7], share: [0.0, 1.0], instructions: ["续写：{couplet}"]}
align: {method: none}
clean: {min_chars: 1, min_tokens: 1}
split: {train: 0.6, val: 0.2, test: 0.2}
eval: {panel: {enabled: false}}
execution: {threads: 1}
"""
OF_EACH = {"write_config", "split_groups", "train_sft", "merge_adapter", "write_report"}
RATES = {"low": {"sft.learning_rate": 1e-4}, "high": {"sft.learning_rate": 1e-3}}
RESTORED = re.compile(r"^\d\d:\d\d:\d\d (\w+)[^:]*: restored,", re.MULTILINE)


def build(folder: Path) -> Place:
    place = running.build(folder, CONFIG, num_poems=100)
    running.tokenizer_of_characters(place.folder / "base")
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return build(tmp_path / "place")


class Sweeping:
    """Runs of a sweep in a place, and what they said."""

    def __init__(
        self, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, stubs: bool = True
    ) -> None:
        self.place, self.capsys = place, capsys
        variables = place.command(stubs=stubs)[1]
        for name in [name for name in os.environ if name not in variables]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sweep, "REPOSITORY", place.repository)
        monkeypatch.setattr(sweep, "STORE", place.repository / "results" / "store")
        if stubs:
            monkeypatch.setattr(sweep, "_compare", lambda *_: None)

    @property
    def folder(self) -> Path:
        return self.place.repository / "runs" / "own"

    def run(self, file: dict, *options: str, jobs: int = 1) -> str:
        """Run it and return what it said."""
        path = self.place.repository / "config/sweeps/own.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"base": ["../own.yaml"]} | file, sort_keys=False), encoding="utf-8")
        self.capsys.readouterr()
        self.started = time.time()
        sweep.main(["--sweep", "own", "--cores", "1", "--jobs", str(jobs), "--cards", *options])
        return self.capsys.readouterr().out

    def worked(self, variant: str) -> Counter[str]:
        """Return how often each rule of a variant did work in its last run, and did not just put it back."""
        log = (self.folder / variant / "snakemake.log").read_text(encoding="utf-8")
        files = (self.folder / variant / "results" / "provenance").rglob("*.json")
        noted = [records.read(path) for path in files if path.stat().st_mtime >= self.started]
        return Counter(record.step.split(" ")[0] for record in noted if record) - Counter(RESTORED.findall(log))


@pytest.fixture
def sweeping(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sweeping:
    return Sweeping(place, monkeypatch, capsys)


def test_variants_share_what_they_have_in_common_and_one_that_fails_stops_no_other(
    sweeping: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_runs, "TARGET", "results/models/sft/metrics.json")  # the long tier goes to the end
    with pytest.raises(UserError) as caught:
        sweeping.run({"variants": {"broken": {"clean.min_chars": 8000}, "low": RATES["low"]}})
    assert caught.value.what == "1 of 2 variants failed: broken"
    assert caught.value.where == "runs/own/broken/snakemake.log"
    assert "no row is left after mixing" in (sweeping.folder / "broken/snakemake.log").read_text(encoding="utf-8")
    assert (sweeping.folder / "low/results/models/sft/metrics.json").exists()
    assert set(sweeping.worked("low")) == {"clean_rows", "mix_sources", "split_groups", "train_sft"}
    said = sweeping.capsys.readouterr().out
    assert "broken | error: no row is left after mixing\n" in said
    assert re.search(r"^low    \| [\d:]+ standardize source=poems: restored", said, re.MULTILINE)
    assert re.search(r"^standardize +2 +1 +1$", said, re.MULTILINE), said
    assert re.search(r"^train_sft +2 +2 +2$", said, re.MULTILINE)


def test_one_graph_answers_for_every_config_of_its_kind(sweeping: Sweeping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its steps are those of the graph that the engine itself makes of the other config."""
    other = {
        "sources.tang_poems": {"weight": 3.0, "max_rows": 9},
        "clean": {"max_chars": 30, "near_duplicates": {"threshold": 0.9}},
        "mix.sft.max_samples": 50,
        "split": {"train": 0.7, "test": 0.27},
        "sft": {"learning_rate": 1e-5, "lora": {"r": 4}},
        "align": {"beta": 0.3, "seed": 3},
        "eval": {"limit": 3, "form": {"max_rows": 3}},
        "generation.top_p": 0.3,
        "model.system_prompt": "你好。",
        "seed": 7,
    }
    file = {"variants": {"plain": {}, "other": other, "dpo": {"align.method": "dpo"}}}
    path = sweeping.place.repository / "config/sweeps/own.yaml"
    path.write_text(yaml.safe_dump(file), encoding="utf-8")
    read = definition.read(path, sweeping.place.repository)
    variants = {variant.name: variant for variant in read.variants}
    settings = configs.load(read, "config/sweeps/own.yaml", sweeping.place.repository, [])
    (sweeping.folder / "plan").mkdir(parents=True)
    monkeypatch.chdir(sweeping.folder / "plan")
    plans = {name: Plan(found, sweeping.place.repository) for name, found in settings.items()}
    drawn = {
        name: engine_runs.draw(read, variants[name], Path.cwd(), sweeping.place.repository)
        for name in ("plain", "other")
    }
    assert drawn["plain"].fits(plans["other"])
    assert not drawn["plain"].fits(plans["dpo"])
    steps = graph.steps(drawn["plain"], plans["other"])
    assert steps == graph.steps(drawn["other"], plans["other"])
    assert {step.rule for step in steps} > {"acquire", "train_align", "write_report"}
    plain = {step.id for step in graph.steps(drawn["plain"], plans["plain"])}
    assert {step.rule for step in steps if step.id in plain} == {"acquire", "prepare_base"}


@pytest.mark.full  # one or two minutes
def test_it_goes_on_where_it_stopped_and_ends_with_nothing_to_do(sweeping: Sweeping) -> None:
    with pytest.raises(UserError, match="1 of 3 variants failed: broken"):
        sweeping.run({"variants": RATES | {"broken": {"clean.min_chars": 8000}}})
    mended = {"variants": RATES | {"broken": {"clean.max_chars": 30}}}
    said = sweeping.run(mended)
    assert "3 variants, 2 of them finished" in said
    assert not re.search(r"^(low|high) +\| ", said, re.MULTILINE), "what is finished is not even started"
    assert set(sweeping.worked("broken")) >= {"clean_rows", "train_sft"}
    assert "standardize" not in sweeping.worked("broken")
    said = sweeping.run(mended)
    assert "3 variants, 3 of them finished" in said
    assert "|" not in said

    poems = sweeping.place.folder / "raw" / "poems.json"
    poems.write_text(poems.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert "3 variants, 0 of them finished" in sweeping.run(mended, "--plan-only")
    said = sweeping.run(mended)
    assert "standardize" in sweeping.worked("low")
    assert "train_sft" not in sweeping.worked("low"), "the same rows came out"
    assert "3 variants, 3 of them finished" in sweeping.run(mended, "--plan-only")

    shutil.rmtree(sweeping.place.repository / "results")  # `make clean`
    (sweeping.folder / "high/results/eval/report.json").unlink()
    said = sweeping.run(mended)
    assert "3 variants, 2 of them finished" in said
    assert (sweeping.folder / "high/results/eval/report.json").exists()


@pytest.mark.full  # one or two minutes
def test_side_by_side_no_step_is_made_twice(sweeping: Sweeping) -> None:
    rates = {"sft.learning_rate": [1e-4, 2e-4, 3e-4, 4e-4]}
    sweeping.run({"values": rates}, jobs=4)
    names = [f"learning_rate={rate}" for rate in ("0.0001", "0.0002", "0.0003", "0.0004")]
    total = sum((sweeping.worked(name) for name in names), Counter())
    assert {rule for rule, count in total.items() if count == 4} == OF_EACH
    assert {rule for rule, count in total.items() if count == 5} == {"evaluate_perplexity"}  # the base once
    assert {rule for rule, count in total.items() if count not in (4, 5)} == {
        rule for rule, count in total.items() if count == 1
    }
    store = Store(sweeping.place.repository / "results/store")
    assert not list((store.folder / "at-work").iterdir())
    kept = len(store.entries([]))
    assert store.prune(0, sharing.current_records(store.folder), sharing.splits_in_use(store.folder)) == []
    shutil.rmtree(sweeping.folder / names[0])
    gone = store.prune(0, sharing.current_records(store.folder), sharing.splits_in_use(store.folder))
    assert 4 <= len(gone) < kept, "what only that variant used"
    assert "4 variants, 3 of them finished" in sweeping.run({"values": rates}, "--plan-only")
    said = sweeping.run({"variants": {"new": {}}}, "--plan-only")
    assert f"no longer in this sweep, and still in runs/own: {', '.join(names[1:])}\n" in said


@pytest.mark.full  # seven minutes on two busy cores
def test_a_sweep_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """ORPO and DPO with two seeds each: SFT is trained once, and a variant is what a run by itself makes."""
    from test_end_to_end import ADAPTER, place_in

    sweeping = Sweeping(place_in(tmp_path / "place"), monkeypatch, capsys, stubs=False)
    few = {"eval.tasks": [], "eval.form.enabled": False, "eval.panel.enabled": False}
    file = {
        "set": few,
        "variants": {"orpo": {"align.method": "orpo"}, "dpo": {"align.method": "dpo", "align.beta": 0.1}},
        "seeds": {"keys": ["align.seed"], "values": [1, 2]},
    }
    said = sweeping.run(file, jobs=2)
    names = ["orpo,seed=1", "orpo,seed=2", "dpo,seed=1", "dpo,seed=2"]
    total = sum((sweeping.worked(name) for name in names), Counter())
    assert (total["standardize"], total["prepare_base"], total["train_sft"], total["train_align"]) == (2, 1, 1, 4)
    assert (total["evaluate_perplexity"], total["evaluate_preference"]) == (6, 6)
    assert "4 variants, 0 of them finished" in said
    compared = jsonl.read_json(sweeping.folder / "compare.json")
    assert [variant["name"] for variant in compared["variants"]] == names
    assert {metric["name"] for metric in compared["grouped"]} >= {"perplexity", "preference_accuracy"}
    for metric in compared["grouped"]:
        assert {group: found["n"] for group, found in metric["groups"].items()} == {"orpo": 2, "dpo": 2}
    assert "<title>推敲 Tuiqiao · own</title>" in (sweeping.folder / "compare.html").read_text(encoding="utf-8")
    assert "4 variants, 4 of them finished" in sweeping.run(file)

    alone = {"align": {"method": "dpo", "beta": 0.1, "seed": 2}}
    sweeping.place.make(ADAPTER.format("align"), **alone)
    made = sweeping.place.work / ADAPTER.format("align")
    assert made.read_bytes() == (sweeping.folder / "dpo,seed=2" / ADAPTER.format("align")).read_bytes()
