"""Secrets that stand behind a name: settings, options, headers, URLs, cookies, files of netrc's kind."""

from __future__ import annotations

import re

from .finder import Finder, pattern

_STRONG = (
    r"api[_-]?key|apikey|(?:access|secret|account|private|signing|encryption|master|license|shared|subscription|service|auth|admin|client|ssh|deploy|app|functions?)"
    r"[_-]?(?:access[_-]?)?key|access[_-]?key[_-]?id|[\w-]*secret|passw(?:or)?d|passwd|passphrase|pwd|pgpassword|authtoken"
    r"|(?:access|auth|refresh|session|bot|hf|hub|api|oauth2?|bearer|personal|github|gitlab|gh|csrf|xsrf|jwt|security|service|deploy|"
    r"secret|hugging[_-]?face(?:hub)?(?:[_-]api|[_-]hub)?|civitai(?:[_-]api)?|npm|pypi|ngrok|slack|discord|telegram(?:[_-]bot)?|replicate(?:[_-]api)?|sas|wandb|login|user|admin|jupyter|gradio)"
    r"[_-]?token|credentials?|connection[_-]?string|jsessionid|phpsessid|session[_-]?(?:id|key)|sessionid|wandb[_-]?key"
)
"""Names whose value is a secret, whatever it looks like."""
_WEAK = r"[\w-]*token|[\w-]*key|sig|signature|auth"
"""Names that logs of language models are full of: only a value that looks like a secret is one."""
_END = r"(?:[_-]?(?:value|string|hash|b64|base64|\d+))?"
_BETWEEN = r"""\\*["']?\]?\s*(?:=>|:=|[:=]|</key>\s*<string>|\s+REG_\w+\s|["'],\s*\\*["']value\\*["']\s*:)\s*"""
_VALUE = r"""(?:\\*"((?:[^"\\\n]|\\[^"\n])+)|\\*'((?:[^'\\\n]|\\[^'\n])+)|([^\s"'<>`]+))"""

_SHAPE = (
    rf"(?:{_STRONG}){_END}{_BETWEEN.lower()}"
    rf"|(?:token|key|sig|signature|auth){_BETWEEN.lower()}\\*[\"']?[\w+/=~-]{{16}}"
    rf"|(?:--|/|setx\s)[\w-]*(?:{_STRONG}|token|auth){_END}\s"
)
"""All three forms: one pass finds the lines for each of them."""

_NOTHING = re.compile(
    rb"(?:none|null|nil|true|false|empty|unset|missing|required|optional|undefined|not|no|yes|str|string|bytes|set|\*+|x+|-+|\.+|\$\{?\w+\}?|%\w+%"
    rb"|\(\w+\)|\[?redacted\]?|[\W_]|<hidden>|hidden|0|1|is|was|for|and|or|invalid|field|char|int|optional\[.*|os\.environ.*|get\w*\(.*)[,;)}\]]*",
    re.I,
)
_SECRET_LOOK = re.compile(rb"(?=[^\n]{0,80}[0-9])(?=[^\n]{0,80}[A-Za-z])[\w+/=~-]{16,}[,;)}\]]*\Z")
_MODELS_OWN = re.compile(
    rb"(?:bos|eos|eot|eom|unk|pad|mask|cls|sep|fim\w*|image|audio|video|special|next|end|num|per|start|stop|first|last)_?token\Z",
    re.I,
)


def _is_nothing(match: re.Match[bytes]) -> bool:
    return _NOTHING.fullmatch(match[match.lastindex or 0]) is not None


def _looks_harmless(match: re.Match[bytes]) -> bool:
    return _SECRET_LOOK.match(match[match.lastindex or 0]) is None or _MODELS_OWN.search(match["name"]) is not None


_QUERY_HARMLESS = re.compile(
    rb"(?:true|false|yes|no|\d{1,6}|utf-?8|json|text|main|master|raw|latest|linux|windows|darwin|amd64|arm64|[a-z]{1,4})?", re.I
)


def _is_plain_words(match: re.Match[bytes]) -> bool:
    """``Bearer authentication``: a word of prose has no digits and no change of case."""
    value = match[match.lastindex or 0]
    return value.isalpha() and (value.islower() or value.istitle()) and len(value) < 20


def _is_git(match: re.Match[bytes]) -> bool:
    return match[match.lastindex or 0] in (b"git", b"git:")


FINDERS = (
    Finder(
        "secret", (), pattern(rf"(?:{_STRONG}){_END}(?![\w-]){_BETWEEN}{_VALUE}"), _is_nothing,
        _SHAPE,
    ),
    Finder("secret", (), pattern(rf"(?<![\w-])(?P<name>{_WEAK}){_BETWEEN}{_VALUE}"), _looks_harmless, _SHAPE),
    Finder(
        "secret", (),
        pattern(rf"(?:--|/|setx\s+)[\w-]*?(?:{_STRONG}|token|auth){_END}\s+(?![-/|]){_VALUE}"), _is_nothing,
        _SHAPE,
    ),
    Finder("secret", ("--key ", "--cookie ", "sshpass -p"), pattern(r"""(?:--key|--cookie|sshpass -p)\s*["']?([^\s"']{6,})""")),
    Finder(
        "credentials", (" -u ", "--user", "--proxy-user"),
        pattern(r"""\s(?:-u|--user|--proxy-user|-U)[ =]["']?(?!\d+:\d+)([^\s:"'/=]+:[^\s"']+)"""),
    ),
    Finder("credentials", ("password ",), pattern(r"\blogin\s+\S+\s+password\s+(\S+)")),
    Finder("user", ("login ",), pattern(r"\blogin\s+(\S+)\s+password\s"), lambda match: match[1].lower() in (b"user", b"oauth")),
    Finder(
        "credentials", ("authorization",),
        pattern(r"""authorization\\*["']?\s*[:=,]\s*\[?(?:b(?=['"]))?[\\"']*((?:(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256)\s+)?[^"'\\\n]+)"""),
        _is_nothing,
    ),
    Finder("secret", ("password is ",), pattern(r"""password is ["']?([^\s"']*\d[^\s"']*)""")),
    Finder("credentials", ("bearer",), pattern(r"\bbearer[\s:]+([\w.~+/=-]{6,})"), _is_plain_words),
    Finder("credentials", ("basic ",), pattern(r"\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})(?![\w])"), _is_plain_words),
    Finder("credentials", ("://",), pattern(r"""(?<=://)([^\s/?#"'<>:@]*:[^\s/"'<>]*)(?=@)"""), _is_git),
    # A proxy is often written without its scheme.
    Finder("credentials", ("proxy",), pattern(r"""proxy["']?\s*[:=]\s*["']?([^\s/@"':]+:[^\s/@"']+)(?=@)""")),
    Finder(
        "query", ("?", "&"),
        pattern(r"""(?<![\s?&])[?&#;][\w.%~\[\]-]{1,64}=([^\s&"'<>\\#;)]+)"""),
        lambda match: _QUERY_HARMLESS.fullmatch(match[1]) is not None,
    ),
    Finder("query", ("?",), pattern(r"""://[^\s?"'<>]+\?([^\s&"'<>=]{6,})(?=[\s"'<>]|$)""")),
    Finder("cookie", ("cookie",), pattern(r"""cookie\\*["']?\s*[:=]\s*\\*["']?(\w[^"'\n]*=[^"'\n]+)""")),
)  # fmt: skip
