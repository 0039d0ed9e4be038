"""Vulkan's loader and registered drivers."""

from __future__ import annotations

from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.machine import Vulkan
from llmdoctor.probes import vulkan
from tests.fakes import error, fake_host

SYSTEM = "/usr/share/vulkan/icd.d"
LOADER = {("ld_cache", "libvulkan.so.1"): ["/lib/i386-linux-gnu/libvulkan.so.1", "/lib/x86_64-linux-gnu/libvulkan.so.1"]}


@pytest.mark.parametrize(
    ("answers", "icds", "software"),
    [
        ({("list", SYSTEM): ["lvp_icd.x86_64.json", "README"]}, ["lvp_icd.x86_64.json"], True),
        (
            {("list", SYSTEM): ["lvp_icd.x86_64.json", "nvidia_icd.json"]},
            ["lvp_icd.x86_64.json", "nvidia_icd.json"],
            False,
        ),
        (
            {("list", "/etc/vulkan/icd.d"): ["nvidia_icd.json"], ("list", SYSTEM): ["nvidia_icd.json"]},
            ["nvidia_icd.json"],
            False,
        ),
        ({}, [], None),
        (
            {("env", "VK_ICD_FILENAMES"): "/opt/x/lvp_icd.json", ("list", SYSTEM): ["nvidia_icd.json"]},
            ["lvp_icd.json"],
            True,
        ),
    ],
)
def test_drivers_on_linux(answers: dict[Any, Any], icds: list[str], software: Any) -> None:
    facts = vulkan.probe(fake_host({**LOADER, **answers}))
    assert facts == Vulkan(loader="/lib/x86_64-linux-gnu/libvulkan.so.1", icds=icds, software_only=software)


def test_fedora_keeps_64_bit_libraries_apart() -> None:
    host = fake_host({("ld_cache", "libvulkan.so.1"): ["/lib/libvulkan.so.1", "/lib64/libvulkan.so.1"]})
    assert vulkan.probe(host).loader == "/lib64/libvulkan.so.1"


def test_no_loader_is_absent_and_a_blind_look_unknown() -> None:
    assert vulkan.probe(fake_host({})).loader is None
    assert isinstance(vulkan.probe(fake_host({("ld_cache", "libvulkan.so.1"): error("of an unknown format")})).loader, Unknown)


def test_windows_asks_the_registry() -> None:
    base: dict[Any, Any] = {("system", "platform"): "windows"}
    known = vulkan.probe(fake_host({**base, ("winapi", "vulkan_drivers"): [r"C:\Windows\System32\DriverStore\x\nv-vk64.json"]}))
    assert (known.icds, known.software_only, known.loader) == (["nv-vk64.json"], False, None)
    assert isinstance(vulkan.probe(fake_host(base)).icds, Unknown)
