"""Secrets that are made up when the tests run, and the places where they stand in what people share.

Nothing here is a real one: each is drawn from its maker's alphabet with a fixed seed.
"""

from __future__ import annotations

import base64
import random
import string
from typing import Iterator, NamedTuple

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_random = random.Random(6)


def _of(alphabet: str, length: int) -> str:
    # A digit and a letter at the least, as every real one has.
    return (
        "".join(_random.choice(alphabet) for _ in range(length - 2))
        + "7"
        + _random.choice([one for one in alphabet if one.isalpha()])
    )


def _b64(length: int) -> str:
    return base64.b64encode(_of(_ALNUM, length).encode()).decode()


TOKENS = {
    "openai": lambda: "sk-" + _of(_ALNUM, 48),
    "openai-project": lambda: "sk-proj-" + _of(_ALNUM + "_-", 120),
    "anthropic": lambda: "sk-ant-api03-" + _of(_ALNUM + "_-", 93) + "AA",
    "openrouter": lambda: "sk-or-v1-" + _of(_HEX, 64),
    "huggingface": lambda: "hf_" + _of(string.ascii_letters, 34),
    "github": lambda: "ghp_" + _of(_ALNUM, 36),
    "github-fine": lambda: "github_pat_" + _of(_ALNUM, 22) + "_" + _of(_ALNUM, 59),
    "github-app": lambda: "ghs_" + _of(_ALNUM, 36),
    "gitlab": lambda: "glpat-" + _of(_ALNUM + "_-", 20),
    "google": lambda: "AIza" + _of(_ALNUM + "_-", 35),
    "google-oauth": lambda: "ya29." + _of(_ALNUM + "_-", 60),
    "aws-id": lambda: "AKIA" + _of(string.ascii_uppercase + "234567", 16),
    "slack": lambda: f"xoxb-{_of(string.digits + 'a', 12)}-{_of(_ALNUM, 24)}",
    "slack-hook": lambda: (
        f"https://hooks.slack.com/services/T{_of(string.ascii_uppercase + string.digits, 8)}/B{_of(string.ascii_uppercase, 8)}/{_of(_ALNUM, 24)}"
    ),
    "discord-hook": lambda: f"https://discord.com/api/webhooks/{_random.randrange(10**17, 10**18)}/{_of(_ALNUM + '_-', 68)}",
    "npm": lambda: "npm_" + _of(_ALNUM, 36),
    "pypi": lambda: "pypi-AgEIcHlwaS5vcmc" + _of(_ALNUM + "_-", 80),
    "groq": lambda: "gsk_" + _of(_ALNUM, 52),
    "nvidia": lambda: "nvapi-" + _of(_ALNUM + "_-", 64),
    "replicate": lambda: "r8_" + _of(_ALNUM, 37),
    "perplexity": lambda: "pplx-" + _of(_ALNUM, 48),
    "telegram": lambda: f"{_random.randrange(10**9, 10**10)}:AA{_of(_ALNUM + '_-', 33)}",
    "stripe": lambda: "sk_live_" + _of(_ALNUM, 24),
    "sendgrid": lambda: f"SG.{_of(_ALNUM + '_-', 22)}.{_of(_ALNUM + '_-', 43)}",
    "jwt": lambda: f"eyJhbGciOiJIUzI1NiJ9.eyJ{_of(_ALNUM, 40)}.{_of(_ALNUM + '_-', 43)}",
    "databricks": lambda: "dapi" + _of(_HEX, 32),
    "vault": lambda: "hvs." + _of(_ALNUM + "_-", 90),
    "tailscale": lambda: f"tskey-auth-{_of(_ALNUM, 12)}-{_of(_ALNUM, 32)}",
    "docker": lambda: "dckr_pat_" + _of(_ALNUM + "_-", 27),
    "xai": lambda: "xai-" + _of(_ALNUM, 80),
}
"""Told by their own shape, wherever they stand."""

TOKEN_PLACES = (
    'time=2026-11-23T16:22:03.000+01:00 level=ERROR source=x.go:1 msg="request failed" detail="{} was refused"',
    "Nov 23 16:22:03 box ollama[812]: pull failed with {}: 401",
    '{{"level":"error","detail":"got {} from the client","n":3}}',
    r'{{"body":"{{\"auth\":\"{}\"}}"}}',
    'C:\\> curl.exe -H "X: {}" http://127.0.0.1:11434/api/tags',
    "raise HTTPError: 401 for '{}'\\nnext",
)

NAMED = {
    "aws-secret": ("AWS_SECRET_ACCESS_KEY", lambda: _of(_ALNUM + "/+", 40)),
    "azure": ("AZURE_OPENAI_API_KEY", lambda: _of(_HEX, 32)),
    "mistral": ("MISTRAL_API_KEY", lambda: _of(_ALNUM, 32)),
    "wandb": ("WANDB_API_KEY", lambda: _of(_HEX, 40)),
    "civitai": ("CIVITAI_API_TOKEN", lambda: _of(_HEX, 32)),
    "ngrok": ("NGROK_AUTHTOKEN", lambda: _of(_ALNUM, 27) + "_" + _of(_ALNUM, 21)),
    "hub": ("HUGGING_FACE_HUB_TOKEN", lambda: _of(_ALNUM, 34)),
    "discord": ("DISCORD_BOT_TOKEN", lambda: f"MTA{_of(_ALNUM, 21)}.{_of(_ALNUM, 6)}.{_of(_ALNUM + '_-', 38)}"),
    "password": ("POSTGRES_PASSWORD", lambda: "Tr0ub4dor&" + _of(_ALNUM, 4)),
    "client-secret": ("OAUTH_CLIENT_SECRET", lambda: _of(_ALNUM + "~._", 40)),
    "vllm": ("VLLM_API_KEY", lambda: "simple" + _of(string.ascii_lowercase + "4", 6)),
    "passphrase": ("SSL_PASSPHRASE", lambda: _of(_ALNUM, 12)),
}
"""Told by the name that they stand under."""

NAMED_PLACES = (
    "export {name}={value}",
    "{name}: {value}",
    "set {name}={value}",
    '$env:{name} = "{value}"',
    '"{name}": "{value}",',
    r"\"{name}\": \"{value}\"",
    "{{'{name}': '{value}'}}",
    'Environment="{name}={value}"',
    "ada 812 0.0 0.1 1 2 ? Ss 10:00 0:00 docker run -e {name}={value} -p 1:1 image",
    "setx {name} {value}",
    '- name: {name}\n  value: "x" # {name}={value}',
    '{{"name":"{name}","value":"{value}"}}',
)

OPTIONS = ("--api-key {}", "--hf-token {}", "--password={}", "--api-key={}", "--gradio-auth-token {}", "/api-key {}")

_FIRST = ("zelda", "quentin", "ottoline", "ferdinand", "kasimira", "wolfram", "ysolde", "bartholo")


def _user() -> str:
    return _random.choice(_FIRST) + _of(string.ascii_lowercase, 4).replace("7", "x")


USER_PLACES = (
    "/home/{}/models/llama.gguf",
    "/Users/{}/Library/Logs/x.log",
    "C:\\Users\\{}\\AppData\\Local\\Ollama\\server.log",
    "C:\\\\Users\\\\{}\\\\AppData\\\\Local\\\\Ollama",
    "file:///C:/Users/{}/x.txt",
    "path=%2Fhome%2F{}%2Fmodels",
    "c%3A%5CUsers%5C{}%5CAppData",
    "/mnt/c/Users/{}/x",
    "\\\\wsl.localhost\\Ubuntu\\home\\{}\\x",
    "{}@atlantis:~/src$ ls",
    "{}       812  0.0  0.1 123456 7890 ?        Ss   10:00   0:00 /usr/bin/ollama serve",
    "-rw-r--r-- 1 {} users 1234 Nov 23 10:00 x",
    "USER={}",
    "USERNAME={}",
    "uid=1000({}) gid=1000 groups=1000",
    "sudo:  {} : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/x",
    "Accepted publickey for {} from 127.0.0.1 port 5",
    "PS C:\\Users\\{}> ollama run",
    "DESKTOP-AB12CD3\\{}",
    "scp x {}@192.168.0.9:/tmp",
)

HOST_PLACES = (
    "Nov 23 16:22:03 {} ollama[812]: started",
    "2026-11-23T16:22:03+0100 {} kernel: NVRM: Xid 79",
    "zora@{}:~$ ls",
    "Linux {} 6.8.0-45-generic #45-Ubuntu SMP x86_64 GNU/Linux",
    "COMPUTERNAME={}",
    "HOSTNAME={}",
    "Host Name:                 {}",
    "connect to {}.local failed",
    "http://{}:11434/api/tags",
    '"hostname":"{}"',
    "Static hostname: {}",
)


class Planted(NamedTuple):
    kind: str
    secret: str
    text: str
    """What holds it: a line or a few."""


def _all() -> Iterator[Planted]:
    for kind, make in TOKENS.items():
        for place in _random.sample(TOKEN_PLACES, 5):
            value = make()
            yield Planted(kind, value.rpartition("/")[2] if value.startswith("https") else value, place.format(value))
    for kind, (name, make) in NAMED.items():
        for place in _random.sample(NAMED_PLACES, 6):
            value = make()
            yield Planted(kind, value, place.format(name=name, value=value))
    for place in OPTIONS * 2:
        value = _of(string.ascii_lowercase + "4", 9)
        yield Planted("option", value, f"llama-server -m m.gguf {place.format(value)} --port 8080")
    for place in USER_PLACES * 2:
        value = _user()
        yield Planted("user", value, place.format(value))
    for place in HOST_PLACES * 2:
        value = "gpu" + _of(string.ascii_lowercase, 6).replace("7", "q")
        yield Planted("host", value, place.format(value))
    for place in (
        "mail {} now",
        "author <{}>",
        '"email":"{}"',
        "git config user.email={}",
        "To: {},x",
        "https://x.example.org/{}",
    ):
        for _ in range(3):
            value = f"{_user()}.{_user()}@mail.{_random.choice(('example.org', 'acme.co.uk', 'xn--bcher-kva.example'))}"
            yield Planted("email", value, place.format(value))
    for place in (
        "[GIN] 2026/11/23 - 10:00:00 | 200 | 1.2s | {} | POST \"/api/chat\"", "INFO:     {}:53422 - \"POST /v1 HTTP/1.1\" 200",
        "dial tcp {}:443: i/o timeout", '{{"remote":"{}"}}', "inet {}/24 brd", "OLLAMA_HOST={}:11434", "listening on {}",
    ):  # fmt: skip
        for block in ("{}.{}.{}.{}", "192.168.{2}.{3}", "10.{1}.{2}.{3}"):
            value = block.format(*(_random.choice((23, 45, 67, 89, 101, 143, 201)) for _ in range(4)))
            yield Planted("ip", value, place.format(value))
    for place in ("inet6 {}/64 scope global", "dial tcp [{}]:443", "{} - - GET /", '"peer":"{}"'):
        for start in ("2001:db8:85a3::", "fe80::1c2d:", "fd12:3456:789a:1::"):
            value = f"{start}{_random.randrange(4096, 65535):x}:{_random.randrange(4096, 65535):x}"
            yield Planted("ipv6", value, place.format(value))
    for place in ("link/ether {} brd ff:ff:ff:ff:ff:ff", "Physical Address. . . : {}", '"mac":"{}"', "ether {}"):
        for join in (":", "-"):
            value = join.join([*(f"{_random.randrange(256):02x}" for _ in range(5)), "ea"])
            yield Planted("mac", value, place.format(value))
    for place in ("GPU-{}", "MIG-{}", "Hardware UUID: {}", '"uuid":"{}"', "/dev/disk/by-uuid/{}", "UUID={} / ext4"):
        value = "-".join(_of(_HEX, length) for length in (8, 4, 4, 4, 12))
        yield Planted("uuid", value, place.format(value))
    for place in (
        "Serial Number : {}",
        "Serial Number (system): {}",
        "ID_SERIAL_SHORT={}",
        '"serial":"{}"',
        "MEMORY_DEVICE_0_SERIAL_NUMBER={}",
        "SerialNumber  : {}",
        "Machine ID: {}",
        "Service Tag: {}",
    ):
        value = _of(string.ascii_uppercase + string.digits, 12)
        yield Planted("serial", value, place.format(value))
    for place in ("S-1-5-21-{}-1001",):
        value = "-".join(str(_random.randrange(10**8, 10**9)) for _ in range(3))
        yield Planted("sid", value, place.format(value))
    for place in (
        "Authorization: Bearer {}",
        "authorization: 'Basic {}'",
        '"Authorization": "Bearer {}"',
        "curl -H 'Authorization: Token {}'",
        "Proxy-Authorization: Basic {}",
        "bearer {}",
    ):
        value = _b64(24)
        yield Planted("bearer", value, place.format(value))
    for place in (
        "https://{}@proxy.example.org:3128",
        "postgresql://{}@db:5432/x",
        "HTTPS_PROXY=http://{}@p:1",
        "git clone https://{}@github.com/x/y",
        "https_proxy={}@p.example.org:3128",
        "curl -u {} http://x",
    ):
        value = f"{_user()}:{_of(_ALNUM, 10)}"
        yield Planted("url-password", value, place.format(value))
    for place in (
        "https://huggingface.co/x/y?token={}",
        "GET /api?key={}&download=true HTTP/1.1",
        "https://x.r2.cloudflarestorage.com/f?X-Amz-Signature={}&a=1",
        "https://civitai.com/api/download/1?token={}",
        "https://b.blob.core.windows.net/c?sig={}",
    ):
        value = _of(_HEX, 32)
        yield Planted("query", value, place.format(value))
    for place in ("Cookie: session={}; theme=dark", "Set-Cookie: sid={}; Path=/", '"cookie": "token={}"', "--cookie SESS={}"):
        value = _of(_ALNUM, 26)
        yield Planted("cookie", value, place.format(value))
    for place in ("SSID: {}", 'wlan0 ESSID:"{}"', "    SSID                   : {}", "ssid={}"):
        value = "Villa " + _user() if "=" not in place else "Villa" + _user()
        yield Planted("ssid", value, place.format(value))
    body = [_of(_ALNUM + "/+", 64) for _ in range(12)]
    for head in ("RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY"):
        for join in ("\n", "\\n", "\nNov 23 16:22:03 localhost app[1]: "):
            yield Planted("private-key", body[3], f"-----BEGIN {head}-----{join}{join.join(body)}{join}-----END {head}-----")
    for place in (
        'time=x level=DEBUG msg="chat request" images=0 prompt="<|im_start|>user\\n{}<|im_end|>\\n"', '{{"messages":[{{"role":"user","content":"{}"}}]}}',
        r'request:  {{"body":"{{\"content\":\"{} \\\"q\\\" \"}}"}}', "{{'role': 'user', 'content': '{}'}}", "Received request cmpl-1: prompt: '{}', params: SamplingParams(n=1)",
        '"prompt": "{}"', '{{"response":"{}","done":false}}', "Parsing chat message: {}", 'msg=encoded string="{}" ids=[1]', "Output: {}\n\n[10:00:00] CtxLimit:5/4096",
        "PROMPT=\n{}\n\n10:00:00-000000 INFO x", '{{"prompt":["{}"]}}', 'thinking="{}"', '{{"text":"{}"}}', "Formatted prompt: {}", '"input": "{}"',
    ):  # fmt: skip
        value = f"please tell {_of(string.ascii_lowercase, 8)} that it's me"
        if "'{}'" in place:
            value = value.replace("'", "")
        yield Planted("chat", value, place.format(value))
    for place in (
        "/data/{}/models/llama-3-8b.Q4_K_M.gguf",
        "D:\\{}\\models\\m.gguf",
        "llama_model_loader: loaded from /srv/{}/qwen2.5-7b-{}-ft.Q8_0.gguf",
        "-m /mnt/{}/merged/model-00001-of-00002.safetensors",
    ):
        value = "acme" + _of(string.ascii_lowercase, 5).replace("7", "z")
        yield Planted("project", value, place.format(value, value))


PLANTED = list(_all())
