"""Replies by vLLM, where it is installed: on a GPU many times faster, batches being refilled as replies end.

Each reply has a seed of its own. The same rows, settings, vLLM and GPU give the same replies as far as vLLM does: its
batches are made by load, and with weights of 16 bits the neighbours in a batch can change a token.
"""

from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from workflow_scripts.lib.errors import UserError
from workflow_scripts.lib.generation import Reply, end_ids
from workflow_scripts.lib.mixing.draws import draw
from workflow_scripts.lib.model_loading import load_tokenizer
from workflow_scripts.lib.sampling.jobs import Job
from workflow_scripts.lib.sampling.sampling import SamplingConfig

_QUANTIZATION = {"none": None, "nf4": "bitsandbytes"}


class VllmEngine:
    """A vLLM engine in this process.

    Args:
        base: Folder of the base model.
        config: How it is loaded, and how replies are drawn.
    """

    def __init__(self, base: Path, config: SamplingConfig) -> None:
        vllm = _vllm()
        model = config.model
        if model.quantization not in _QUANTIZATION:
            raise UserError(
                f"vLLM loads no model with quantization {model.quantization}",
                "model.quantization, sampling.engine",
                f"choose one of: {', '.join(_QUANTIZATION)}; or set sampling.engine: hf",
            )
        self.tokenizer = load_tokenizer(base)
        has_own = (base / "generation_config.json").exists()
        declared = GenerationConfig.from_pretrained(base) if has_own else GenerationConfig()
        self._ends = end_ids(declared, self.tokenizer)
        self._engine = vllm.LLM(
            model=str(base),
            dtype=model.dtype,
            quantization=_QUANTIZATION[model.quantization],
            trust_remote_code=model.trust_remote_code,
            seed=config.seed % 2**31,
            generation_config="vllm",  # not the sampling values that a base model ships
            enable_prefix_caching=True,  # the samples of a row share its prompt
        )
        self.context = self._engine.llm_engine.model_config.max_model_len
        self._parameters, self._seed, self._drawing = vllm.SamplingParams, config.seed, config.sampling

    def write(self, jobs: list[Job]) -> list[Reply]:
        outputs = self._engine.generate(
            [{"prompt_token_ids": job.prompt.ids} for job in jobs],
            [self._settings(job) for job in jobs],
            use_tqdm=False,
        )
        return [self._reply(output.outputs[0]) for output in outputs]

    def _settings(self, job: Job) -> Any:
        drawing = self._drawing
        return self._parameters(
            temperature=drawing.temperature,
            top_p=drawing.top_p,
            max_tokens=drawing.max_new_tokens,
            seed=draw(self._seed, job.prompt.row_id, str(job.sample)) % 2**31,
            stop_token_ids=self._ends,
            detokenize=False,
        )

    def _reply(self, written: Any) -> Reply:
        stopped = written.finish_reason == "stop"
        ids = list(written.token_ids)
        if stopped and ids and ids[-1] in self._ends:
            ids.pop()
        return Reply(self.tokenizer.decode(ids, skip_special_tokens=True), len(ids), stopped)


def load(base: Path, config: SamplingConfig) -> VllmEngine:
    return VllmEngine(base, config)


def _vllm() -> Any:
    try:
        import vllm
    except ImportError:
        raise UserError(
            "vLLM is not installed",
            "sampling.engine",
            "install it where the jobs run (python -m pip install vllm; it wants a GPU, and pins a torch of its own), "
            "or set sampling.engine: hf",
        ) from None
    return vllm
