"""A copy of the repository with data of its own, and runs of the real `snakemake` command in it."""

import importlib.metadata
import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "rules", "workflow_scripts", "config", "profiles", "envs")
STUBS = Path(__file__).resolve().parent / "stubs"
# Two sources that share the raw poems; ``folder`` is filled in with ``format``.
SOURCES = """\
sources:
  poems:
    use: sft
    adapter: chinese_poetry
    from: "file://{folder}/raw/poems.json"
    license: mit
    options: &options {{forms: [quatrain5, quatrain7], share: [0.0, 0.6], instructions: ["续写：{{couplet}}"]}}
  pairs:
    use: preference
    adapter: derived_pairs
    from: "file://{folder}/raw/poems.json"
    license: mit
    options: {{<<: *options, share: [0.6, 1.0], other_form: 0.5}}
"""
_JOB = re.compile(r"^(?:local)?(?:rule|checkpoint) (\w+):$", re.MULTILINE)


def quatrains(number: int) -> list[dict[str, Any]]:
    """Return this many quatrains of random Han characters of each metre, in the shape of chinese-poetry's files."""
    draws = random.Random(11)

    def couplet(characters: int) -> str:
        first, second = ("".join(chr(draws.randrange(0x4E00, 0x9F00)) for _ in range(characters)) for _ in range(2))
        return f"{first}，{second}。"

    return [
        {"author": "某甲", "paragraphs": [couplet(length), couplet(length)], "title": f"無題{index}", "id": str(index)}
        for index in range(number)
        for length in (5, 7)
    ]


@dataclass(frozen=True)
class Run:
    """What a run did: the rules of its jobs in order, its output, and its exit status."""

    rules: list[str]
    output: str
    status: int


@dataclass(frozen=True)
class Place:
    """A folder with a copy of the repository (``repository/``), raw data (``raw/``) and results (``work/``)."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def configfile(self) -> Path:
        return self.folder / "own.yaml"

    def copy(self, folder: Path) -> "Place":
        """Copy all of it, times included: as if the same history had led there."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Place(folder)

    def read(self, path: str) -> str:
        return (self.work / path).read_text(encoding="utf-8")

    def read_json(self, path: str) -> Any:
        return json.loads(self.read(path))

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of all results but those that tell of a run: logs, times, records, stores."""
        telling = {"logs", "benchmarks", "provenance", "store", "checkpoints"}
        files = [path for path in (self.work / "results").rglob("*") if path.is_file() and path.name != ".lock"]
        named = {str(path.relative_to(self.work)): path for path in files if not telling & set(path.parts)}
        return {name: path.read_bytes() for name, path in sorted(named.items())}

    def edit(self, module: str, old: str, new: str) -> None:
        """Replace text once in a module of ``workflow_scripts/``."""
        self._replace(self.repository / "workflow_scripts" / module, old, new)

    def pin(self, old: str, new: str) -> None:
        """Replace text once in the pins."""
        self._replace(self.repository / "envs" / "requirements.txt", old, new)

    def upgrade(self, package: str) -> None:
        """Make a package appear installed, and pinned, in a later version: its notes shadow the installed ones."""
        found = importlib.metadata.distribution(package)
        notes = found.read_text("METADATA").replace(f"Version: {found.version}", f"Version: 99.{found.version}", 1)
        folder = self.repository / f"{package.replace('-', '_')}-99.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(notes, encoding="utf-8")
        self.pin(f"{package}==", f"{package}==99.")

    @staticmethod
    def _replace(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} no longer stands in {path.name}: choose another edit"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def command(
        self,
        *arguments: str,
        cores: int | None = 1,
        stubs: bool = False,
        variables: dict[str, str] | None = None,
        **config: Any,
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command with this config on top of the config file, and its environment.

        Args:
            arguments: Targets and options.
            cores: For ``--cores``; None for a cluster, which has its own.
            stubs: Whether ``python`` and ``accelerate`` are the stand-ins of ``stubs/``.
            variables: More environment variables.
            config: For ``--config``; mappings are handed over as YAML text, as a person would type them.
        """
        pairs = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in config.items()]
        folders = [str(STUBS)] * stubs + [str(Path(sys.executable).parent), os.environ["PATH"]]
        unwanted = ("SNAKEMAKE_PROFILE", "PYTHONPATH", "TUIQIAO_EXECUTION")
        environment = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment |= {"HF_HUB_OFFLINE": "1"} | (variables or {})
        environment |= {"PATH": os.pathsep.join(folders), "STUBS_PYTHON": sys.executable}
        command = [sys.executable, "-m", "snakemake", "--directory", str(self.work)]
        command += ["--cores", str(cores)] if cores else []
        command += arguments  # before --configfile, which takes all names that follow it
        command += ["--configfile", str(self.configfile)] if self.configfile.exists() else []
        command += ["--config", *pairs] if pairs else []
        return command, environment

    def snakemake(self, *arguments: str, **given: Any) -> Run:
        """Run the command (see ``command`` for what can be given) and return what it did."""
        command, environment = self.command(*arguments, **given)
        done = subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, encoding="utf-8"
        )
        output = done.stdout + done.stderr
        return Run(_JOB.findall(output), output, done.returncode)

    def make(self, *arguments: str, **given: Any) -> Run:
        """Run the command and check that it succeeded."""
        run = self.snakemake(*arguments, **given)
        assert run.status == 0, run.output[-6000:]
        return run


def build(folder: Path, config: str, num_poems: int) -> Place:
    """Copy the repository and write raw data and a config file (``{raw}`` in it names the folder of raw data)."""
    place = Place(folder)
    place.repository.mkdir(parents=True)
    place.work.mkdir()
    for name in PARTS:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, place.repository / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, place.repository)
    (folder / "raw").mkdir()
    write_poems(folder, num_poems)
    place.configfile.write_text(config, encoding="utf-8")
    return place


def write_poems(folder: Path, number: int) -> None:
    text = json.dumps(quatrains(number), ensure_ascii=False)
    (folder / "raw" / "poems.json").write_text(text, encoding="utf-8")


def tokenizer_of_characters(folder: Path) -> None:
    """Write a tokenizer that counts each character as one token: all that data steps want of a base model."""
    folder.mkdir()
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.save(str(folder / "tokenizer.json"))
