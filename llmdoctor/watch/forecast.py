"""What ``fit`` says of a command line before it is started."""

from __future__ import annotations

import os
from typing import NamedTuple, Optional, Sequence, Union

from ..facts.machine import Machine
from ..facts.prediction import ServerSettings
from ..facts.units import show_bytes
from ..fit import command as pasted
from ..fit import plan, server_command, serving
from ..fit.targets import targets_of
from ..models.any_model import read_any
from ..models.error import ModelError

_Command = Union[pasted.Command, server_command.ServerCommand]


class Forecast(NamedTuple):
    words: str
    """One line; empty where nothing can be reckoned."""
    vram_bytes: Optional[int]
    wants_gpu: bool
    """The command line puts something onto a GPU."""
    would_fit: Sequence[str] = ()
    """What to change, and the command, of each remedy that is predicted to fit."""


NONE = Forecast("", None, False)


def of_runtime(words: Sequence[str]) -> Optional[_Command]:
    """The command line of a runtime that fit knows; None for any other command."""
    try:
        if len(words) > 1 and server_command.find(words) is not None:
            return server_command.read(words)
        return pasted.read(words) if words else None
    except pasted.CommandError:
        return None


def forecast(command: Optional[_Command], machine: Machine) -> Forecast:
    """Never raises: a model that is not here or not sound is told, or left to the command itself to tell."""
    if command is None:
        return NONE
    wants = not isinstance(command, pasted.Command) or command.settings.gpu_layers > 0
    targets = targets_of(machine)
    if not os.path.exists(command.model) or not targets or not wants:
        return Forecast("", None, wants)
    try:
        info = read_any(command.model)
        if isinstance(command, pasted.Command):
            made = plan.for_llama_cpp(info, pasted.asked_settings(command, info, targets, False), targets, command=command)
        elif isinstance(command.settings, ServerSettings):
            made = serving.for_server(command.engine, info, command.settings, targets, command)
        else:
            return Forecast("", None, wants)
    except (ModelError, ValueError) as error:
        return Forecast(f"llmdoctor: {error}", None, wants)
    needed = sum(one.total_bytes for one in made.prediction.devices)
    says = f"llmdoctor: about {show_bytes(needed)} of VRAM will be needed, {show_bytes(sum(one.free_bytes for one in targets))} are free"
    if made.fits:
        return Forecast(f"{says}.", needed, wants)
    would = [f"{one.says} (costs: {one.cost})\n     $ {one.command}" for one in made.remedies]
    return Forecast(f"{says}: it will not fit.", needed, wants, would)
