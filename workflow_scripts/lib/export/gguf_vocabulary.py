"""A tokenizer in the words of GGUF, so that llama.cpp reads the same ids."""

import json
from pathlib import Path
from typing import Any

import gguf
from transformers import AutoTokenizer

from workflow_scripts.lib.errors import UserError

# How llama.cpp names the ways of cutting a text before byte pairs are merged; by their last regular expression, or
# the digits that stand alone. Source: the `pre` types of its llama-vocab.cpp.
_LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_BY_REGEX = {
    rf"{_LETTERS}\p{{N}}{_REST}": "qwen2",
    rf"{_LETTERS}\p{{N}}{{1,3}}{_REST}": "llama-bpe",
}
SPACE = "\u2581"  # a space in SentencePiece


def write_vocabulary(writer: gguf.GGUFWriter, folder: Path, vocabulary_size: int) -> None:
    """Write tokens, merges, special tokens and the chat template.

    Args:
        writer: Of the file.
        folder: With tokenizer.json, its settings and the chat template.
        vocabulary_size: Rows of the embedding; tokens that the tokenizer lacks are written as unused.

    Raises:
        UserError: If llama.cpp has no name for the way this tokenizer cuts texts.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    by_bytes = not settings["model"].get("byte_fallback")
    tokens, kinds = _tokens(tokenizer, vocabulary_size, by_bytes=by_bytes)
    writer.add_tokenizer_model("gpt2" if by_bytes else "llama")
    writer.add_tokenizer_pre(_cutting(settings, folder) if by_bytes else "default")
    writer.add_token_list(tokens)
    if not by_bytes:
        writer.add_token_scores(_scores(settings["model"]["merges"], tokens))
        writer.add_add_space_prefix(False)
    writer.add_token_types(kinds)
    special = gguf.SpecialVocab(folder, load_merges=by_bytes, n_vocab=vocabulary_size)
    # what stands first and last is the template's business, as in training, wherever the tokenizer says nothing
    special.add_special_token = {"bos": False, "eos": False} | dict(special.add_special_token)
    special.add_to_gguf(writer, quiet=True)


def _tokens(tokenizer: Any, size: int, *, by_bytes: bool) -> tuple[list[str], list[int]]:
    named = {index: token for token, index in tokenizer.get_vocab().items()}
    added = tokenizer.added_tokens_decoder
    tokens, kinds = [], []
    for index in range(size):
        token, kind = named.get(index, f"[PAD{index}]"), gguf.TokenType.NORMAL
        if index not in named:
            kind = gguf.TokenType.UNUSED
        elif index in added and added[index].special:
            kind = gguf.TokenType.CONTROL
        elif index in added:
            kind, token = gguf.TokenType.USER_DEFINED, token.replace(SPACE, " ")
        elif not by_bytes and len(token) == 6 and token.startswith("<0x"):
            kind = gguf.TokenType.BYTE
        elif token == tokenizer.unk_token:
            kind = gguf.TokenType.UNKNOWN
        tokens.append(token)
        kinds.append(kind)
    return tokens, kinds


def _scores(merges: list[Any], tokens: list[str]) -> list[float]:
    """Return what makes llama.cpp merge in the order of the tokenizer: it takes the pair with the highest score."""
    rank: dict[str, int] = {}
    for number, merge in enumerate(merges):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        rank.setdefault(left + right, number)
    return [-float(rank.get(token, len(merges))) for token in tokens]


def _cutting(settings: dict[str, Any], folder: Path) -> str:
    parts = settings["pre_tokenizer"] or {}
    parts = parts.get("pretokenizers", [parts])
    kinds = [part.get("type") for part in parts]
    if kinds == ["ByteLevel"] and parts[0].get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and parts[0]["individual_digits"] and parts[1].get("use_regex", True):
        return "smollm"
    if kinds == ["Split", "ByteLevel"]:
        found = _BY_REGEX.get(parts[0]["pattern"].get("Regex", ""))
        if found and settings["model"].get("ignore_merges", False) == (found == "llama-bpe"):
            return found
    raise UserError(
        f"llama.cpp would cut texts in another way than this tokenizer ({', '.join(map(str, kinds))})",
        f"export.gguf ({folder.name}/tokenizer.json)",
        "set export.gguf: null, or convert the merged model with llama.cpp's own convert_hf_to_gguf.py",
    )
