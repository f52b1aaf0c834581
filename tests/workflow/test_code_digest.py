"""What changes the digest of a rule's code, and what does not. Edits are made in a copy of the package."""

import shutil
from pathlib import Path

import pytest

from workflow_scripts.lib import staleness
from workflow_scripts.lib.adapters import registry
from workflow_scripts.lib.sources import registry as schemes
from workflow_scripts.lib.training.preference_losses import registry as losses

NO_RULE = ("__init__", "chat", "serve_stages", "what_if")  # the latter read the config as the rules file does
SCRIPTS = sorted(path.stem for path in staleness.PACKAGE.glob("*.py") if path.stem not in NO_RULE)
ALIGNMENT = {"train_align", "train_align orpo", "train_align dpo"}
POEMS = registry.MODULES["chinese_poetry"]
ALPACA = registry.MODULES["alpaca"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "workflow_scripts"
    shutil.copytree(staleness.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "envs").mkdir()
    shutil.copy(staleness.PACKAGE.parent / "envs" / "requirements.txt", tmp_path / "envs")
    monkeypatch.setattr(staleness, "PACKAGE", copy)
    return copy


def digests() -> dict[str, str]:
    """Return the digest of every script, and of those that select a module as the rules ask for it."""
    staleness.pinned_versions.cache_clear()
    staleness._module.cache_clear()  # two edits within the clock's grain have the same time
    found = {script: staleness.code_of(script).digest for script in SCRIPTS}
    found["standardize poems"] = staleness.code_of("standardize", POEMS).digest
    for scheme in ("hf", "npm"):
        found[f"acquire {scheme}"] = staleness.code_of("acquire", schemes.MODULES[scheme]).digest
    found["standardize alpaca"] = staleness.code_of("standardize", ALPACA).digest
    for method in ("orpo", "dpo"):
        found[f"train_align {method}"] = staleness.code_of("train_align", losses.MODULES[method]).digest
    return found


def changed_by(path: Path, old: str, new: str) -> set[str]:
    before = digests()
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} no longer stands in {path.name}: choose another edit"
    path.write_text(text.replace(old, new), encoding="utf-8")
    after = digests()
    return {name for name in before if before[name] != after[name]}


def test_every_script_has_its_own_digest() -> None:
    found = [staleness.code_of(script).digest for script in SCRIPTS]
    assert len(found) > 15
    assert len(set(found)) == len(found)
    assert all(len(digest) == 16 and int(digest, 16) >= 0 for digest in found)


def test_an_edit_of_a_script_changes_that_rule_only(package: Path) -> None:
    path = package / "clean_rows.py"
    assert changed_by(path, "def main(", "KEEP = 3\n\n\ndef main(") == {"clean_rows"}


def test_an_edit_two_imports_away_changes_the_rules_that_import_it_and_no_other(package: Path) -> None:
    changed = changed_by(package / "lib/cleaning/filters.py", "import", "import math\nimport")
    assert "clean_rows" in changed
    assert not changed & {"acquire", "measure_rows", "split_groups", "train_sft", "train_align", "evaluate_panel"}


def test_an_edit_of_a_scheme_makes_no_other_fetch_stale(package: Path) -> None:
    assert changed_by(package / "lib/sources/hf.py", "_TIMEOUT = 60.0", "_TIMEOUT = 61.0") == {"acquire hf"}


def test_an_edit_of_the_preference_trainer_makes_alignment_stale_and_nothing_else(package: Path) -> None:
    path = package / "lib/training/preference_trainer.py"
    assert changed_by(path, "\nimport torch", "\nimport math\nimport torch") == ALIGNMENT


def test_an_edit_of_the_trainers_base_makes_training_stale_but_neither_data_nor_evaluations(package: Path) -> None:
    path = package / "lib/training/exact_trainer.py"
    assert changed_by(path, "\nimport torch", "\nimport math\nimport torch") == {"train_sft"} | ALIGNMENT


def test_an_edit_of_a_loss_makes_stale_what_selects_it(package: Path) -> None:
    path = package / "lib/training/preference_losses/dpo.py"
    assert changed_by(path, "\nimport torch", "\nimport math\nimport torch") == {"train_align dpo"}


def test_an_edit_of_what_the_rules_file_imports_changes_no_job(package: Path) -> None:
    assert changed_by(package / "lib/config/layers.py", "import difflib", "import difflib\nimport math") <= {
        "write_schema",
        "chat",
        "sweep",  # no jobs
    }
    assert changed_by(package / "lib/staleness.py", "import ast", "import ast\nimport math") <= {"sweep"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Loss', '"""The loss'),
        ("\nimport torch", "\n# why this is\nimport torch  # said here"),
        ("\n\n\ndef ", "\n\n\n\n\n\ndef "),
        ("(\n", "(\n\n"),
    ],
)
def test_comments_docstrings_and_formatting_change_nothing(package: Path, old: str, new: str) -> None:
    path = package / "lib/training/losses.py"
    text = path.read_text(encoding="utf-8")
    if old not in text:  # the docstring of this module, whatever it says
        old = text[: text.index("\n")]
        new = '"""Other words."""'
    assert changed_by(path, old, new) == set()


def test_docstrings_of_functions_change_nothing_but_texts_in_code_do(package: Path) -> None:
    path = package / "lib/extra.py"
    path.write_text('def f():\n    """One."""\n    return "one"\n', encoding="utf-8")
    script = package / "split_groups.py"
    script.write_text("from workflow_scripts.lib.extra import f\n" + script.read_text("utf-8"), encoding="utf-8")
    assert changed_by(path, "One.", "Two.") == set()
    assert changed_by(path, '"one"', '"two"') == {"split_groups"}


def test_touching_and_moving_change_nothing(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    for path in package.rglob("*.py"):
        path.touch()
    assert digests() == before
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.move(package, moved)
    shutil.move(tmp_path / "envs", moved)
    monkeypatch.setattr(staleness, "PACKAGE", moved / "workflow_scripts")
    assert digests() == before


def test_the_digest_follows_an_edit_and_returns_with_it(package: Path) -> None:
    path = package / "lib/cleaning/bounds.py"
    before, text = digests(), path.read_text(encoding="utf-8")
    path.write_text(text + "\nLIMIT = 3\n", encoding="utf-8")
    assert digests() != before
    path.write_text(text, encoding="utf-8")
    assert digests() == before


def test_a_data_file_beside_a_module_counts(package: Path) -> None:
    pages = {"write_report", "compare_runs", "sweep"}  # the latter two are no jobs
    for name in ("html_page.css", "html_page.jinja"):
        path = package / "lib/reporting" / name
        assert changed_by(path, path.read_text(encoding="utf-8"), "changed") == pages


def test_a_new_data_file_named_like_a_module_counts_and_another_does_not(package: Path) -> None:
    before = digests()
    (package / "lib/cleaning/notes.txt").write_text("words", encoding="utf-8")
    assert digests() == before
    (package / "lib/cleaning/verdicts.txt").write_text("words", encoding="utf-8")
    assert "clean_rows" in {name for name, digest in digests().items() if digest != before[name]}


def test_a_new_entry_of_a_registry_changes_nothing(package: Path) -> None:
    (package / "lib/adapters/novel.py").write_text("USES = ('sft',)\n", encoding="utf-8")
    added = '    "novel": "workflow_scripts.lib.adapters.novel",\n    "alpaca"'
    assert changed_by(package / "lib/adapters/registry.py", '    "alpaca"', added) == set()


def test_other_code_of_a_registry_counts(package: Path) -> None:
    path = package / "lib/adapters/registry.py"
    assert "standardize" in changed_by(path, "def load(", "LIMIT = 3\n\n\ndef load(")


def test_an_adapter_counts_where_it_is_selected(package: Path) -> None:
    path = package / "lib/adapters/alpaca.py"
    assert changed_by(path, "\nUSES", "\nLIMIT = 3\nUSES") == {"standardize alpaca"}


def test_what_a_selected_module_imports_counts(package: Path) -> None:
    path = package / "lib/adapters/poems.py"
    changed = changed_by(path, "CHARACTERS", "LETTERS")
    assert "standardize poems" in changed
    assert "standardize alpaca" not in changed


def test_the_pin_of_an_imported_package_counts(package: Path) -> None:
    requirements = package.parent / "envs" / "requirements.txt"
    changed = changed_by(requirements, "trl==", "trl==99.")
    assert {"train_sft", "train_align"} <= changed or "train_align" in changed
    assert not changed & {"clean_rows", "measure_rows", "mix_sources", "split_groups", "write_report"}
    assert not changed_by(requirements, "snakemake==", "snakemake==99.")
    assert "count_tokens" in changed_by(requirements, "tokenizers==", "tokenizers==99.")


def test_unknown_scripts_and_modules_are_refused() -> None:
    with pytest.raises(FileNotFoundError, match=r"no module 'workflow_scripts\.clean_row'"):
        staleness.code_of("clean_row")
    with pytest.raises(FileNotFoundError, match=r"no module 'workflow_scripts\.lib\.adapters\.absent'"):
        staleness.code_of("standardize", "workflow_scripts.lib.adapters.absent")


def test_pins_are_read_without_case_and_underscores(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("# words\nLm_Eval==0.4.13  # why\n\ntorch>=2\nPyYAML==6.0.3\n", encoding="utf-8")
    assert staleness.pinned_versions(path) == {"lm-eval": "0.4.13", "pyyaml": "6.0.3"}
