"""What all screens share: the machine, this one or a saved one, and what was found. Nothing of Textual is needed here."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional

if TYPE_CHECKING:
    from ..diagnosis.rule import Rule
    from ..facts.finding import Diagnosis, SmokeReport
    from ..facts.machine import Machine
    from ..host.host import Host
    from ..logs.chapters import LogReader
    from ..redact.redactor import Redactor
    from ..survey.storage import Recorder

Heard = Callable[[str, Any], None]
"""Told of each probe's answer when it comes: the probe's name, its value."""


class Session:
    """Everything slow here is called from threads of ``Background``."""

    def __init__(self, source: Optional[str] = None, rules_folder: Optional[str] = None, deadline_s: float = 20.0) -> None:
        self.source = source
        """A saved machine; None for this one."""
        self.diagnosis: Optional[Diagnosis] = None
        self.done: set[str] = set()
        """Ids of findings that the user has marked as done."""
        self._rules_folder = rules_folder
        self._deadline_s = deadline_s
        self._rules: Optional[list[Rule]] = None
        self._recorder: Optional[Recorder] = None
        self._reader: Optional[LogReader] = None
        self._lock = threading.Lock()
        self._reading = threading.Lock()

    @property
    def machine(self) -> Optional[Machine]:
        return self.diagnosis.machine if self.diagnosis is not None else None

    def rules(self) -> list[Rule]:
        """Raises ValueError for a fault in the team's own files."""
        from ..diagnosis import index

        with self._lock:
            if self._rules is None:
                self._rules = index.load_with(self._rules_folder)
            return self._rules

    @contextmanager
    def log_reader(self) -> Iterator[LogReader]:
        """The one scanner of all rules and runtimes, for one log at a time."""
        from ..diagnosis.from_logs import reader_of

        rules = self.rules()
        with self._reading:
            if self._reader is None:
                self._reader = reader_of(rules)
            yield self._reader

    def make_log_reader(self) -> None:
        """Makes it before it is needed."""
        with self.log_reader():
            pass

    def look(self, heard: Optional[Heard] = None) -> Diagnosis:
        """Asks the machine anew and judges it. Raises ValueError for a faulty saved machine or rule, in one line."""
        from ..survey import storage, survey

        if self.source is not None:
            from ..diagnosis.examine import examine

            return examine(storage.open_saved(self.source, self._deadline_s), self.rules())
        recorder = storage.Recorder.live()
        survey.begin(recorder.host)
        from ..diagnosis.examine import examine

        with self._lock:
            before, self._recorder = self._recorder, recorder
        if before is not None:
            before.close()
        return examine(survey.look(recorder.host, self._deadline_s, heard), self.rules())

    def smoke(self, with_runtimes: bool, progress: Callable[[str, Optional[int]], None]) -> SmokeReport:
        """Tests this machine's GPUs anew. ``progress`` is told each level and its GPU as it begins."""
        from ..smoke import levels
        from ..survey import storage

        assert self.machine is not None
        chosen = (*levels.LEVELS, "runtime") if with_runtimes else levels.LEVELS
        recorder = storage.Recorder.live()
        try:
            self.machine.smoke = levels.test(recorder.host, self.machine, levels.Options(chosen), progress)
        finally:
            recorder.close()
        report = self.saved_smoke()
        assert report is not None
        return report

    def saved_smoke(self) -> Optional[SmokeReport]:
        """The test that the machine holds, with its reasons; None where it holds none."""
        from ..diagnosis.smoke import report

        machine = self.machine
        return report(machine, self.rules()) if machine is not None and isinstance(machine.smoke.levels, list) else None

    def redactor(self) -> Redactor:
        """One that knows who uses this machine; of a saved one names stand hidden already."""
        from ..redact.redactor import Redactor

        return Redactor() if self.source is not None else self._live().redactor()

    def host(self) -> Host:
        """This machine, never the saved one: where logs and models are looked for."""
        return self._live().host

    def host_now(self) -> Host:
        """This machine, asked anew at each question: for what changes by the second."""
        return self._live().now

    def _live(self) -> Recorder:
        from ..survey import storage

        with self._lock:
            if self._recorder is None:
                self._recorder = storage.Recorder.live()
            return self._recorder

    def close(self) -> None:
        """Ends what NVML runs in."""
        if self._recorder is not None:
            self._recorder.close()
