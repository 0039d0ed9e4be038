"""Answers NVML queries on standard input; runs as a process of its own.

A driver in trouble can hang or crash whoever calls it. So NVML is called here, and the doctor reads
the answers through a pipe with a deadline. Protocol: a JSON list ``[function, argument…]`` a line in,
one JSON object a line out: ``{"value": …}`` or ``{"error": "NVML_ERROR_…"}``.

Run as ``python -I -S nvml_child.py FOLDER_OF_PYNVML``; it imports nothing of llmdoctor.
"""

import ctypes
import json
import sys

sys.path.insert(0, sys.argv[1])
import pynvml

ALLOWED = ("nvmlInit", "nvmlSystemGet", "nvmlDeviceGet", "nvmlDeviceIs")
"""Only queries; nothing here can change a setting."""

NAMES = {value: name for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_") and isinstance(value, int)}


def plain(value):
    """A result as plain JSON: structs become dicts, bytes text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, ctypes.Structure):
        return {name: plain(getattr(value, name)) for name, *_ in value._fields_}
    if isinstance(value, (list, tuple, ctypes.Array)):
        return [plain(item) for item in value]
    if hasattr(value, "__dict__") and not isinstance(value, (int, float, str, bool)):
        return {name: plain(item) for name, item in vars(value).items() if not name.startswith("_")}
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def answer(function, arguments, handles):
    """Calls one function. For nvmlDevice… the first argument is an index; a text that names a constant of pynvml is that constant."""
    if not function.startswith(ALLOWED) or "Set" in function.replace("Settings", ""):
        return {"error": "not a query"}
    call = getattr(pynvml, function, None)
    if call is None:
        return {"error": "NVML_ERROR_FUNCTION_NOT_FOUND"}
    arguments = [getattr(pynvml, item, item) if isinstance(item, str) else item for item in arguments]
    if (
        function.startswith(("nvmlDeviceGet", "nvmlDeviceIs"))
        and function != "nvmlDeviceGetCount"
        and "HandleBy" not in function
    ):
        index = arguments[0]
        if index not in handles:
            handles[index] = pynvml.nvmlDeviceGetHandleByIndex(index)
        arguments[0] = handles[index]
    value = call(*arguments)
    return {"value": None if "HandleBy" in function else plain(value)}


def main():
    handles = {}
    for line in sys.stdin:
        function, *arguments = json.loads(line)
        try:
            reply = answer(function, arguments, handles)
        except pynvml.NVMLError as error:
            reply = {"error": NAMES.get(error.value, "NVML_ERROR_%d" % error.value)}
        except Exception as error:  # a bad argument or a struct of another driver: this query alone is lost
            reply = {"error": "%s: %s" % (type(error).__name__, error)}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


main()
