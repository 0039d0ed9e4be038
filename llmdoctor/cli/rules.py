"""``llmdoctor rules``: for those who read and write the knowledge base."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

import click

from .app import BadInput

if TYPE_CHECKING:
    from ..diagnosis.sources import Loaded

_DIRECTORY = click.option("--rules", "folder", metavar="DIR", help="This folder of rules instead of the built-in ones.")

SKELETON = """\
title: One line that names the cause
kind: cause
severity: error
runtimes: []
when: driver.hardware_present and driver.uvm == None
explains: []
evidence:
  - "What was seen, with its numbers: {{ driver.version }}"
why: >
  How this brings about what the user sees.
fix:
  - do: What to do first.
    run:
      linux: the command
    cost: nothing
verify: how to see that it worked
refs: []
since: "%s"
examples:
  - name: the trouble
    matches: true
    machine:
      driver: {hardware_present: true, uvm: null, version: "550.90.07"}
  - name: the healthy neighbour
    matches: false
    machine:
      driver: {hardware_present: true, uvm: true}
"""


@click.group()
def rules() -> None:
    """The knowledge base: list, show, lint, test, new, schema, compile."""


@rules.command("list")
@click.option("--area", help="Only this area.")
@_DIRECTORY
def list_rules(area: Optional[str], folder: Optional[str]) -> None:
    """One line a rule."""
    from ..report.output import write

    for loaded in _load(folder):
        if area is None or loaded.id.startswith(area + "."):
            write(f"{loaded.source.severity:8}{loaded.id:40}{loaded.source.title}\n")


@rules.command("show")
@click.argument("rule_id", metavar="ID")
@_DIRECTORY
def show_rule(rule_id: str, folder: Optional[str]) -> None:
    """One rule's own file, as it is."""
    import difflib

    from ..diagnosis.index import source_folder
    from ..diagnosis.sources import find
    from ..report.output import write

    try:
        paths = dict(find(folder or source_folder()))
    except ValueError as error:
        raise BadInput(str(error)) from None
    if rule_id not in paths:
        near = difflib.get_close_matches(rule_id, paths, 1)
        raise BadInput(f"there is no rule {rule_id}" + (f"; did you mean {near[0]}?" if near else ""))
    with open(paths[rule_id], encoding="utf-8") as file:
        write(f"# {rule_id}\n{file.read()}")


@rules.command()
@_DIRECTORY
def lint(folder: Optional[str]) -> int:
    """Every fault of every rule file."""
    from ..diagnosis.lint import faults

    found, count = faults(folder)
    for fault in found:
        click.echo(fault)
    click.echo(f"{count} rules, {len(found)} faults")
    return int(bool(found))


@rules.command()
@click.argument("rule_id", metavar="[ID]", required=False)
@_DIRECTORY
def test(rule_id: Optional[str], folder: Optional[str]) -> int:
    """Every rule's own examples."""
    from ..diagnosis.lint import failing_examples

    loaded = [one for one in _load(folder) if rule_id in (None, one.id)]
    if not loaded:
        raise BadInput(f"there is no rule {rule_id}")
    count = failed = 0
    for one in loaded:
        count += len(one.source.examples)
        for failure in failing_examples(one):
            failed += 1
            click.echo(f"{one.path}: {failure}")
    click.echo(f"{count} examples of {len(loaded)} rules, {failed} failed")
    return int(bool(failed))


@rules.command()
@click.argument("rule_id", metavar="AREA.SLUG")
@_DIRECTORY
def new(rule_id: str, folder: Optional[str]) -> None:
    """A skeleton of a rule, to be filled in."""
    import re

    from .. import __version__
    from ..diagnosis.index import is_installed, source_folder

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*", rule_id):
        raise BadInput(f"{rule_id}: an id is AREA.SLUG, in lower-case letters, digits and hyphens")
    if folder is None and is_installed():
        raise BadInput("name your own folder of rules with --rules DIR: the built-in ones are part of the installation")
    area, slug = rule_id.split(".")
    path = os.path.join(folder or source_folder(), area, slug + ".yaml")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(SKELETON % __version__)
    except FileExistsError:
        raise BadInput(f"{path} is there already") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    click.echo(path)


@rules.command()
@click.argument("what", type=click.Choice(["rule", "machine"]))
def schema(what: str) -> None:
    """The JSON Schema of rule files, for editors, or of a machine."""
    import msgspec

    from ..diagnosis.rule import RuleSource
    from ..facts.machine import Machine

    found = msgspec.json.encode(msgspec.json.schema(RuleSource if what == "rule" else Machine))
    click.echo(msgspec.json.format(found, indent=1))


@rules.command("compile")
def compile_rules() -> None:
    """Build the index of the built-in rules anew, in a checkout."""
    from ..diagnosis.index import INDEX_PATH, write

    try:
        index = write()
    except ValueError as error:
        raise BadInput(str(error)) from None
    except OSError as error:
        raise BadInput(f"{INDEX_PATH} cannot be written: {error.strerror}") from None
    click.echo(f"{len(index.rules)} rules in {INDEX_PATH}")


def _load(folder: Optional[str]) -> list[Loaded]:
    from ..diagnosis.index import source_folder
    from ..diagnosis.sources import load_folder
    from ..runtimes import runtime_names

    try:
        return load_folder(folder or source_folder(), runtime_names())
    except ValueError as error:
        raise BadInput(str(error)) from None
