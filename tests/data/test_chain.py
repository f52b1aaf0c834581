"""All data scripts one after another, on made-up poems: sums, bytes, splits, and the data card."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.data.conftest import PAIR_OPTIONS, POEM_OPTIONS
from workflow_scripts import (
    check_splits,
    clean_rows,
    count_tokens,
    link_rows,
    measure_rows,
    mix_sources,
    sketch_rows,
    split_groups,
    standardize,
    write_data_card,
)
from workflow_scripts.lib.jsonl import read_json, read_rows, write_json
from workflow_scripts.lib.reporting.card_schema import Card
from workflow_scripts.lib.splitting.buckets import SPLITS

CLEAN = {
    "min_chars": 8,
    "max_chars": 200,
    "min_tokens": 8,
    "max_tokens": 256,
    "min_han_ratio": 0.5,
    "allow_english": False,
    "max_repetition": 0.6,
    "languages": None,
    "max_english_ratio": None,
    "max_mojibake": 0.2,
    "blocklists": [],
    "pii": "mask",
    "reasoning": "keep",
    "refusals": "keep",
}
EDITS = {"mask_personal_data": True, "strip_reasoning": False}
NEAR = {
    "enabled": True,
    "action": "drop",
    "threshold": 0.9,  # the talks differ in a number
    "ngram": 3,
    "num_perm": 128,
    "max_same_replies": 20,
}
DECONTAMINATE = {"enabled": False, "max_overlap": 0.5, "ngram": 13}
MIX = {"max_samples": None, "min_zh_ratio": 0.0, "curriculum": "none"}
SPLIT = {"train": 0.6, "val": 0.2, "test": 0.2, "seed": 42}
COMMON = {"from": "file://raw", "license": "mit"}
SOURCES = {
    "poems": COMMON | {"use": "sft", "adapter": "chinese_poetry", "options": POEM_OPTIONS},
    "talks": COMMON | {"use": "sft", "adapter": "alpaca", "options": {}, "license": "cc-by-4.0"},
    "more_talks": COMMON | {"use": "sft", "adapter": "alpaca", "options": {}, "max_rows": 5},
    "pairs": COMMON | {"use": "preference", "adapter": "derived_pairs", "options": PAIR_OPTIONS | {"other_form": 1.0}},
}
NO_SHARDS = {"part_rows": [], "part_drops": [], "part_sums": []}
PICTURES = ("funnel", "languages", "lengths", "turns")
RECEIPT = {"uri": "npm://poems@1/*.json", "revision": None, "files": [{"path": "a", "bytes": 7, "sha256": "ab" * 32}]}
BASE = {
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


def call(script: Any, config: dict, **named: Any) -> None:
    """Call a script's ``main`` with ``--name values`` for each named value or list of values."""
    flags = ["--config", json.dumps(config)]
    for name, value in named.items():
        flags += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    script.main(flags)


def run_chain(raw: dict[str, list[Path]], tokenizer: Path, folder: Path) -> None:
    for name, source in SOURCES.items():
        standard, measures = folder / "standard" / f"{name}.jsonl", folder / "measured" / f"{name}.parquet"
        config = {"seed": 42, "source": {key: source[key] for key in ("use", "adapter", "options")}, "edits": EDITS}
        ledger = {"drops": folder / "standard" / f"{name}.drops.jsonl", "sums": folder / "standard" / f"{name}.json"}
        call(standardize, config, source=name, raw=raw[name], rows=standard, **NO_SHARDS, **ledger)
        measuring = {"repetition_ngram": 4, "blocklists": []}
        call(measure_rows, measuring, rows=standard, blocklists=[], parts=[], measures=measures)
        tokens = folder / "measured" / f"{name}.tokens.parquet"
        limits = {"min_tokens": CLEAN["min_tokens"], "max_tokens": CLEAN["max_tokens"]}
        call(count_tokens, limits, parts=[], rows=standard, measures=measures, tokenizer=tokenizer, tokens=tokens)
        ledger = {"drops": folder / "clean" / f"{name}.drops.jsonl", "sums": folder / "clean" / f"{name}.json"}
        kept = folder / "clean" / f"{name}.jsonl"
        call(clean_rows, CLEAN, rows=standard, measures=measures, tokens=tokens, kept=kept, **ledger)
        sketching = {key: NEAR[key] for key in ("enabled", "ngram", "num_perm")}
        call(sketch_rows, sketching, parts=[], rows=standard, sketches=folder / "sketched" / f"{name}.parquet")
    linking = {key: NEAR[key] for key in ("enabled", "threshold", "max_same_replies")}
    sketches, links = ([folder / kind / f"{name}.parquet" for name in SOURCES] for kind in ("sketched", "linked"))
    call(link_rows, linking, sketches=sketches, links=links)
    for use in ("sft", "preference"):
        names = [name for name, source in SOURCES.items() if source["use"] == use]
        taken = {name: {"weight": 1.0, "max_rows": SOURCES[name].get("max_rows"), "where": {}} for name in names}
        data = folder / use
        kept = [folder / "clean" / f"{name}.jsonl" for name in names]
        outputs = {"mixed": data / "mixed.jsonl", "drops": data / "drops.jsonl", "summary": data / "mixed.json"}
        config = {"seed": 42, "mix": MIX, "drop_near_duplicates": True, "max_overlap": None, "refuse_derived": False}
        config |= {"sources": taken}
        links = [folder / "linked" / f"{name}.parquet" for name in names]
        call(mix_sources, config, kept=kept, links=links, overlaps=[], **outputs)
        files = {split: data / f"{split}.jsonl" for split in SPLITS}
        manifest = data / "split.json"
        call(
            split_groups,
            {"split": SPLIT},
            mixed=data / "mixed.jsonl",
            manifest=manifest,
            store=folder / "store",
            **files,
        )
    splits = {split: [folder / use / f"{split}.jsonl" for use in ("sft", "preference")] for split in SPLITS}
    call(check_splits, {}, **splits, leaks=folder / "leaks.json")
    write_card(folder)


def write_card(folder: Path) -> None:
    uses = ["sft", "preference"]
    config = {
        "recipe": "test",
        "seed": 42,
        "receipts": {"poems": "0123456789abcdef"},
        "model": {"base": "file://base", "license": "apache-2.0"},
        "sources": SOURCES | {"resting": SOURCES["talks"] | {"weight": 0.0, "license": "unknown"}},
        "clean": CLEAN | {"repetition_ngram": 4, "near_duplicates": NEAR, "decontaminate": DECONTAMINATE},
        "mix": {"sft": MIX, "preference": MIX | {"derived": "take"}},
        "split": SPLIT,
    }
    call(
        write_data_card,
        config,
        receipts=write_json_file(folder / "0123456789abcdef" / "receipt.json", RECEIPT),
        model=write_json_file(folder / "base.json", BASE),
        rows=[folder / "standard" / f"{name}.jsonl" for name in SOURCES],
        measures=[folder / "measured" / f"{name}.parquet" for name in SOURCES],
        links=[folder / "linked" / f"{name}.parquet" for name in SOURCES],
        standard_sums=[folder / "standard" / f"{name}.json" for name in SOURCES],
        clean_sums=[folder / "clean" / f"{name}.json" for name in SOURCES],
        tokens=[folder / "measured" / f"{name}.tokens.parquet" for name in SOURCES],
        standard_drops=[folder / "standard" / f"{name}.drops.jsonl" for name in SOURCES],
        clean_drops=[folder / "clean" / f"{name}.drops.jsonl" for name in SOURCES],
        mix_summaries=[folder / use / "mixed.json" for use in uses],
        mix_drops=[folder / use / "drops.jsonl" for use in uses],
        **{split: [folder / use / f"{split}.jsonl" for use in uses] for split in SPLITS},
        leaks=folder / "leaks.json",
        json=folder / "card.json",
        markdown=folder / "card.md",
        pictures=[folder / "card" / f"{name}.svg" for name in PICTURES],
    )


def write_json_file(path: Path, value: Any) -> Path:
    write_json(path, value)
    return path


@pytest.fixture
def raw(poems: list[dict], write: Callable[..., Path]) -> SimpleNamespace:
    """Raw files with something of everything: bad rows, duplicates within and across sources, a quota."""

    def talk(number: int) -> dict:
        return {"instruction": f"请解释第{number}个成语的意思", "output": f"这个成语的意思是某某{number}"}

    broken = [None, {"instruction": "问", "output": None}, {"instruction": "q", "output": "all of it is English"}]
    rows = {
        "poems": [poems[:500], poems[490:]],
        "talks": [[*map(talk, range(20)), talk(3), *broken]],
        "more_talks": [[talk(number) for number in range(18, 40)]],
    }
    files = {
        name: [write(f"raw/{name}.{number}.json", part) for number, part in enumerate(parts)]
        for name, parts in rows.items()
    }
    files["pairs"] = files["poems"]
    counts = {name: sum(map(len, parts)) for name, parts in rows.items()}
    return SimpleNamespace(files=files, counts=counts | {"pairs": counts["poems"]})


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_raw_row_ends_in_one_place_and_twice_is_the_same(
    raw: SimpleNamespace, tokenizer: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    run_chain(raw.files, tokenizer, first)
    run_chain(raw.files, tokenizer, second)
    assert tree(first) == tree(second)
    # 10 a source, 7 a use, 6 splits in the store, leaks, the card, its page and pictures, and what the card is given
    assert len(tree(first)) == 40 + 14 + 6 + 1 + 2 + len(PICTURES) + 2
    assert str(tmp_path).encode() not in b"".join(tree(first).values())

    places: Counter[str] = Counter()
    ledgers = [*first.glob("*/*.drops.jsonl"), *first.glob("*/drops.jsonl")]
    assert len(ledgers) == 10
    for path in ledgers:
        places.update(line["id"] for line in read_rows(path))
    for use in ("sft", "preference"):
        for split in SPLITS:
            places.update(row["id"] for row in read_rows(first / use / f"{split}.jsonl"))
    assert set(places.values()) == {1}
    card = read_json(first / "card.json")
    by_source = Counter(row_id.partition("/")[0] for row_id in places)
    not_taken = Counter({name: sum(steps[2].get("not_taken", {}).values()) for name, steps in card["funnel"].items()})
    assert by_source + not_taken == raw.counts
    assert not_taken == {"more_talks": 15, "poems": 0, "talks": 0, "pairs": 0}


def test_no_poem_serves_both_training_and_test(raw: SimpleNamespace, tokenizer: Path, tmp_path: Path) -> None:
    run_chain(raw.files, tokenizer, tmp_path / "out")
    group_of = {}
    for name in ("poems", "pairs"):
        for row in read_rows(tmp_path / "out" / "standard" / f"{name}.jsonl"):
            answer = row["messages"][1] if name == "poems" else row["chosen"][0]
            group_of[answer["content"]] = row["group"]
    splits: dict[str, set[str]] = {split: set() for split in SPLITS}
    num_pairs = 0
    for split in SPLITS:
        for row in read_rows(tmp_path / "out" / "sft" / f"{split}.jsonl"):
            splits[split].add(row["messages"][-1]["content"])
        for row in read_rows(tmp_path / "out" / "preference" / f"{split}.jsonl"):
            splits[split] |= {row["chosen"][0]["content"], row["rejected"][0]["content"]}
            num_pairs += 1
    assert num_pairs > 20
    assert not (splits["train"] & splits["val"] or splits["train"] & splits["test"] or splits["val"] & splits["test"])


def test_the_card_tells_the_whole_story(raw: SimpleNamespace, tokenizer: Path, tmp_path: Path) -> None:
    run_chain(raw.files, tokenizer, tmp_path)
    card = read_json(tmp_path / "card.json")
    assert [step["step"] for step in card["funnel"]["talks"]] == ["standardize", "clean", "mix", "split"]
    dropped = {name: [step["dropped"] for step in steps[:3]] for name, steps in card["funnel"].items()}
    assert dropped["talks"] == [{"missing_field": 1, "wrong_type": 1}, {"duplicate": 1, "too_little_han": 1}, {}]
    assert dropped["more_talks"] == [{}, {}, {"duplicate_across_sources": 2}]
    assert card["funnel"]["more_talks"][2]["not_taken"] == {"over_max_rows": 15}
    assert card["duplicates"]["more_talks"] == 2 and card["duplicates"]["poems"] > 0
    assert set(dropped["pairs"][0]) == {"form", "outside_share", "no_rejected"}

    sft, preference = card["uses"]["sft"], card["uses"]["preference"]
    assert sft["derived_share"] == 0.0 and preference["derived_share"] == 1.0
    assert sft["licenses"] == {"cc-by-4.0": 20, "mit": sft["rows"] - 20}
    assert sft["languages"] == {"zh": sft["rows"]}
    assert sum(sft["splits"].values()) == sft["rows"] == sum(1 for _ in read_rows(tmp_path / "sft" / "mixed.jsonl"))

    chars = card["distributions"]["talks"]["chars"]
    assert list(chars) == ["min", "p5", "p25", "p50", "p75", "p95", "max", "mean"]
    assert (chars["min"], chars["max"]) == (22, 24)
    assert [len(rows) for rows in card["samples"]["kept"]["sft"].values()] == [3, 3, 3]

    page = (tmp_path / "card.md").read_text(encoding="utf-8")
    for part in (
        "## Funnel 数据漏斗",
        "`duplicate_across_sources` 跨来源重复 2",
        "`over_max_rows` 超出 max_rows 15",
        "cc-by-4.0",
        "100%",
    ):
        assert part in page
    assert "续写：" in page or "请接着写" in page


def test_rows_in_are_rows_out_and_dropped_for_each_source_and_step(
    raw: SimpleNamespace, tokenizer: Path, tmp_path: Path
) -> None:
    run_chain(raw.files, tokenizer, tmp_path)
    card = read_json(tmp_path / "card.json")
    assert Card.model_validate(card).as_json() == card
    for source, steps in card["funnel"].items():
        assert [step["step"] for step in steps] == ["standardize", "clean", "mix", "split"]
        assert steps[0]["in"] == raw.counts[source] and steps[0]["unit"] == "records"
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            gone = sum(step["dropped"].values()) + sum(step["not_taken"].values()) + step["joined"]
            assert step["in"] + step["further"] == step["out"] + gone
            assert after is None or (after["in"], after["unit"]) == (step["out"], "rows")
        assert sum(steps[-1]["splits"].values()) == steps[-1]["out"] > 0


def test_the_card_names_raw_files_model_and_verdicts(raw: SimpleNamespace, tokenizer: Path, tmp_path: Path) -> None:
    run_chain(raw.files, tokenizer, tmp_path)
    card = read_json(tmp_path / "card.json")
    assert card["model"]["parameters"] == 134_515_008
    assert (card["sources"]["poems"]["raw"]["files"], card["sources"]["poems"]["raw"]["bytes"]) == (1, 7)
    assert "raw" not in card["sources"]["talks"]
    assert (card["sources"]["talks"]["used"], card["sources"]["resting"]["used"]) == (True, False)
    assert "resting" not in card["funnel"]
    assert card["licences"]["publishable"] == "yes"  # an unknown licence of a source that is not used forbids nothing
    train = card["uses"]["sft"]["tokens"]["train"]
    assert (train["estimated_rows"], card["uses"]["sft"]["size"]["measured"]) == (0, train["total"])
    assert card["uses"]["preference"]["size"]["verdict"] == "very little"
    assert any("pairs is very little" in warning["en"] for warning in card["warnings"])
    assert card["memory"]["tokens"] >= max(sums["max"] for sums in card["uses"]["preference"]["tokens"].values())
    assert {line["reason"] for line in card["samples"]["dropped"]["talks"]} == {
        "missing_field", "wrong_type", "duplicate", "too_little_han",
    }  # fmt: skip
    page = (tmp_path / "card.md").read_text(encoding="utf-8")
    for name in PICTURES:
        assert f"(card/{name}.svg)" in page


def test_files_of_different_runs_do_not_make_a_card(raw: SimpleNamespace, tokenizer: Path, tmp_path: Path) -> None:
    run_chain(raw.files, tokenizer, tmp_path)
    mixed, ledger = tmp_path / "sft" / "mixed.json", tmp_path / "clean" / "talks.drops.jsonl"
    summary, lines = read_json(mixed), ledger.read_text(encoding="utf-8")
    summary["sources"]["talks"]["in"] -= 1
    write_json(mixed, summary)
    with pytest.raises(RuntimeError, match=r"talks, mix: 19 rows in, 20 accounted for \(20 rows out\)"):
        write_card(tmp_path)
    summary["sources"]["talks"]["out"] -= 1
    write_json(mixed, summary)
    with pytest.raises(RuntimeError, match="talks: clean gave 20 rows, mix took 19: a bug, or files of different runs"):
        write_card(tmp_path)
    ledger.write_text(lines.partition("\n")[2], encoding="utf-8")
    with pytest.raises(
        RuntimeError,
        match=r"talks, clean: the sums speak of \{'duplicate': 1, 'too_little_han': 1\}, "
        r"the ledger has \{'too_little_han': 1\}",
    ):
        write_card(tmp_path)
