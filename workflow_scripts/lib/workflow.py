"""What the rules ask about the config: which sources, stages, tasks and files there are."""

import json
import os
from pathlib import Path
from typing import Any

from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.cleaning.bounds import OWN_BLOCKLISTS, blocklist_files, edits_of, effective_bounds
from workflow_scripts.lib.config.data import Source
from workflow_scripts.lib.config.evaluation import Judge, SafetyReplies
from workflow_scripts.lib.config.generation import Generation
from workflow_scripts.lib.config.layers import Settings
from workflow_scripts.lib.config.sampling import Drawing, Judging
from workflow_scripts.lib.config.training import Model
from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.evaluation.tasks import registry as tasks
from workflow_scripts.lib.evaluation_files import holds_tables
from workflow_scripts.lib.jsonl import read_json
from workflow_scripts.lib.provenance.records import file_digest
from workflow_scripts.lib.sampling import registry as engines
from workflow_scripts.lib.sources import object_stores, uris
from workflow_scripts.lib.sources import registry as schemes
from workflow_scripts.lib.sources.local import local_files, uri_files
from workflow_scripts.lib.training.backends import registry as backends
from workflow_scripts.lib.training.preference_losses import registry as losses
from workflow_scripts.lib.verifiers import registry as verifiers

GENERATING = ("form", "judgement", "decoding", "panel", "safety")  # evaluations in which the model writes
HOW_IT_RUNS = ("execution", "tracking")
SHARDS = "results/data/shards"


class Plan:
    """The config seen as a plan of artifacts. Paths are relative to the working directory.

    Args:
        settings: The checked config.
        repository: Folder of this repository; raw data and caches are always there, whatever the working directory.
    """

    def __init__(self, settings: Settings, repository: Path) -> None:
        self.settings, self.repository = settings, repository
        self.config = settings.config
        self.values = settings.values()
        self.loading = {name: self.values["model"][name] for name in Model.model_fields}
        used = {name: source for name, source in self.config.sources.items() if self._is_used(source)}
        self.sources = dict(sorted(used.items()))  # which of two same rows stays must not hang on the order of YAML
        aligned = self.config.align.method != "none"
        self.uses = ["sft", "preference"] if aligned else ["sft"]
        self.trained_stages = ["sft", "align"] if aligned else ["sft"]
        self.last_stage = self.trained_stages[-1]
        self.stages = [stage for stage in self.config.eval.stages if stage in ("base", *self.trained_stages)]
        self.held_out = "test" if self.config.split.test else "val"

    def _is_used(self, source: Source) -> bool:
        return source.weight > 0 and not (source.use == "preference" and self.config.align.method == "none")

    @property
    def source_names(self) -> list[str]:
        return list(self.sources)

    def of_use(self, use: str) -> list[str]:
        """Return the names of the sources of a use, in the order of their names."""
        return [name for name, source in self.sources.items() if source.use == use]

    def section(self, **parts: str) -> str:
        """Return config sections as one canonical JSON string, e.g. ``section(lora="sft.lora")``."""
        return _canonical({name: self.value(key) for name, key in parts.items()})

    def section_of(self, key: str) -> str:
        """Return one config section's own keys as canonical JSON."""
        return _canonical(self.value(key))

    def value(self, dotted: str) -> Any:
        found: Any = self.values if dotted != "model" else {"model": self.loading}
        for part in dotted.split("."):
            found = found[part]
        return found

    def annotated(self) -> str:
        """Return all values that shape results and the layer of each, as canonical JSON."""
        values = {name: part for name, part in self.values.items() if name not in HOW_IT_RUNS}
        layers = {".".join(key): name for key, name in self.settings.layer_of.items() if key[0] not in HOW_IT_RUNS}
        return _canonical({"layers": layers, "values": values})

    def untracked(self) -> dict[str, Any]:
        """Return what reaches jobs and makes nothing stale: how they run, and which bases an error may name."""
        fallbacks = {self.config.model.base: self.config.model.fallbacks}
        return self.value("execution") | self.value("tracking") | {"fallbacks": fallbacks}

    def source_section(self, name: str) -> str:
        """Return what standardize sees of a source: what is taken of its rows is for later stages."""
        source = self.value(f"sources.{name}")
        kept = {key: source[key] for key in ("use", "adapter", "options", "encoding")}
        return _canonical({"seed": self.config.seed, "source": kept, "edits": edits_of(self._bounds(name))})

    def parts(self, name: str, suffix: str) -> list[str]:
        """Return the files of a source's shards, in order; none if it has one shard only."""
        count = self.config.execution.shards.get(name, 1)
        return [f"{SHARDS}/{name}/{count}/{number + 1}.{suffix}" for number in range(count)] if count > 1 else []

    def dividing(self, name: str) -> str:
        """Return what dividing a source into shards depends on, canonical JSON."""
        return _canonical({key: self.value(f"sources.{name}")[key] for key in ("adapter", "encoding")})

    def measuring(self, name: str) -> str:
        """Return what measuring sees of the config, canonical JSON."""
        own = blocklist_files(self._bounds(name))
        return _canonical({"repetition_ngram": self.config.clean.repetition_ngram, "blocklists": own})

    def blocklists(self, name: str) -> list[str]:
        """Return the user's own lists that apply to a source."""
        return [self.relative(self.repository / path) for path in blocklist_files(self._bounds(name))]

    def token_limits(self, name: str) -> str:
        bounds = self._bounds(name)
        return _canonical({key: bounds[key] for key in ("min_tokens", "max_tokens")})

    def bounds(self, name: str) -> str:
        return _canonical(self._bounds(name))

    def _bounds(self, name: str) -> dict[str, Any]:
        return effective_bounds(self.config.clean, self.config.sources[name].clean)

    @property
    def linked_sources(self) -> list[str]:
        """Return the names of the sources that are compared with each other, use after use."""
        return [name for use in self.uses for name in self.of_use(use)]

    def evaluation_files(self) -> list[str]:
        """Return the files below data_raw/eval/ that hold texts to keep out of training."""
        found = local_files(self.repository, "eval") if self.config.clean.decontaminate.enabled else []
        return [self.relative(path) for path in found if holds_tables(path.name)]

    def evaluation_sources(self) -> list[str]:
        return self.of_use("evaluation") if self.config.clean.decontaminate.enabled else []

    @property
    def decontaminates(self) -> bool:
        """Return whether there is anything to keep out of training."""
        return bool(self.evaluation_files() or self.evaluation_sources())

    def sketching(self) -> str:
        """Return what sketches depend on, canonical JSON: thresholds are for later."""
        near = self.value("clean.near_duplicates")
        return _canonical({key: near[key] for key in ("enabled", "ngram", "num_perm")})

    def linking(self) -> str:
        near = self.value("clean.near_duplicates")
        return _canonical({key: near[key] for key in ("enabled", "threshold", "max_same_replies")})

    def mixing(self, use: str) -> str:
        keys = ("weight", "max_rows", "where")
        taken = {name: {key: self.value(f"sources.{name}")[key] for key in keys} for name in self.of_use(use)}
        clean = self.config.clean
        told = {
            "seed": self.config.seed,
            "mix": {key: value for key, value in self.value(f"mix.{use}").items() if key != "derived"},
            "refuse_derived": self.value(f"mix.{use}").get("derived") == "refuse",
            "drop_near_duplicates": clean.near_duplicates.enabled and clean.near_duplicates.action == "drop",
            "max_overlap": clean.decontaminate.max_overlap if self.decontaminates else None,
        }
        return _canonical(told | {"sources": taken})

    @property
    def samples(self) -> bool:
        """Return whether SFT learns sampled replies."""
        return self.config.sampling.enabled

    @property
    def samples_pairs(self) -> bool:
        """Return whether alignment learns from right and wrong sampled replies."""
        return self.samples and self.config.sampling.pairs

    def drawing(self) -> str:
        """Return what the sampled replies depend on, canonical JSON; how they are judged is for later."""
        drawing = {key: self.value(f"sampling.{key}") for key in Drawing.model_fields}
        return _canonical({"seed": self.config.seed, "model": self.loading, "sampling": drawing})

    def judging(self) -> str:
        return _canonical({"sampling": {key: self.value(f"sampling.{key}") for key in Judging.model_fields}})

    @property
    def engine_module(self) -> str:
        return engines.MODULES[self.config.sampling.engine]

    @property
    def verifier_module(self) -> str:
        return verifiers.MODULES[self.config.sampling.verifier]

    def evaluates(self, kind: str) -> bool:
        """Return whether an evaluation is asked for and possible."""
        if kind == "safety_judged":
            return self._judge is not None
        possible = kind != "preference" or "preference" in self.uses
        return possible and getattr(self.config.eval, kind).enabled

    def evaluation(self, kind: str) -> str:
        """Return what an evaluation sees of the config, canonical JSON."""
        names = {"harness": ("tasks", "limit", "num_fewshot", "per_task")}.get(kind, (kind,))
        seen: dict[str, Any] = {"model": self.loading}
        batch = "generation_batch_size" if kind in GENERATING else "batch_size"
        seen["eval"] = {name: self.value(f"eval.{name}") for name in (batch, *names)}
        if kind == "safety":
            seen["eval"]["safety"] = {key: self.value(f"eval.safety.{key}") for key in SafetyReplies.model_fields}
        if kind in GENERATING:
            seen["seed"] = self.config.seed
        if kind in GENERATING and kind != "decoding":  # which brings settings of its own
            seen["generation"] = self._shared_generation()
        if kind in ("perplexity", "preference"):
            seen["max_length"] = (self.config.sft if kind == "perplexity" else self.config.align).max_length
        return _canonical(seen)

    def safety_inputs(self) -> dict[str, list[str]]:
        """Return what safety is measured with: own prompts, rows that say what they expect, own blocklists."""
        safety = self.config.eval.safety
        prompts = [safety.prompts] if safety.prompts else []
        lists = [name for name in safety.blocklists if name not in OWN_BLOCKLISTS]
        expecting = [n for n in self.of_use("evaluation") if self.sources[n].adapter in ("red_team", "harmless")]
        return {
            "prompts": [self.relative(self.repository / path) for path in prompts],
            "rows": [f"results/data/standard/{name}.jsonl" for name in expecting],
            "blocklists": [self.relative(self.repository / path) for path in lists],
        }

    def judging_safety(self) -> str:
        """Return what judging replies by a model sees of the config, canonical JSON: it is loaded as the base is."""
        seen = {"batch_size": self.value("eval.batch_size"), "judge": self.value("eval.safety.judge")}
        return _canonical({"model": self.loading, "eval": seen})

    @property
    def _judge(self) -> Judge | None:
        return self.config.eval.safety.judge if self.config.eval.safety.enabled else None

    def judge_files(self) -> list[str]:
        return self._named_files(self._judge.base) if self._judge else []

    def judge_receipt(self) -> list[str]:
        judge = self._judge
        return [self._receipt(judge.base, judge.revision)] if judge and not self.judge_files() else []

    def _shared_generation(self) -> dict[str, Any]:
        """Return how replies are written, without what is the chat's alone."""
        return {key: value for key, value in self.value("generation").items() if key in Generation.model_fields}

    @property
    def merged_weights(self) -> str:
        """Return the file by which the merged weights are asked for: how many shards they have is known when made."""
        return "model.safetensors" + (".index.json" if self.config.export.merged.shard_size else "")

    @property
    def local_tasks(self) -> list[str]:
        """Return the harness tasks that are built from the held-out split."""
        return [task for task in self.config.eval.tasks if task in tasks.MODULES]

    def task_files(self, task: str) -> list[str]:
        """Return a person's own files of an official harness task, which are read instead of the hub's."""
        found = local_files(self.repository, f"eval/{task}")
        return [self.relative(path) for path in found if holds_tables(path.name)]

    @property
    def tasks_with_files(self) -> list[str]:
        return [task for task in self.config.eval.tasks if task not in tasks.MODULES and self.task_files(task)]

    def task_module(self, task: str) -> str:
        return tasks.MODULES[task]

    @property
    def loss_modules(self) -> list[str]:
        return [losses.MODULES[self.config.align.method]] if self.config.align.method != "none" else []

    @property
    def backend_module(self) -> str:
        return backends.MODULES[self.config.sft.backend]

    @property
    def sft_environment(self) -> str:
        """Return the file of the conda environment that SFT runs in, relative to rules/."""
        return f"../envs/{'unsloth' if self.config.sft.backend == 'unsloth' else 'workflow'}.yaml"

    def card_section(self) -> str:
        """Return what the data card tells of the config, canonical JSON."""
        names = ("recipe", "seed", "sources", "clean", "mix", "split")
        model = {name: self.values["model"][name] for name in ("base", "license")}
        keys = {name: Path(path).parent.name for name in self.sources for path in self.receipt_of(name)}
        return _canonical({name: self.value(name) for name in names} | {"model": model, "receipts": keys})

    def report_section(self) -> str:
        """Return what the report tells of the config, canonical JSON.

        With the digest of people's scores as they are now: they may grow while the report is made, and Snakemake notes
        the bytes of an input when a job ends, not those that it read.
        """
        told = {name: self.value(name) for name in ("recipe", "hardware", "seed")}
        told |= {
            "model": self.values["model"],
            "held_out": self.held_out,
            "sft": {"global_batch_size": self.config.sft.global_batch_size},
            "align": {name: self.value(f"align.{name}") for name in ("method", "global_batch_size")},
            "panel_scores": next((file_digest(Path(path)) for path in self.panel_scores()), None),
        }
        return _canonical(
            told | {"eval": {name: self.value(f"eval.{name}") for name in ("bootstrap_samples", "gates")}}
        )

    def panel_scores(self) -> list[str]:
        """Return the file of people's scores, if there is one; like raw data it is the repository's."""
        path = self.repository / "human" / "panel_scores.jsonl"
        return [self.relative(path)] if self.evaluates("panel") and path.exists() else []

    def model_card_section(self, folder: str) -> str:
        """Return what the model card of results/models/<folder> tells of the config, canonical JSON."""
        stage = self.last_stage if folder == "merged" else folder
        model = {name: self.values["model"][name] for name in ("base", "license", "system_prompt")}
        told = {name: self.value(name) for name in ("recipe", "seed")} | {
            "folder": folder,
            "stage": stage,
            "model": model,
        }
        return _canonical(told | {name: self.value(name) for name in ("sft", "align")})

    def adapter_module(self, name: str) -> str:
        return registry.MODULES[self.config.sources[name].adapter]

    def raw_files(self, name: str) -> list[str]:
        """Return the files of data_raw/<name>/, or those a file:// URI names; none if they have to be fetched."""
        own = local_files(self.repository, name)
        return [self.relative(path) for path in own] or self._named_files(self.config.sources[name].origin)

    def _named_files(self, uri: str) -> list[str]:
        parsed = uris.parse(uri)
        found = uri_files(self.repository, parsed.path) if parsed.scheme == "file" else []
        return [self.relative(path) for path in found]

    def base_files(self) -> list[str]:
        return self._named_files(self.config.model.base)

    def receipt_of(self, name: str) -> list[str]:
        """Return the receipt of a source's fetched files; none if it has files of its own."""
        source = self.config.sources[name]
        return [] if self.raw_files(name) else [self._receipt(source.origin, source.revision)]

    @property
    def receipts(self) -> list[str]:
        """Return the receipts of all sources that have one, each once."""
        return sorted({receipt for name in self.sources for receipt in self.receipt_of(name)})

    def base_receipt(self) -> list[str]:
        model = self.config.model
        return [] if self.base_files() else [self._receipt(model.base, model.revision)]

    def _receipt(self, uri: str, revision: str | None) -> str:
        return f"{self.relative(self.repository / 'data_cache')}/{uris.cache_key(uri, revision)}/receipt.json"

    def fetch_section(self, key: str) -> str:
        """Return the URI and revision that are kept in the cache under this key."""
        uri, revision = self._kept_as(key)
        return _canonical({"revision": revision, "uri": uri})

    def object_keys(self) -> list[str]:
        """Return the names in the cache of what comes from object stores."""
        names = [name for name, source in self.sources.items() if source.origin.startswith("s3://")]
        receipts = {path for name in names for path in self.receipt_of(name)}
        for model, receipt in ((self.config.model, self.base_receipt()), (self._judge, self.judge_receipt())):
            receipts |= set(receipt) if model and model.base.startswith("s3://") else set()
        return sorted(Path(path).parent.name for path in receipts)

    def silence(self, key: str) -> str | None:
        """Return why a store says nothing of what was fetched from it before; none if it answers.

        Raises:
            UserError: If it says nothing, and nothing was fetched.
        """
        told = object_stores.ask(self._kept_as(key)[0])
        if isinstance(told, UserError) and self._fetched_version(key) is None:
            raise told
        return told.what if isinstance(told, UserError) else None

    def is_outdated(self, key: str) -> bool:
        """Return whether a store that answers has other objects than were fetched from it, if any were."""
        told = object_stores.ask(self._kept_as(key)[0])
        return not isinstance(told, UserError) and told.version != self._fetched_version(key)

    def _fetched_version(self, key: str) -> str | None:
        receipt = Path(self._receipt(*self._kept_as(key)))
        return read_json(receipt)["commit"] if receipt.exists() else None

    def objects(self, key: str) -> list[str]:
        """Return the addresses of the objects that are kept in the cache under this key."""
        return object_stores.ask(self._kept_as(key)[0]).addresses

    def objects_section(self, key: str) -> str:
        """Return the URI that is kept in the cache under this key, and what its objects are now, canonical JSON."""
        uri, _ = self._kept_as(key)
        told = object_stores.ask(uri)
        return _canonical({"uri": uri, "objects": told.summary, "version": told.version})

    def scheme_modules(self, key: str) -> list[str]:
        """Return the module, if there is one, that fetches what is kept in the cache under this key."""
        scheme = uris.parse(self._kept_as(key)[0]).scheme
        return [schemes.MODULES[scheme]] if scheme in schemes.MODULES else []

    def _kept_as(self, key: str) -> tuple[str, str | None]:
        models = [self.config.model, self._judge]
        wanted = [(model.base, model.revision) for model in models if model is not None]
        wanted += [(source.origin, source.revision) for source in self.config.sources.values()]
        return next(pair for pair in wanted if uris.cache_key(*pair) == key)

    def relative(self, path: Path) -> str:
        """Return a path relative to the working directory, so that a moved checkout outdates nothing."""
        return os.path.relpath(path)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
