"""Contradictions between values that are each legal."""

import difflib
from pathlib import Path

from workflow_scripts.lib.adapters.selection import select
from workflow_scripts.lib.cleaning.bounds import OWN_BLOCKLISTS, effective_bounds
from workflow_scripts.lib.config import gates
from workflow_scripts.lib.config.launchers import check_launcher
from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.config.options import hint
from workflow_scripts.lib.config.training import Sampler, Training
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.tasks import registry as tasks
from workflow_scripts.lib.sources import uris
from workflow_scripts.lib.sources.local import local_files
from workflow_scripts.lib.verifiers import registry as verifiers


def check_consistency(config: Config) -> None:
    """Stop at the first contradiction.

    Raises:
        UserError: Naming the keys concerned and what to change.
    """
    _check_uses(config)
    _check_adapters(config)
    _check_shards(config)
    _check_bounds(config)
    _check_split(config)
    _check_sampling(config)
    _check_training("sft", config.sft, config.mix.sft.curriculum, config.execution.num_processes)
    if config.sft.backend == "unsloth":
        _check_unsloth(config)
    if config.align.method != "none":
        _check_training("align", config.align, config.mix.preference.curriculum, config.execution.num_processes)
        _check_alignment(config)
    _check_evaluation(config)
    _check_judgement(config)


def _check_unsloth(config: Config) -> None:
    other = ", or sft.backend to transformers"
    if config.execution.num_processes > 1:
        raise UserError(
            f"num_processes is {config.execution.num_processes}, and unsloth trains on one GPU",
            "execution.num_processes, sft.backend",
            f"set num_processes to 1{other}",
        )
    if config.model.quantization in ("fp4", "int8"):
        raise UserError(
            f"quantization is {config.model.quantization}, and unsloth's kernels are for nf4",
            "model.quantization, sft.backend",
            f"set quantization to nf4 or none{other}",
        )
    refused = {
        "sft.lora.use_dora": (config.sft.lora.use_dora, "unsloth's kernels are for LoRA"),
        "sft.liger_kernel": (config.sft.liger_kernel, "unsloth has kernels of its own"),
        "sft.activation_offloading": (config.sft.activation_offloading, "unsloth's gradient_checkpointing offloads"),
    }
    for key, (is_set, why) in refused.items():
        if is_set:
            name = key.rpartition(".")[2]
            raise UserError(f"{name} is true, and {why}", f"{key}, sft.backend", f"set {name} to false{other}")


def check_files(config: Config, repository: Path) -> None:
    """Check URIs, and that the local files named in the config exist (relative to the repository, or absolute).

    Raises:
        UserError: Naming the key and the missing file, or what is wrong with the URI.
    """
    _check_origin("model.base", config.model.base, config.model.revision, is_model=True)
    named = {
        "execution.unsloth_python": config.execution.unsloth_python,
        "execution.launcher": config.execution.launcher,
        "model.base": _local("model.base", config.model.base),
        "model.chat_template": config.model.chat_template,
        "eval.panel.prompts": config.eval.panel.prompts if config.eval.panel.enabled else None,
    }
    if config.eval.safety.enabled:
        named |= {"eval.safety.prompts": config.eval.safety.prompts}
        named |= _own_blocklists("eval.safety.blocklists", config.eval.safety.blocklists)
        if judge := config.eval.safety.judge:
            _check_origin("eval.safety.judge.base", judge.base, judge.revision, is_model=True)
            named |= {"eval.safety.judge.base": _local("eval.safety.judge.base", judge.base)}
    named |= _own_blocklists("clean.blocklists", config.clean.blocklists)
    for name, source in config.sources.items():
        named |= _own_blocklists(f"sources.{name}.clean.blocklists", source.clean.blocklists)
        _check_origin(f"sources.{name}.from", source.origin, source.revision, is_model=False)
        if source.weight and not local_files(repository, name):
            named[f"sources.{name}.from"] = _local(f"sources.{name}.from", source.origin)
    for key, path in named.items():
        if path is not None and not _exists(repository, path):
            own = f", or name one of: {', '.join(OWN_BLOCKLISTS)}" if "blocklists" in key else ""
            raise UserError(
                f"no such file or folder: {path}",
                key,
                f"correct the path (relative to the repository), or put the file there{own}",
            )
    check_launcher(config, repository)


def _own_blocklists(key: str, names: list[str]) -> dict[str, str]:
    """Return the lists that are files of the user, under the key and their number."""
    return {f"{key}[{number}]": name for number, name in enumerate(names) if name not in OWN_BLOCKLISTS}


def _check_origin(key: str, uri: str, revision: str | None, is_model: bool) -> None:
    try:
        parsed = uris.parse(uri)
    except UserError as error:
        raise UserError(error.what, key, error.change) from None
    if parsed.is_on_hub and parsed.is_model != is_model:
        form = "hf://<owner>/<name>/<config>/<split>, or a path or glob of files after the name"
        if is_model:
            form = "hf://<owner>/<name>, or a GGUF file of it as hf://<owner>/<name>/<file>.gguf"
        raise UserError(f"{uri!r} is a {'data set' if is_model else 'model'}", key, f"write {form}")
    near = key.replace(".base", ".revision").replace(".from", ".revision")
    if revision is not None and not parsed.is_on_hub:
        raise UserError(
            f"revision {revision!r} beside {parsed.scheme}://, which has no revisions",
            near,
            "remove it; the URI itself names the version",
        )
    if revision is not None and parsed.version:
        raise UserError(
            f"revision {revision!r} beside @{parsed.version} in the URI", f"{key}, {near}", "give one of them"
        )


def _local(key: str, uri: str) -> str | None:
    parsed = uris.parse(uri)
    return parsed.path if parsed.scheme == "file" else None


def _exists(repository: Path, path: str) -> bool:
    whole = repository / path
    return whole.exists() or any(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))))


def _check_adapters(config: Config) -> None:
    for name, source in config.sources.items():
        module, _ = select(name, source.adapter, source.use, source.options)
        if config.mix.preference.derived == "refuse" and source.use == "preference" and hasattr(module, "DERIVES"):
            raise UserError(
                f"adapter {source.adapter!r} makes pairs that nobody judged, and mix.preference.derived is refuse",
                f"sources.{name}.adapter, mix.preference.derived",
                "choose a source of judged pairs, or set derived: take",
            )


def _check_shards(config: Config) -> None:
    for name in config.execution.shards:
        if name not in config.sources:
            raise UserError(
                f"there is no source {name!r}",
                "execution.shards",
                f"{hint(name, config.sources)}name some of: {', '.join(sorted(config.sources))}",
            )


def _check_uses(config: Config) -> None:
    needed = ["sft"] + (["preference"] if config.align.method != "none" else [])
    for use in needed:
        weights = {name: source.weight for name, source in config.sources.items() if source.use == use}
        if not weights:
            change = f"add a source with `use: {use}`"
            if use == "preference":
                change += ", or set align.method: none"
            raise UserError(f"no source is used for {use}", "sources", change)
        if not any(weights.values()):
            raise UserError(
                f"the weights of all {use} sources are 0: {', '.join(weights)}",
                "sources.<name>.weight",
                "give at least one of them a weight above 0",
            )


def _check_bounds(config: Config) -> None:
    for name, source in config.sources.items():
        bounds = effective_bounds(config.clean, source.clean)
        for unit in ("chars", "tokens"):
            least, most = bounds[f"min_{unit}"], bounds[f"max_{unit}"]
            if least is not None and most is not None and least > most:
                raise UserError(
                    f"min_{unit} is {least} and max_{unit} is {most}: no row of {name} can pass",
                    f"clean.min_{unit}, clean.max_{unit}, or those of sources.{name}.clean",
                    "make the first the smaller one",
                )


def _check_evaluation(config: Config) -> None:
    for key, values in (("stages", config.eval.stages), ("tasks", config.eval.tasks)):
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise UserError(f"{twice[0]!r} stands twice", f"eval.{key}", "remove one of them")
    if config.align.method == "none" and set(config.eval.stages) == {"align"}:
        raise UserError(
            "eval.stages is ['align'], and align.method is none",
            "eval.stages, align.method",
            "evaluate base or sft, or choose a method",
        )
    for task, options in config.eval.per_task.items():
        if task not in config.eval.tasks:
            raise UserError(
                f"per_task has {task!r}, which is none of eval.tasks",
                f"eval.per_task.{task}",
                "add it to eval.tasks, or remove it here",
            )
        if options.subsets and task in tasks.MODULES:
            raise UserError(f"{task!r} has no subsets", f"eval.per_task.{task}.subsets", "remove the key")
    if config.eval.decoding.enabled and not config.eval.decoding.settings:
        raise UserError(
            "nothing to compare: there are no settings",
            "eval.decoding.settings",
            "name some, each with the keys of `generation`, or set eval.decoding.enabled: false",
        )
    for task in config.eval.tasks:
        near = difflib.get_close_matches(task, tasks.MODULES, n=1, cutoff=0.8)
        if near and task not in tasks.MODULES:
            raise UserError(f"unknown task {task!r}", "eval.tasks", f"did you mean {near[0]!r}?")
    known = [*gates.KINDS, *gates.FIGURES, *config.eval.tasks]
    for number, gate in enumerate(config.eval.gates):
        near = difflib.get_close_matches(gate.metric, known, n=1, cutoff=0.8)
        if near and gate.metric not in known:
            raise UserError(
                f"no figure is called {gate.metric!r}", f"eval.gates[{number}].metric", f"did you mean {near[0]!r}?"
            )
    if "none" in config.tracking.report_to and len(config.tracking.report_to) > 1:
        raise UserError(
            f"report_to is {config.tracking.report_to}", "tracking.report_to", "leave out 'none', or all others"
        )


def _check_judgement(config: Config) -> None:
    judgement = config.eval.judgement
    if not judgement.enabled:
        return
    known = [name for name, source in config.sources.items() if source.use == "evaluation" and source.weight]
    change = f"name some of: {', '.join(known)}" if known else "add a source with use: evaluation and adapter: lawshift"
    if not judgement.sources:
        raise UserError("judgement is evaluated, and no source has cases", "eval.judgement.sources", change)
    for name in judgement.sources:
        if name not in known:
            raise UserError(f"{name!r} is no source that is used for evaluation", "eval.judgement.sources", change)


def _check_split(config: Config) -> None:
    shares = (config.split.train, config.split.val, config.split.test)
    thousandths = [round(share * 1000, 6) for share in shares]
    if any(value != round(value) for value in thousandths) or sum(thousandths) != 1000:
        raise UserError(
            f"split is {shares[0]} + {shares[1]} + {shares[2]} = {sum(shares):g}",
            "split.train, split.val, split.test",
            "give three shares in steps of 0.001 that sum to 1",
        )
    if config.split.train == 0 or config.split.val == 0:
        raise UserError("split.train or split.val is 0", "split", "both must be above 0; only test may be 0")


def _check_sampling(config: Config) -> None:
    sampling = config.sampling
    if sampling.enabled:
        verifiers.select(sampling.verifier, sampling.verifier_options, "sampling")
        if sampling.pairs and config.mix.preference.derived == "refuse":
            raise UserError(
                "pairs of sampled replies are derived, and derived pairs are refused",
                "sampling.pairs, mix.preference.derived",
                "set pairs to false, or derived to take",
            )
        if sampling.pairs and config.align.method == "none":
            raise UserError(
                "pairs of sampled replies are made, and align.method is none: nothing would learn them",
                "sampling.pairs, align.method",
                "choose a method and add a source with `use: preference`, beside whose pairs they are learned; or set "
                "pairs to false",
            )


def _check_training(section: str, training: Training, curriculum: str, num_processes: int) -> None:
    if (training.epochs is None) == (training.max_steps is None):
        raise UserError(
            f"epochs is {training.epochs} and max_steps is {training.max_steps}",
            f"{section}.epochs, {section}.max_steps",
            "give one of them and set the other to null",
        )
    if (training.warmup_ratio is None) == (training.warmup_steps is None):
        raise UserError(
            f"warmup_ratio is {training.warmup_ratio} and warmup_steps is {training.warmup_steps}",
            f"{section}.warmup_ratio, {section}.warmup_steps",
            "give one of them and set the other to null",
        )
    if (training.evaluations is None) == (training.evaluation_steps is None):
        raise UserError(
            f"evaluations is {training.evaluations} and evaluation_steps is {training.evaluation_steps}",
            f"{section}.evaluations, {section}.evaluation_steps",
            "give one of them and set the other to null",
        )
    _check_batches(section, training, num_processes)
    _check_sampler(section, training.sampler, curriculum)


def _check_batches(section: str, training: Training, num_processes: int) -> None:
    at_once = training.micro_batch_size * num_processes
    if training.global_batch_size % at_once:
        processes = f" x {num_processes} processes" if num_processes > 1 else ""
        keys = f"{section}.global_batch_size, {section}.micro_batch_size"
        raise UserError(
            f"global_batch_size {training.global_batch_size} is not a multiple of micro_batch_size "
            f"{training.micro_batch_size}{processes}",
            f"{keys}, execution.num_processes" if processes else keys,
            "choose sizes that divide; gradients are accumulated over the quotient",
        )


def _check_sampler(section: str, sampler: Sampler, curriculum: str) -> None:
    use = "sft" if section == "sft" else "preference"
    if sampler.order != "shuffled" and curriculum != "none":
        raise UserError(
            f"order is {sampler.order}, and mix.{use}.curriculum is {curriculum}",
            f"{section}.sampler.order, mix.{use}.curriculum",
            "set order to shuffled, or curriculum to none",
        )
    if sampler.min_zh_ratio and sampler.order != "mixed_buckets":
        raise UserError(
            f"min_zh_ratio is {sampler.min_zh_ratio}, and order is {sampler.order}",
            f"{section}.sampler.min_zh_ratio, {section}.sampler.order",
            f"set order to mixed_buckets, or set the share of the whole data with mix.{use}.min_zh_ratio",
        )


def _check_alignment(config: Config) -> None:
    align = config.align
    for key, off, methods in (
        ("reference_free", False, ("dpo", "ipo")),
        ("label_smoothing", 0, ("dpo",)),
        ("target_margin", 0, ("simpo",)),
        ("prompt_loss", False, ("orpo",)),
    ):
        if getattr(align, key) != off and align.method not in methods:
            raise UserError(
                f"{key} belongs to {' and '.join(methods)}, and align.method is {align.method}",
                f"align.{key}",
                f"set it to {str(off).lower()}, or align.method to {methods[0]}",
            )
