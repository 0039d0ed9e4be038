"""The TCP port that each runtime listens on unless told otherwise, and the path that tells it apart.

As of 2026-11, by: ollama docs/faq (OLLAMA_HOST, 127.0.0.1:11434); LM Studio docs, "Local server" (1234);
llama.cpp tools/server/README.md (--port, 8080); Jan docs, "Local API Server" (1337); text-generation-webui
README (--listen-port 7860, --api-port 5000); koboldcpp README (5001); vLLM docs, "OpenAI-Compatible Server"
(8000); GPT4All docs, "API server" (4891).
"""

from __future__ import annotations

DEFAULT_PORTS: dict[str, tuple[int, ...]] = {
    "ollama": (11434,),
    "lmstudio": (1234,),
    "llama.cpp": (8080,),
    "jan": (1337,),
    "text-generation-webui": (7860, 5000),
    "koboldcpp": (5001,),
    "vllm": (8000,),
    "gpt4all": (4891,),
}
"""Runtime to its ports; the API's port is the last where the page has one of its own."""


def default_port(runtime: str) -> int | None:
    """The port of this runtime's API; None for a name that we do not know."""
    ports = DEFAULT_PORTS.get(runtime)
    return ports[-1] if ports else None


def runtimes_of_port(port: int) -> list[str]:
    """The runtimes that use this port by default."""
    return [name for name, ports in DEFAULT_PORTS.items() if port in ports]
