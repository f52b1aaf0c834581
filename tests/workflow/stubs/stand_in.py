"""Stands in for the scripts that need torch: writes what they declare, made from all that they are given.

Every file it writes holds a digest of the script's flags and of the bytes of the files they name, so that it changes
exactly when a real result could.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

TRAINED = ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "metrics.json", "timing.json")
UNDECLARED = ("tokenizer_config.json",)  # which and how many there are depends on the model
WRITES = {
    "prepare_base": ("manifest.json", "config.json", "model.safetensors"),
    "train_sft": TRAINED + UNDECLARED,
    "train_align": TRAINED + UNDECLARED,
    "merge_adapter": ("model.safetensors", "config.json", "tokenizer.json", "parity.json", *UNDECLARED),
    "export_gguf": ("model-q8_0.gguf", "Modelfile", "parity.json"),
}
OUTPUTS = (
    "output",
    "result",
    "result_folder",
    "parity",
    "modelfile",
    "store",
    "checkpoints",
    "report_json",
    "report_html",
    "readme",
    "replies",
)


def main() -> None:
    script, *rest = sys.argv[1:]
    flags: dict[str, list[str]] = {}
    for word in rest:
        if word.startswith("--"):
            flags[name := word[2:].replace("-", "_")] = []
        else:
            flags[name].append(word)
    digest = hashlib.sha256(script.encode())
    for name, values in flags.items():
        if name in OUTPUTS:
            continue
        for value in values:
            digest.update(_bytes(Path(value)) if name not in ("config", "code") else value.encode())
    text = digest.hexdigest()
    if script == "sample_replies":
        rows = [row for name in ("train", "validation") for row in _rows(flags[name][0])]
        return _write_replies(Path(flags["replies"][0]), rows, text)
    for path in _outputs(script, flags):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"headline": [], "made of": text}), encoding="utf-8")
    if script == "prepare_base":
        shutil.copy(Path(flags["source"][0]).parent / "tokenizer.json", Path(flags["output"][0]) / "tokenizer.json")


def _rows(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def _write_replies(path: Path, rows: list[dict], wrong: str) -> None:
    """The first reply to each row is its own, the second is wrong and changes with all that is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replies = [
        {"id": row["id"], "replies": [{"text": text, "tokens": 1, "stopped": True} for text in texts]}
        for row in rows
        for texts in [(row["messages"][-1]["content"], wrong)]
    ]
    lines = [json.dumps(reply, ensure_ascii=False) + "\n" for reply in replies]
    path.write_text("".join(lines), encoding="utf-8")


def _bytes(path: Path) -> bytes:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return b"".join(file.read_bytes() for file in files if file.is_file() and file.name != "README.md")


def _outputs(script: str, flags: dict[str, list[str]]) -> list[Path]:
    if script in WRITES:
        return [Path(flags["output"][0]) / name for name in WRITES[script]]
    if script == "evaluate_harness":
        tasks = json.loads(flags["config"][0])["eval"]["tasks"]
        return [Path(flags["result_folder"][0]) / f"{task}.json" for task in tasks]
    return [Path(flags[name][0]) for name in ("result", "report_json", "report_html", "readme") if name in flags]


if __name__ == "__main__":
    main()
