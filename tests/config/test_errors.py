"""What stops before any job, and what it says."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from workflow_scripts.lib.config import layers
from workflow_scripts.lib.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = Path(__file__).parent / "sample.yaml"
FSDP = "{num_processes: 2, launcher: config/accelerate/fsdp2.yaml}"


def error_of(*configfiles: Path, **arguments: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        layers.load(REPOSITORY, [SAMPLE, *configfiles], arguments)
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "what", "where", "change"),
    [
        ({"sft": "{max_step: 3}"}, "unknown key 'max_step'", "sft.max_step (--config)", "did you mean 'max_steps'? "),
        (
            {"sft": "{lora: {rank: 3}}"},
            "unknown key 'rank'",
            "sft.lora.rank (--config)",
            "legal keys here: r, alpha, dropout, target_modules, use_dora, use_rslora",
        ),
        ({"trainig": 3}, "unknown key 'trainig'", "trainig (--config)", "legal keys here: recipe, hardware, seed, "),
        (
            {"sources": "{tang_poems: {form: a}}"},
            "unknown key 'form'",
            "sources.tang_poems.form (--config)",
            "did you mean 'from'? ",
        ),
        (
            {"sources": "{tang_poems: {clean: {max_charz: 9}}}"},
            "unknown key 'max_charz'",
            "sources.tang_poems.clean.max_charz (--config)",
            "did you mean 'max_chars'? ",
        ),
        (
            {"eval": "{gates: [{metric: perplexty, rule: better, tolerance: 0}]}"},
            "no figure is called 'perplexty'",
            "eval.gates[0].metric",
            "did you mean 'perplexity'?",
        ),
        ({"align": "{beta: high}"}, "align.beta is 'high'", "align.beta (--config)", "Input should be a valid number"),
        ({"sft": "{max_steps: 2.5}"}, "sft.max_steps is 2.5", "sft.max_steps (--config)", "a valid integer"),
        ({"sft": "{max_steps: true}"}, "sft.max_steps is True", "sft.max_steps (--config)", "a valid integer"),
        ({"clean": "{allow_english: 1}"}, "clean.allow_english is 1", "clean.allow_english (", "a valid boolean"),
        ({"clean": "{max_repetition: 2}"}, "clean.max_repetition is 2", "clean.max_repetition (", "less than or equal"),
        ({"sft": "{learning_rate: 0}"}, "sft.learning_rate is 0", "sft.learning_rate (", "greater than 0"),
        ({"sft": "{learning_rate: nan}"}, "sft.learning_rate is 'nan'", "sft.learning_rate (", "a finite number"),
        ({"sft": "{learning_rate: .inf}"}, "sft.learning_rate is inf", "sft.learning_rate (", "a finite number"),
        ({"sft": "{learning_rate: 1e999}"}, "sft.learning_rate is '1e999'", "sft.learning_rate (", "a finite number"),
        ({"seed": "inf"}, "seed is 'inf'", "seed (--config)", "Input should be a valid integer"),
        ({"seed": float("nan")}, "seed is nan", "seed (--config)", "Input should be a valid integer"),
        (
            {"align": "{method: kto}"},
            "align.method is 'kto'",
            "align.method (",
            "should be 'orpo', 'dpo', 'simpo', 'ipo' or 'none'",
        ),
        (
            {"execution": "{threads: many}"},
            "execution.threads is 'many'",
            "execution.threads (--config)",
            "Input should be 'auto', or: Input should be a valid integer",
        ),
        (
            {"execution": "{shards: {tang_poem: 3}}"},
            "there is no source 'tang_poem'",
            "execution.shards",
            "did you mean 'tang_poems'?",
        ),
        (
            {"execution": "{shards: {tang_poems: 101}}"},
            "execution.shards.tang_poems is 101",
            "execution.shards.tang_poems (--config)",
            "less than or equal to 100",
        ),
        ({"eval": "{stages: [bas]}"}, "eval.stages is ['bas']", "eval.stages (", "should be 'base', 'sft' or 'align'"),
        ({"eval": "{stages: []}"}, "eval.stages is []", "eval.stages (--config)", "at least 1 item"),
        ({"sft": "3"}, "sft is '3'", "sft (--config)", "write it as a mapping; legal keys here: epochs, max_steps"),
        ({"sft": "{a: b"}, "cannot read '{a: b'", "--config sft", "write it as YAML (while parsing a flow mapping"),
        (
            {"sources": "{法-1: {use: sft, adapter: messages, from: 'npm://a@1/b', license: x}}"},
            "'法-1' cannot be a name here",
            "sources.法-1 (--config)",
            "rename it: small letters a-z, digits and _ only, since files and folders are named after it",
        ),
        (
            {"sources": "{law: {use: sft, adapter: messages, from: 'npm://a@1/b'}}"},
            "missing key 'license'",
            "sources.law.license",
            "add it; config/config.yaml shows every key",
        ),
        ({"seed": -1}, "seed is -1", "seed (--config)", "greater than or equal to 0"),
        ({"seed": 2**40}, "seed is 1099511627776", "seed (--config)", "less than 4294967296"),
        ({"sft": "{optimizer: adamww}"}, "sft.optimizer is 'adamww'", "sft.optimizer (", "should be 'adamw_torch', "),
        ({"sft": "{scheduler: cosin}"}, "sft.scheduler is 'cosin'", "sft.scheduler (", "should be 'linear', 'cosine'"),
        ({"sft": "{lora: {target_modules: []}}"}, "sft.lora.target_modules is []", "sft.lora.target_", "at least 1"),
        ({"recipe": "tanng"}, "unknown recipe 'tanng'", "recipe (--config)", "did you mean tang? choose one of: "),
        ({"hardware": "abacus"}, "unknown hardware 'abacus'", "hardware (--config)", "choose one of: cpu, "),
    ],
)
def test_wrong_values(arguments: dict[str, Any], what: str, where: str, change: str) -> None:
    error = error_of(**arguments)
    assert error.what.startswith(what)
    assert error.where.startswith(where)
    assert change in error.change


@pytest.mark.parametrize(
    ("text", "what", "where", "change"),
    [
        ("seed: 3\nsft:\n  lora:\n    alpa: 3\n", "unknown key 'alpa'", "sft.lora.alpa ({}, line 4)", "mean 'alpha'?"),
        (
            "sft:\n  learning_rate: fast\n",
            "sft.learning_rate is 'fast'",
            "sft.learning_rate ({}, line 2)",
            "a valid number",
        ),
        ("seed: 1\nrecipe: song\n", "unknown recipe 'song'", "recipe ({}, line 2)", "choose one of: "),
        ("seed: 3\nsft: [\n", "not valid YAML: expected the node content", "{}, line 3", "correct the syntax"),
        ("- 3\n", "expected a mapping of keys, found list", "{}", "write `key: value` lines"),
        ("sft:\n", "sft is None", "sft ({}, line 1)", "write it as a mapping"),
        ("seed: 1\n2: 3\n", "the key 2 is no text", "2 ({}, line 2)", "put it in quotes"),
        ("seed: 1\nsft: {seed: 1}\nseed: 2\n", "key 'seed' stands twice", "seed ({}, lines 1 and 3)", "remove one"),
    ],
)
def test_config_files_are_named_with_the_line(tmp_path: Path, text: str, what: str, where: str, change: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    error = error_of(path)
    assert error.what.startswith(what)
    assert error.where == where.format(os.path.relpath(path))
    assert change in error.change


def test_the_line_is_that_of_the_layer_that_set_the_value(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("align: {beta: high}\n", encoding="utf-8")
    assert error_of(path, align="{beta: low}").where == "align.beta (--config)"
    assert error_of(path, align="{epochs: 1}").where == f"align.beta ({os.path.relpath(path)}, line 1)"


def test_missing_config_file(tmp_path: Path) -> None:
    error = error_of(tmp_path / "absent.yaml")
    assert error.what == f"no config file {os.path.relpath(tmp_path / 'absent.yaml')}"
    assert error.change == "check the path"


def test_a_config_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes("model: {system_prompt: 你是诗人}\n".encode("gb18030"))
    error = error_of(path)
    assert error.what.startswith("not UTF-8: byte 0x")
    assert error.change == "save the file as UTF-8"


def test_no_mistake_hides_the_others() -> None:
    error = error_of(sft="{max_steps: many, learning_rate: fast, weight_decay: -1}")
    assert error.what == "sft.max_steps is 'many'"
    assert error.change == "Input should be a valid integer (2 more after this one)"


@pytest.mark.parametrize(
    ("arguments", "what", "where", "change"),
    [
        (
            {"sources": "{tang_poems: {weight: 0}}"},
            "the weights of all sft sources are 0: tang_poems",
            "sources.<name>.weight",
            "give at least one of them a weight above 0",
        ),
        (
            {"sources": "{tang_pairs: {weight: 0}}"},
            "the weights of all preference sources are 0: tang_pairs",
            "sources.<name>.weight",
            "give at least one of them a weight above 0",
        ),
        (
            {"sources": "{tang_pairs: {use: sft, adapter: chinese_poetry}}"},
            "no source is used for preference",
            "sources",
            "add a source with `use: preference`, or set align.method: none",
        ),
        (
            {"sources": "{tang_poems: {use: evaluation}}"},
            "no source is used for sft",
            "sources",
            "add a source with `use: sft`",
        ),
        (
            {"sources": "{tang_poems: {adapter: chinese_poem}}"},
            "unknown adapter 'chinese_poem'",
            "sources.tang_poems.adapter",
            "did you mean 'chinese_poetry'? choose one of: alpaca, chinese_instruct, ",
        ),
        (
            {"clean": "{min_chars: 100, max_chars: 50}"},
            "min_chars is 100 and max_chars is 50: no row of tang_poems can pass",
            "clean.min_chars, clean.max_chars, or those of sources.tang_poems.clean",
            "make the first the smaller one",
        ),
        (
            {"sources": "{tang_poems: {clean: {min_tokens: 3000}}}"},
            "min_tokens is 3000 and max_tokens is 2048: no row of tang_poems can pass",
            "clean.min_tokens, clean.max_tokens, or those of sources.tang_poems.clean",
            "make the first the smaller one",
        ),
        (
            {"eval": "{stages: [align]}", "align": "{method: none}"},
            "eval.stages is ['align'], and align.method is none",
            "eval.stages, align.method",
            "evaluate base or sft, or choose a method",
        ),
        ({"eval": "{stages: [sft, sft]}"}, "'sft' stands twice", "eval.stages", "remove one of them"),
        (
            {"eval": "{judgement: {enabled: true}}"},
            "judgement is evaluated, and no source has cases",
            "eval.judgement.sources",
            "add a source with use: evaluation and adapter: lawshift",
        ),
        (
            {"eval": "{judgement: {enabled: true, sources: [tang_poems]}}"},
            "'tang_poems' is no source that is used for evaluation",
            "eval.judgement.sources",
            "add a source with use: evaluation and adapter: lawshift",
        ),
        (
            {"sampling": "{enabled: true, verifier: regex}"},
            "missing option 'pattern'",
            "sampling.verifier_options.pattern",
            "add it; legal options here: pattern, whole",
        ),
        (
            {"eval": "{per_task: {cmmlu: {limit: 3}}}"},
            "per_task has 'cmmlu', which is none of eval.tasks",
            "eval.per_task.cmmlu",
            "add it to eval.tasks, or remove it here",
        ),
        (
            {"eval": "{tasks: [poem_continuation], per_task: {poem_continuation: {subsets: [x]}}}"},
            "'poem_continuation' has no subsets",
            "eval.per_task.poem_continuation.subsets",
            "remove the key",
        ),
        (
            {"eval": "{tasks: [poem_continuatoin]}"},
            "unknown task 'poem_continuatoin'",
            "eval.tasks",
            "did you mean 'poem_continuation'?",
        ),
        (
            {"tracking": "{report_to: [none, wandb]}"},
            "report_to is ['none', 'wandb']",
            "tracking.report_to",
            "leave out 'none', or all others",
        ),
        (
            {"split": "{train: 0.5, val: 0.05, test: 0.3}"},
            "split is 0.5 + 0.05 + 0.3 = 0.85",
            "split.train, split.val, split.test",
            "give three shares in steps of 0.001 that sum to 1",
        ),
        (
            {"split": "{train: 0.6505, val: 0.0495, test: 0.3}"},
            "split is 0.6505 + 0.0495 + 0.3 = 1",
            "split.train, split.val, split.test",
            "give three shares in steps of 0.001 that sum to 1",
        ),
        (
            {"split": "{train: 0.7, val: 0.0, test: 0.3}"},
            "split.train or split.val is 0",
            "split",
            "both must be above 0; only test may be 0",
        ),
        (
            {"sft": "{epochs: 1, max_steps: 9}"},
            "epochs is 1.0 and max_steps is 9",
            "sft.epochs, sft.max_steps",
            "give one of them and set the other to null",
        ),
        (
            {"align": "{epochs: null}"},
            "epochs is None and max_steps is None",
            "align.epochs, align.max_steps",
            "give one of them and set the other to null",
        ),
        (
            {"eval": "{decoding: {enabled: true}}"},
            "nothing to compare: there are no settings",
            "eval.decoding.settings",
            "name some, each with the keys of `generation`",
        ),
        (
            {"sft": "{evaluation_steps: 50}"},
            "evaluations is 4 and evaluation_steps is 50",
            "sft.evaluations, sft.evaluation_steps",
            "give one of them and set the other to null",
        ),
        (
            {"mix": "{preference: {derived: refuse}}"},
            "adapter 'derived_pairs' makes pairs that nobody judged, and mix.preference.derived is refuse",
            "sources.tang_pairs.adapter, mix.preference.derived",
            "choose a source of judged pairs, or set derived: take",
        ),
        (
            {"sft": "{warmup_ratio: 0.5, warmup_steps: 3}"},
            "warmup_ratio is 0.5 and warmup_steps is 3",
            "sft.warmup_ratio, sft.warmup_steps",
            "give one of them and set the other to null",
        ),
        (
            {"sft": "{global_batch_size: 8, micro_batch_size: 3}"},
            "global_batch_size 8 is not a multiple of micro_batch_size 3",
            "sft.global_batch_size, sft.micro_batch_size",
            "choose sizes that divide; gradients are accumulated over the quotient",
        ),
        (
            {
                "sft": "{global_batch_size: 8, micro_batch_size: 4}",
                "execution": "{num_processes: 4, launcher: config/accelerate/multi.yaml}",
            },
            "global_batch_size 8 is not a multiple of micro_batch_size 4 x 4 processes",
            "sft.global_batch_size, sft.micro_batch_size, execution.num_processes",
            "choose sizes that divide",
        ),
        (
            {"execution": "{num_processes: 2}", "sft": "{micro_batch_size: 1}", "align": "{micro_batch_size: 1}"},
            "num_processes is 2, and config/accelerate/single.yaml is for one process",
            "execution.num_processes, execution.launcher",
            "set launcher to config/accelerate/multi.yaml, or num_processes to 1",
        ),
        (
            {"execution": "{launcher: config/accelerate/fsdp2.yaml}"},
            "config/accelerate/fsdp2.yaml shares work out among processes, and num_processes is 1",
            "execution.num_processes, execution.launcher",
            "raise num_processes",
        ),
        (
            {"execution": "{num_processes: 2, launcher: config/accelerate/multi.yaml}", "sft": "{backend: unsloth}"},
            "num_processes is 2, and unsloth trains on one GPU",
            "execution.num_processes, sft.backend",
            "set num_processes to 1, or sft.backend to transformers",
        ),
        (
            {"model": "{quantization: fp4}", "sft": "{backend: unsloth}"},
            "quantization is fp4, and unsloth's kernels are for nf4",
            "model.quantization, sft.backend",
            "set quantization to nf4 or none, or sft.backend to transformers",
        ),
        (
            {"sft": "{backend: unsloth, lora: {use_dora: true}}"},
            "use_dora is true, and unsloth's kernels are for LoRA",
            "sft.lora.use_dora, sft.backend",
            "set use_dora to false, or sft.backend to transformers",
        ),
        (
            {"sft": "{backend: unsloth, activation_offloading: true}"},
            "activation_offloading is true, and unsloth's gradient_checkpointing offloads",
            "sft.activation_offloading, sft.backend",
            "set activation_offloading to false, or sft.backend to transformers",
        ),
        (
            {"sft": "{backend: unsloth}", "execution": "{unsloth_python: .venv-absent/bin/python}"},
            "no such file or folder: .venv-absent/bin/python",
            "execution.unsloth_python",
            "correct the path",
        ),
        (
            {"execution": FSDP, "model": "{quantization: nf4}"},
            "config/accelerate/fsdp2.yaml is for weights in full precision, and quantization is nf4",
            "model.quantization, execution.launcher",
            "set quantization to none, or launcher to config/accelerate/multi.yaml",
        ),
        (
            {"execution": "{num_processes: 2, launcher: config/accelerate/deepspeed.yaml}"},
            "config/accelerate/deepspeed.yaml needs deepspeed, which is not installed",
            "execution.launcher",
            "pip install deepspeed, or set launcher to config/accelerate/multi.yaml",
        ),
        (
            {"execution": FSDP, "model": "{dtype: float16}"},
            "config/accelerate/fsdp2.yaml was not made for float16, whose losses have to be scaled",
            "model.dtype, execution.launcher",
            "set dtype to bfloat16",
        ),
        (
            {"execution": FSDP, "sft": "{activation_offloading: true}"},
            "activation_offloading would copy the weights, too, of a model in parts: config/accelerate/fsdp2.yaml",
            "sft.activation_offloading, execution.launcher",
            "set activation_offloading to false, or launcher to config/accelerate/multi.yaml",
        ),
        (
            {"execution": FSDP, "align": "{optimizer: paged_adamw_8bit}"},
            "paged_adamw_8bit was not made for parts of weights, as config/accelerate/fsdp2.yaml has them",
            "align.optimizer, execution.launcher",
            "set optimizer to adamw_torch",
        ),
        (
            {"execution": "{launcher: config/accelerate/none.yaml}"},
            "no such file or folder: config/accelerate/none.yaml",
            "execution.launcher",
            "correct the path",
        ),
        (
            {"align": "{sampler: {order: mixed_buckets}}", "mix": "{preference: {curriculum: short_to_long}}"},
            "order is mixed_buckets, and mix.preference.curriculum is short_to_long",
            "align.sampler.order, mix.preference.curriculum",
            "set order to shuffled, or curriculum to none",
        ),
        (
            {"sft": "{sampler: {min_zh_ratio: 0.7}}"},
            "min_zh_ratio is 0.7, and order is shuffled",
            "sft.sampler.min_zh_ratio, sft.sampler.order",
            "set order to mixed_buckets, or set the share of the whole data with mix.sft.min_zh_ratio",
        ),
        (
            {"align": "{global_batch_size: 8, micro_batch_size: 16}"},
            "global_batch_size 8 is not a multiple of micro_batch_size 16",
            "align.global_batch_size, align.micro_batch_size",
            "choose sizes that divide; gradients are accumulated over the quotient",
        ),
        (
            {"align": "{label_smoothing: 0.1}"},
            "label_smoothing belongs to dpo, and align.method is orpo",
            "align.label_smoothing",
            "set it to 0, or align.method to dpo",
        ),
        (
            {"sampling": "{enabled: true, pairs: true}", "align": "{method: none}"},
            "pairs of sampled replies are made, and align.method is none: nothing would learn them",
            "sampling.pairs, align.method",
            "choose a method and add a source with `use: preference`",
        ),
    ],
)
def test_contradictions(arguments: dict[str, Any], what: str, where: str, change: str) -> None:
    error = error_of(**arguments)
    assert error.what == what
    assert error.where == where
    assert error.change.startswith(change)


def test_sampled_pairs_where_derived_ones_are_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    pairs = "pairs: {use: preference, adapter: preference, from: 'file://LICENSE', license: mit}"
    rows = "rows: {use: sft, adapter: messages, from: 'file://LICENSE', license: mit}"
    own.write_text(f"recipe: custom\nsources: {{{rows}, {pairs}}}\nmix: {{preference: {{derived: refuse}}}}\n", "utf-8")
    with pytest.raises(UserError) as raised:
        layers.load(REPOSITORY, [own], {"sampling": "{enabled: true, pairs: true}"})
    assert (raised.value.what, raised.value.where, raised.value.change) == (
        "pairs of sampled replies are derived, and derived pairs are refused",
        "sampling.pairs, mix.preference.derived",
        "set pairs to false, or derived to take",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"split": "{train: 0.7, val: 0.3, test: 0}"},
        {"align": "{method: dpo, label_smoothing: 0.1, reference_free: true}"},
        {"align": "{method: none, epochs: 1}"},  # what is not used may contradict itself
        {"align": "{method: none}", "sources": "{tang_pairs: {weight: 0}}"},
        {"align": "{method: none}", "sources": "{tang_pairs: {weight: 0, from: 'file://absent.json'}}"},
        {"sources": "{tang_poems: {from: 'file://config/recipes/*.yaml'}}"},
    ],
)
def test_what_looks_like_a_contradiction_but_is_none(arguments: dict[str, Any]) -> None:
    assert layers.load(REPOSITORY, [SAMPLE], arguments).config.recipe == "custom"


@pytest.mark.parametrize(
    ("arguments", "path", "key"),
    [
        ({"sources": "{tang_poems: {from: 'file://absent/a.json'}}"}, "absent/a.json", "sources.tang_poems.from"),
        ({"sources": "{tang_poems: {from: 'file:///absent/*.json'}}"}, "/absent/*.json", "sources.tang_poems.from"),
        ({"model": "{base: 'file://absent'}"}, "absent", "model.base"),
        ({"model": "{chat_template: a.jinja}"}, "a.jinja", "model.chat_template"),
        ({"eval": "{panel: {prompts: a.jsonl}}"}, "a.jsonl", "eval.panel.prompts"),
        (
            {"eval": "{safety: {enabled: true, judge: {base: 'file://absent', revision: null}}}"},
            "absent",
            "eval.safety.judge.base",
        ),
    ],
)
def test_missing_local_files(arguments: dict[str, Any], path: str, key: str) -> None:
    error = error_of(**arguments)
    assert error.what == f"no such file or folder: {path}"
    assert error.where == key
    assert error.change == "correct the path (relative to the repository), or put the file there"


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"clean": "{blocklists: [terror, lists/mine.txt]}"}, "clean.blocklists[1]"),
        (
            {"sources": "{tang_poems: {clean: {blocklists: [lists/mine.txt]}}}"},
            "sources.tang_poems.clean.blocklists[0]",
        ),
    ],
)
def test_a_blocklist_is_one_of_ours_or_a_file(arguments: dict[str, Any], key: str) -> None:
    error = error_of(**arguments)
    assert (error.what, error.where) == ("no such file or folder: lists/mine.txt", key)
    assert error.change.endswith(", or name one of: terror, explicit, privacy")


def test_files_that_are_not_used_may_be_missing() -> None:
    config = layers.load(REPOSITORY, [SAMPLE], {"eval": "{panel: {enabled: false, prompts: a.jsonl}}"}).config
    assert config.eval.panel.prompts == "a.jsonl"


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("ftp://host/file", "'ftp://host/file' is no URI of a known scheme"),
        ("poems.json", "'poems.json' is no URI of a known scheme"),
        ("npm://chinese-poetry/dist", "'npm://chinese-poetry/dist' is not complete"),
        ("pypi://package/file", "'pypi://package/file' is not complete"),
    ],
)
@pytest.mark.parametrize("key", ["sources.tang_poems.from", "model.base"])
def test_bad_uris(uri: str, what: str, key: str) -> None:
    arguments = {"model": {"base": uri}} if key == "model.base" else {"sources": {"tang_poems": {"from": uri}}}
    error = error_of(**arguments)
    assert error.what == what
    assert error.where == key
    assert re.match(r"write (one of: hf|pypi|npm)://<", error.change)


OWN_HUB = {"use": "sft", "adapter": "alpaca", "license": "mit"}


@pytest.mark.parametrize(
    ("arguments", "what", "where", "change"),
    [
        (
            {"sources": {"own": OWN_HUB | {"from": "hf://user/name"}}},
            "'hf://user/name' is a model",
            "sources.own.from",
            "write hf://<owner>/<name>/<config>/<split>, or a path or glob of files after the name",
        ),
        (
            {"model": {"base": "hf://user/name/default/train"}},
            "'hf://user/name/default/train' is a data set",
            "model.base",
            "write hf://<owner>/<name>, or a GGUF file of it as hf://<owner>/<name>/<file>.gguf",
        ),
        (
            {"model": {"base": "hf://user/name@v1", "revision": "v2"}},
            "revision 'v2' beside @v1 in the URI",
            "model.base, model.revision",
            "give one of them",
        ),
        (
            {"sources": {"own": OWN_HUB | {"from": "npm://name@1.0/x", "revision": "v2"}}},
            "revision 'v2' beside npm://, which has no revisions",
            "sources.own.revision",
            "remove it; the URI itself names the version",
        ),
    ],
)
def test_uris_that_do_not_fit_their_key(arguments: dict[str, Any], what: str, where: str, change: str) -> None:
    error = error_of(**arguments)
    assert (error.what, error.where, error.change) == (what, where, change)


@pytest.mark.parametrize(
    ("options", "what", "where", "change"),
    [
        ("{formz: [quatrain5]}", "unknown option 'formz'", "formz", "did you mean 'forms'? legal options here: "),
        ("{forms: [quatrain6]}", "forms is 'quatrain6'", "forms.0", "Input should be 'quatrain5' or 'quatrain7'"),
        ("{share: [0.7, 0.2]}", "share is [0.7, 0.2]", "share", "give [from, to) with from below to"),
        ("{instructions: []}", "instructions is []", "instructions", "List should have at least 1 item"),
        (
            "{instructions: [写诗]}",
            "instructions is ['写诗']",
            "instructions",
            "'写诗' has no {couplet} to put the first couplet in",
        ),
        (
            "{field_map: {paragraph: lines}}",
            "adapter 'chinese_poetry' reads no field 'paragraph'",
            "field_map.paragraph",
            "did you mean 'paragraphs'? write the adapter's name first, then that in the files; "
            "fields here: author, paragraphs, title",
        ),
    ],
)
def test_wrong_options_of_an_adapter(options: str, what: str, where: str, change: str) -> None:
    error = error_of(sources=f"{{tang_poems: {{options: {options}}}}}")
    assert error.what == what
    assert error.where == f"sources.tang_poems.options.{where}"
    assert error.change.startswith(change)


def test_an_adapter_for_another_use_stops_before_any_job() -> None:
    error = error_of(sources="{tang_pairs: {adapter: coig_pc_core, options: {}}}")
    assert error.what == "adapter 'coig_pc_core' makes rows for sft or evaluation, not for preference"
    assert error.where == "sources.tang_pairs.use"
    assert "it has no chosen and rejected answers. Set use: sft; for Chinese pairs take" in error.change
