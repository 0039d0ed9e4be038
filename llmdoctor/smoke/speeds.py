"""What was measured on a GPU, beside what the card and its link can do at most."""

from __future__ import annotations

from typing import Any

from ..catalogs.pcie import link_bytes_per_s
from ..facts.fact import Fact
from ..facts.machine import Gpu, Machine, SmokeGpu
from ..facts.units import show, show_bytes
from ..host.host import Story
from . import story as stories


def gpus_of(machine: Machine) -> list[Gpu]:
    return machine.gpus if isinstance(machine.gpus, list) else []


def about(machine: Machine, gpu: dict[str, Any]) -> SmokeGpu:
    """A GPU that the driver level opened, with the peaks that the machine's facts tell of the same card."""
    found = SmokeGpu(index=gpu["index"], name=gpu["name"], uuid=gpu["uuid"], compute_capability=gpu["compute_capability"])
    known = next((one for one in gpus_of(machine) if one.uuid == gpu["uuid"]), None)
    if known is not None:
        found.peak_read_bytes_per_s = known.memory_bandwidth_bytes_per_s
        found.busy_percent = known.utilization_percent
        generation, width = known.pcie_generation_max, known.pcie_width
        if isinstance(generation, int) and isinstance(width, int):
            found.peak_link_bytes_per_s = link_bytes_per_s(generation, width)
    return found


_SPEEDS = ("copy_bytes_per_s", "read_bytes_per_s", "to_ram_bytes_per_s", "from_ram_bytes_per_s")
_PRODUCTS = {
    "float32": "float32_operations_per_s",
    "float16": "float16_operations_per_s",
    "int8": "int8_operations_per_s",
    "float16 tensor core": "tensor_operations_per_s",
}


def note_speeds(gpu: SmokeGpu, story: Story) -> None:
    seen = stories.together(story)
    for name in _SPEEDS:
        if isinstance(seen.get(name), int):
            setattr(gpu, name, seen[name])
    for one in stories.saw(story):
        product = one.get("product")
        if isinstance(product, dict) and product.get("name") in _PRODUCTS:
            setattr(gpu, _PRODUCTS[product["name"]], product.get("operations_per_s"))
        if one.get("lacks") in _PRODUCTS:
            setattr(gpu, _PRODUCTS[one["lacks"]], None)


def in_words(name: str, story: Story, gpu: SmokeGpu) -> list[str]:
    """What a level that passed has seen on a GPU."""
    seen = stories.together(story)
    if name == "inference":
        products = [
            f"{product} {value / 1e12:.1f}"
            for product, field in _PRODUCTS.items()
            if isinstance(value := getattr(gpu, field), int)
        ]
        return [
            f"{seen.get('tokens')} tokens as the reference has them, {seen.get('repeats')} times alike; "
            f"logits off by {seen.get('logit_error', 0):.0e} at most.",
            f"Matrix products are right, in trillions of operations per second: {', '.join(products)}.",
        ]
    found = [f"{show_bytes(seen.get('tested_bytes', 0))} written, copied and read back without a wrong bit."]
    if name == "memory":
        found.append(
            f"Within VRAM: copying {show('_bytes_per_s', gpu.copy_bytes_per_s)}, "
            f"reading {show('_bytes_per_s', gpu.read_bytes_per_s)}{_share(gpu.read_bytes_per_s, gpu.peak_read_bytes_per_s)}."
        )
        found.append(
            f"To RAM {show('_bytes_per_s', gpu.to_ram_bytes_per_s)}, "
            f"from RAM {show('_bytes_per_s', gpu.from_ram_bytes_per_s)}{_share(gpu.from_ram_bytes_per_s, gpu.peak_link_bytes_per_s)}."
        )
    return found


def _share(speed: Fact[int], peak: Fact[int]) -> str:
    if not isinstance(speed, int) or not isinstance(peak, int) or not peak:
        return ""
    return f" ({speed / peak:.0%} of the {show('_bytes_per_s', peak)} that it can do at most)"
