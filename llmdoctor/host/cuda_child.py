"""Asks the CUDA driver API what it says; runs as a process of its own, since cuInit can hang or crash.

Prints one JSON object a line as it goes, so that what was learnt before a crash is kept. Imports
nothing of llmdoctor. Functions and types: CUDA Driver API reference, "Initialization", "Version
Management", "Device Management"; attributes 75 and 76 are the compute capability's two parts.
No context is created: the card is only looked at.
"""

import ctypes
import json
import os
import sys


def say(**words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def loaded_path():
    """The libcuda that the loader really took, by this process's own memory map (Linux)."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            for line in maps:
                path = line.split(None, 5)[-1].strip()
                if os.path.basename(path).startswith("libcuda.so"):
                    return path
    except OSError:
        pass
    return None


def main():
    name = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"
    try:
        cuda = (ctypes.WinDLL if os.name == "nt" else ctypes.CDLL)(name)
    except OSError as error:
        say(load_error=str(error))
        return
    say(library_path=loaded_path() or name)

    def call(function, *arguments):
        entry = getattr(cuda, function, None)
        if entry is None:
            say(call=[function, 500])  # CUDA_ERROR_NOT_FOUND: the library has no such function
            return 500
        status = entry(*arguments)
        say(call=[function, status])
        return status

    version = ctypes.c_int()
    if call("cuDriverGetVersion", ctypes.byref(version)) == 0:
        say(cuda_version=version.value)
    if call("cuInit", 0) != 0:
        return
    count = ctypes.c_int()
    if call("cuDeviceGetCount", ctypes.byref(count)) != 0:
        return
    say(device_count=count.value)
    for index in range(count.value):
        device = ctypes.c_int()
        if call("cuDeviceGet", ctypes.byref(device), index) != 0:
            continue
        text = ctypes.create_string_buffer(256)
        cuda.cuDeviceGetName(text, 256, device)
        numbers = []
        for attribute in (75, 76):
            number = ctypes.c_int()
            cuda.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
            numbers.append(number.value)
        total = ctypes.c_size_t()
        cuda.cuDeviceTotalMem_v2(ctypes.byref(total), device)
        uuid = (ctypes.c_ubyte * 16)()
        cuda.cuDeviceGetUuid(uuid, device)
        digits = bytes(uuid).hex()
        say(
            device={
                "name": text.value.decode("utf-8", "replace"),
                "major": numbers[0],
                "minor": numbers[1],
                "total_bytes": total.value,
                "uuid": "GPU-" + "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])),
            }
        )


main()
