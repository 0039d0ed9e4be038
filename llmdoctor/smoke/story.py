"""From what a worker said to a level: passed or failed, and by what."""

from __future__ import annotations

from typing import Any, Iterator, Optional

from ..catalogs import cuda_errors, hip_errors, ntstatus, signals
from ..facts.machine import SmokeLevel
from ..host.host import Story


def saw(story: Story) -> Iterator[dict[str, Any]]:
    """What the worker saw, in order."""
    for words in story.words:
        seen = words.get("saw")
        if isinstance(seen, dict):
            yield seen


def together(story: Story) -> dict[str, Any]:
    """What the worker saw, in one."""
    return {name: value for seen in saw(story) for name, value in seen.items()}


def failures(story: Story) -> list[dict[str, Any]]:
    """Calls of the driver that did not succeed: function, code, detail, and gpu where it is about one."""
    return [words["failed"] for words in story.words if isinstance(words.get("failed"), dict)]


def level(name: str, gpu: Optional[int], story: Story) -> SmokeLevel:
    """The level with what went wrong in it, if anything did; evidence of what went right is the caller's."""
    found = SmokeLevel(
        name=name, gpu=gpu, status="pass", ms=story.ms, step=None, failed_function=None, failed_code=None, failed_name=None,
        crashed_signal=None, timed_out=story.timed_out, wrong=None,
    )  # fmt: skip
    steps = [str(words["doing"]) for words in story.words if "doing" in words]
    wrong = [words["wrong"] for words in story.words if isinstance(words.get("wrong"), dict)]
    unloadable = [str(words["unloadable"]) for words in story.words if "unloadable" in words]
    done = any("done" in words for words in story.words)
    if failures(story):
        fail_by_call(found, failures(story)[0])
    elif wrong:
        found.wrong = _wrong_in_words(wrong[0])
        found.evidence.append(f"{found.wrong}.")
    elif unloadable:
        found.failed_function = "dlopen"
        found.evidence.append(f"The driver's library cannot be loaded: {unloadable[0]}.")
    elif story.timed_out:
        found.evidence.append("It did not come to an end in time and was stopped.")
    elif not done:
        _ended(found, story)
    else:
        return found
    found.status = "fail"
    if steps:
        found.step = steps[-1]
        found.evidence.append(f"It happened at this step: {steps[-1]}.")
    return found


def fail_by_call(found: SmokeLevel, failed: dict[str, Any]) -> None:
    """Marks the level as failed by a call of the driver."""
    code = int(failed.get("code") or 0)
    table = hip_errors.HIP if str(failed.get("function")).startswith("hip") else cuda_errors.DRIVER
    name, meaning = table.get(code, (f"code {code}", "a code that llmdoctor does not know"))
    found.status = "fail"
    found.failed_function, found.failed_code, found.failed_name = str(failed.get("function")), code, name
    found.evidence.append(f"{found.failed_function} gives {code}, {name}: {meaning}.")
    if failed.get("detail"):
        found.evidence.append(f"The driver's compiler says: {' '.join(str(failed['detail']).split())}")


def _ended(found: SmokeLevel, story: Story) -> None:
    status = story.status or 0
    signal = signals.of_exit_status(status) if status < 0 else None
    if signal is not None:
        found.crashed_signal = signal.number
        found.evidence.append(f"The test's process was ended by {signal.name}: {signal.meaning}.")
    elif status in ntstatus.NTSTATUS:
        name, meaning = ntstatus.NTSTATUS[status]
        found.crashed_signal = status
        found.evidence.append(f"The test's process ended with 0x{status:08X}, {name}: {meaning}.")
    else:
        found.evidence.append(f"The test's process ended early with status {status}. {story.last_line}".rstrip())


def _wrong_in_words(wrong: dict[str, Any]) -> str:
    what = wrong.get("what")
    if what in ("written", "copied", "sent to RAM and back"):
        return (
            f"{wrong['count']} of the 16-byte words that were {what} came back changed, the first at byte {wrong['first_byte']} "
            f"(bits {wrong['bits']})"
        )
    if what == "token":
        return f"Token {wrong['at']} of the text is {wrong['is']} and should be {wrong['should']}"
    if what == "logit":
        return f"A logit is off by {wrong['off_by']:.1g}, where {wrong['bound']:.0e} is the bound"
    if what == "repeat":
        return "The same text computed again came out differently"
    if "row" in wrong:
        return f"{wrong['count']} results of the {what} are wrong, the first in row {wrong['row']}, column {wrong['column']}"
    return f"The {what} is wrong"
