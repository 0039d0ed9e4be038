"""Cards of AMD and Intel, and Apple's chips: target or architecture, memory, memory bandwidth.

As of 2026-11; to be checked, for AMD: targets in LLVM's AMDGPUUsage (https://llvm.org/docs/AMDGPUUsage.html, "Processors") and
https://rocm.docs.amd.com/en/latest/reference/gpu-arch-specs.html; memory and bandwidth on AMD's product pages.
Intel: https://www.intel.com/content/www/us/en/products/details/discrete-gpus/arc.html. Apple: the technical
specifications at https://support.apple.com/specs and Apple's newsroom.

Memory in GB as sold, bandwidth in GB/s (1e9). 0 memory: shares the system's; 0 bandwidth: depends on the
memory modules of the machine. Apple sells Max chips with two bandwidths (by number of GPU cores): the row has the
full chip's, and ``APPLE_SMALLER_MAX`` the other.
"""

from __future__ import annotations

AMD: tuple[tuple[str, str, float, float], ...] = (
    ("Radeon RX 470", "gfx803", 4, 211.2), ("Radeon RX 480", "gfx803", 8, 256.0), ("Radeon RX 570", "gfx803", 8, 224.0),
    ("Radeon RX 580", "gfx803", 8, 256.0), ("Radeon RX 590", "gfx803", 8, 256.0), ("Radeon RX Vega 56", "gfx900", 8, 409.6),
    ("Radeon RX Vega 64", "gfx900", 8, 483.8), ("Radeon VII", "gfx906", 16, 1024.0), ("Radeon Pro VII", "gfx906", 16, 1024.0),
    ("Radeon RX 5500 XT", "gfx1012", 8, 224.0), ("Radeon RX 5600 XT", "gfx1010", 6, 288.0),
    ("Radeon RX 5700", "gfx1010", 8, 448.0), ("Radeon RX 5700 XT", "gfx1010", 8, 448.0),
    ("Radeon RX 6400", "gfx1034", 4, 128.0), ("Radeon RX 6500 XT", "gfx1034", 4, 144.0),
    ("Radeon RX 6600", "gfx1032", 8, 224.0), ("Radeon RX 6600 XT", "gfx1032", 8, 256.0),
    ("Radeon RX 6650 XT", "gfx1032", 8, 280.3), ("Radeon RX 6600M", "gfx1032", 8, 224.0),
    ("Radeon RX 6700S", "gfx1032", 8, 224.0), ("Radeon RX 6800S", "gfx1032", 8, 256.0),
    ("Radeon RX 6700", "gfx1031", 10, 320.0), ("Radeon RX 6700 XT", "gfx1031", 12, 384.0),
    ("Radeon RX 6750 XT", "gfx1031", 12, 432.0), ("Radeon RX 6800M", "gfx1031", 12, 384.0),
    ("Radeon RX 6850M XT", "gfx1031", 12, 432.0), ("Radeon RX 6800", "gfx1030", 16, 512.0),
    ("Radeon RX 6800 XT", "gfx1030", 16, 512.0), ("Radeon RX 6900 XT", "gfx1030", 16, 512.0),
    ("Radeon RX 6950 XT", "gfx1030", 16, 576.0), ("Radeon RX 7600", "gfx1102", 8, 288.0),
    ("Radeon RX 7600 XT", "gfx1102", 16, 288.0), ("Radeon RX 7600M XT", "gfx1102", 8, 288.0),
    ("Radeon RX 7600S", "gfx1102", 8, 256.0), ("Radeon RX 7700S", "gfx1102", 8, 288.0),
    ("Radeon RX 7700", "gfx1101", 16, 624.1), ("Radeon RX 7700 XT", "gfx1101", 12, 432.0),
    ("Radeon RX 7800 XT", "gfx1101", 16, 624.1), ("Radeon RX 7900 GRE", "gfx1100", 16, 576.0),
    ("Radeon RX 7900M", "gfx1100", 16, 576.0), ("Radeon RX 7900 XT", "gfx1100", 20, 800.0),
    ("Radeon RX 7900 XTX", "gfx1100", 24, 960.0), ("Radeon RX 9060", "gfx1200", 8, 288.0),
    ("Radeon RX 9060 XT", "gfx1200", 16, 322.3), ("Radeon RX 9060 XT", "gfx1200", 8, 322.3),
    ("Radeon RX 9070 GRE", "gfx1201", 12, 432.0), ("Radeon RX 9070", "gfx1201", 16, 644.6),
    ("Radeon RX 9070 XT", "gfx1201", 16, 644.6), ("Radeon AI PRO R9700", "gfx1201", 32, 644.6),
    ("Radeon PRO W6600", "gfx1032", 8, 224.0), ("Radeon PRO W6800", "gfx1030", 32, 512.0),
    ("Radeon PRO V620", "gfx1030", 32, 512.0), ("Radeon PRO W7500", "gfx1102", 8, 172.0),
    ("Radeon PRO W7600", "gfx1102", 8, 288.0), ("Radeon PRO W7700", "gfx1101", 16, 576.0),
    ("Radeon PRO V710", "gfx1101", 28, 448.0), ("Radeon PRO W7800", "gfx1100", 32, 576.0),
    ("Radeon PRO W7800 48GB", "gfx1100", 48, 864.0), ("Radeon PRO W7900", "gfx1100", 48, 864.0),
    ("Instinct MI25", "gfx900", 16, 484.0), ("Instinct MI50", "gfx906", 16, 1024.0), ("Instinct MI50", "gfx906", 32, 1024.0),
    ("Instinct MI60", "gfx906", 32, 1024.0), ("Instinct MI100", "gfx908", 32, 1228.8), ("Instinct MI210", "gfx90a", 64, 1638.4),
    ("Instinct MI250", "gfx90a", 128, 3276.8), ("Instinct MI250X", "gfx90a", 128, 3276.8),
    ("Instinct MI300A", "gfx942", 128, 5300.0), ("Instinct MI300X", "gfx942", 192, 5300.0),
    ("Instinct MI308X", "gfx942", 192, 5300.0), ("Instinct MI325X", "gfx942", 256, 6000.0),
    ("Instinct MI350X", "gfx950", 288, 8000.0), ("Instinct MI355X", "gfx950", 288, 8000.0),
    ("Radeon 610M", "gfx1037", 0, 0), ("Radeon 660M", "gfx1035", 0, 0), ("Radeon 680M", "gfx1035", 0, 0),
    ("Radeon 740M", "gfx1103", 0, 0), ("Radeon 760M", "gfx1103", 0, 0), ("Radeon 780M", "gfx1103", 0, 0),
    ("Radeon 840M", "gfx1152", 0, 0), ("Radeon 860M", "gfx1152", 0, 0), ("Radeon 880M", "gfx1150", 0, 0),
    ("Radeon 890M", "gfx1150", 0, 0), ("Radeon 8050S", "gfx1151", 0, 256.0), ("Radeon 8060S", "gfx1151", 0, 256.0),
)  # fmt: skip
"""(name, target, memory, bandwidth)."""

AMD_FAMILIES: tuple[tuple[str, str], ...] = (
    ("gfx803", "GCN4"), ("gfx900", "Vega"), ("gfx902", "Vega"), ("gfx906", "Vega"), ("gfx909", "Vega"), ("gfx90c", "Vega"),
    ("gfx908", "CDNA"), ("gfx90a", "CDNA2"), ("gfx94", "CDNA3"), ("gfx950", "CDNA4"), ("gfx101", "RDNA"), ("gfx103", "RDNA2"),
    ("gfx110", "RDNA3"), ("gfx115", "RDNA3.5"), ("gfx120", "RDNA4"),
)  # fmt: skip
"""(beginning of a target, architecture)."""

INTEL: tuple[tuple[str, str, float, float], ...] = (
    ("Arc A310", "Alchemist", 4, 124.0), ("Arc A380", "Alchemist", 6, 186.0), ("Arc A580", "Alchemist", 8, 512.0),
    ("Arc A750", "Alchemist", 8, 512.0), ("Arc A770", "Alchemist", 16, 560.0), ("Arc A770", "Alchemist", 8, 512.0),
    ("Arc A350M", "Alchemist", 4, 112.0), ("Arc A370M", "Alchemist", 4, 112.0), ("Arc A550M", "Alchemist", 8, 224.0),
    ("Arc A730M", "Alchemist", 12, 336.0), ("Arc A770M", "Alchemist", 16, 512.0), ("Arc Pro A60", "Alchemist", 12, 384.0),
    ("Arc B570", "Battlemage", 10, 380.0), ("Arc B580", "Battlemage", 12, 456.0), ("Arc Pro B50", "Battlemage", 16, 224.0),
    ("Arc Pro B60", "Battlemage", 24, 456.0), ("Arc Pro B70", "Battlemage", 32, 608.0),
    ("Arc 130V", "Xe2", 0, 136.5), ("Arc 140V", "Xe2", 0, 136.5), ("Arc 140T", "Xe-LPG+", 0, 0),
)  # fmt: skip
"""(name, architecture, memory, bandwidth)."""

APPLE: tuple[tuple[str, float], ...] = (
    ("Apple M1", 68.3), ("Apple M1 Pro", 204.8), ("Apple M1 Max", 409.6), ("Apple M1 Ultra", 819.2),
    ("Apple M2", 102.4), ("Apple M2 Pro", 204.8), ("Apple M2 Max", 409.6), ("Apple M2 Ultra", 819.2),
    ("Apple M3", 102.4), ("Apple M3 Pro", 153.6), ("Apple M3 Max", 409.6), ("Apple M3 Ultra", 819.2),
    ("Apple M4", 120.0), ("Apple M4 Pro", 273.1), ("Apple M4 Max", 546.1),
    ("Apple M5", 153.6), ("Apple M5 Pro", 307.2), ("Apple M5 Max", 614.4),
)  # fmt: skip
"""(chip as ``machdep.cpu.brand_string`` names it, bandwidth); memory is the machine's."""

APPLE_SMALLER_MAX: dict[str, tuple[int, float]] = {
    "Apple M3 Max": (30, 307.2),
    "Apple M4 Max": (32, 409.6),
    "Apple M5 Max": (32, 460.8),
}
"""Max chips with fewer GPU cores: (GPU cores, bandwidth)."""
