"""The page on which stages answer side by side."""

from workflow_scripts.lib.apps import local_page
from workflow_scripts.lib.config.models import Config
from workflow_scripts.lib.reporting import report_words
from workflow_scripts.lib.reporting.words import Words

STAGES: dict[str, Words] = {**report_words.STAGES, "merged": {"en": "merged", "zh": "合并"}}
# key of the config -> what it is called, and what a browser is to hold it to
SETTINGS: dict[str, tuple[Words, dict[str, str]]] = {
    "max_new_tokens": ({"en": "Longest reply, tokens", "zh": "回答上限（词元）"}, {"min": "1", "step": "1"}),
    "do_sample": ({"en": "Draw at random", "zh": "随机采样"}, {}),
    "temperature": ({"en": "Temperature", "zh": "温度"}, {"min": "0.01", "step": "any"}),
    "top_p": ({"en": "Top-p", "zh": "Top-p"}, {"min": "0.01", "max": "1", "step": "any"}),
    "repetition_penalty": ({"en": "Repetition penalty", "zh": "重复惩罚"}, {"min": "0.01", "step": "any"}),
    "no_repeat_ngram_size": ({"en": "No repeated n-grams, n", "zh": "不重复的 n 元组，n"}, {"min": "0", "step": "1"}),
}
REMARKS: dict[str, Words] = {  # % is where a value goes
    "waiting": {"en": "reading …", "zh": "在读……"},
    "ended": {"en": "% tokens, % s", "zh": "% 词元，% 秒"},
    "cut": {"en": "cut off after % tokens, % s", "zh": "到 % 词元截断，% 秒"},
    "halted": {"en": "stopped", "zh": "已停止"},
    "empty": {"en": "(empty)", "zh": "（空）"},
    "broken": {
        "en": "The reply broke off: the server ended or failed; its terminal says why.",
        "zh": "回答中断：服务已停止或出错，原因见它的终端。",
    },
    "left_out": {
        "en": "The conversation is longer than the model can hold: its first turns (%) are left out.",
        "zh": "对话超出模型的上下文：最早的 % 轮没有给模型看。",
    },
    "copy": {"en": "Copy", "zh": "复制"},
    "copied": {"en": "Copied", "zh": "已复制"},
    "not_copied": {"en": "The browser refuses", "zh": "浏览器不允许"},
    "added": {"en": "Added to %, which has % prompts now.", "zh": "已加入 %，现有 % 题。"},
    "present": {"en": "% has this prompt already (% in all).", "zh": "% 里已有这一题（共 % 题）。"},
    "counts": {"en": " The next make report asks it.", "zh": "下一次 make report 会问它。"},
    "would_count": {
        "en": " It began as a copy of the panel of these results; it counts once your recipe or config file says"
        " eval.panel.prompts: %",
        "zh": "文件由这批结果的评测集复制而来；在配方或配置文件里写 eval.panel.prompts: % 后才会用到。",
    },
}


def page(token: str, stages: list[str], config: Config, examples: list[str]) -> local_page.Page:
    """Return the page.

    Args:
        token: What the page has to show with everything it asks for.
        stages: The columns.
        config: Of the results; the settings begin as it has them.
        examples: Prompts to begin with.
    """
    settings = [(key, *SETTINGS[key], value) for key, value in config.generation.model_dump().items()]
    return local_page.page(
        "stage_page",
        token,
        stages=[(name, STAGES[name]) for name in stages],
        settings=settings,
        seed=config.seed,
        system_prompt=config.model.system_prompt or "",
        examples=examples,
        remarks=REMARKS,
    )
