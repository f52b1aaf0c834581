"""Where a result comes from, on records of steps whose files are really there."""

import json
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from workflow_scripts import explain
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.provenance import records
from workflow_scripts.lib.provenance.records import Record, file_digest

EMPTY = "results/data/drops.jsonl"


def step(name: str, inputs: list[str], outputs: dict[str, str], config: str = "{}") -> None:
    """Write the outputs, and the record of the step that made them."""
    for path, text in outputs.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    command = ["python", "-m", f"workflow_scripts.{name}", "--config", config, *inputs]
    record = Record(
        step=name,
        key="k",
        command=command,
        code=f"c0de of {name}",
        modules={f"{name}.py": "1"},
        pins={"torch": "2.13.0"} if name == "train_sft" else {"polars": "2.1.0"},
        inputs={path: file_digest(Path(path)) for path in inputs},
        outputs={path: file_digest(Path(path)) for path in outputs},
        seconds=1.5,
    )
    records.write(records.record_path(list(outputs)), record)


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched poems, cleaned, split and trained on; two steps leave an empty ledger, which are the same bytes."""
    monkeypatch.chdir(tmp_path)
    fetched = "data_cache/k/receipt.json"
    step("acquire", [], {fetched: '{"uri": "npm://poems@1/*.json", "files": [{"path": "a"}, {"path": "b"}]}'})
    step("clean_rows", [fetched], {"results/data/clean.jsonl": "{}\n{}\n{}\n", EMPTY: ""}, '{"min_chars": 8}')
    step(
        "split_groups", ["results/data/clean.jsonl", EMPTY], {"results/data/train.jsonl": "{}\n{}\n", "results/d2": ""}
    )
    Path("results/store").mkdir()
    Path("results/store/5f.jsonl").write_text("{}\n{}\n")
    step("train_sft", ["results/store/5f.jsonl"], {"results/models/sft/adapter_model.safetensors": "weights"})
    step("evaluate_panel", ["results/models/sft/adapter_model.safetensors"], {"results/eval/sft/panel.json": "{}"})


def test_the_chain_goes_back_to_what_was_fetched(capsys: pytest.CaptureFixture[str]) -> None:
    explain.main(["--results", "results", "--file", "results/models/sft/adapter_model.safetensors"])
    said = capsys.readouterr().out
    steps = [line.split()[0] for line in said.splitlines() if line.endswith("(1.5 s)")]
    assert steps == ["train_sft", "split_groups", "clean_rows", "acquire"]
    digest = file_digest(Path("results/store/5f.jsonl"))[:12]
    assert f"  read    results/store/5f.jsonl  {digest}  2 rows  from split_groups\n" in said
    assert '  config  {"min_chars": 8}\n' in said
    assert "  of      npm://poems@1/*.json: 2 files\n" in said
    assert "  command python -m workflow_scripts.clean_rows --config … data_cache/k/receipt.json\n" in said.replace(
        "'", ""
    )
    assert "versions\n  polars 2.1.0, torch 2.13.0\n" in said
    assert said.endswith(
        "  snakemake --cores 1 results/models/sft/adapter_model.safetensors --configfile results/config.yaml\n"
    )


def test_the_chain_as_a_crate(tmp_path: Path) -> None:
    file = "results/models/sft/adapter_model.safetensors"
    explain.main(["--results", "results", "--file", file, "--crate", "crate"])
    crate = ROCrate("crate")
    assert crate.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    main, actions = crate.mainEntity, crate.get_by_type("CreateAction")
    assert (main["name"], main["sha256"]) == (file, file_digest(Path(file)))
    assert [action["name"] for action in actions] == ["train_sft", "split_groups", "clean_rows", "acquire"]
    trained, split, cleaned, fetched = actions
    assert trained["result"] == [main]
    assert trained["object"][0]["name"] == "results/store/5f.jsonl"
    assert trained["object"][0] in split["result"], "one file under two names"
    assert json.loads(cleaned["object"][-1]["value"]) == {"min_chars": 8}
    assert trained["instrument"]["softwareRequirements"][0]["softwareVersion"] == "2.13.0"
    assert fetched["result"][0]["isBasedOn"] == "npm://poems@1/*.json"
    assert str(tmp_path) not in Path("crate/ro-crate-metadata.json").read_text(encoding="utf-8")


def test_a_split_that_was_overwritten_has_no_count(capsys: pytest.CaptureFixture[str]) -> None:
    Path("results/data/clean.jsonl").write_text("{}\n", encoding="utf-8")
    explain.main(["--results", "results", "--file", "results/data/train.jsonl"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "read    results/data/clean.jsonl" in line]
    assert "rows" not in line.split("from")[0]
    assert line.endswith("from clean_rows")


def test_a_step_that_ran_again_since_made_other_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    step("clean_rows", ["data_cache/k/receipt.json"], {"results/data/clean.jsonl": "{}\n"}, '{"min_chars": 99}')
    explain.main(["--results", "results", "--file", "results/models/sft/adapter_model.safetensors"])
    said = capsys.readouterr().out
    steps = [line.split()[0] for line in said.splitlines() if line.endswith("(1.5 s)")]
    assert steps == ["train_sft", "split_groups"] and "min_chars" not in said
    (line,) = [line for line in said.splitlines() if "read    results/data/clean.jsonl" in line]
    assert line.endswith("  made anew since")


def test_of_a_run_in_another_directory(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path.cwd()
    (here / "repository").mkdir()
    monkeypatch.chdir(here / "repository")
    explain.main(["--results", "../results", "--file", "../results/models/sft/adapter_model.safetensors"])
    said = capsys.readouterr().out
    assert "2 rows  from split_groups\n" in said and "  of      npm://poems@1/*.json: 2 files\n" in said
    assert said.endswith(
        "  snakemake --cores 1 --directory .. results/models/sft/adapter_model.safetensors "
        "--configfile ../results/config.yaml\n"
    )


@pytest.mark.parametrize(
    ("text", "message"), [(None, "there is no such file"), ("edited", "no step of these results made it as it is now")]
)
def test_what_cannot_be_explained(text: str | None, message: str) -> None:
    file = Path("results/models/sft/adapter_model.safetensors")
    file.unlink()
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message):
        explain.main(["--results", "results", "--file", str(file)])
    assert jsonl.read_json(Path("results/provenance/models/sft/adapter_model.safetensors.json"))["step"] == "train_sft"
