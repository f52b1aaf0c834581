"""Official tasks read a person's own files by the harness's own definitions: prompt, choices and metric are theirs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import task_samples
from evaluation_samples import MODEL, arguments
from hub.hub import Hub

from workflow_scripts import convert_task_data
from workflow_scripts import evaluate_harness as script
from workflow_scripts.lib import jsonl
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation import official_tasks
from workflow_scripts.lib.evaluation.harness import SharedContextLM
from workflow_scripts.lib.evaluation.task_files import DataSet, sort_files

REPOSITORY = Path(__file__).resolve().parents[2]
TASKS = ("cmmlu", "ceval-valid", "hellaswag", "winogrande", "gsm8k")
PER_TASK = {
    "cmmlu": {"num_fewshot": 1, "subsets": ["law", "agronomy"]},
    "ceval-valid": {"subsets": ["ceval-valid_law", "college_physics"], "limit": 3},
    "gsm8k": {"num_fewshot": 2},
    "winogrande": {"limit": 3},
}
ANSWERS = "\nA. {0}A\nB. {0}B\nC. {0}C\nD. {0}D\n答案："
# of the first document: prompt, what is judged, figure, documents
WANTED = {
    "cmmlu": (
        "<|im_start|>system\n以下是关于农学的单项选择题，请直接给出正确答案的选项。\n\n<|im_end|>\n"
        '<|im_start|>user\nagronomy 第0题，"下列"何者为是？' + ANSWERS.format("agronomy0") + "<|im_end|>\n"
        "<|im_start|>assistant\nA<|im_end|>\n"
        '<|im_start|>user\nagronomy 第5题，"下列"何者为是？' + ANSWERS.format("agronomy5") + "<|im_end|>\n"
        "<|im_start|>assistant\n",
        ["A", "B", "C", "D"],
        "acc",
        14,
    ),
    "ceval-valid": (
        "<|im_start|>system\n以下是中国关于大学物理的单项选择题，请选出其中的正确答案。\n\n<|im_end|>\n"
        '<|im_start|>user\ncollege_physics 第5题，"下列"何者为是？'
        + ANSWERS.format("college_physics5")
        + "<|im_end|>\n"
        "<|im_start|>assistant\n",
        ["A", "B", "C", "D"],
        "acc",
        6,
    ),
    "hellaswag": (
        "<|im_start|>user\nMaking tea: She fills kettle 0. She<|im_end|>\n<|im_start|>assistant\n",
        ["boils it. done", "eats it. done", "sells it. done", "paints it. done"],
        "acc_norm",
        9,
    ),
    "winogrande": (
        "<|im_start|>user\nCup 0 did not fit the bag because the cup<|im_end|>\n<|im_start|>assistant\n",
        ["was too small.", "was too small."],
        "acc",
        3,
    ),
    "gsm8k": (
        "<|im_start|>user\nQuestion: Ann has 300 boxes of 4 pens. How many pens?\nAnswer:<|im_end|>\n"
        "<|im_start|>assistant\n",
        None,
        "exact_match,strict-match",
        4,
    ),
}


def convert(task: str, raw: Path = Path("data_raw/eval")) -> dict[str, Any]:
    """Lay out the files of a task and return the manifest."""
    files = sorted(str(path) for path in (raw / task).rglob("*") if path.is_file())
    manifest = Path(f"data/{task}/manifest.json")
    flags = ["--config", "{}", "--task", task, "--files", *files, "--manifest", str(manifest)]
    convert_task_data.main(flags)
    return jsonl.read_json(manifest)


def run(
    base: Path, tasks: tuple[str, ...], adapter: Path | None = None, digest: str = "d", **changes: Any
) -> dict[str, dict]:
    values = {"limit": None, "num_fewshot": None, "batch_size": 4, "per_task": {}} | changes
    config = {"model": MODEL, "eval": {"tasks": list(tasks), **values}}
    folders = {"task_folder": "tasks", "result_folder": "results", "store": "store"}
    flags = arguments(config=config, code="c", base=base, adapter=adapter, model_digest=digest, **folders)
    script.main([*flags, "--task-data", *map(str, sorted(Path("data").glob("*/manifest.json")))])
    return {task: jsonl.read_json(Path(f"results/{task}.json")) for task in tasks}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory with the raw files of the five tasks."""
    monkeypatch.chdir(tmp_path)
    task_samples.write_all(Path("data_raw/eval"))
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """What the harness asks the model, which finds the last of the choices likeliest, and says 1,200 to all."""
    seen: dict[str, list] = {"judged": [], "said": []}

    def judge(self: SharedContextLM, requests: list, **_: Any) -> list:
        seen["judged"] += [request.args for request in requests]
        return [(float(number), False) for number in range(len(requests))]

    def answer(self: SharedContextLM, requests: list, **_: Any) -> list:
        seen["said"] += [request.args for request in requests]
        return ["So it is #### 1,200"] * len(requests)

    monkeypatch.setattr(SharedContextLM, "loglikelihood", judge)
    monkeypatch.setattr(SharedContextLM, "generate_until", answer)
    return seen


def test_the_five_read_own_files_as_the_harness_defines_them(
    place: Path, byte_model: Path, asked: dict[str, list]
) -> None:
    task_samples.write_cmmlu_zip(Path("data_raw/eval/cmmlu"), ("agronomy", "college_law", "law"))
    per_task = PER_TASK | {"cmmlu": PER_TASK["cmmlu"] | {"subsets": ["college_law", "agronomy"]}}
    for task in TASKS:
        convert(task)
    found = run(byte_model, TASKS, per_task=per_task)
    told = {request[0]: [c for p, c in asked["judged"] if p == request[0]] for request in asked["judged"]}
    for task, (prompt, choices, metric, count) in WANTED.items():
        assert (found[task]["metric"], found[task]["n"]) == (metric, count), task
        assert found[task]["settings"]["data"] == "own files"
        if task == "gsm8k":
            assert asked["said"][0][0].endswith(prompt) and asked["said"][0][0].count("<|im_start|>user") == 3
        elif task == "winogrande":
            assert told[prompt] == choices[:1] and told[prompt.replace("cup<|", "bag<|")] == choices[1:]
        else:
            assert told[prompt] == choices
    last = {"cmmlu": 2 / 7, "ceval-valid": 1 / 3, "hellaswag": 1 / 9, "winogrande": 1 / 3, "gsm8k": 0.25}
    assert {task: result["value"] for task, result in found.items()} == pytest.approx(last)
    assert list(found["cmmlu"]["subsets"]) == ["cmmlu_agronomy", "cmmlu_college_law"]
    sample = found["gsm8k"]["samples"][0]
    assert (sample["said"], sample["reply"], sample["exact_match,strict-match"]) == ("1,200", "So it is #### 1,200", 1)
    assert found["hellaswag"]["samples"][4] | {"said": []} == {
        "id": "4",
        "task": "hellaswag",
        "target": 0,
        "said": [],
        "acc": 0.0,
        "acc_norm": 0.0,
    }
    assert found["cmmlu"]["command"].startswith("cd data/cmmlu && lm-eval run --model hf --model_args pretrained=")
    assert "--tasks cmmlu_agronomy,cmmlu_college_law --batch_size 4" in found["cmmlu"]["command"]
    assert "--limit 3" in found["ceval-valid"]["command"] and "--num_fewshot 2" in found["gsm8k"]["command"]


@pytest.mark.parametrize(("task", "end"), [("cmmlu", ".jsonl"), ("cmmlu", ".csv"), ("cmmlu", ".parquet")])
def test_the_format_of_the_files_changes_nothing(place: Path, task: str, end: str) -> None:
    packed = convert(task)
    (place / "data_raw/eval/cmmlu/cmmlu_v1_0_1.zip").unlink()
    for subject in task_samples.SUBJECTS:
        for split, numbers in (("dev", range(5)), ("test", range(5, 12))):
            rows = [task_samples.cmmlu(number, subject) for number in numbers]
            task_samples.write(place / f"data_raw/eval/cmmlu/{subject}_{split}{end}", rows)
    plain = convert(task)
    for manifest in (packed, plain):
        for splits in manifest["subsets"].values():
            for kept in splits.values():
                kept.pop("files")
    assert packed["subsets"] == plain["subsets"]
    table = pq.read_table("data/cmmlu/haonan-li/cmmlu/agronomy.test.parquet")
    assert table.to_pylist()[0] == task_samples.cmmlu(5, "agronomy")


def test_lower_case_columns_and_a_dev_split_called_train_are_known(place: Path) -> None:
    (place / "data_raw/eval/cmmlu/cmmlu_v1_0_1.zip").unlink()
    for split, numbers in (("train", range(5)), ("test", range(5, 9))):
        rows = [task_samples.ceval(number, "agronomy") for number in numbers]
        task_samples.write(place / f"data_raw/eval/cmmlu/agronomy/{split}.jsonl", rows)
    kept = convert("cmmlu")["subsets"]["agronomy"]
    assert (kept["test"]["rows"], kept["dev"]["rows"], kept["dev"]["files"]) == (4, 5, ["agronomy/train.jsonl"])
    assert pq.read_table("data/cmmlu/haonan-li/cmmlu/agronomy.dev.parquet").to_pylist()[1]["Answer"] == "B"


def test_what_is_not_of_the_task_is_named(place: Path) -> None:
    assert convert("winogrande")["not_used"] == ["winogrande_1.1/train_xs.jsonl"]
    assert convert("gsm8k")["not_used"] == [f"socratic/{s}-00000-of-00001.parquet" for s in ("test", "train")]


def test_a_subset_that_is_taken_away_leaves_nothing_behind(place: Path) -> None:
    convert("cmmlu")
    task_samples.write_cmmlu_zip(place / "data_raw/eval/cmmlu", ("agronomy",))
    convert("cmmlu")
    assert [path.name for path in sorted(Path("data/cmmlu/haonan-li/cmmlu").iterdir())] == [
        "README.md",
        "agronomy.dev.parquet",
        "agronomy.test.parquet",
    ]


@pytest.mark.parametrize(
    ("name", "row", "what", "where"),
    [
        ("test.jsonl", {"question": "好"}, "no column answer; found question", "test.jsonl"),
        ("train.jsonl", {"question": "好", "answer": None}, "answer is None", "train.jsonl, row 1"),
        ("socratic/test.jsonl", {"question": "好", "answer": "#### 1"}, None, None),
        ("other.txt", {}, "no file for the split 'test' of gsm8k; found other.txt", "data_raw/eval/gsm8k/"),
    ],
)
def test_files_that_do_not_fit_stop_with_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, row: dict, what: str | None, where: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = tmp_path / "data_raw/eval/gsm8k"
    good = {"question": "好", "answer": "#### 1"}
    task_samples.write(raw / name, [row])
    if what and name == "train.jsonl":
        task_samples.write(raw / "test.jsonl", [good])
    if what is None:  # a file of another config serves where there is none of the task's own
        assert convert("gsm8k")["subsets"]["main"]["train"]["rows"] == 0
        return
    with pytest.raises(UserError) as caught:
        convert("gsm8k", Path("data_raw/eval"))
    assert (caught.value.what, caught.value.where) == (what, where)


def test_secret_answers_are_refused(place: Path) -> None:
    file = place / "data_raw/eval/winogrande/winogrande_1.1/dev.jsonl"
    rows = [task_samples.winogrande(0), task_samples.winogrande(1) | {"answer": ""}]
    task_samples.write(file, rows)
    with pytest.raises(UserError) as caught:
        convert("winogrande")
    assert caught.value.what == "answer is '', which is none of 1, 2"
    assert caught.value.where == "winogrande_1.1/dev.jsonl, row 2"


def test_a_table_that_is_there_twice_is_refused() -> None:
    data = DataSet("openai/gsm8k", ("main",), "test", "train")
    with pytest.raises(UserError) as caught:
        sort_files(["main/test.parquet", "main/test.jsonl"], data, "gsm8k")
    assert caught.value.what == "several files for main test: main/test.jsonl, main/test.parquet"
    parts = [f"main/test-0000{part}-of-00002.parquet" for part in (1, 0)]
    assert sort_files(parts, data, "gsm8k") == {("main", "test"): sorted(parts)}


@pytest.mark.parametrize(
    ("per_task", "what"),
    [
        ({}, "no files for 65 of 67 subsets of cmmlu: anatomy, ancient_chinese, arts, astronomy"),
        ({"subsets": ["agronomy"], "num_fewshot": 6}, "cmmlu_agronomy is to have 6 examples in the prompt, and its"),
        ({"subsets": ["alchemy"]}, "cmmlu has no subset 'alchemy'"),
    ],
)
def test_what_the_files_lack_is_said_before_a_model_runs(
    place: Path, byte_model: Path, asked: dict[str, list], per_task: dict, what: str
) -> None:
    convert("cmmlu")
    with pytest.raises(UserError) as caught:
        run(byte_model, ("cmmlu",), per_task={"cmmlu": per_task})
    assert caught.value.what.startswith(what)
    assert not asked["judged"]


def test_a_task_without_files_whose_hub_cannot_be_reached_tells_where_to_put_them(
    place: Path, byte_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # the variable was read long ago
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError) as caught:
        run(byte_model, ("hellaswag",))
    assert caught.value.what.startswith("the data of hellaswag could not be fetched (")
    assert caught.value.change.endswith("into data_raw/eval/hellaswag/")


def test_a_task_is_read_from_the_hub_and_says_at_which_commit(place: Path, byte_model: Path) -> None:
    (place / "parquet").mkdir()
    for split, count in (("train", 6), ("validation", 4)):
        table = pa.Table.from_pylist([task_samples.hellaswag(number) for number in range(count)])
        pq.write_table(table, place / f"parquet/{split}-00000-of-00001.parquet")
    config = {"tasks": ["hellaswag"], "limit": None, "num_fewshot": 1, "batch_size": 4, "per_task": {}}
    flags = arguments(config={"model": MODEL, "eval": config}, code="c", base=byte_model, model_digest="d")
    flags += [*arguments(task_folder="tasks", result_folder="results", store="store"), "--task-data"]
    with Hub() as hub:
        commit = hub.add_dataset("Rowan/hellaswag", place / "parquet")
        environment = {**os.environ, **hub.environment(place / "home"), "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-m", "workflow_scripts.evaluate_harness", *flags]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = jsonl.read_json(place / "results/hellaswag.json")
    assert (found["n"], found["metric"]) == (4, "acc_norm")
    assert (found["settings"]["data"], found["settings"]["commits"]) == ("hub", [commit])


def test_a_tag_is_no_task() -> None:
    with pytest.raises(UserError) as caught:
        official_tasks.find(["glue"])
    assert caught.value.what == "'glue' stands for several tasks"
    assert caught.value.change.startswith("name those that you want: cola, mnli, ")


def test_an_unknown_task_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = official_tasks.FOLDER / "cmmlu"
    few = official_tasks.TaskManager(include_defaults=False, include_path=folder)
    monkeypatch.setattr(official_tasks, "TaskManager", lambda **_: few)  # all 14,683 take ten seconds
    with pytest.raises(UserError) as caught:
        official_tasks.find(["cmmlu", "cmlu"])
    assert (caught.value.what, caught.value.where) == ("unknown task 'cmlu'", "eval.tasks")


def test_only_tasks_whose_settings_changed_run_again(place: Path, byte_model: Path, asked: dict[str, list]) -> None:
    for task in ("hellaswag", "winogrande"):
        convert(task)
    run(byte_model, ("hellaswag", "winogrande"))
    asked["judged"].clear()
    found = run(byte_model, ("hellaswag", "winogrande"), per_task={"winogrande": {"limit": 2}})
    assert {prompt[17:22] for prompt, _ in asked["judged"]} == {"Cup 0", "Cup 1"}
    assert found["winogrande"]["n"] == 2
