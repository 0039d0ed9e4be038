"""``llmdoctor explain CODE``: an exit status or error code in words."""

from __future__ import annotations

import click

from .app import BadInput


@click.command(short_help="An exit status or error code in words.", context_settings={"ignore_unknown_options": True})
@click.argument("code", nargs=-1, required=True, metavar="CODE")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="How to print it.")
def explain(code: tuple[str, ...], form: str) -> None:
    """An exit status, a signal, or a CUDA, NVML, HIP, Xid, HTTP or Windows code in words.

    Examples: 137, 0xC0000135, -1073741819, 18446744072635810000, SIGILL, "CUDA error 999", "NVML 18", "Xid 79",
    CUDA_ERROR_NO_DEVICE, "os error 1455". A bare number may mean several things: all are shown, with where each is met.
    """
    from ..catalogs.explain import meanings
    from ..report.output import write

    found = meanings(" ".join(code))
    if not found:
        raise BadInput(
            f"{' '.join(code)!r} is no code that llmdoctor knows; give the number or the name as the program printed it"
        )
    if form == "json":
        import msgspec

        rows = [{"kind": one.kind, "number": one.number, "name": one.name, "meaning": one.meaning} for one in found]
        write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    for one in found:
        write(f"{one.kind}: {one.name} ({one.number}): {one.meaning}\n")
