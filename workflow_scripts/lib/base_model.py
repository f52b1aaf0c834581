"""Lay a base model out as a plain transformers folder, whatever it came as."""

import hashlib
import logging
import os
import shutil
from pathlib import Path

import gguf  # noqa: F401 (transformers reads GGUF files with it; its pin counts)
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from workflow_scripts.lib import folders, jsonl
from workflow_scripts.lib.errors import UserError

log = logging.getLogger(__name__)
NEEDED = ("config.json", "tokenizer.json")


def prepare(source: Path, output: Path, chat_template: Path | None) -> None:
    """Convert a GGUF file, or link a transformers folder, into ``output`` and write ``manifest.json`` last.

    Args:
        source: A ``.gguf`` file, or a folder as transformers saves it.
        output: Folder to fill.
        chat_template: Jinja file that replaces the tokenizer's own template.

    Raises:
        UserError: If the source is neither, or has no chat template and none is given.
    """
    if output.exists():
        shutil.rmtree(output)
    with folders.staged(output) as part:
        if source.suffix == ".gguf":
            _convert_gguf(source, part)
        else:
            _link_folder(source, part)
        tokenizer = AutoTokenizer.from_pretrained(part)
        if chat_template is not None:
            tokenizer.chat_template = chat_template.read_text(encoding="utf-8")
            tokenizer.save_pretrained(part)
        if not tokenizer.chat_template:
            raise UserError(
                "the base model has no chat template",
                "model.base",
                "choose an instruction-tuned model, or set model.chat_template",
            )
    digests = {path.name: _sha256(path) for path in sorted(output.iterdir()) if path.is_file()}
    jsonl.write_json(output / "manifest.json", digests)


def _convert_gguf(source: Path, output: Path) -> None:
    """Dequantize to float32 and rebuild the config.

    transformers 5.23 keeps a model loaded from GGUF marked as quantized and then refuses to save or train it.
    """
    place = {"gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **place)
    loaded = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **place)
    settings = loaded.config.to_dict()
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        settings.pop(name, None)
    with torch.device("meta"):
        model = type(loaded)(type(loaded.config).from_dict(settings))
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(output, max_shard_size="50GB")
    tokenizer.save_pretrained(output)
    log.info("%s dequantized: %d parameters", source.name, model.num_parameters())


def _link_folder(source: Path, output: Path) -> None:
    missing = [name for name in NEEDED if not (source / name).is_file()]
    weights = sorted(source.glob("*.safetensors"))
    if missing or not weights:
        raise UserError(
            f"no transformers model with safetensors weights: missing {', '.join(missing) or '*.safetensors'}",
            f"model.base ({source})",
            "name a GGUF file or a folder with config.json, tokenizer.json and *.safetensors",
        )
    for path in source.iterdir():
        if path.is_file() and path.suffix in (".json", ".safetensors", ".jinja", ".txt", ".model"):
            if path.suffix == ".safetensors":
                _link(path, output / path.name)
            else:  # small, and a link would let a change of the chat template reach the source
                shutil.copyfile(path, output / path.name)
    AutoConfig.from_pretrained(output)


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path.resolve(), target)
    except OSError:
        shutil.copyfile(path, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
