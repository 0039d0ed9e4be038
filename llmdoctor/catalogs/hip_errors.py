"""HIP (AMD) error codes that LLM programs meet.

Numbers and names: hip/hip_runtime_api.h of ROCm 7 (``hipError_t``), https://rocm.docs.amd.com/projects/HIP/en/latest/reference/error_codes.html,
as of 2026-11. Meanings in our words.
"""

from __future__ import annotations

from .code import CodeMeaning

HIP: dict[int, tuple[str, str]] = {
    1: ("hipErrorInvalidValue", "an argument of the call is out of range"),
    2: ("hipErrorOutOfMemory", "not enough GPU memory for this allocation"),
    3: ("hipErrorNotInitialized", "HIP could not start: no driver, no rights on /dev/kfd, or no supported card"),
    35: ("hipErrorInsufficientDriver", "the driver is older than this HIP runtime needs"),
    98: ("hipErrorInvalidDeviceFunction", "the program holds no kernels for this card (its gfx target)"),
    100: ("hipErrorNoDevice", "HIP sees no card that it can use"),
    101: ("hipErrorInvalidDevice", "there is no card with this number"),
    200: ("hipErrorInvalidImage", "the GPU program is damaged or of another kind"),
    209: ("hipErrorNoBinaryForGpu", "the program holds no kernels for this card (its gfx target)"),
    301: ("hipErrorFileNotFound", "a file is missing"),
    302: ("hipErrorSharedObjectSymbolNotFound", "a library lacks a function: it is of another version"),
    303: ("hipErrorSharedObjectInitFailed", "a library refused to start"),
    700: ("hipErrorIllegalAddress", "a kernel touched memory that is not its own"),
    702: ("hipErrorLaunchTimeOut", "a kernel ran longer than the system allows"),
    715: ("hipErrorIllegalInstruction", "a kernel met an instruction that this card does not have"),
    719: ("hipErrorLaunchFailure", "a kernel failed"),
    999: ("hipErrorUnknown", "an error that HIP does not tell more of"),
}


def hip_error(number: int) -> CodeMeaning | None:
    """A ``hipError_t``; None if it is not in this table."""
    entry = HIP.get(number)
    return CodeMeaning(number, *entry) if entry else None
