"""NVML's return codes, ``nvmlReturn_t``.

Numbers and names: nvml.h of driver 595 and nvidia-ml-py 13.615 (2026), and
https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html.
"""

from __future__ import annotations

from .code import CodeMeaning

NVML: dict[int, tuple[str, str]] = {
    0: ("NVML_SUCCESS", "no error"),
    1: ("NVML_ERROR_UNINITIALIZED", "NVML was not started first"),
    2: ("NVML_ERROR_INVALID_ARGUMENT", "an argument of the query is not valid"),
    3: ("NVML_ERROR_NOT_SUPPORTED", "this card or driver does not report this value"),
    4: ("NVML_ERROR_NO_PERMISSION", "this user may not ask or do this"),
    5: ("NVML_ERROR_ALREADY_INITIALIZED", "obsolete: NVML was started already"),
    6: ("NVML_ERROR_NOT_FOUND", "nothing was found for this query"),
    7: ("NVML_ERROR_INSUFFICIENT_SIZE", "the buffer for the answer is too small"),
    8: ("NVML_ERROR_INSUFFICIENT_POWER", "the card's power cables are not all plugged in"),
    9: ("NVML_ERROR_DRIVER_NOT_LOADED", "the NVIDIA kernel module is not loaded"),
    10: ("NVML_ERROR_TIMEOUT", "the driver did not answer in time"),
    11: ("NVML_ERROR_IRQ_ISSUE", "the kernel found a fault with the card's interrupts"),
    12: ("NVML_ERROR_LIBRARY_NOT_FOUND", "libnvidia-ml (nvml.dll) was not found"),
    13: ("NVML_ERROR_FUNCTION_NOT_FOUND", "this driver's NVML is older than the query"),
    14: ("NVML_ERROR_CORRUPTED_INFOROM", "the card's information ROM is damaged"),
    15: ("NVML_ERROR_GPU_IS_LOST", "the card fell off the bus or cannot be reached"),
    16: ("NVML_ERROR_RESET_REQUIRED", "the card must be reset before it works again"),
    17: ("NVML_ERROR_OPERATING_SYSTEM", "the operating system or a cgroup blocks the card's device node"),
    18: ("NVML_ERROR_LIB_RM_VERSION_MISMATCH", "the library and the loaded kernel module are of different driver versions"),
    19: ("NVML_ERROR_IN_USE", "the card is in use, so this cannot be done now"),
    20: ("NVML_ERROR_MEMORY", "not enough memory for the answer"),
    21: ("NVML_ERROR_NO_DATA", "there is no data for this query"),
    22: ("NVML_ERROR_VGPU_ECC_NOT_SUPPORTED", "this vGPU operation is not possible while ECC is on"),
    23: ("NVML_ERROR_INSUFFICIENT_RESOURCES", "the driver ran out of a resource other than memory"),
    24: ("NVML_ERROR_FREQ_NOT_SUPPORTED", "the card does not know this clock"),
    25: ("NVML_ERROR_ARGUMENT_VERSION_MISMATCH", "the driver does not know this version of the query's structure"),
    26: ("NVML_ERROR_DEPRECATED", "the query was retired"),
    27: ("NVML_ERROR_NOT_READY", "the system is not ready for this query"),
    28: ("NVML_ERROR_GPU_NOT_FOUND", "there is no NVIDIA GPU"),
    29: ("NVML_ERROR_INVALID_STATE", "the card is not in a state that allows this"),
    30: ("NVML_ERROR_RESET_TYPE_NOT_SUPPORTED", "the card cannot be reset in this way"),
    999: ("NVML_ERROR_UNKNOWN", "the driver failed for a reason that it does not tell"),
}
"""``nvmlReturn_t`` number to name and meaning."""


def nvml_error(code: int) -> CodeMeaning | None:
    """The meaning of a number; None if NVIDIA has not given it out."""
    entry = NVML.get(code)
    return CodeMeaning(code, *entry) if entry else None


def nvml_error_by_name(name: str) -> CodeMeaning | None:
    """The meaning of a name such as ``NVML_ERROR_GPU_IS_LOST``; None if there is no such name."""
    for code, (known, meaning) in NVML.items():
        if known == name:
            return CodeMeaning(code, known, meaning)
    return None
