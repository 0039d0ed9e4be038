"""Names and PCI ids of GPUs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from llmdoctor.catalogs import nvidia_gpus, other_gpus, pci_ids
from llmdoctor.catalogs.cuda_driver import last_driver_branch
from llmdoctor.catalogs.gpus import amd_architecture, architecture_of, find_gpu

GIB = 1 << 30


@pytest.mark.parametrize(
    ("name", "capability", "gib", "gb_per_s"),
    [
        ("NVIDIA GeForce RTX 4090", "8.9", 24, 1008),
        ("GeForce RTX 4090", "8.9", 24, 1008),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "8.9", 16, 576),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "8.6", 8, 448),
        ("NVIDIA GeForce RTX 5090", "12.0", 32, 1792),
        ("NVIDIA GeForce GTX 1060 3GB", "6.1", 3, 192.2),
        ("NVIDIA GeForce GTX 1070 with Max-Q Design", "6.1", 8, 256.3),
        ("NVIDIA GeForce RTX 2080 Super with Max-Q Design", "7.5", 8, 352),
        ("NVIDIA TITAN X (Pascal)", "6.1", 12, 480.4),
        ("GeForce GTX TITAN X", "5.2", 12, 336.6),
        ("Tesla T4", "7.5", 16, 320),
        ("NVIDIA T4", "7.5", 16, 320),
        ("Tesla P40", "6.1", 24, 347.1),
        ("Tesla V100-SXM2-16GB", "7.0", 16, 897),
        ("NVIDIA A100-SXM4-80GB", "8.0", 80, 2039),
        ("NVIDIA A100 80GB PCIe", "8.0", 80, 1935),
        ("NVIDIA H100 80GB HBM3", "9.0", 80, 3352),
        ("NVIDIA H200", "9.0", 141, 4800),
        ("NVIDIA RTX A6000", "8.6", 48, 768),
        ("Quadro RTX 6000", "7.5", 24, 672),
        ("NVIDIA RTX 6000 Ada Generation", "8.9", 48, 960),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "12.0", 96, 1792),
        ("NVIDIA GB10", "12.1", 128, 273),
    ],
)
def test_nvidia_names(name: str, capability: str, gib: int, gb_per_s: float) -> None:
    card = find_gpu(name)
    assert card is not None
    assert card.vendor == "nvidia"
    assert card.compute_capability == capability
    assert card.architecture == architecture_of(capability)
    assert card.vram_bytes == gib * GIB
    assert card.memory_bandwidth_bytes_per_s == round(gb_per_s * 1e9)


@pytest.mark.parametrize(
    ("name", "vram_gib", "gb_per_s"),
    [
        ("NVIDIA GeForce RTX 3080", 10, 760.3),
        ("NVIDIA GeForce RTX 3080", 11.99, 912.4),
        ("NVIDIA GeForce RTX 3080 12GB", None, 912.4),
        ("NVIDIA GeForce RTX 3060", 8, 240),
        ("NVIDIA GeForce RTX 3050", 6, 168),
    ],
)
def test_memory_size_tells_cards_of_one_name_apart(name: str, vram_gib: float | None, gb_per_s: float) -> None:
    card = find_gpu(name, None if vram_gib is None else round(vram_gib * GIB))
    assert card is not None
    assert card.memory_bandwidth_bytes_per_s == round(gb_per_s * 1e9)


@pytest.mark.parametrize(
    ("name", "vendor", "target"),
    [
        ("AMD Radeon RX 7900 XTX", "amd", "gfx1100"),
        ("AMD Radeon RX 7900 XTX (RADV NAVI31)", "amd", "gfx1100"),
        ("Radeon RX 6700 XT", "amd", "gfx1031"),
        ("AMD Radeon(TM) 890M Graphics", "amd", "gfx1150"),
        ("AMD Ryzen 7 7840U w/ Radeon 780M Graphics", "amd", "gfx1103"),
        ("AMD Radeon 8060S Graphics", "amd", "gfx1151"),
        ("AMD Instinct MI300X", "amd", "gfx942"),
        ("AMD Radeon RX 9070 XT", "amd", "gfx1201"),
        ("Intel(R) Arc(TM) A770 Graphics", "intel", None),
        ("Intel Arc B580", "intel", None),
        ("Apple M4 Max", "apple", None),
        ("Apple M1", "apple", None),
    ],
)
def test_others(name: str, vendor: str, target: str | None) -> None:
    card = find_gpu(name)
    assert card is not None
    assert (card.vendor, card.gfx_target) == (vendor, target)
    assert card.compute_capability is None
    assert card.architecture


@pytest.mark.parametrize(
    "name", ["", "NVIDIA GeForce RTX 9999", "AMD Radeon Graphics", "Intel(R) UHD Graphics 770", "llvmpipe", "Graphics"]
)
def test_unknown_names(name: str) -> None:
    assert find_gpu(name) is None


def test_every_nvidia_card_is_found_and_complete() -> None:
    for name, capability, _, _ in nvidia_gpus.ROWS:
        card = find_gpu("NVIDIA " + name)
        assert card is not None
        assert architecture_of(capability), name
        assert (card.memory_bandwidth_bytes_per_s or 10**9) >= 10**9


def test_every_amd_target_has_an_architecture() -> None:
    targets = {row[1] for row in other_gpus.AMD} | {target for _, target in pci_ids.AMD_TARGETS.values()}
    assert all(amd_architecture(target) for target in targets)
    assert amd_architecture("gfx90a:sramecc+:xnack-") == "CDNA2"
    assert amd_architecture("gfx000") is None
    assert architecture_of("99.0") is None


@pytest.mark.parametrize(
    ("device", "capability", "name"),
    [
        (0x2684, "8.9", "RTX 4090"),
        (0x2B85, "12.0", "RTX 5090"),
        (0x2204, "8.6", "RTX 3090"),
        (0x1B06, "6.1", "GTX 1080 Ti"),
        (0x1EB8, "7.5", "Tesla T4"),
        (0x2330, "9.0", "H100 80GB HBM3"),
        (0x20B2, "8.0", "A100-SXM4-80GB"),
        (0x1004, "3.5", None),
        (0x0DE1, "2.1", None),
        (0x0040, None, None),
    ],
)
def test_nvidia_ids(device: int, capability: str | None, name: str | None) -> None:
    assert pci_ids.nvidia_compute_capability(device) == capability
    assert pci_ids.nvidia_name(device) == name


def test_ids_names_and_ranges_agree() -> None:
    for device, name in pci_ids.NVIDIA_NAMES.items():
        card = find_gpu(name)
        assert card is not None, name
        assert card.compute_capability == pci_ids.nvidia_compute_capability(device), name
    ranges = [(first, last) for first, last, _ in pci_ids.NVIDIA_RANGES]
    assert ranges == sorted(ranges)
    assert all(first <= last for first, last in ranges)
    assert all(before[1] < after[0] for before, after in pairwise(ranges))


def test_ids_tell_which_driver_branch_is_the_last() -> None:
    capability = pci_ids.nvidia_compute_capability(0x1004)
    assert capability is not None
    assert last_driver_branch(capability) == 470


@pytest.mark.parametrize(
    ("device", "target"),
    [(0x744C, "gfx1100"), (0x73BF, "gfx1030"), (0x1586, "gfx1151"), (0x15BF, "gfx1103"), (0x74A1, "gfx942"), (1, None)],
)
def test_amd_ids(device: int, target: str | None) -> None:
    assert pci_ids.amd_target(device) == target
    assert (pci_ids.amd_name(device) is None) == (target is None)
