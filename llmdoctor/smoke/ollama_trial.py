"""Lets an idle Ollama server compute once with the tiny model, and takes the model away again: ``ollama_trial PORT``.

Runs as a worker (``Host.worker``). The calls: ollama/ollama, docs/api.md, "Push a Blob", "Create a model from GGUF", "Generate a
completion", "List Running Models", "Delete a Model" (the blob goes with the last model that uses it).
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import time
from typing import Any

from ..host.gpu_use import CardUse, GpuUse
from . import tiny_gguf
from .worker import end_with_parent, say

NAME = "llmdoctor-smoke"
TOKENS = 64
_CALL_S = 20.0
"""For one call: the first load on a cold machine takes seconds."""


class _Refused(Exception):
    pass


def _call(port: int, method: str, path: str, body: Any = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_CALL_S)
    try:
        connection.request(method, path, body if isinstance(body, bytes) or body is None else json.dumps(body))
        reply = connection.getresponse()
        text = reply.read(1 << 20)
    finally:
        connection.close()
    if reply.status >= 400:
        raise _Refused(f"{method} {path} gives {reply.status}: {text.decode('utf-8', 'replace')[:300]}")
    try:
        value = json.loads(text or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _held(cards: list[CardUse]) -> int:
    """All VRAM in use: what the server's new process takes shows as the difference."""
    return sum(card.used_bytes for card in cards)


def main(port_text: str) -> None:
    end_with_parent()
    port = int(port_text)
    model = io.BytesIO()
    tiny_gguf.write(model)
    digest = f"sha256:{hashlib.sha256(model.getvalue()).hexdigest()}"
    use = GpuUse()
    before = use.sample()
    started = time.monotonic()
    seen: dict[str, Any] = {"cards": len(before), "own_vram_bytes": None, "timed_out": False, "status": 0}
    try:
        say(doing="creating the tiny model")
        _call(port, "POST", f"/api/blobs/{digest}", model.getvalue())
        _call(port, "POST", "/api/create", {"model": NAME, "files": {"tiny.gguf": digest}, "stream": False})
        say(doing="generating text")
        options = {"num_predict": TOKENS, "num_ctx": 512, "temperature": 0}
        asked = {"model": NAME, "prompt": "Hello", "raw": True, "stream": False, "options": options, "keep_alive": "10s"}
        reply = _call(port, "POST", "/api/generate", asked)
        seen["card_growth_bytes"] = max(_held(use.sample()) - _held(before), 0)
        if reply.get("eval_count") and reply.get("eval_duration"):
            say(line=json.dumps({"tokens_per_s": reply["eval_count"] / reply["eval_duration"] * 1e9}))
        for one in _call(port, "GET", "/api/ps").get("models") or []:
            if str(one.get("name", "")).startswith(NAME):
                seen["says_vram_bytes"], seen["says_bytes"] = one.get("size_vram"), one.get("size")
    except (_Refused, OSError, http.client.HTTPException) as error:
        say(line=str(error))
        seen["status"], seen["card_growth_bytes"] = 1, 0
    finally:
        say(doing="deleting the tiny model")
        for method, path, body in (
            ("POST", "/api/generate", {"model": NAME, "keep_alive": 0}),
            ("DELETE", "/api/delete", {"model": NAME}),
        ):
            try:
                _call(port, method, path, body)
            except (_Refused, OSError, http.client.HTTPException) as error:
                seen["left"] = str(error)
    use.close()
    say(saw={**seen, "seconds": round(time.monotonic() - started, 2)})
    say(done=True)
