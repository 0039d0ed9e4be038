"""``llmdoctor compare``: what differs between two saved machines, the telling things first."""

from __future__ import annotations

import click

from .app import BadInput


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", help="How to print it.")
@click.option("--all", "everything", is_flag=True, help="Also what changes by itself, such as free memory and temperatures.")
@click.option("--rules", "folder", metavar="DIR", help="A team's own rules beside the built-in ones.")
@click.option("--deadline", type=click.FloatRange(0.1, 600), default=20.0, help="Seconds for reading each of them.")
def compare(first: str, second: str, form: str, everything: bool, folder: str, deadline: float) -> int:
    """What differs between the saved machines A and B (files of check --save or check --format json).

    Exit status: 0 nothing differs, 1 something does, 2 bad input.
    """
    import msgspec

    from ..diagnosis import compare as comparing
    from ..diagnosis.index import load_with
    from ..report.output import write
    from ..survey import storage

    try:
        rules = load_with(folder)
        machines = [storage.open_saved(path, deadline).machine for path in (first, second)]
    except ValueError as error:
        raise BadInput(str(error)) from None
    result = comparing.compare(machines[0], machines[1], rules, everything)
    if form == "json":
        write(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")
        return int(bool(result.differences))
    if not result.differences:
        write("Nothing that matters differs.\n")
        return 0
    for word, findings in (("Only in B", result.appeared), ("Only in A", result.disappeared)):
        for finding in findings:
            write(f"{word}: {finding.severity}: {finding.title} ({finding.id})\n")
    width = max(len(one.path) for one in result.differences[:200])
    for one in result.differences:
        write(f"{one.path:{min(width, 48)}}  {one.before} -> {one.after}\n")
    return 1
