"""Which GPU a PCI device id is, for machines where no driver can be asked.

Source: the PCI ID Repository, https://pci-ids.ucw.cz (snapshot of 2026-08-22 in https://github.com/pciutils/pciids), and
for names of Turing and later the table in the README of https://github.com/NVIDIA/open-gpu-kernel-modules
(595.45.04). NVIDIA's id ranges follow the chips: each range below holds ids of one compute capability only.
"""

from __future__ import annotations

NVIDIA_RANGES: tuple[tuple[int, int, str], ...] = (
    (0x06C0, 0x06DF, "2.0"), (0x0DC0, 0x0F06, "2.1"), (0x0FA0, 0x0FFF, "3.0"), (0x1001, 0x102A, "3.5"),
    (0x102D, 0x102D, "3.7"), (0x102E, 0x103F, "3.5"), (0x1040, 0x107D, "2.1"), (0x1080, 0x109B, "2.0"),
    (0x1140, 0x1140, "2.1"), (0x1180, 0x11FF, "3.0"), (0x1200, 0x1251, "2.1"), (0x1280, 0x130B, "3.5"),
    (0x1340, 0x139D, "5.0"), (0x13AD, 0x13AE, "5.2"), (0x13B0, 0x13BD, "5.0"), (0x13BE, 0x1436, "5.2"),
    (0x15C2, 0x15FF, "6.0"), (0x1613, 0x1676, "5.2"), (0x1725, 0x172F, "6.0"), (0x174D, 0x179C, "5.0"),
    (0x17C2, 0x17FD, "5.2"), (0x1B00, 0x1D56, "6.1"), (0x1D81, 0x1DF6, "7.0"), (0x1E02, 0x1FF9, "7.5"),
    (0x2080, 0x20FF, "8.0"), (0x2182, 0x21D1, "7.5"), (0x2200, 0x223F, "8.6"), (0x2302, 0x23F0, "9.0"),
    (0x2414, 0x25FB, "8.6"), (0x2681, 0x28F8, "8.9"), (0x2900, 0x29F1, "10.0"), (0x2B00, 0x2B00, "11.0"),
    (0x2B85, 0x2DF9, "12.0"), (0x2E03, 0x2E2A, "12.1"), (0x2F04, 0x2F58, "12.0"), (0x3180, 0x323E, "10.3"),
)  # fmt: skip
"""(first id, last id, compute capability)."""

NVIDIA_NAMES: dict[int, str] = {
    0x1381: "GTX 750", 0x1380: "GTX 750 Ti", 0x1402: "GTX 950", 0x1401: "GTX 960", 0x13C2: "GTX 970",
    0x13C0: "GTX 980", 0x17C8: "GTX 980 Ti", 0x17C2: "GTX TITAN X", 0x17FD: "Tesla M40", 0x1D01: "GT 1030",
    0x1C81: "GTX 1050", 0x1C82: "GTX 1050 Ti", 0x1C02: "GTX 1060 3GB", 0x1C03: "GTX 1060 6GB", 0x1B81: "GTX 1070",
    0x1B82: "GTX 1070 Ti", 0x1B80: "GTX 1080", 0x1B06: "GTX 1080 Ti", 0x1B00: "TITAN X (Pascal)", 0x1B02: "TITAN Xp",
    0x1B38: "Tesla P40", 0x1BB3: "Tesla P4", 0x15F7: "Tesla P100-PCIE-12GB", 0x15F8: "Tesla P100-PCIE-16GB",
    0x15F9: "Tesla P100-SXM2-16GB", 0x1D81: "TITAN V", 0x1DB1: "Tesla V100-SXM2-16GB", 0x1DB4: "Tesla V100-PCIE-16GB",
    0x1DB5: "Tesla V100-SXM2-32GB", 0x1DB6: "Tesla V100-PCIE-32GB", 0x1EB8: "Tesla T4", 0x1E02: "TITAN RTX",
    0x1E30: "Quadro RTX 6000", 0x1E78: "Quadro RTX 6000", 0x1EB0: "Quadro RTX 5000", 0x1EB1: "Quadro RTX 4000",
    0x1F82: "GTX 1650", 0x2188: "GTX 1650", 0x2187: "GTX 1650 SUPER", 0x2184: "GTX 1660", 0x21C4: "GTX 1660 SUPER",
    0x2182: "GTX 1660 Ti", 0x1F08: "RTX 2060", 0x1E89: "RTX 2060", 0x1F03: "RTX 2060", 0x1F06: "RTX 2060 SUPER",
    0x1F02: "RTX 2070", 0x1F07: "RTX 2070", 0x1E84: "RTX 2070 SUPER", 0x1E82: "RTX 2080", 0x1E87: "RTX 2080",
    0x1E81: "RTX 2080 SUPER", 0x1E04: "RTX 2080 Ti", 0x1E07: "RTX 2080 Ti", 0x20B0: "A100-SXM4-40GB",
    0x20F1: "A100-PCIE-40GB", 0x20B5: "A100 80GB PCIe", 0x20B2: "A100-SXM4-80GB", 0x20B7: "A30", 0x2203: "RTX 3090 Ti",
    0x2204: "RTX 3090", 0x2206: "RTX 3080", 0x2216: "RTX 3080", 0x220A: "RTX 3080", 0x2208: "RTX 3080 Ti",
    0x2230: "RTX A6000", 0x2231: "RTX A5000", 0x2232: "RTX A4500", 0x2233: "RTX A5500", 0x2235: "A40", 0x2236: "A10",
    0x2237: "A10G", 0x2482: "RTX 3070 Ti", 0x2484: "RTX 3070", 0x2488: "RTX 3070", 0x2486: "RTX 3060 Ti",
    0x2489: "RTX 3060 Ti", 0x2414: "RTX 3060 Ti", 0x2487: "RTX 3060", 0x2503: "RTX 3060", 0x2504: "RTX 3060",
    0x2507: "RTX 3050", 0x2582: "RTX 3050", 0x2584: "RTX 3050 6GB", 0x24B0: "RTX A4000", 0x2531: "RTX A2000",
    0x2571: "RTX A2000 12GB", 0x2420: "RTX 3080 Ti Laptop", 0x2460: "RTX 3080 Ti Laptop", 0x249C: "RTX 3080 Laptop",
    0x24DC: "RTX 3080 Laptop", 0x24A0: "RTX 3070 Ti Laptop", 0x24E0: "RTX 3070 Ti Laptop", 0x249D: "RTX 3070 Laptop",
    0x24DD: "RTX 3070 Laptop", 0x2520: "RTX 3060 Laptop", 0x2560: "RTX 3060 Laptop", 0x25A0: "RTX 3050 Ti Laptop",
    0x25E0: "RTX 3050 Ti Laptop", 0x25A2: "RTX 3050 Laptop", 0x25E2: "RTX 3050 Laptop", 0x25A5: "RTX 3050 Laptop",
    0x25B6: "A2", 0x2684: "RTX 4090", 0x2685: "RTX 4090 D", 0x2704: "RTX 4080", 0x2702: "RTX 4080 SUPER",
    0x2705: "RTX 4070 Ti SUPER", 0x2689: "RTX 4070 Ti SUPER", 0x2782: "RTX 4070 Ti", 0x2783: "RTX 4070 SUPER",
    0x2786: "RTX 4070", 0x2709: "RTX 4070", 0x2803: "RTX 4060 Ti", 0x2805: "RTX 4060 Ti", 0x2788: "RTX 4060 Ti",
    0x2882: "RTX 4060", 0x2808: "RTX 4060", 0x2717: "RTX 4090 Laptop", 0x2757: "RTX 4090 Laptop",
    0x27A0: "RTX 4080 Laptop", 0x27E0: "RTX 4080 Laptop", 0x2820: "RTX 4070 Laptop", 0x2860: "RTX 4070 Laptop",
    0x28A0: "RTX 4060 Laptop", 0x28E0: "RTX 4060 Laptop", 0x28A1: "RTX 4050 Laptop", 0x28E1: "RTX 4050 Laptop",
    0x26B1: "RTX 6000 Ada Generation", 0x26B2: "RTX 5000 Ada Generation", 0x27B1: "RTX 4500 Ada Generation",
    0x27B2: "RTX 4000 Ada Generation", 0x27B0: "RTX 4000 SFF Ada Generation", 0x28B0: "RTX 2000 Ada Generation",
    0x26B5: "L40", 0x26B9: "L40S", 0x27B8: "L4", 0x27B6: "L2", 0x26BA: "L20", 0x2331: "H100 PCIe",
    0x2330: "H100 80GB HBM3", 0x2321: "H100 NVL", 0x2329: "H20", 0x2335: "H200", 0x233B: "H200 NVL",
    0x2342: "GH200 480GB", 0x2348: "GH200 144G HBM3e", 0x2901: "B200", 0x2941: "GB200", 0x3182: "B300 SXM6 AC",
    0x31C2: "GB300", 0x2B85: "RTX 5090", 0x2B87: "RTX 5090 D", 0x2B8C: "RTX 5090 D V2", 0x2C02: "RTX 5080",
    0x2C05: "RTX 5070 Ti", 0x2F04: "RTX 5070", 0x2D04: "RTX 5060 Ti", 0x2D05: "RTX 5060", 0x2D83: "RTX 5050",
    0x2C18: "RTX 5090 Laptop", 0x2C58: "RTX 5090 Laptop", 0x2C19: "RTX 5080 Laptop", 0x2C59: "RTX 5080 Laptop",
    0x2F18: "RTX 5070 Ti Laptop", 0x2F58: "RTX 5070 Ti Laptop", 0x2D18: "RTX 5070 Laptop", 0x2D58: "RTX 5070 Laptop",
    0x2D19: "RTX 5060 Laptop", 0x2D59: "RTX 5060 Laptop", 0x2D98: "RTX 5050 Laptop", 0x2DD8: "RTX 5050 Laptop",
    0x2BB1: "RTX PRO 6000 Blackwell Workstation Edition", 0x2BB4: "RTX PRO 6000 Blackwell Max-Q Workstation Edition",
    0x2BB5: "RTX PRO 6000 Blackwell Server Edition", 0x2BB3: "RTX PRO 5000 Blackwell",
    0x2C31: "RTX PRO 4500 Blackwell", 0x2C34: "RTX PRO 4000 Blackwell", 0x2D30: "RTX PRO 2000 Blackwell",
    0x2E12: "GB10",
}  # fmt: skip
"""Id to a name of ``nvidia_gpus``, for the common cards. Not every id is here."""

AMD_TARGETS: dict[int, tuple[str, str]] = {
    0x66A0: ("Radeon Instinct MI50", "gfx906"), 0x66A1: ("Radeon Pro VII / Instinct MI50", "gfx906"),
    0x66AF: ("Radeon VII", "gfx906"), 0x6860: ("Instinct MI25", "gfx900"), 0x687F: ("Radeon RX Vega 56/64", "gfx900"),
    0x67DF: ("Radeon RX 470/480/570/580/590", "gfx803"), 0x67EF: ("Radeon RX 460/560", "gfx803"),
    0x731F: ("Radeon RX 5600 XT / 5700 / 5700 XT", "gfx1010"), 0x7340: ("Radeon RX 5500", "gfx1012"),
    0x738C: ("Instinct MI100", "gfx908"), 0x738E: ("Instinct MI100", "gfx908"), 0x73A1: ("Radeon PRO V620", "gfx1030"),
    0x73A3: ("Radeon PRO W6800", "gfx1030"), 0x73A5: ("Radeon RX 6950 XT", "gfx1030"), 0x73AF: ("Radeon RX 6900 XT", "gfx1030"),
    0x73BF: ("Radeon RX 6800 / 6800 XT / 6900 XT", "gfx1030"), 0x73DF: ("Radeon RX 6700 / 6700 XT / 6750 XT", "gfx1031"),
    0x73E3: ("Radeon PRO W6600", "gfx1032"), 0x73EF: ("Radeon RX 6650 XT", "gfx1032"),
    0x73FF: ("Radeon RX 6600 / 6600 XT", "gfx1032"), 0x743F: ("Radeon RX 6400 / 6500 XT", "gfx1034"),
    0x7408: ("Instinct MI250X", "gfx90a"), 0x740C: ("Instinct MI250X / MI250", "gfx90a"), 0x740F: ("Instinct MI210", "gfx90a"),
    0x7448: ("Radeon PRO W7900", "gfx1100"), 0x7449: ("Radeon PRO W7800 48GB", "gfx1100"),
    0x744A: ("Radeon PRO W7900 Dual Slot", "gfx1100"), 0x744C: ("Radeon RX 7900 XT / 7900 XTX / 7900 GRE", "gfx1100"),
    0x745E: ("Radeon PRO W7800", "gfx1100"), 0x7460: ("Radeon PRO V710", "gfx1101"), 0x7461: ("Radeon PRO V710", "gfx1101"),
    0x7470: ("Radeon PRO W7700", "gfx1101"), 0x747E: ("Radeon RX 7700 XT / 7800 XT", "gfx1101"),
    0x73F0: ("Radeon RX 7600M XT", "gfx1102"), 0x7480: ("Radeon RX 7600 / 7600 XT / PRO W7600", "gfx1102"),
    0x7483: ("Radeon RX 7600M", "gfx1102"), 0x7489: ("Radeon PRO W7500", "gfx1102"),
    0x74A0: ("Instinct MI300A", "gfx942"), 0x74A1: ("Instinct MI300X", "gfx942"), 0x74A2: ("Instinct MI308X", "gfx942"),
    0x74A5: ("Instinct MI325X", "gfx942"), 0x74B5: ("Instinct MI300X VF", "gfx942"), 0x74B9: ("Instinct MI325X VF", "gfx942"),
    0x7550: ("Radeon RX 9070 / 9070 XT / 9070 GRE", "gfx1201"), 0x7551: ("Radeon AI PRO R9700", "gfx1201"),
    0x7590: ("Radeon RX 9060 XT", "gfx1200"), 0x75A0: ("Instinct MI350X", "gfx950"), 0x75A3: ("Instinct MI355X", "gfx950"),
    0x15D8: ("Radeon Vega (Picasso)", "gfx902"), 0x15DD: ("Radeon Vega (Raven Ridge)", "gfx902"),
    0x1636: ("Radeon Vega (Renoir)", "gfx90c"), 0x1638: ("Radeon Vega (Cezanne)", "gfx90c"),
    0x164C: ("Radeon Vega (Lucienne)", "gfx90c"), 0x15E7: ("Radeon Vega (Barcelo)", "gfx90c"),
    0x163F: ("Steam Deck GPU", "gfx1033"), 0x1435: ("Steam Deck OLED GPU", "gfx1033"), 0x1681: ("Radeon 680M", "gfx1035"),
    0x164D: ("Radeon 680M", "gfx1035"), 0x164E: ("Radeon Graphics (Raphael)", "gfx1036"),
    0x13C0: ("Radeon Graphics (Granite Ridge)", "gfx1036"), 0x1506: ("Radeon 610M", "gfx1037"),
    0x15BF: ("Radeon 780M", "gfx1103"), 0x15C8: ("Radeon 740M", "gfx1103"), 0x1900: ("Radeon 780M", "gfx1103"),
    0x1901: ("Radeon 740M", "gfx1103"), 0x150E: ("Radeon 880M / 890M", "gfx1150"), 0x1586: ("Radeon 8050S / 8060S", "gfx1151"),
    0x1114: ("Radeon 840M / 860M", "gfx1152"),
}  # fmt: skip
"""Id to (name, target). One id may stand for several cards of the same chip."""


def nvidia_compute_capability(device_id: int) -> str | None:
    """The compute capability of the chip with this PCI device id (vendor 10de); None if no range holds it."""
    for first, last, capability in NVIDIA_RANGES:
        if first <= device_id <= last:
            return capability
    return None


def nvidia_name(device_id: int) -> str | None:
    """The card's name without "NVIDIA" and "GeForce", as ``find_gpu`` takes it; None if not in the table."""
    return NVIDIA_NAMES.get(device_id)


def amd_target(device_id: int) -> str | None:
    """The ``gfx`` target of this PCI device id (vendor 1002); None if not in the table."""
    entry = AMD_TARGETS.get(device_id)
    return entry[1] if entry else None


def amd_name(device_id: int) -> str | None:
    """The card's name, or the names that share this PCI device id (vendor 1002); None if not in the table."""
    entry = AMD_TARGETS.get(device_id)
    return entry[0] if entry else None
