"""Readers put a log together: runs, chapters, exit statuses."""

from __future__ import annotations

import doctest

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.logs import reader
from llmdoctor.logs.chapters import MAX_CHAPTERS, LogReader, latest_run
from llmdoctor.logs.reader import Builder, Reader, exit_names
from llmdoctor.logs.scanner import Pattern

READERS = (
    Reader(("server starts",), r"server starts version (?P<version>\S+)", begins="boot"),
    Reader(("loading model",), r"loading model (?P<model>\S+)", begins="load"),
    Reader(("n_ctx =",), r"n_ctx = (?P<n_ctx>\d+)"),
    Reader(("buffer size",), r"buffer size = (?P<model_mib>[\d.]+) MiB"),
    Reader(("cannot allocate",), r"cannot allocate", lambda builder, groups, line: builder.fail(line, requested_bytes=5)),
)
TROUBLE = Pattern(("cannot allocate",))


def chapters(log: str) -> list:  # type: ignore[type-arg]
    return LogReader([TROUBLE], READERS).read("a.log", [log.encode()])


def test_doctests() -> None:
    assert doctest.testmod(reader).failed == 0


def test_runs_inherit_what_the_server_said_and_nothing_of_each_other() -> None:
    (chapter,) = chapters(
        "n_ctx = 9\nserver starts version 1.2\nloading model a\nn_ctx = 512\nbuffer size = 1.5 MiB\ncannot allocate\n"
        "loading model b\nok\n"
    )[1:]
    a, b = [run for run in chapter.runs if not isinstance(run.model, Unknown)]
    assert (a.version, a.model, a.n_ctx, a.model_bytes, a.outcome) == ("1.2", "a", 512, 1572864, "failed")
    assert (b.version, b.model, isinstance(b.n_ctx, Unknown), isinstance(b.outcome, Unknown)) == ("1.2", "b", True, True)
    assert (a.lines["n_ctx"], a.first_line, b.first_line) == (4, 3, 7)
    assert latest_run(chapter) is a
    (place,) = chapter.places(TROUBLE)
    assert place.run is a and place.hit.line == 6


def test_memory_stays_bounded_over_a_server_that_restarts_in_a_circle() -> None:
    log = "server starts version 1\nloading model a\n" + "cannot allocate\n" * 500
    found = chapters(log * 100)
    assert len(found) == MAX_CHAPTERS
    assert all(len(list(one.places(TROUBLE))) <= 40 for one in found)
    assert found[-1].first_line == 99 * 502 + 1


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("137", ["SIGKILL"]), ("139", ["SIGSEGV"]), ("132", ["SIGILL"]), ("134", ["SIGABRT"]), ("-9", ["SIGKILL"]),
        ("killed", ["SIGKILL"]), ("segmentation fault (core dumped)", ["SIGSEGV"]), ("SIGKILL", ["SIGKILL"]), ("0xc0000005", ["STATUS_ACCESS_VIOLATION"]),
        ("3221225501", ["STATUS_ILLEGAL_INSTRUCTION"]), ("-1073741515", ["STATUS_DLL_NOT_FOUND"]),
        ("1", []), ("2", []), ("", []), ("nonsense", []), ("9" * 400, []),
    ],
)  # fmt: skip
def test_exit_statuses(spelling: str, names: list[str]) -> None:
    assert exit_names(spelling) == names


def test_a_rounded_status_stands_for_several() -> None:
    names = exit_names("18446744072635810000")
    assert {"STATUS_ACCESS_VIOLATION", "STATUS_ILLEGAL_INSTRUCTION", "STATUS_DLL_NOT_FOUND"} <= set(names)
    assert "STATUS_STACK_BUFFER_OVERRUN" in exit_names("18446744072635812000")


def test_hostile_numbers_are_no_values() -> None:
    builder = Builder()
    builder.apply(READERS[2], {"n_ctx": "9" * 5000}, 1)
    builder.apply(Reader(("x",), "x"), {"model_mib": "1e999", "no_such_field": "1"}, 2)
    assert isinstance(builder.run.n_ctx, Unknown) and isinstance(builder.run.model_bytes, Unknown)
