"""The data card: licences, tokens, memory, size, diversity, samples, pictures, and a page that a hub takes."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
import yaml
from pydantic import ValidationError

from workflow_scripts.lib.cleaning.filters import FILTERS
from workflow_scripts.lib.jsonl import write_rows
from workflow_scripts.lib.reporting import (
    card_front,
    card_measures,
    card_pictures,
    card_samples,
    card_samples_page,
    data_size,
    instructions,
    licences,
    markdown,
    memory,
)
from workflow_scripts.lib.reporting.card_schema import Card

SMOLLM2 = {
    "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536, "num_attention_heads": 9,
    "num_key_value_heads": 3, "head_dim": 64, "vocab_size": 49152, "tie_word_embeddings": True,
}  # fmt: skip
LLAMA3_8B = {
    "num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("licence", "terms"),
    [
        ("mit", ["attribution"]),
        ("CC0-1.0", []),
        ("cc-by-4.0", ["attribution"]),
        ("cc-by-sa-4.0", ["attribution", "share_alike"]),
        ("cc-by-nc-4.0", ["attribution", "non_commercial"]),
        ("cc-by-nc-sa-2.5", ["attribution", "non_commercial", "share_alike"]),
        ("cc-by-nc-nd-4.0", ["attribution", "non_commercial", "no_derivatives"]),
        ("gemma", ["own_terms"]),
        ("my own words", ["own_terms"]),
        ("unknown", ["unknown"]),
    ],
)
def test_terms_of_licences(licence: str, terms: list[str]) -> None:
    assert licences.terms_of(licence) == terms


@pytest.mark.parametrize(
    ("sources", "publishable", "told"),
    [
        ({"a": "mit", "b": "apache-2.0"}, "yes", "name the authors"),
        ({"a": "mit", "b": "cc-by-nc-4.0"}, "conditions", "no commercial use"),
        ({"a": "cc-by-sa-4.0", "b": "mit"}, "conditions", "only under the same licence"),
        ({"a": "mit", "b": "unknown"}, "no", "without a licence nothing may be published"),
        ({"a": "cc-by-nd-4.0"}, "no", "cleaned rows may not be shared"),
        ({"a": "cc-by-sa-4.0", "b": "gpl-3.0"}, "no", "cc-by-sa-4.0, gpl-3.0: each asks for itself"),
        ({"a": "cc-by-sa-4.0", "b": "cc-by-nc-4.0"}, "no", 'further restriction "no commercial use" of b'),
        ({"a": "cc-by-nc-sa-4.0", "b": "cc-by-nc-4.0"}, "conditions", "no commercial use"),
    ],
)
def test_verdict_on_publishing(sources: dict[str, str], publishable: str, told: str) -> None:
    found = licences.verdict(sources).as_json()
    assert found["publishable"] == publishable
    assert told in json.dumps([found["reasons"], found["conflicts"]], ensure_ascii=False).replace('\\"', '"')


def test_front_matter_names_licences_that_the_hub_knows() -> None:
    assert licences.front_matter(["mit", "MIT"]) == {"license": "mit"}
    assert licences.front_matter(["mit", "cc-by-4.0"]) == {"license": ["cc-by-4.0", "mit"]}
    assert licences.front_matter(["Our Own: v1"]) == {"license": "other", "license_name": "our-own-v1"}


def test_parameters_by_config() -> None:
    assert memory.shape_of(SMOLLM2).parameters == 134_515_008  # as its safetensors hold
    assert memory.shape_of(SMOLLM2).lora_parameters(16) == 4_884_480  # as PEFT counts them
    assert memory.shape_of(LLAMA3_8B).parameters == 8_030_261_248
    assert memory.shape_of({"text_config": SMOLLM2}) == memory.shape_of(SMOLLM2)
    assert memory.shape_of({"model_type": "strange"}) is None


def test_memory_estimate_of_8b() -> None:
    shape = memory.shape_of(LLAMA3_8B)
    gib = {
        (found["weights"], found["gradient_checkpointing"]): found["bytes"] / 2**30
        for found in memory.estimates(shape, 2048)
    }
    # torchtune's published peaks on one RTX 4090, packed to 2048: 16.2 GiB for LoRA and 7.4 GiB for QLoRA
    assert gib["bfloat16", True] == pytest.approx(16.2, rel=0.25)
    assert 6 < gib["nf4", True] < 10
    assert gib["nf4", False] > gib["nf4", True]
    assert gib["float32", True] > gib["bfloat16", True] > gib["nf4", True]


@pytest.mark.parametrize(
    ("use", "rows", "tokens", "parameters", "verdict", "text"),
    [
        ("sft", 9, 2_000_000, 1_700_000_000, "little", "2.0 M tokens is little for a model of over 1 B parameters"),
        ("sft", 9, 500_000, 1_700_000_000, "very little", "500 k tokens is very little"),
        ("sft", 9, 10_000_000, 7_000_000_000, "enough", "10.0 M tokens is enough"),
        ("sft", 9, 2_000_000, 135_000_000, "enough", "for a model of up to 1 B parameters"),
        ("sft", 9, 101_574, None, "little", "102 k tokens is little"),
        ("preference", 698, 60_000, 135_000_000, "little", "698 pairs is little"),
        ("sft", 9, None, None, "not counted", "Tokens were not counted."),
    ],
)
def test_verdict_on_size(
    use: str, rows: int, tokens: int | None, parameters: int | None, verdict: str, text: str
) -> None:
    found = data_size.verdict(use, rows, tokens, parameters)
    assert found["verdict"] == verdict
    assert text in found["en"]
    assert found["zh"]


@pytest.mark.parametrize(
    ("template", "pattern"),
    [
        ("请解释成语{}的意思", "请解释…"),
        ("{}请接着写。", "…着写。"),
        ("Please explain the {} to me", "Please explain the…"),
        ("{} + 1 = ?", "…1 = ?"),
    ],
)
def test_one_sentence_pattern_is_warned_of(template: str, pattern: str) -> None:
    found = instructions.diversity(template.format(chr(0x4E00 + number) * 3) for number in range(100))
    assert (found["distinct"], found["in_patterns"]) == (100, 1.0)
    assert found["patterns"] == [{"pattern": pattern, "share": 1.0}]
    assert "one sentence pattern makes up 100% of the instructions" in instructions.warning("sft", found)["en"]


def test_one_instruction_is_warned_of() -> None:
    found = instructions.diversity(["续写"] * 60 + [f"{number}" * 9 for number in range(40)])
    assert found["most_frequent"] == {"text": "续写", "share": 0.6}
    assert instructions.warning("sft", found)["zh"] == "sft：60% 的指令完全相同。"


def test_few_patterns_are_warned_of_and_varied_instructions_are_not() -> None:
    templates = ("续写这首诗：{}", "请补全绝句：{}", "上联：{}下联：")
    few = instructions.diversity(template.format(chr(0x4E00 + n) * 5) for n in range(300) for template in templates)
    assert [pattern["pattern"] for pattern in few["patterns"]] == ["上联：…", "续写这…", "请补全…"]
    assert "3 sentence patterns make up 100% of the instructions" in instructions.warning("sft", few)["en"]
    varied = instructions.diversity(chr(0x4E00 + 7 * n) * 9 for n in range(300))
    assert (varied["in_patterns"], varied["patterns"]) == (0.0, [])
    assert instructions.warning("sft", varied) is None
    assert instructions.warning("sft", instructions.diversity([])) is None


COLUMNS = ("chars", "tokens", "lang", "turns", "han_ratio", "repetition", "rejected_chars", "rejected_tokens")


def measured(**columns: list[Any]) -> pl.LazyFrame:
    number = len(next(iter(columns.values())))
    values = {name: [None] * number for name in COLUMNS} | {"id": [f"s/r#{n}" for n in range(number)]} | columns
    schema = {"id": pl.String, "chars": pl.Int64, "tokens": pl.Int64, "lang": pl.String, "turns": pl.Int64}
    schema |= {
        "han_ratio": pl.Float64,
        "repetition": pl.Float64,
        "rejected_chars": pl.Int64,
        "rejected_tokens": pl.Int64,
    }
    return pl.LazyFrame(values, schema_overrides=schema, strict=False)


def test_tokens_that_were_not_counted_follow_from_characters(tmp_path: Path) -> None:
    measures = measured(chars=[10, 20, 30, 1000], tokens=[20, 40, None, 9])
    write_rows(tmp_path / "train.jsonl", [{"id": f"s/r#{n}"} for n in range(3)])
    found = card_measures.tokens_of(tmp_path / "train.jsonl", [measures])
    assert found == {"total": 120, "estimated_rows": 1, "p50": 40.0, "p95": 60.0, "max": 60.0}


def test_both_answers_of_a_pair_have_tokens(tmp_path: Path) -> None:
    measures = measured(chars=[5], tokens=[10], rejected_chars=[3], rejected_tokens=[7])
    write_rows(tmp_path / "train.jsonl", [{"id": "s/r#0"}])
    assert card_measures.tokens_of(tmp_path / "train.jsonl", [measures])["total"] == 17


def test_no_tokens_and_no_rows(tmp_path: Path) -> None:
    measures = measured(chars=[5], tokens=[None])
    write_rows(tmp_path / "train.jsonl", [{"id": "s/r#0"}])
    assert card_measures.tokens_of(tmp_path / "train.jsonl", [measures]) is None
    write_rows(tmp_path / "drops.jsonl", [{"id": "s/r#0", "step": "clean", "reason": "r", "detail": ""}])
    kept = card_measures.kept_rows(measures, tmp_path / "drops.jsonl")
    assert (card_measures.histogram(kept), card_measures.distributions(kept)) == (None, {})


def test_histogram_has_every_row(tmp_path: Path) -> None:
    measures = measured(chars=[1] * 1000, tokens=[*range(100, 1099), 500_000])
    (tmp_path / "drops.jsonl").touch()
    found = card_measures.histogram(card_measures.kept_rows(measures, tmp_path / "drops.jsonl"))
    assert (found["measure"], sum(found["counts"])) == ("tokens", 1000)
    assert found["edges"][:2] == [100.0, 150.0]
    assert len(found["edges"]) == len(found["counts"]) + 1
    assert found["edges"][-1] < 2000  # the one long row does not stretch the axis
    not_all_counted = measured(chars=[7, 9], tokens=[3, None])
    assert card_measures.histogram(not_all_counted)["measure"] == "chars"


def test_turns_and_clusters(tmp_path: Path) -> None:
    assert card_measures.counts(measured(turns=[1, 1, 2, 6, 9]), "turns") == {"1": 2, "2": 1, "6+": 2}
    links = tmp_path / "links.parquet"
    measured(cluster=[1, 1, 2, None, 1]).collect().write_parquet(links)
    assert card_measures.clusters(links) == {"clusters": 1, "rows": 3, "largest": 3}
    measured(cluster=pl.Series([None], dtype=pl.Int64)).collect().write_parquet(links)
    assert card_measures.clusters(links) == {"clusters": 0, "rows": 0, "largest": 0}


def sample_row(row_id: str, content: str) -> dict[str, Any]:
    return {"id": row_id, "source": "s", "messages": [{"role": "user", "content": content}]}


def test_dropped_samples_have_their_rows_and_private_ones_have_none(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [sample_row(f"s/r#{n}", f"文{n}，13912345678") for n in range(20)])
    reasons = ["duplicate"] * 10 + ["personal_data", "used_by"]
    lines = [
        {"id": f"s/r#{n}", "step": "clean", "reason": reason, "detail": f"{reason} {n}"}
        for n, reason in enumerate(reasons)
    ]
    write_rows(tmp_path / "clean.jsonl", lines)
    write_rows(tmp_path / "mix.jsonl", [lines[0] | {"id": "other/r#1", "step": "mix"}])
    found = card_samples.dropped("s", [tmp_path / "clean.jsonl", tmp_path / "mix.jsonl"], tmp_path / "rows.jsonl")
    assert [(line["id"], line["reason"]) for line in found] == [
        ("s/r#2", "duplicate"),
        ("s/r#7", "duplicate"),
        ("s/r#10", "personal_data"),
    ]
    assert found[0]["row"]["messages"][0]["content"] == "文2，[手机号]"  # another filter was asked first
    assert found[2] == {"id": "s/r#10", "step": "clean", "reason": "personal_data", "detail": "", "withheld": True}


def test_reasons_withheld_are_reasons_that_there_are() -> None:
    of_filters = {make.__name__ for make in FILTERS}
    assert set(card_samples.WITHHELD) - {"contaminated"} <= of_filters


def test_samples_are_cut_and_the_first_of_each_source(tmp_path: Path) -> None:
    rows = [sample_row(f"s/r#{n}", "字" * 5000) for n in range(9)]
    write_rows(tmp_path / "train.jsonl", rows)
    found = card_samples.kept(tmp_path / "train.jsonl", ["s", "empty"])
    assert [row["id"] for row in found["s"]] == ["s/r#0", "s/r#1", "s/r#2"]
    assert found["empty"] == []
    assert len(found["s"][0]["messages"][0]["content"]) == card_samples.SHOWN


def test_instructions_of_a_large_split_are_evenly_spaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_samples, "LOOKED_AT", 4)
    pair = {"id": "s/r#9", "prompt": [{"role": "system", "content": "系"}, {"role": "user", "content": "九"}]}
    write_rows(tmp_path / "train.jsonl", [*(sample_row(f"s/r#{n}", f"{n}") for n in range(9)), pair])
    assert list(card_samples.instructions(tmp_path / "train.jsonl", 10)) == ["0", "3", "6", "九"]


ATTACK = "<script>alert(1)</script>\n# heading\n| a |\u2028`x` [l](http://x) \u202eevil\x00 ![i](x)"


def test_what_a_row_says_is_no_markup() -> None:
    line = {"id": ATTACK, "step": "clean", "reason": "r", "detail": ATTACK, "withheld": False}
    row = sample_row("s/r#0", ATTACK)
    card = {"samples": {"kept": {"sft": {"s": [row]}}, "dropped": {"s": [line | {"row": row}]}}}
    text = "\n\n".join(card_samples_page.samples(card))
    with_attack = [part for part in text.split("\n") if "script" in part]
    assert len(with_attack) == 4
    assert all(part.startswith(("    ", "`")) for part in with_attack)
    assert not re.search("[\u202e\u2028\x00]", text)
    assert markdown.escaped(ATTACK).count("\n") == 0
    assert "&lt;script&gt;" in markdown.escaped(ATTACK) and "\\[l\\](http" in markdown.escaped(ATTACK)


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (4_845_389, "1M<n<10M"), (10**8, "100M<n<1B")],
)
def test_size_categories(rows: int, name: str) -> None:
    assert card_front.size_category(rows) == name


CARD = {
    "recipe": "test",
    "sources": {"s": {"license": "mit", "used": True}, "off": {"license": "cc-by-nc-4.0", "used": False}},
    "uses": {"sft": {"rows": 3, "splits": {"train": 2, "val": 1, "test": 0}, "languages": {"zh": 2, "other": 1}}},
}


def test_the_hub_reads_the_front_matter() -> None:
    from huggingface_hub import DatasetCard

    data = DatasetCard(f"{card_front.front_matter(CARD)}\n\n# x\n").data
    assert (data.license, data.language, data.size_categories) == ("mit", ["zh"], ["n<1K"])
    assert data.task_categories == ["text-generation"]
    files = data.to_dict()["configs"][0]["data_files"]
    assert [entry["split"] for entry in files] == ["train", "validation"]  # no file for a split without rows


def test_the_folder_loads_as_a_data_set(tmp_path: Path) -> None:
    from datasets import load_dataset

    write_rows(tmp_path / "sft" / "train.jsonl", [sample_row("s/r#0", "问"), sample_row("s/r#1", "答")])
    write_rows(tmp_path / "sft" / "val.jsonl", [sample_row("s/r#2", "验")])
    (tmp_path / "README.md").write_text(card_front.front_matter(CARD), encoding="utf-8")
    loaded = load_dataset(str(tmp_path), "sft", cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in loaded.items()} == {"train": 2, "validation": 1}


def test_pictures_are_files_of_their_own() -> None:
    step = {"step": "standardize", "in": 10, "out": 4}
    drawn = card_pictures.pictures(
        {
            "funnel": {"s": [step]},
            "histograms": {"s": {"measure": "tokens", "edges": [0, 5, 10], "counts": [3, 1]}},
            "languages": {"s": {"zh": 3, "en": 1}},
            "turns": {"<b>": {"1": 4}},
        }
    )
    assert set(drawn) == {"funnel", "languages", "lengths", "turns"}
    for text in drawn.values():
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert not re.search("href|url\\(|<script|@import", text)
    assert "standardize 规范化" in drawn["funnel"] and ">10</text>" in drawn["funnel"]
    assert "3 · 75%" in drawn["languages"]
    assert "&lt;b&gt;" in drawn["turns"]
    bars = re.findall(r'<rect class="a"[^>]*height="([\d.]+)"', drawn["lengths"])
    assert float(bars[0]) == pytest.approx(3 * float(bars[1]), rel=0.01)
    assert "no rows 没有数据" in card_pictures.shares({})


def test_yaml_of_the_front_matter_is_fenced() -> None:
    fence, body, end = card_front.front_matter(CARD).partition("pretty_name")[0], card_front.front_matter(CARD), "---"
    assert fence == "---\n" and body.endswith(end)
    assert yaml.safe_load(body.strip("-"))["pretty_name"] == "Tuiqiao test"


@pytest.mark.parametrize(("spoil", "told"), [({"version": 1}, "version"), ({"surprise": 1}, "surprise")])
def test_schema_refuses_other_shapes(spoil: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Card.model_validate(spoil)
