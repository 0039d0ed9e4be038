"""Windows' own error numbers (GetLastError) and errno, as programs print them: ``WinError 126``, ``os error 1455``, ``[Errno 28]``.

Texts of these errors come in the language of the system; the number is the same everywhere. Sources: winerror.h and
https://learn.microsoft.com/windows/win32/debug/system-error-codes; errno(3) and errno-base.h of Linux. As of 2026-11.
"""

from __future__ import annotations

from .code import CodeMeaning

WINDOWS: dict[int, tuple[str, str]] = {
    2: ("ERROR_FILE_NOT_FOUND", "a file does not exist"),
    3: ("ERROR_PATH_NOT_FOUND", "a folder does not exist"),
    5: ("ERROR_ACCESS_DENIED", "access was denied"),
    8: ("ERROR_NOT_ENOUGH_MEMORY", "Windows could not give the memory"),
    14: ("ERROR_OUTOFMEMORY", "Windows could not give the memory"),
    32: ("ERROR_SHARING_VIOLATION", "another program holds the file open"),
    87: ("ERROR_INVALID_PARAMETER", "a parameter is not valid"),
    112: ("ERROR_DISK_FULL", "the disk is full"),
    126: ("ERROR_MOD_NOT_FOUND", "a DLL, or one that it needs in turn, is missing"),
    127: ("ERROR_PROC_NOT_FOUND", "a DLL lacks a function: it is of another version than needed"),
    182: ("ERROR_INVALID_ORDINAL", "a DLL lacks a numbered function: it is of another version than needed"),
    193: ("ERROR_BAD_EXE_FORMAT", "a file is no program or DLL for this system: damaged, or 32-bit against 64-bit"),
    206: ("ERROR_FILENAME_EXCED_RANGE", "the path is longer than Windows allows without long paths"),
    225: ("ERROR_VIRUS_INFECTED", "the virus scanner blocked the file"),
    1114: ("ERROR_DLL_INIT_FAILED", "a DLL refused to start"),
    1314: ("ERROR_PRIVILEGE_NOT_HELD", "a right is missing, as for making symbolic links without developer mode"),
    1450: ("ERROR_NO_SYSTEM_RESOURCES", "Windows ran out of a system resource"),
    1455: ("ERROR_COMMITMENT_LIMIT", "the paging file is too small: the commit limit (RAM plus page file) is reached"),
    1920: ("ERROR_CANT_ACCESS_FILE", "the file cannot be opened"),
    10013: ("WSAEACCES", "the port may not be used: it is reserved (Hyper-V, WinNAT) or blocked"),
    10048: ("WSAEADDRINUSE", "the port is in use by another program"),
    10049: ("WSAEADDRNOTAVAIL", "this computer has no such address"),
    10054: ("WSAECONNRESET", "the other side broke the connection off"),
    10060: ("WSAETIMEDOUT", "the other side did not answer"),
    10061: ("WSAECONNREFUSED", "nothing listens on that port"),
    11001: ("WSAHOST_NOT_FOUND", "the name of the host was not found"),
}

ERRNO: dict[int, tuple[str, str]] = {
    1: ("EPERM", "not permitted"),
    2: ("ENOENT", "a file or folder does not exist"),
    5: ("EIO", "reading or writing a device failed"),
    8: ("ENOEXEC", "the file is no program for this machine: another processor, or damaged"),
    11: ("EAGAIN", "a resource is used up for the moment, such as the number of threads"),
    12: ("ENOMEM", "the memory could not be given"),
    13: ("EACCES", "access was denied"),
    17: ("EEXIST", "the file exists already"),
    18: ("EXDEV", "the two places are on different file systems"),
    19: ("ENODEV", "there is no such device"),
    22: ("EINVAL", "a parameter is not valid"),
    24: ("EMFILE", "too many open files (ulimit -n)"),
    26: ("ETXTBSY", "the program file is in use"),
    27: ("EFBIG", "the file is larger than the file system or a limit allows"),
    28: ("ENOSPC", "the disk is full"),
    30: ("EROFS", "the file system is read-only"),
    32: ("EPIPE", "whoever read the output has gone"),
    36: ("ENAMETOOLONG", "the name of the file is too long"),
    98: ("EADDRINUSE", "the port is in use by another program"),
    99: ("EADDRNOTAVAIL", "this computer has no such address"),
    101: ("ENETUNREACH", "the network cannot be reached"),
    104: ("ECONNRESET", "the other side broke the connection off"),
    110: ("ETIMEDOUT", "the other side did not answer"),
    111: ("ECONNREFUSED", "nothing listens on that port"),
    113: ("EHOSTUNREACH", "the host cannot be reached"),
    122: ("EDQUOT", "the disk quota is used up"),
}


def windows_error(number: int) -> CodeMeaning | None:
    """An error of GetLastError; None if it is not in this table."""
    entry = WINDOWS.get(number)
    return CodeMeaning(number, *entry) if entry else None


def errno(number: int) -> CodeMeaning | None:
    """An errno of Linux; None if it is not in this table."""
    entry = ERRNO.get(number)
    return CodeMeaning(number, *entry) if entry else None
