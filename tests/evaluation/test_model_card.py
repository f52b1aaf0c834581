"""The model card tells the data that was trained on, and how much of it."""

import report_samples
from huggingface_hub import ModelCard
from test_report import build

from workflow_scripts.lib.reporting.model_card import ModelCardConfig, page

CONFIG = {
    "recipe": "tang",
    "seed": 42,
    "folder": "merged",
    "stage": "align",
    "model": {"base": "file://tiny", "license": "apache-2.0", "system_prompt": None},
    "sft": {"learning_rate": 0.001},
    "align": {"method": "orpo"},
}
SOURCE = {"license": "mit", "from": "file://x"}
SOURCES = {
    "poems": SOURCE | {"use": "sft", "used": True},
    "weightless": SOURCE | {"use": "sft", "used": False},
    "pairs": SOURCE | {"use": "preference", "used": True, "license": "cc-by-nc-4.0"},
}


def written(**config: object) -> str:
    data = report_samples.CARD | {"sources": SOURCES}
    return page(ModelCardConfig.model_validate(CONFIG | config), build().as_json(), data)


def test_only_sources_that_were_trained_on_are_listed() -> None:
    text = written()
    assert "| poems | sft |" in text and "| pairs | preference |" in text
    assert "weightless" not in text
    assert "pairs" not in written(folder="sft", stage="sft")


def test_rows_trained_on_are_told_beside_rows_at_hand() -> None:
    text = written()
    assert "60 rows at hand, 58 trained on (8 steps of 8 rows, 1 epochs), 5,342 tokens" in text
    assert "现有数据 60 条，训练了 48 条次（8 步 × 6 条，0.828 轮）。" in text


def test_it_says_what_the_licences_of_the_data_allow() -> None:
    assert "**Publishable: under conditions** 有条件发布" in written()
    assert "* pairs: no commercial use 禁止商用" in written()
    assert "**Publishable: yes** 可以发布" in written(folder="sft", stage="sft")


def test_the_hub_reads_its_fields_and_figures() -> None:
    data = ModelCard(written(model=CONFIG["model"] | {"base": "hf://Qwen/Qwen3-4B@main"})).data
    assert (data.base_model, data.license, data.library_name) == ("Qwen/Qwen3-4B", "apache-2.0", "transformers")
    assert data.model_name == "tang-merged"
    metrics = [metric for metric in build().as_json()["metrics"] if "align" in metric["stages"]]
    assert metrics
    assert [(result.metric_type, result.metric_value) for result in data.eval_results] == [
        (metric["name"], metric["stages"]["align"]["value"]) for metric in metrics
    ]
    assert {result.dataset_split for result in data.eval_results} == {"test"}
    assert "base_model" not in written()
