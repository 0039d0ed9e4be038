"""Windows exit and exception codes that end LLM programs, and every way in which programs print them.

Numbers and names: ntstatus.h and https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/ ([MS-ERREF] 2.3.1,
NTSTATUS values), as of 2026-11; 0xC06D007E/F are the C++ runtime's delay-load exceptions (delayimp.h), 0xE06D7363 its C++
exception, 0xE0434352 .NET's.

One code has many spellings: ``0xC0000005``, ``C0000005``, ``3221225477`` (unsigned), ``-1073741819`` (signed 32 bit) and,
from programs that widen it to 64 bits and keep it in a double, ``18446744072635810000``: such a number lost its last
digits, so it stands for a set of codes. Doubles near 2**64 lie 2048 apart (IEEE 754, 53 bits of mantissa).
"""

from __future__ import annotations

from .code import CodeMeaning

NTSTATUS: dict[int, tuple[str, str]] = {
    0x40010004: ("DBG_TERMINATE_PROCESS", "another program ended the process, as Task Manager does, or Windows at sign-out"),
    0x40010005: ("DBG_CONTROL_C", "ended by Ctrl-C under a debugger"),
    0x80000002: ("STATUS_DATATYPE_MISALIGNMENT", "memory was used at an address that is not aligned"),
    0x80000003: ("STATUS_BREAKPOINT", "a breakpoint or a failed assertion was reached"),
    0x80000004: ("STATUS_SINGLE_STEP", "a debugger's single step"),
    0xC0000005: ("STATUS_ACCESS_VIOLATION", "the program touched memory that is not its own: a crash"),
    0xC0000006: ("STATUS_IN_PAGE_ERROR", "a mapped file could not be read: a failing or removed disk or network drive"),
    0xC0000008: ("STATUS_INVALID_HANDLE", "a handle was not valid"),
    0xC0000017: ("STATUS_NO_MEMORY", "Windows could not give the memory: RAM and page file are used up"),
    0xC000001D: ("STATUS_ILLEGAL_INSTRUCTION", "an instruction that this processor does not have, such as AVX2 or AVX-512"),
    0xC0000022: ("STATUS_ACCESS_DENIED", "access was denied"),
    0xC0000025: ("STATUS_NONCONTINUABLE_EXCEPTION", "an exception that cannot be continued"),
    0xC0000034: ("STATUS_OBJECT_NAME_NOT_FOUND", "a file or object does not exist"),
    0xC0000043: ("STATUS_SHARING_VIOLATION", "a file is held open by another program"),
    0xC0000044: ("STATUS_QUOTA_EXCEEDED", "a quota was exceeded, often of locked or paged memory"),
    0xC000007B: ("STATUS_INVALID_IMAGE_FORMAT", "a library is damaged or of the wrong kind (32-bit against 64-bit)"),
    0xC000007F: ("STATUS_DISK_FULL", "the disk is full"),
    0xC000008C: ("STATUS_ARRAY_BOUNDS_EXCEEDED", "an array index is out of range"),
    0xC000008E: ("STATUS_FLOAT_DIVIDE_BY_ZERO", "a floating-point number was divided by zero"),
    0xC0000090: ("STATUS_FLOAT_INVALID_OPERATION", "a floating-point operation was not valid"),
    0xC0000094: ("STATUS_INTEGER_DIVIDE_BY_ZERO", "an integer was divided by zero"),
    0xC0000096: ("STATUS_PRIVILEGED_INSTRUCTION", "an instruction that only the system may use"),
    0xC000009A: ("STATUS_INSUFFICIENT_RESOURCES", "Windows ran out of a system resource, such as pinned or paged pool memory"),
    0xC00000BB: ("STATUS_NOT_SUPPORTED", "the request is not supported"),
    0xC00000FD: ("STATUS_STACK_OVERFLOW", "the stack is used up, as by endless recursion"),
    0xC000012D: ("STATUS_COMMITMENT_LIMIT", "the commit limit (RAM plus page file) is reached"),
    0xC0000135: ("STATUS_DLL_NOT_FOUND", "a library that the program needs is missing"),
    0xC0000138: ("STATUS_ORDINAL_NOT_FOUND", "a library lacks a numbered function: another version than needed"),
    0xC0000139: ("STATUS_ENTRYPOINT_NOT_FOUND", "a library lacks a named function: another version than needed"),
    0xC000013A: ("STATUS_CONTROL_C_EXIT", "ended by Ctrl-C or by closing its window"),
    0xC0000142: ("STATUS_DLL_INIT_FAILED", "a library refused to start"),
    0xC0000194: ("STATUS_POSSIBLE_DEADLOCK", "a lock was waited for too long"),
    0xC000026E: ("STATUS_VOLUME_DISMOUNTED", "the drive was removed while in use"),
    0xC0000374: ("STATUS_HEAP_CORRUPTION", "the program's heap is damaged: a crash"),
    0xC0000409: (
        "STATUS_STACK_BUFFER_OVERRUN",
        "the program stopped itself at once: abort(), a failed assertion or a damaged stack",
    ),
    0xC000041D: ("STATUS_FATAL_USER_CALLBACK_EXCEPTION", "an exception inside a window callback was not handled"),
    0xC0000420: ("STATUS_ASSERTION_FAILURE", "an assertion failed"),
    0xC0000428: ("STATUS_INVALID_IMAGE_HASH", "a library's signature is not accepted (Secure Boot, Smart App Control)"),
    0xC0000602: ("STATUS_FAIL_FAST_EXCEPTION", "the program stopped itself at once"),
    0xC01E0100: ("STATUS_GRAPHICS_NO_VIDEO_MEMORY", "not enough video memory"),
    0xC06D007E: ("DELAYLOAD_MODULE_NOT_FOUND", "a library that is loaded on first use is missing"),
    0xC06D007F: ("DELAYLOAD_PROCEDURE_NOT_FOUND", "a library that is loaded on first use lacks a function"),
    0xCFFFFFFF: ("STATUS_APPLICATION_HANG", "Windows ended the program because it no longer answered"),
    0xE0434352: ("CLR_EXCEPTION", "a .NET exception was not handled"),
    0xE06D7363: ("CPP_EXCEPTION", "a C++ exception was not handled"),
}
"""Code to name and meaning."""

_BITS32 = 1 << 32
_BITS64 = 1 << 64
_LOW = _BITS32 - 1
_FEWER_DIGITS = (17, 16, 15)
"""Significant digits that programs print of a double where they do not print what round-trips (17 always do; C's DBL_DIG is 15)."""


def ntstatus(code: int) -> CodeMeaning | None:
    """The meaning of an unsigned 32-bit code; None if it is not in this table."""
    entry = NTSTATUS.get(code)
    return CodeMeaning(code, *entry) if entry else None


def _number(text: str) -> int | None:
    """The integer that a text spells, decimal or hexadecimal, exact or in exponent form; None if it spells none."""
    word = text.strip().strip("()[],.;:\"'").lower()
    try:
        if word.startswith(("0x", "-0x")):
            return int(word, 16)
        if len(word) == 8 and (not word.isdigit() or int(word, 16) in NTSTATUS):
            return int(word, 16)
        if "e" in word or "." in word:
            mantissa, _, exponent = word.partition("e")
            whole, _, fraction = mantissa.partition(".")
            shift = int(exponent or 0) - len(fraction)
            digits = int(whole + fraction)
            if not -40 <= shift <= 40:
                return None
            unit = int(10 ** abs(shift))
            return digits * unit if shift >= 0 else digits // unit
        return int(word)
    except ValueError:
        return None


def _rounded(value: int, digits: int) -> int:
    """A positive integer to so many significant decimal digits."""
    unit = int(10 ** max(len(str(value)) - digits, 0))
    return (value + unit // 2) // unit * unit


def _same_double(value: int, printed: int) -> bool:
    """Whether a program that keeps ``value`` in a double prints this, with as many digits as it takes (JavaScript, Python)."""
    kept = float(value)
    mantissa, _, exponent = repr(kept).partition("e+")
    fraction = mantissa.partition(".")[2]
    shortest = int(mantissa.replace(".", "")) * int(10 ** (int(exponent or 0) - len(fraction)))
    return printed in (int(kept), shortest)


def decode(spelling: str | int) -> list[int]:
    """The unsigned 32-bit codes that a printed exit status may stand for; empty if it is no such number.

    One code for every exact spelling. For a 64-bit number that went through a double, all codes of this table that
    are printed so, in rising order; a match with more digits rules out one with fewer. A code's name gives that code.
    """
    if isinstance(spelling, str):
        named = [code for code, (name, _) in NTSTATUS.items() if name == spelling.strip().upper()]
        if named:
            return named
        value = _number(spelling)
    else:
        value = spelling
    if value is None:
        return []
    if -(_BITS32 >> 1) <= value < _BITS32:
        return [value & _LOW]
    if value < 0:
        value += _BITS64
    top = _BITS64 - _BITS32
    if not 0 <= value <= _BITS64:
        return []
    if value >= top and value & _LOW in NTSTATUS:
        return [value & _LOW]
    errors = sorted(code for code in NTSTATUS if code >> 31)
    found = [code for code in errors if _same_double(top + code, value)]
    for digits in _FEWER_DIGITS:
        found = found or [
            code for code in errors if value in (_rounded(top + code, digits), _rounded(int(float(top + code)), digits))
        ]
    if found:
        return found
    return [value & _LOW] if top <= value < _BITS64 else []
