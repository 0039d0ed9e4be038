"""NVIDIA's Xid messages of the kernel log: number, what happened, what usually helps.

As of 2026-11. Meanings and actions, in our words, after https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html (catalogue for Ampere and
newer, and the one for older GPUs); names and numbers from src/common/sdk/nvidia/inc/nverror.h of
https://github.com/NVIDIA/open-gpu-kernel-modules, release 595.45.04. Numbers that NVIDIA marks as unused are left
out; engines that exist many times (copy engines, decoders) are one family.

``kind``: ``hardware`` (card, power, slot, link or heat), ``application`` (a program's kernel did something
wrong), ``driver`` (driver or firmware), ``info`` (a note that needs nothing by itself). Many numbers can have more than
one origin; the kind is the usual one.
"""

from __future__ import annotations

from typing import NamedTuple


class Xid(NamedTuple):
    """One Xid number."""

    number: int
    name: str
    meaning: str
    action: str
    kind: str
    """``hardware``, ``application``, ``driver`` or ``info``."""


_RESTART_APP = "restart the program; if it returns with other programs too, test the card"
_RESET = "stop all programs on the card and reset it (nvidia-smi -r), or reboot"
_REBOOT = "reboot"
_SUPPORT = "if it returns, test the card elsewhere and ask its maker"
_UPDATE = "update or change the driver version; then reboot"
_LINK = "reset the card; if it returns, check the NVLink bridges, the baseboard and the fabric manager"
_NONE = "nothing to do"

_TABLE: tuple[tuple[int, str, str, str, str], ...] = (
    (1, "FIFO_METHOD", "the card got a command that it does not know", _UPDATE, "driver"),
    (2, "SW_METHOD", "the driver got a command that it does not know", _UPDATE, "driver"),
    (6, "PUSH_BUFFER", "the card's command stream is damaged", _SUPPORT, "driver"),
    (7, "PUSH_BUFFER_ADDRESS", "the card's command stream lies at an address that does not exist", _SUPPORT, "driver"),
    (8, "GPU_STOPPED", "the card stopped processing: a kernel or the display ran into the watchdog", _RESTART_APP, "driver"),
    (9, "DRIVER_PROGRAMMING", "the driver programmed the card wrongly", _UPDATE, "driver"),
    (11, "PUSH_BUFFER_INVALID", "the card's command stream holds something invalid", _SUPPORT, "driver"),
    (12, "GR_EXCEPTION_HANDLED", "the driver handled a fault of the graphics engine", _UPDATE, "driver"),
    (13, "GR_EXCEPTION", "a kernel made the graphics engine fault: bad access, illegal instruction, out of range", _RESTART_APP, "application"),
    (16, "DISPLAY_HUNG", "the display engine hung", _UPDATE, "driver"),
    (18, "BUS_MASTERING", "bus mastering is off for the card in PCI configuration space", "check firmware setup and virtualisation", "hardware"),
    (19, "DISPLAY_ENGINE", "the display engine failed", _UPDATE, "driver"),
    (20, "MPEG_COMMANDS", "the video decoder's command stream is invalid", _UPDATE, "driver"),
    (21, "MOTION_ESTIMATION", "the motion estimation engine's command stream is invalid", _UPDATE, "driver"),
    (22, "VIDEO_PROCESSOR", "the video processor's command stream is invalid", _UPDATE, "driver"),
    (24, "SEMAPHORE_TIMEOUT", "the card waited for a semaphore in vain", _SUPPORT, "driver"),
    (25, "ILLEGAL_MODE", "an invalid or illegal command stream", _UPDATE, "driver"),
    (26, "FRAMEBUFFER_TIMEOUT", "the card's memory interface timed out", _SUPPORT, "hardware"),
    (27, "VIDEO_PROCESSOR", "the video processor faulted", _UPDATE, "driver"),
    (28, "VIDEO_PROCESSOR", "the video processor faulted", _UPDATE, "driver"),
    (29, "VIDEO_PROCESSOR", "the video bitstream processor faulted", _UPDATE, "driver"),
    (30, "SEMAPHORE_ACCESS", "the card could not access a semaphore", _UPDATE, "driver"),
    (31, "MMU_FAULT", "a program used a GPU address that is not mapped", _RESTART_APP, "application"),
    (32, "PBDMA", "the card's command stream is invalid or was damaged on its way over PCIe", "check the slot, riser and PCIe errors; " + _SUPPORT, "hardware"),
    (33, "SECURITY_ENGINE", "the security engine faulted", _UPDATE, "driver"),
    (34, "VIDEO_DECODER", "the video decoder faulted", _UPDATE, "driver"),
    (35, "VIDEO_DECODER", "the video decoder faulted", _UPDATE, "driver"),
    (36, "VIDEO_DECODER", "the video post-processor faulted", _UPDATE, "driver"),
    (37, "FIRMWARE", "the driver met a firmware error", _UPDATE, "driver"),
    (38, "FIRMWARE", "the card's firmware failed", _UPDATE, "driver"),
    (42, "VIDEO_PROCESSOR", "the video image compositor faulted", _UPDATE, "driver"),
    (43, "CHANNEL_VERIFICATION", "the card stopped one program's work after that program's fault; others go on", _RESTART_APP, "application"),
    (44, "GR_CONTEXT_SWITCH", "the graphics engine faulted while it changed contexts", _UPDATE, "driver"),
    (45, "PREEMPTIVE_REMOVAL", "a program's work was removed: it ended, crashed or another error stands before this line", "look at the Xid before it", "info"),
    (46, "GPU_TIMEOUT", "the card stopped processing", _RESET, "hardware"),
    (47, "VIDEO_ENCODER", "the video encoder faulted", _UPDATE, "driver"),
    (48, "ECC_DOUBLE_BIT", "an ECC error of two bits, which cannot be corrected", _RESET + "; " + _SUPPORT, "hardware"),
    (54, "POWER_CABLE", "the card's extra power is not connected or not enough", "plug in all power cables; check the power supply", "hardware"),
    (56, "DISPLAY_ENGINE", "the display engine failed", _UPDATE, "driver"),
    (57, "MEMORY_INTERFACE", "the memory interface or the driver's settings for it failed", _SUPPORT, "hardware"),
    (58, "MEMORY_UNSTABLE", "the memory interface is unstable", "undo overclocking; " + _SUPPORT, "hardware"),
    (59, "PMU", "the power management unit failed", _UPDATE, "driver"),
    (60, "VIDEO_PROCESSOR", "the security engine for video faulted", _UPDATE, "driver"),
    (61, "PMU_BREAKPOINT", "the power management unit stopped; clocks may stay low", _RESET, "driver"),
    (62, "PMU_HALT", "the power management unit halted", _RESET + "; " + _SUPPORT, "hardware"),
    (63, "ROW_REMAP_RECORDED", "a bad memory page or row was recorded and will be replaced at the next reset", "reset the card at a convenient time", "info"),
    (64, "ROW_REMAP_FAILED", "a bad memory page or row could not be recorded or replaced", _RESET + "; " + _SUPPORT, "hardware"),
    (65, "VIDEO_ENCODER", "the video encoder faulted", _UPDATE, "driver"),
    (66, "ILLEGAL_ACCESS_BY_DRIVER", "the driver touched the card illegally", _UPDATE, "driver"),
    (67, "ILLEGAL_ACCESS_BY_DRIVER", "the driver touched the card illegally", _UPDATE, "driver"),
    (68, "VIDEO_DECODER", "the video decoder faulted", _UPDATE, "application"),
    (69, "GR_CLASS", "the graphics engine got an invalid command", _RESTART_APP, "application"),
    (74, "NVLINK", "an NVLink connection failed", _LINK, "hardware"),
    (78, "VGPU_START", "a vGPU could not be started", "match the guest's and the host's driver versions", "driver"),
    (79, "FELL_OFF_BUS", "the card no longer answers on PCIe", "cut power and start again; check power supply, cables, slot, riser and heat", "hardware"),
    (80, "PUSH_BUFFER_CHECKSUM", "data was damaged on its way to the card", "check the slot, riser and PCIe errors", "hardware"),
    (81, "VGA_SUBSYSTEM", "the VGA part of the card failed", _SUPPORT, "hardware"),
    (82, "JPEG", "the JPEG decoder faulted", _UPDATE, "driver"),
    (86, "OPTICAL_FLOW", "the optical flow engine faulted", _UPDATE, "driver"),
    (87, "TELEMETRY", "the driver wrote a telemetry report", _NONE, "info"),
    (92, "MANY_SINGLE_BIT_ERRORS", "many correctable ECC errors came in a short time", _SUPPORT, "hardware"),
    (93, "INFOROM_WEAR", "the information ROM was written too often", _SUPPORT, "hardware"),
    (94, "CONTAINED_ECC", "an uncorrectable memory error hit one program only", "restart that program; reset the card at a convenient time", "hardware"),
    (95, "UNCONTAINED_ECC", "an uncorrectable memory error may have touched all programs on the card", _RESET, "hardware"),
    (108, "NVLINK_TRANSLATION", "an NVLink peer used an address that could not be translated", _RESTART_APP, "application"),
    (109, "CONTEXT_SWITCH_TIMEOUT", "the card could not leave one program's work in time", _RESTART_APP, "application"),
    (110, "SECURITY_FAULT", "the card's security unit reported a fault", _RESET + "; " + _SUPPORT, "hardware"),
    (111, "DISPLAY_BUNDLE", "the display's commands failed", _UPDATE, "driver"),
    (112, "DISPLAY_SUPERVISOR", "the display supervisor failed", _UPDATE, "driver"),
    (113, "DISPLAYPORT_TRAINING", "the DisplayPort connection could not be set up", "check the display cable", "hardware"),
    (114, "DISPLAY_UNDERFLOW", "the display ran out of data", _UPDATE, "driver"),
    (115, "DISPLAY_CORE", "the display core failed", _UPDATE, "driver"),
    (116, "DISPLAY_WINDOW", "a display window failed", _UPDATE, "driver"),
    (117, "DISPLAY_CURSOR", "the display cursor failed", _UPDATE, "driver"),
    (118, "DISPLAY_PIXELS", "the display's pixel stream failed", _UPDATE, "driver"),
    (119, "GSP_RPC_TIMEOUT", "the card's GSP firmware did not answer the driver", _RESET + "; update the driver, or turn GSP off where that is possible", "driver"),
    (120, "GSP_ERROR", "the card's GSP firmware failed", _RESET + "; update the driver", "driver"),
    (121, "C2C_LINK", "the link between CPU and GPU had an error that was corrected", "watch it; reset at a convenient time", "hardware"),
    (122, "ROM_READ", "the information ROM could not be read", _REBOOT, "hardware"),
    (123, "ROM_WRITE", "the information ROM could not be written", _REBOOT, "hardware"),
    (124, "ROM_ERASE", "the information ROM could not be erased", _REBOOT, "hardware"),
    (125, "INFOROM", "the information ROM's file system failed", _SUPPORT, "hardware"),
    (136, "LINK_TRAINING", "an NVLink connection could not be set up", _LINK, "hardware"),
    (137, "NVLINK_PRIVILEGE", "an NVLink peer used memory that it may not", _RESTART_APP, "application"),
    (138, "DLA", "the deep learning accelerator faulted", _RESTART_APP, "application"),
    (139, "OPTICAL_FLOW", "the optical flow engine faulted", _UPDATE, "driver"),
    (140, "ECC_UNRECOVERED", "an ECC error was neither corrected nor contained", _RESET, "hardware"),
    (141, "FAST_PATH", "the card's fast path for commands failed", _RESTART_APP, "application"),
    (142, "VIDEO_ENCODER", "the video encoder faulted", _UPDATE, "driver"),
    (143, "GPU_INIT", "the card could not be initialised", _RESET + "; " + _SUPPORT, "hardware"),
    (144, "NVLINK_SAW", "an NVLink unit failed", _LINK, "hardware"),
    (145, "NVLINK_RLW", "an NVLink unit failed, often since the peer stopped", _LINK, "hardware"),
    (146, "NVLINK_TLW", "an NVLink unit failed", _LINK, "hardware"),
    (147, "NVLINK_TREX", "an NVLink unit failed", _LINK, "hardware"),
    (148, "NVLINK_CONTROL", "an NVLink unit failed", _LINK, "hardware"),
    (149, "NVLINK_NETIR", "an NVLink unit failed", _LINK, "hardware"),
    (150, "NVLINK_MSE", "an NVLink unit failed", _LINK, "hardware"),
    (151, "KEY_ROTATION", "the keys of confidential computing could not be exchanged", _RESTART_APP, "driver"),
    (154, "RECOVERY_ACTION", "the driver now asks for another recovery: none, a reset, a reboot or draining", "do what the line asks for; look at the Xid before it", "info"),
    (155, "NVLINK_SOFTWARE", "the driver took an NVLink connection down", _LINK, "driver"),
    (156, "RESOURCE_RETIREMENT", "a faulty part of the card was recorded and will be retired", "reset the card at a convenient time", "info"),
    (157, "RESOURCE_RETIREMENT_FAILED", "a faulty part of the card could not be retired", _RESET + "; " + _SUPPORT, "hardware"),
    (158, "GPU_FATAL_TIMEOUT", "the card stopped answering for good", _REBOOT + "; " + _SUPPORT, "hardware"),
    (159, "CHI_NON_DATA", "the CPU's link to the card reported an error", _RESET, "hardware"),
    (160, "CHANNEL_RETIREMENT", "a faulty memory channel was recorded and will be retired", "reset the card at a convenient time", "info"),
    (161, "CHANNEL_RETIREMENT_FAILED", "a faulty memory channel could not be retired", _RESET + "; " + _SUPPORT, "hardware"),
    (162, "POWER_SMOOTHING_ON", "power smoothing works again", _NONE, "info"),
    (163, "POWER_SMOOTHING_OFF", "power smoothing was turned off", _NONE, "info"),
    (164, "POWER_SMOOTHING_LIFETIME", "power smoothing's lifetime is getting low", _NONE, "info"),
    (165, "POWER_SMOOTHING_LIFETIME", "power smoothing's lifetime is used up", _NONE, "info"),
    (166, "NVLINK_SECURITY", "an encrypted NVLink connection failed", _LINK, "hardware"),
    (167, "PCIE_FATAL_TIMEOUT", "a PCIe transfer of the card timed out", "reboot; check slot, riser and power", "hardware"),
    (168, "REDUCED_MEMORY", "the card works with less memory than it has, as bad parts were cut off", _SUPPORT, "hardware"),
    (169, "SEC2_HALT", "the card's security processor halted", _RESET, "driver"),
    (170, "NVLINK_SECURITY", "a secure NVLink connection failed", _LINK, "hardware"),
    (171, "UNCORRECTABLE_DRAM", "an uncorrectable error in the card's DRAM", _RESET, "hardware"),
    (172, "UNCORRECTABLE_SRAM", "an uncorrectable error in the card's SRAM", _RESET, "hardware"),
    (173, "C2C_FATAL", "the link between CPU and GPU failed", _REBOOT, "hardware"),
    (174, "CHANNEL_KILLED", "a program's work was ended on request", _NONE, "info"),
    (175, "MEMORY_SUBSYSTEM", "the card's memory subsystem failed", _RESET, "hardware"),
    (176, "PCIE_CORRECTABLE", "many PCIe errors were corrected", "check slot, riser and cable; lower the PCIe generation", "hardware"),
)  # fmt: skip

_FAMILIES: tuple[tuple[tuple[int, ...], str, str, str, str], ...] = (
    ((39, 40, 41, 70, 71, 72, 75, 76, 77, 85, *range(126, 136)), "COPY_ENGINE", "a copy engine faulted", _RESTART_APP, "application"),
    ((83, 84, 88, 89, 96, 97, 98), "VIDEO_DECODER", "a video decoder faulted", _UPDATE, "driver"),
    ((73,), "VIDEO_ENCODER", "the video encoder faulted", _UPDATE, "driver"),
    ((99, 100, 101, 102, 103, 104, 105), "JPEG", "a JPEG decoder faulted", _UPDATE, "driver"),
    ((90,), "L2_CACHE", "the card's L2 cache failed", _RESET, "hardware"),
)  # fmt: skip

XIDS: dict[int, Xid] = {row[0]: Xid(*row) for row in _TABLE}
"""Number to entry."""
XIDS.update({number: Xid(number, *rest) for numbers, *rest in _FAMILIES for number in numbers})


def xid(number: int) -> Xid | None:
    """The entry of a number; None for one that NVIDIA does not document."""
    return XIDS.get(number)


def xids_of_kind(kind: str) -> list[int]:
    """The numbers whose usual origin is this: ``hardware``, ``application``, ``driver`` or ``info``."""
    return sorted(number for number, entry in XIDS.items() if entry.kind == kind)
