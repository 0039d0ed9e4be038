"""The machine screen: every fact with its reason, search, and what changes by the second."""

from __future__ import annotations

import msgspec
from textual.pilot import Pilot

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Gpu, GpuProcess, Machine
from llmdoctor.probes.live import sample
from llmdoctor.survey.storage import open_saved
from llmdoctor.tui import facts_view
from llmdoctor.tui.app import DoctorApp
from llmdoctor.tui.widgets.fact_tree import FactTree
from tests.fakes import fake_host

from .driving import HEALTHY, LAPTOP, MISMATCH, drive, shows, until


def test_every_fact_has_a_row_and_every_unknown_its_reason() -> None:
    machine = open_saved(str(LAPTOP), 20).machine
    rows = facts_view.rows(machine)
    assert {row.area for row in rows} == set(facts_view.TITLES) == set(msgspec.structs.asdict(machine)) - {
        "schema_version", "recorded_at"
    }  # fmt: skip
    paths = {row.path: row for row in rows}
    assert paths["gpus[0].name"].value == "NVIDIA GeForce RTX 4060 Laptop GPU"
    assert all(len(row.value) > len("unknown: ") for row in rows if row.state == "unknown")
    leaves = sum(row.state == "unknown" for row in rows)
    assert leaves == msgspec.json.encode(machine).count(b'{"unknown":') + sum(
        row.value == "unknown: not recorded" for row in rows
    )  # defaults are left out of JSON


def test_fields_say_what_they_mean_and_where_they_are_read() -> None:
    assert "compute capability" not in facts_view.meanings().get("Gpu.uuid", "")
    assert facts_view.meanings()["Gpu.gfx_target"] == "AMD's gfx1100."
    rows = facts_view.rows(Machine())
    assert all(facts_view.source_of(row.area) for row in rows if row.state == "area")
    assert len([row for row in rows if row.meaning in facts_view.meanings()]) > 100


def test_search_and_only_the_unknown() -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("3")
        await shows(pilot, "Operating system")
        await pilot.press("slash", "n", "v", "m", "l")
        await shows(pilot, "vram total", "NVML_ERROR_LIB_RM_VERSION_MISMATCH", "facts match")
        await pilot.press("escape", "u")
        await shows(pilot, "unknown: NVML_ERROR_LIB_RM_VERSION_MISMATCH")
        tree = app.query_one(FactTree)
        assert all(row.state in ("unknown", "area", "group") for row in tree._shown)

    drive(steps, MISMATCH)


def test_areas_fold_and_a_fact_is_copied(copied: list[str]) -> None:
    async def steps(pilot: Pilot[None], app: DoctorApp) -> None:
        await pilot.press("3")
        await shows(pilot, "Ubuntu 24.04.3 LTS")
        await pilot.press("down", "down")
        await shows(pilot, "os.name = Ubuntu", "As the system names itself", "Read from:")
        await pilot.press("c", "left")
        await until(pilot, lambda: copied)
        await shows(pilot, "▸ Operating system")

    drive(steps, HEALTHY)
    assert copied == ["os.name = Ubuntu 24.04.3 LTS"]


def test_what_changes_by_the_second_is_asked_of_cards_that_are_awake() -> None:
    host = fake_host({
        ("file", "/proc/meminfo"): "MemTotal: 1024 kB\nMemAvailable: 512 kB\n",
        ("nvml", "nvmlDeviceGetMemoryInfo", 0, "nvmlMemory_v2"): {"total": 100, "used": 60, "free": 40, "reserved": 0},
        ("nvml", "nvmlDeviceGetUtilizationRates", 0): {"gpu": 87, "memory": 3},
        ("nvml", "nvmlDeviceGetTemperature", 0, "NVML_TEMPERATURE_GPU"): 54,
        ("nvml", "nvmlDeviceGetPowerUsage", 0): 250_500,
        ("nvml", "nvmlDeviceGetComputeRunningProcesses", 0): [{"pid": 7, "usedGpuMemory": 60}],
        ("processes", "name", 7): "ollama",
    })  # fmt: skip
    awake = Gpu(vendor="nvidia", index=0, runtime_power_state="active")
    asleep = Gpu(vendor="nvidia", index=0, runtime_power_state="suspended")
    now = sample(host, [awake, asleep, Gpu(vendor="intel")])
    assert (now.ram_total_bytes, now.ram_available_bytes) == (1 << 20, 1 << 19)
    assert [card.number for card in now.cards] == [0]
    gpu = now.cards[0].gpu
    assert (gpu.vram_used_bytes, gpu.utilization_percent, gpu.temperature_celsius, gpu.power_draw_watts) == (60, 87, 54, 250.5)
    assert isinstance(gpu.processes, list) and isinstance(gpu.processes[0], GpuProcess) and gpu.processes[0].name == "ollama"
    assert sample(host, Unknown("no bus")).cards == []
