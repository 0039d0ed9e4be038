"""Keys and tokens that can be told by their own shape, as their makers document it.

Most makers give their tokens a prefix so that scanners can find them; GitHub's documentation "About secret scanning" (supported
patterns) lists them, and https://github.com/gitleaks/gitleaks (config/gitleaks.toml) has their lengths. Lengths here are lower bounds,
so that a longer token of next year is found too.
"""

from __future__ import annotations

import re

from .finder import Finder, pattern

_SHAPES: tuple[tuple[str, str], ...] = (
    # Makers of models and where they are run. sk-: OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek, LiteLLM.
    ("sk-", r"sk-[\w-]{12,}"),
    ("hf_", r"hf_[A-Za-z0-9]{16,}"),
    ("api_org_", r"api_org_[A-Za-z0-9]{16,}"),
    ("gsk_", r"gsk_[A-Za-z0-9]{20,}"),
    ("nvapi-", r"nvapi-[\w-]{20,}"),
    ("r8_", r"r8_[A-Za-z0-9]{20,}"),
    ("pplx-", r"pplx-[A-Za-z0-9]{20,}"),
    ("xai-", r"xai-[A-Za-z0-9]{20,}"),
    ("csk-", r"csk-[a-z0-9]{20,}"),
    ("fw_", r"fw_[A-Za-z0-9]{20,}"),
    ("tgp_v1_", r"tgp_v1_[\w-]{20,}"),
    ("wandb_v1_", r"wandb_v1_[\w-]{20,}"),
    ("lsv2_", r"lsv2_(?:pt|sk)_[a-f0-9]{20,}[_a-f0-9]*"),
    # Code and packages.
    ("ghp_ gho_ ghu_ ghs_ ghr_", r"gh[opsur]_[A-Za-z0-9]{20,}"),
    ("github_pat_", r"github_pat_\w{20,}"),
    (
        "glpat- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct- gloas-",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|oas)-[\w.-]{16,}",
    ),
    ("npm_", r"npm_[A-Za-z0-9]{20,}"),
    ("pypi-", r"pypi-[\w-]{40,}"),
    ("dckr_", r"dckr_(?:pat|oat)_[\w-]{16,}"),
    ("rubygems_", r"rubygems_[a-f0-9]{32,}"),
    # Clouds.
    ("aiza", r"AIza[\w-]{30,}"),
    ("ya29.", r"ya29\.[\w.-]{16,}"),
    ("gocspx-", r"GOCSPX-[\w-]{20,}"),
    ("akia", r"AKIA[0-9A-Z]{12,}"),
    ("asia", r"ASIA[0-9A-Z]{12,}"),
    ("dop_v1_", r"dop_v1_[a-f0-9]{32,}"),
    ("dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    ("hvs.", r"hvs\.[\w-]{20,}"),
    ("tskey-", r"tskey-[\w-]{16,}"),
    ("age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    ("glsa_", r"glsa_[\w]{20,}"),
    ("glc_", r"glc_[A-Za-z0-9+/=]{20,}"),
    ("ntn_", r"ntn_[A-Za-z0-9]{20,}"),
    ("lin_api_", r"lin_api_[A-Za-z0-9]{20,}"),
    ("sbp_", r"sbp_[a-f0-9]{20,}"),
    ("pmak-", r"PMAK-[a-f0-9-]{20,}"),
    # Chat and payment.
    ("xox", r"xox[a-z](?:\.xox[a-z])?-[\w-]{10,}"),
    ("xapp-", r"xapp-[\w-]{10,}"),
    ("hooks.slack.com", r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]{10,}"),
    ("/api/webhooks/", r"(?<=/api/webhooks/)\d{6,}/[\w-]{16,}"),
    (":aa", r"\d{6,12}:AA[\w-]{28,}"),
    ("_live_", r"[srp]k_live_[A-Za-z0-9]{10,}"),
    ("_test_", r"[srp]k_test_[A-Za-z0-9]{10,}"),
    ("whsec_", r"whsec_[A-Za-z0-9+/=]{16,}"),
    ("sg.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    ("shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{20,}"),
    # JSON web tokens: RFC 7519. The middle part begins with an object too.
    ("eyj", r"eyJ[\w-]{8,}\.(?:[\w-]{4,}\.?)+[\w-]*"),
)

# A bot's token of Discord has no prefix: an id in base64 (its first letter is M, N or O), a time and a signature.
_DISCORD = r"[MNO][A-Za-z0-9_-]{23,27}\.[\w-]{6}\.[\w-]{27,}"

TOKENS = Finder(
    "token",
    tuple(literal for literals, _ in _SHAPES for literal in literals.split()),
    # Case counts: AKIA in the midst of base64 is nothing. An escaped line feed (\n) before a token is no letter of it.
    pattern(rf"(?<![A-Za-z0-9])(?<![A-Za-z0-9][_-])(?:{'|'.join(shape for _, shape in _SHAPES)})", 0),
)
DISCORD = Finder("token", ("discord", "bot"), pattern(rf"(?<![\w.-]){_DISCORD}(?![\w-])", 0))

TOKEN_TEXT = re.compile(TOKENS.pattern.pattern.decode(), re.ASCII)
"""The same over text, for a single value such as an environment variable's."""
