"""What people judge replies by, as the scoring page and the report call it, in English and Chinese."""

from workflow_scripts.lib.evaluation.failure_types import Failure
from workflow_scripts.lib.evaluation.panel_scores import Criterion
from workflow_scripts.lib.reporting.words import Words

CRITERIA: dict[Criterion, Words] = {
    "following": {"en": "Instruction kept", "zh": "遵循指令"},
    "content": {"en": "Content", "zh": "内容"},
    "language": {"en": "Language", "zh": "语言"},
}
HINTS: dict[Criterion, Words] = {
    "following": {"en": "does what was asked, in the form asked for", "zh": "做了所要求的事，合乎所要求的形式"},
    "content": {"en": "true, to the point, useful", "zh": "正确、切题、有用"},
    "language": {"en": "fluent, clear, fitting in style", "zh": "通顺、清楚、文体得当"},
}
FAILURES: dict[Failure, Words] = {
    "none": {"en": "none", "zh": "无"},
    "off_topic": {"en": "off topic", "zh": "跑题"},
    "factual_error": {"en": "factual error", "zh": "事实错误"},
    "verbose": {"en": "verbose", "zh": "啰嗦"},
    "format": {"en": "format", "zh": "格式"},
    "unsafe": {"en": "unsafe", "zh": "不安全"},
    "other": {"en": "other", "zh": "其他"},
}
