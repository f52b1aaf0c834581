"""How few and how many tokens a text can have, as far as its tokenizer's file proves it, without tokenizing.

Byte-level BPE (GPT-2, Qwen, Llama 3, SmolLM2) and BPE or Unigram with byte fallback (Llama 2, Gemma) write a text as
tokens that, end to end, are the text: none is empty, so there are at most as many as bytes, and none holds more
characters or Han characters than the longest one of the vocabulary does, so there are at least so many. Everything that
a tokenizer may do besides is looked for, and where there is any of it nothing is promised. What is promised holds for
plain texts: in Unicode normal form C, so that a normalizer to it changes nothing, without control characters and
characters beyond plane 3, for which some vocabularies (SmolLM2's) have no bytes.
"""

from dataclasses import dataclass
from typing import Any

_SPACE = "\u2581"  # SentencePiece writes a space so
# Lead bytes of Han characters in UTF-8; E3 also leads kana and marks, which only makes a bound wider.
_HAN_LEADS = frozenset([*range(0xE3, 0xEA), 0xF0])
_PLAIN_LEADS = frozenset([0x09, 0x0A, *range(0x20, 0x7F), *range(0xC2, 0xF1)])


@dataclass(frozen=True)
class TokenBounds:
    """What a tokenizer proves.

    Attributes:
        chars_per_token: Most characters of one token; None: no limit.
        han_per_token: Most Han characters of one token.
        added_per_text: Tokens a text may have beyond its bytes.
    """

    chars_per_token: int | None
    han_per_token: int
    added_per_text: int


def token_bounds(tokenizer: dict[str, Any]) -> TokenBounds | None:
    """Return what the content of a ``tokenizer.json`` proves; None if that is nothing."""
    model, added = tokenizer["model"], tokenizer.get("added_tokens") or []
    added_per_text = _added_by(tokenizer.get("normalizer"))
    steps = _steps(tokenizer.get("pre_tokenizer"), "pretokenizers")
    if added_per_text is None or model.get("dropout"):
        return None
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return None
    kinds = [step["type"] for step in steps]
    vocabulary = _vocabulary(model)
    is_byte_level = kinds.count("ByteLevel") == 1 and not added_per_text
    if model["type"] == "BPE" and not model.get("byte_fallback") and is_byte_level:
        pieces = _byte_level_pieces(vocabulary)
    elif model["type"] in ("BPE", "Unigram") and model.get("byte_fallback") and "ByteLevel" not in kinds:
        added_per_text += sum(step.get("prepend_scheme", "always") != "never" for step in steps if _is_metaspace(step))
        pieces = _byte_fallback_pieces(vocabulary)
    else:
        return None
    if pieces is None or not all(_keeps_all(step) for step in steps):
        return None
    pieces += [token["content"].encode() for token in added]
    # A token that takes the space beside it may take any number of characters, but none of them is Han.
    takes_space = any(token["lstrip"] or token["rstrip"] for token in added)
    return TokenBounds(
        chars_per_token=None if takes_space else max(map(_num_chars, pieces)),
        han_per_token=max(1, *map(_num_han, pieces)),
        added_per_text=added_per_text,
    )


def _added_by(normalizer: dict[str, Any] | None) -> int | None:
    """Return how many characters a normalizer may add to a plain text; None if it does anything else to it."""
    added = 0
    for step in _steps(normalizer, "normalizers"):
        if step == {"type": "Prepend", "prepend": _SPACE}:
            added += 1
        elif step not in ({"type": "NFC"}, {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}):
            return None
    return added


def _steps(part: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    if part is None:
        return []
    return [inner for step in part[name] for inner in _steps(step, name)] if part["type"] == "Sequence" else [part]


def _is_metaspace(step: dict[str, Any]) -> bool:
    return step["type"] == "Metaspace"


def _keeps_all(step: dict[str, Any]) -> bool:
    """Tell whether a pre-tokenizer only divides the text; a ``Metaspace`` writes spaces as one character."""
    if step["type"] == "ByteLevel":
        return not step["add_prefix_space"]
    if step["type"] in ("Split", "Punctuation"):
        return step.get("behavior") != "Removed"
    return step["type"] == "Digits" or (_is_metaspace(step) and step["replacement"] == _SPACE)


def _vocabulary(model: dict[str, Any]) -> list[str]:
    vocabulary = model.get("vocab") or []
    return list(vocabulary) if isinstance(vocabulary, dict) else [piece for piece, _ in vocabulary]


def _byte_level_pieces(vocabulary: list[str]) -> list[bytes] | None:
    """Return the bytes of each token; None if a byte that begins a plain character has none and might be left out."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(0x100) if byte not in set(printable))
    alphabet = {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
    known = {alphabet[piece] for piece in vocabulary if piece in alphabet}
    if not known >= _PLAIN_LEADS:
        return None
    # what is not written in this alphabet is an added token, which is taken from where those stand
    return [bytes(map(alphabet.__getitem__, piece)) for piece in vocabulary if alphabet.keys() >= set(piece)]


def _byte_fallback_pieces(vocabulary: list[str]) -> list[bytes] | None:
    single = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(0x100)}
    if not {_SPACE, *single} <= set(vocabulary):  # without the first, a space is the three bytes of that character
        return None
    return [single.get(piece) or piece.replace(_SPACE, " ").encode() for piece in vocabulary]


def _num_chars(piece: bytes) -> int:
    return sum(byte & 0xC0 != 0x80 for byte in piece)


def _num_han(piece: bytes) -> int:
    return sum(byte in _HAN_LEADS for byte in piece)
