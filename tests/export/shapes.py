"""Tiny random models of the families that GGUF is written for, with tokenizers of the same make as theirs."""

import json
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from tokenizers.normalizers import Replace
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.models.gemma3 import Gemma3TextConfig
from transformers.models.llama import LlamaConfig
from transformers.models.qwen2 import Qwen2Config
from transformers.models.qwen3 import Qwen3Config

TEXTS = [
    "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。" * 4,
    "the moon is bright, isn't it? I'll say 12345 times\n\n" * 9,
]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\n\n' %}"
    "{% set said = messages[1:] %}{% else %}{% set first = '' %}{% set said = messages %}{% endif %}"
    "{% for message in said %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ first if loop.first }}{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
_START = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS = {"qwen2": r"\p{N}", "qwen3": r"\p{N}"}
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "head_dim": 32,
}
CONFIGS = {
    "llama": lambda **more: LlamaConfig(num_hidden_layers=2, **SIZES, tie_word_embeddings=True, **more),
    "llama3": lambda **more: LlamaConfig(
        num_hidden_layers=2,
        **SIZES,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
        **more,
    ),
    "qwen2": lambda **more: Qwen2Config(
        num_hidden_layers=2, **{k: v for k, v in SIZES.items() if k != "head_dim"}, **more
    ),
    "qwen3": lambda **more: Qwen3Config(num_hidden_layers=2, **SIZES, **more),
    "gemma3": lambda **more: Gemma3TextConfig(
        num_hidden_layers=7, sliding_window=32, query_pre_attn_scalar=32, **SIZES, **more
    ),
}


def build(name: str, folder: Path) -> Path:
    tokenizer = _sentencepiece() if name == "gemma3" else _byte_level(DIGITS.get(name))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    ids = {f"{kind}_token_id": getattr(tokenizer, f"{kind}_token_id") for kind in ("bos", "eos", "pad")}
    model = AutoModelForCausalLM.from_config(CONFIGS[name](vocab_size=len(tokenizer) + 3, **ids))  # some have spares
    for parameter in model.parameters():  # norms and biases start out as ones and zeros, which hide mistakes
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder


def _byte_level(digits: str | None) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if digits:
        split = pre_tokenizers.Split(Regex(_START + digits + _REST), "isolated")
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
        clean_up_tokenization_spaces=False,
    )


def _sentencepiece() -> PreTrainedTokenizerFast:
    """Return a tokenizer as Gemma's: SentencePiece turned into merges, bytes for what it does not know."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE())
    trained.normalizer = Replace(" ", "\u2581")
    trained.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=200, show_progress=False))

    learned = json.loads(trained.to_str())["model"]
    vocab = {token: index for index, token in enumerate([*special, *learned["vocab"]])}
    merges = [tuple(merge) for merge in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = Replace(" ", "\u2581")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<end_of_turn>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<start_of_turn>"],
        chat_template=GEMMA,
        clean_up_tokenization_spaces=False,
    )
    first = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", fast.bos_token_id)])
    fast.backend_tokenizer.post_processor = first
    return fast
