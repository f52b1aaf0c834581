"""Names of data steps and of reasons, as people read them, in English and Chinese."""

Words = dict[str, str]  # language -> text

STEPS: dict[str, Words] = {
    "standardize": {"en": "standardize", "zh": "规范化"},
    "clean": {"en": "clean", "zh": "清洗"},
    "mix": {"en": "mix", "zh": "混合"},
    "split": {"en": "split", "zh": "划分"},
}
REASONS: dict[str, Words] = {
    "empty": {"en": "empty", "zh": "空"},
    "right": {"en": "right", "zh": "正确"},
    "foreign script": {"en": "foreign script", "zh": "夹杂外文或数字"},
    "no_answer": {"en": "no answer", "zh": "没有答案"},
    "several_answers": {"en": "several answers", "zh": "答案不止一个"},
    "unfinished_thought": {"en": "thought without end", "zh": "思考未结束"},
    "bad_form": {"en": "answer of another form", "zh": "答案格式不对"},
    "bad_term": {"en": "term not readable", "zh": "刑期无法辨认"},
    "wrong_verdict": {"en": "wrong verdict", "zh": "罪与非罪判错"},
    "wrong_charge": {"en": "wrong charge", "zh": "罪名不对"},
    "wrong_term": {"en": "wrong term", "zh": "刑期不对"},
    "not_stopped": {"en": "did not stop", "zh": "未自行停止"},
    "line count": {"en": "line count", "zh": "句数不对"},
    "line length": {"en": "line length", "zh": "字数不对"},
    "punctuation": {"en": "punctuation", "zh": "标点不对"},
    "not stopped": {"en": "not stopped", "zh": "没有停下"},
    "form": {"en": "other form", "zh": "体裁不符"},
    "outside_share": {"en": "outside the share", "zh": "不在所取份额内"},
    "no_rejected": {"en": "no rejected side found", "zh": "找不到被拒一方"},
    "duplicate": {"en": "duplicate", "zh": "重复"},
    "near_duplicate": {"en": "near-duplicate", "zh": "近似重复"},
    "contaminated": {"en": "holds an evaluation text", "zh": "含评测文本"},
    "duplicate_across_sources": {"en": "duplicate across sources", "zh": "跨来源重复"},
    "joined": {"en": "joined into other rows", "zh": "并入其他行"},
    "further": {"en": "further rows of one record", "zh": "一条拆出的多行"},
    "over_max_rows": {"en": "over max_rows", "zh": "超出 max_rows"},
    "over_share": {"en": "over the source's share", "zh": "超出来源份额"},
    "over_zh_ratio": {"en": "over the language quota", "zh": "超出语言配额"},
    "malformed": {"en": "malformed", "zh": "格式不全"},
    "missing_field": {"en": "missing field", "zh": "缺字段"},
    "wrong_type": {"en": "wrong type", "zh": "类型不对"},
    "unreadable": {"en": "unreadable", "zh": "读不出"},
    "too_little_han": {"en": "too little Han", "zh": "汉字过少"},
    "too_repetitive": {"en": "too repetitive", "zh": "过于重复"},
    "too_short_chars": {"en": "too few characters", "zh": "字数过少"},
    "too_long_chars": {"en": "too many characters", "zh": "字数过多"},
    "too_short_tokens": {"en": "too few tokens", "zh": "词元过少"},
    "too_long_tokens": {"en": "too many tokens", "zh": "词元过多"},
    "over_length": {"en": "too long", "zh": "超长"},
    "truncated": {"en": "truncated", "zh": "被截断"},
    "nothing_to_learn": {"en": "nothing to learn", "zh": "无可学内容"},
    "refused_by_chat_template": {"en": "refused by the chat template", "zh": "对话模板不支持"},
    "prompt_encoded_differently": {"en": "prompt not the same on both sides", "zh": "两侧提示编码不同"},
}
LANGUAGES: dict[str, Words] = {
    "zh": {"en": "Chinese", "zh": "中文"},
    "en": {"en": "English", "zh": "英文"},
    "other": {"en": "other languages", "zh": "其他语言"},
}


def known(names: dict[str, Words], name: str) -> Words:
    """Return a name in both languages; one that is not known stands for itself."""
    return names.get(name, {"en": name.replace("_", " "), "zh": name.replace("_", " ")})
