"""What people wrote and what the models answered, in debug logs of servers.

Sources of the forms: Ollama with OLLAMA_DEBUG (server/routes.go, runner), llama.cpp's server (log_server_request, "request: {…}"),
vLLM's request logger, LM Studio's and Jan's logs of request bodies, koboldcpp's "Input:" and "Output:", text-generation-webui --verbose.
"""

from __future__ import annotations

import re

from .finder import Finder, pattern

_KEYS = (
    r"content|prompt|response|text|inputs?|query|question|answer|completion|reply|reasoning(?:_content)?|thinking|thought|system_prompt"
    r"|system_message|instructions?|negative_prompt|generated_text|output_text|user_prompt|last_user_message|arguments|suffix|memory|data|system"
)
_WORDS = (
    "content", "prompt", "response", "text", "input", "inputs", "query", "question", "answer", "completion", "reply", "thinking", "thought",
    "reasoning", "system", "system_message", "instruction", "instructions", "message", "arguments", "suffix", "memory", "data",
)  # fmt: skip
"""How those names end, before the quote that closes them."""

_HARMLESS = re.compile(
    rb"\s*(?:|-?\d[\d.,/ ]*|none|null|true|false|text|string|json|auto|default|assistant|user|system|function|(?:text|image|audio|application)/[\w.+-]+|<chat>)\s*",
    re.I,
)
"""Sizes, types and roles that stand under the same names."""


def _says_nothing(match: re.Match[bytes]) -> bool:
    value = match[match.lastindex or 0]
    if _HARMLESS.fullmatch(value):
        return True
    # system, data and memory name other things too: a single word under them is no text of somebody's.
    return match["name"].lower() in (b"system", b"data", b"memory", b"text") and b" " not in value and len(value) < 24


_NAME = rf"(?P<name>{_KEYS})"
_QUOTED = r'"((?:[^"\\\n]|\\.)+)'
_SINGLE = r"'((?:[^'\\\n]|\\.)+)"
_ESCAPED = r"(?P<esc>\\+)\"%s(?P=esc)\"\s*:\s*(?P=esc)\"((?:(?!(?<!\\)(?P=esc)\")[^\n])+)"
"""JSON in a string of JSON, however deep: the quotes of one level have as many backslashes each."""
_LIST = r"\[([^\]\n]+)"

_TELLING = (
    "parsing chat message", "partial parse", "generated text", "formatted prompt", "final prompt", "full prompt", "raw prompt", "prompt text",
    "user input", "user message", "user query", "last message", "generated response", "model output", "model response", "generated reply",
)  # fmt: skip

FINDERS = (
    Finder("chat", tuple(f'{word}"' for word in _WORDS), pattern(rf'"{_NAME}"\s*:\s*(?:{_QUOTED})'), _says_nothing),
    Finder("chat", tuple(f"{word}'" for word in _WORDS), pattern(rf"'{_NAME}'\s*:\s*(?:{_SINGLE}|{_QUOTED})"), _says_nothing),
    Finder("chat", tuple(f"{word}\\" for word in _WORDS), pattern(_ESCAPED % _NAME), _says_nothing),
    Finder("chat", ("prompt\"", "prompt'", "input\"", "input'", "inputs\"", "prompt\\", "input\\"), pattern(rf"""["'](?P<name>prompt|inputs?)\\*["']\s*:\s*{_LIST}"""), _says_nothing),
    Finder(
        "chat", ("prompt=", "content=", "thinking=", "response=", "string=", "query=", "input=", "text=", "completion="),
        pattern(rf'(?<![\w.-])(?P<name>prompt|content|thinking|response|string|query|input|text|completion)=(?:{_QUOTED}|([^\s"][^\s]*))'),
        _says_nothing,
    ),
    Finder("chat", ("prompt:",), pattern(rf"(?<![\w])(?P<name>prompt): (?:{_SINGLE}|{_QUOTED})"), _says_nothing),
    Finder("chat", ("ids=", "ids:", "ids\"", "ids'", "tokens\":[", "tokens\": ["), pattern(rf"""(?<![\w])(?P<name>(?:prompt_|input_|output_)?(?:token_)?ids|prompt_tokens|"tokens")\\*["']?\s*[:=]\s*\\*["']?{_LIST}""")),
    Finder(
        "chat", (*_TELLING, "parsing input with format"),
        pattern(rf"(?P<name>{'|'.join(_TELLING)}|parsing input with format [^:\n]{{1,40}}) ?[:=] *(\S[^\n]*)"), _says_nothing,
    ),
    Finder("chat", (";base64,",), pattern(r"data:[\w/+.-]+;base64,([\w+/=-]{16,})")),
    Finder("chat", ("user:", "human:", "assistant:", "you:"), pattern(r"^(?P<name>user|human|assistant|you): *(\S[^\n]*)", re.I | re.M), _says_nothing),
)  # fmt: skip
