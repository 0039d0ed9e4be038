"""AMD cards as sysfs shows them, and ROCm's parts."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Gpu
from llmdoctor.probes.amd import (
    amd_gpus,
    bus_address,
    gfx_target,
    is_integrated,
    parse_clocks,
    parse_names,
    parse_properties,
    parse_speed,
    rocm,
)
from llmdoctor.probes.rocm import parse_supported
from tests.fakes import error, fake_host

GIB = 1 << 30
CARD = "/sys/bus/pci/devices/0000:03:00.0"
NODES = "/sys/class/kfd/kfd/topology/nodes"
PROPERTIES = (
    "cpu_cores_count 0\nsimd_count 192\ngfx_target_version 110000\nvendor_id 4098\ndevice_id 29772\nlocation_id 768\ndomain 0\n"
)
DISCRETE: dict[Any, Any] = {
    ("list", NODES): ["0", "1"],
    ("file", f"{NODES}/0/properties"): "cpu_cores_count 32\nsimd_count 0\ngfx_target_version 0\nlocation_id 0\ndomain 0\n",
    ("file", f"{NODES}/1/properties"): PROPERTIES,
    ("file", f"{CARD}/vendor"): "0x1002\n",
    ("file", f"{CARD}/revision"): "0xc8\n",
    ("file", f"{CARD}/product_name"): "\n",
    (
        "file",
        "/usr/share/libdrm/amdgpu.ids",
    ): "# List\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\n",
    ("file", f"{CARD}/power/runtime_status"): "active\n",
    ("file", f"{CARD}/mem_info_vram_total"): f"{24 * GIB}\n",
    ("file", f"{CARD}/mem_info_vram_used"): f"{2 * GIB}\n",
    ("file", f"{CARD}/mem_info_gtt_total"): f"{31 * GIB}\n",
    ("file", f"{CARD}/current_link_speed"): "2.5 GT/s PCIe\n",
    ("file", f"{CARD}/max_link_speed"): "16.0 GT/s PCIe\n",
    ("file", f"{CARD}/current_link_width"): "16\n",
    ("file", f"{CARD}/max_link_width"): "16\n",
    ("list", f"{CARD}/drm"): ["card1", "renderD128"],
    ("list", f"{CARD}/drm/card1"): ["card1-DP-1", "card1-HDMI-A-1", "dev"],
    ("file", f"{CARD}/drm/card1/card1-DP-1/status"): "disconnected\n",
    ("file", f"{CARD}/drm/card1/card1-HDMI-A-1/status"): "connected\n",
    ("list", f"{CARD}/hwmon"): ["hwmon4"],
    ("file", f"{CARD}/hwmon/hwmon4/power1_average"): "23000000\n",
    ("file", f"{CARD}/hwmon/hwmon4/power1_cap"): "339000000\n",
    ("file", f"{CARD}/hwmon/hwmon4/temp1_input"): "41000\n",
    ("file", f"{CARD}/gpu_busy_percent"): "3\n",
    ("file", f"{CARD}/pp_dpm_sclk"): "0: 500Mhz *\n1: 2526Mhz\n",
}
PCI = Gpu(vendor="amd", pci_id="0000:03:00.0", pci_device="1002:744c", kernel_driver="amdgpu")


def test_a_card_that_is_awake() -> None:
    (gpu,) = amd_gpus(fake_host(DISCRETE), [Gpu(vendor="nvidia", pci_id="0000:01:00.0"), PCI])
    assert (gpu.name, gpu.gfx_target, gpu.architecture) == ("AMD Radeon RX 7900 XTX", "gfx1100", "RDNA3")
    assert gpu.memory_bandwidth_bytes_per_s == 960_000_000_000
    assert (gpu.integrated, gpu.display_attached, gpu.lost) == (False, True, False)
    assert (gpu.vram_total_bytes, gpu.vram_free_bytes, gpu.gtt_total_bytes) == (24 * GIB, 22 * GIB, 31 * GIB)
    assert (gpu.pcie_generation, gpu.pcie_generation_max, gpu.pcie_width) == (1, 4, 16)
    assert (gpu.power_draw_watts, gpu.power_limit_watts, gpu.temperature_celsius) == (23.0, 339.0, 41)
    assert (gpu.sm_clock_mhz, gpu.sm_clock_max_mhz, gpu.utilization_percent) == (500, 2526, 3)
    assert gpu.compute_capability is None and isinstance(gpu.processes, Unknown)


def test_a_card_that_sleeps_is_not_woken() -> None:
    answers = {**DISCRETE, ("file", f"{CARD}/power/runtime_status"): "suspended\n"}
    (gpu,) = amd_gpus(fake_host(answers), [PCI])
    assert gpu.runtime_power_state == "suspended" and gpu.vram_total_bytes == 24 * GIB
    assert isinstance(gpu.temperature_celsius, Unknown) and isinstance(gpu.utilization_percent, Unknown)


def test_a_card_of_another_driver_has_unknown_memory() -> None:
    (gpu,) = amd_gpus(
        fake_host({}), [Gpu(vendor="amd", pci_id="0000:03:00.0", pci_device="1002:744c", kernel_driver="vfio-pci")]
    )
    assert gpu.vram_total_bytes == Unknown("bound to vfio-pci, not to amdgpu")
    assert (gpu.gfx_target, gpu.integrated) == ("gfx1100", False)  # by its device id


def test_a_card_that_nobody_knows() -> None:
    (gpu,) = amd_gpus(fake_host({}), [Gpu(vendor="amd", pci_id="0000:03:00.0", pci_device="1002:ffff", kernel_driver="amdgpu")])
    assert isinstance(gpu.gfx_target, Unknown) and isinstance(gpu.integrated, Unknown) and isinstance(gpu.name, Unknown)
    assert isinstance(gpu.memory_bandwidth_bytes_per_s, Unknown) and gpu.vram_total_bytes is None


@pytest.mark.parametrize(
    ("version", "target", "integrated"),
    [
        (110000, "gfx1100", False),
        (110501, "gfx1151", True),
        (110003, "gfx1103", True),
        (100300, "gfx1030", False),
        (90010, "gfx90a", False),
        (90012, "gfx90c", True),
        (90402, "gfx942", Unknown("gfx942 is both a card and a processor")),
        (120001, "gfx1201", False),
        (80003, "gfx803", False),
    ],
)
def test_targets(version: int, target: str, integrated: Any) -> None:
    assert gfx_target(version) == target
    assert is_integrated(target) == integrated


def test_small_parsers() -> None:
    assert gfx_target(0) is None
    assert bus_address(0x0300, 0) == "0000:03:00.0" and bus_address(0xC100 | 2, 1) == "0001:c1:00.2"
    assert parse_properties("simd_count 64\nname 7\nbroken\nuuid GPU-x\n") == {"simd_count": 64, "name": 7}
    assert parse_speed("16.0 GT/s PCIe") == 4 and isinstance(parse_speed("Unknown"), Unknown)
    assert parse_clocks("S: 19Mhz *\n0: 500Mhz\n1: 2526Mhz\n") == (19, 2526) and parse_clocks("") == (None, None)
    assert parse_names("744C,\tCE,\tAMD Radeon RX 7900 GRE", "744c", "ce") == "AMD Radeon RX 7900 GRE"
    assert parse_supported(["TensileLibrary_lazy_gfx1100.dat", "Kernels.so-000-gfx90a-xnack+.hsaco", "x.co"]) == [
        "gfx1100",
        "gfx90a",
    ]


# --- ROCm ---------------------------------------------------------------------------------------


def _node(group: Optional[str] = "render", usable: bool = True) -> dict[str, Any]:
    return {
        "kind": "char", "size_bytes": 0, "mode": 0o660, "uid": 0, "gid": 105, "modified_s": 0.0, "readable": usable,
        "writable": usable, "executable": False, "group": group,
    }  # fmt: skip


FOLDER = {**_node(None), "kind": "dir"}
INSTALLED: dict[Any, Any] = {
    ("stat", "/opt/rocm"): FOLDER,
    ("file", "/opt/rocm/.info/version"): "6.2.4-130\n",
    ("list", "/opt/rocm/lib/rocblas/library"): ["TensileLibrary_lazy_gfx1030.dat", "TensileLibrary_lazy_gfx1100.dat"],
    ("stat", "/sys/module/amdgpu"): FOLDER,
    ("list", "/dev/dri"): ["card0", "renderD128", "renderD129"],
    ("file", "/sys/class/drm/renderD128/device/vendor"): "0x1002\n",
    ("file", "/sys/class/drm/renderD129/device/vendor"): "0x10de\n",
    ("stat", "/dev/kfd"): _node(),
    ("stat", "/dev/dri/renderD128"): _node(),
    ("system", "groups"): ["ada", "render"],
}


def test_rocm_in_its_own_folder() -> None:
    facts = rocm(fake_host(INSTALLED))
    assert (facts.version, facts.kfd, facts.render_nodes_accessible) == ("6.2.4", True, True)
    assert (facts.amdgpu_loaded, facts.user_in_render_group, facts.hsa_override) == (True, True, None)
    assert facts.supported_gfx == ["gfx1030", "gfx1100"]


def test_rights_that_lack() -> None:
    answers = {**INSTALLED, ("stat", "/dev/kfd"): _node(usable=False), ("system", "groups"): ["ada"]}
    facts = rocm(fake_host(answers))
    assert (facts.kfd, facts.user_in_render_group) == (False, False)


def test_rocm_of_the_distribution() -> None:
    soname = "/usr/lib64/libamdhip64.so.6"
    facts = rocm(
        fake_host(
            {
                ("ld_cache", "libamdhip64.so.6"): [soname],
                ("realpath", soname): "/usr/lib64/libamdhip64.so.6.2.41134",
                ("list", "/usr/lib64/rocblas"): ["library"],
                ("list", "/usr/lib64/rocblas/library"): ["TensileLibrary_gfx906.dat"],
            }
        )
    )
    assert (facts.version, facts.supported_gfx) == ("6.2", ["gfx906"])


def test_no_rocm_is_absent() -> None:
    facts = rocm(fake_host({}))
    assert (facts.version, facts.kfd, facts.render_nodes_accessible, facts.supported_gfx) == (None, None, None, None)
    assert (facts.amdgpu_loaded, facts.user_in_render_group) == (False, None)


def test_what_cannot_be_looked_at_is_unknown() -> None:
    facts = rocm(fake_host({("stat", "/dev/kfd"): error("no permission"), ("list", "/opt"): error("no permission")}))
    assert isinstance(facts.kfd, Unknown) and isinstance(facts.version, Unknown) and isinstance(facts.supported_gfx, Unknown)


def test_windows_and_macos() -> None:
    windows = rocm(
        fake_host(
            {
                ("system", "platform"): "windows",
                ("list", r"C:\Program Files\AMD\ROCm"): ["5.7", "6.2"],
                ("list", r"C:\Program Files\AMD\ROCm\6.2\bin\rocblas\library"): ["TensileLibrary_lazy_gfx1100.dat"],
            }
        )
    )
    assert (windows.version, windows.supported_gfx, windows.kfd) == ("6.2", ["gfx1100"], None)
    assert rocm(fake_host({("system", "platform"): "macos"})).amdgpu_loaded is None
