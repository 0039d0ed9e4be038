"""What the readers understand of logs in each program's own format, over the years."""

from __future__ import annotations

import doctest
import random
import re
from typing import Any

import pytest

from llmdoctor.facts.fact import Unknown
from llmdoctor.facts.run import Run
from llmdoctor.logs.chapters import Chapter, LogReader, latest_run
from llmdoctor.logs.scanner import Pattern, Scanner
from llmdoctor.runtimes import all_readers, all_runtimes
from llmdoctor.runtimes.common import log_tools

MIB, GIB = 1 << 20, 1 << 30
NONE = Pattern(("\0",))


def read(log: str) -> list[Chapter]:
    return LogReader([NONE], all_readers()).read("a.log", [log.encode()])


def run_of(log: str) -> Run:
    run = latest_run(read(log)[-1])
    assert run is not None
    return run


def at(run: Run, path: str) -> Any:
    """``devices.CUDA0.weights_bytes``, ``exits.0.names``; None for what is unknown."""
    value: Any = run
    for name in path.split("."):
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() else next((one for one in value if one.name == name), None)
        else:
            value = getattr(value, name)
        if value is None or isinstance(value, Unknown):
            return None
    return value


LLAMA = {
    "2025, the KV cache does not fit": (
        """\
build: 4719 (d7b31a9d) with cc (Ubuntu 13.3.0) 13.3.0 for x86_64-linux-gnu
system_info: n_threads = 8 (n_threads_batch = 8) / 16 | CUDA : ARCHS = 860 |
ggml_cuda_init: found 1 CUDA devices:
  Device 0: NVIDIA GeForce RTX 3060, compute capability 8.6, VMM: yes
srv    load_model: loading model '/srv/m/a.gguf'
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) - 11762 MiB free
llama_model_loader: loaded meta data with 33 key-value pairs and 579 tensors from /srv/m/a.gguf (version GGUF V3 (latest))
print_info: file type   = Q4_K - Medium
print_info: file size   = 18.48 GiB (4.85 BPW)
print_info: arch             = qwen2
print_info: n_ctx_train      = 32768
print_info: model params     = 32.76 B
load_tensors: offloaded 40/65 layers to GPU
load_tensors:        CUDA0 model buffer size =  9000.00 MiB
load_tensors:   CPU_Mapped model buffer size =  8926.00 MiB
llama_init_from_model: n_seq_max     = 1
llama_init_from_model: n_ctx         = 32768
llama_init_from_model: n_ctx_per_seq = 32768
llama_init_from_model: flash_attn    = 0
llama_kv_cache_init: kv_size = 32768, offload = 1, type_k = 'f16', type_v = 'f16', n_layer = 64, can_shift = 1
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 5120.00 MiB on device 0: cudaMalloc failed: out of memory
ggml_backend_alloc_ctx_tensors_from_buft: failed to allocate CUDA0 buffer of size 5368709120
llama_kv_cache_init: failed to allocate buffer for kv cache
common_init_from_params: failed to create context with model '/srv/m/a.gguf'
""",
        {
            "runtime": "llama.cpp", "engine": "llama.cpp", "version": "b4719", "os": "linux", "model": "/srv/m/a.gguf",
            "architecture": "qwen2", "quantization": "Q4_K - Medium", "parameters": 32_760_000_000,
            "model_bytes": round(18.48 * GIB), "n_ctx": 32768, "n_ctx_seq": 32768, "n_ctx_train": 32768, "n_parallel": 1,
            "flash_attention": False, "cache_type_k": "f16", "cache_type_v": "f16", "n_threads": 8, "gpus_found": 1,
            "gpu_layers_offloaded": 40, "layers_total": 65, "outcome": "failed",
            "devices.CUDA0.description": "NVIDIA GeForce RTX 3060", "devices.CUDA0.backend": "cuda",
            "devices.CUDA0.compute_capability": "8.6", "devices.CUDA0.free_bytes": 11762 * MIB,
            "devices.CUDA0.weights_bytes": 9000 * MIB, "devices.CPU_Mapped.weights_bytes": 8926 * MIB,
            "devices.CPU_Mapped.backend": "cpu", "devices.CUDA0.kv_cache_bytes": None,
            "failed_allocation.requested_bytes": 5120 * MIB, "failed_allocation.device": "CUDA0",
            "failed_allocation.part": "kv-cache", "failed_allocation.line": 21,
        },
    ),
    "2024, two cards, compute buffers do not fit": (
        """\
ggml_cuda_init: found 2 CUDA devices:
  Device 0: NVIDIA GeForce RTX 4070 Ti, compute capability 8.9, VMM: yes
  Device 1: NVIDIA GeForce RTX 3090 Ti, compute capability 8.6, VMM: yes
llama_model_loader: loaded meta data with 24 key-value pairs and 363 tensors from C:\\models\\b.gguf (version GGUF V3 (latest))
llm_load_print_meta: arch             = command-r
llm_load_print_meta: model ftype      = Q4_K - Small
llm_load_print_meta: model params     = 34.98 B
llm_load_print_meta: model size       = 18.83 GiB (4.62 BPW)
llm_load_tensors: offloaded 41/41 layers to GPU
llm_load_tensors:        CPU buffer size =  1640.62 MiB
llm_load_tensors:      CUDA0 buffer size =  5434.38 MiB
llm_load_tensors:      CUDA1 buffer size = 13989.53 MiB
llama_new_context_with_model: n_ctx      = 4096
llama_kv_cache_init:      CUDA0 KV buffer size =  1536.00 MiB
llama_kv_cache_init:      CUDA1 KV buffer size =  3584.00 MiB
llama_new_context_with_model: KV self size  = 5120.00 MiB, K (q8_0): 2560.00 MiB, V (q4_0): 2560.00 MiB
llama_new_context_with_model:  CUDA_Host  output buffer size =     1.95 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 672.01 MiB on device 1: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n: failed to allocate CUDA1 buffer of size 704655360
llama_new_context_with_model: failed to allocate compute buffers
""",
        {
            "os": "windows", "model": "C:\\models\\b.gguf", "cache_type_k": "q8_0", "cache_type_v": "q4_0", "gpus_found": 2,
            "devices.CPU.weights_bytes": round(1640.62 * MIB), "devices.CUDA1.weights_bytes": round(13989.53 * MIB),
            "devices.CUDA0.kv_cache_bytes": 1536 * MIB, "devices.CUDA_Host.backend": "cpu", "quantization": "Q4_K - Small",
            "failed_allocation.device": "CUDA1", "failed_allocation.part": "compute",
            "failed_allocation.requested_bytes": round(672.01 * MIB),
        },
    ),
    "ROCm, the weights do not fit": (
        """\
ggml_cuda_init: found 1 ROCm devices:
  Device 0: AMD Radeon RX 6800, gfx1030 (0x1030), VMM: no, Wave Size: 32
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/c.gguf (version GGUF V3 (latest))
print_info: arch             = llama
load_tensors: loading model tensors, this can take a while... (mmap = true)
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 19000.00 MiB on device 0: cudaMalloc failed: out of memory
alloc_tensor_range: failed to allocate ROCm0 buffer of size 19922944000
llama_model_load: error loading model: unable to allocate ROCm0 buffer
llama_model_load_from_file_impl: failed to load model
""",
        {
            "devices.ROCm0.compute_capability": "gfx1030", "devices.ROCm0.backend": "rocm", "devices.CUDA0": None,
            "failed_allocation.device": "ROCm0", "failed_allocation.part": "weights", "outcome": "failed",
        },
    ),
    "2026: stamped lines, fit, auto flash attention, ready": (
        """\
0.00.165.302 I build_info: b11023-0a1b2c3d4
0.00.165.402 I   - CUDA0   : NVIDIA GeForce RTX 4070 Laptop GPU (8187 MiB, 7054 MiB free)
0.00.168.150 I srv  llama_server: n_parallel is set to auto, using n_parallel = 4 and kv_unified = true
0.00.965.678 I common_params_fit_impl: projected to use 16007 MiB of device memory vs. 7054 MiB of free device memory
0.00.965.693 I common_params_fit_impl: context size reduced from 131072 to 8192 -> need 8133 MiB less memory in total
0.01.100.100 I llama_model_loader: loaded meta data with 42 key-value pairs and 753 tensors from /srv/d.gguf (version GGUF V3 (latest))
0.01.100.101 I llama_prepare_model_devices: using device CUDA0 (NVIDIA GeForce RTX 4070 Laptop GPU) (0000:01:00.0) - 7000 MiB free
0.01.100.102 I print_info: n_ctx_train           = 262144
0.01.200.100 I load_tensors:        CUDA0 model buffer size =  4000.00 MiB
0.01.200.200 I llama_context: n_ctx         = 8192
0.01.200.201 I llama_context: n_ctx_seq     = 8192
0.01.200.202 I llama_context: flash_attn    = auto
0.01.200.203 I llama_kv_cache:      CUDA0 KV buffer size =   512.00 MiB
0.01.200.204 I llama_kv_cache: size =  512.00 MiB (  8192 cells,  32 layers,  4/1 seqs), K (f16):  256.00 MiB, V (f16):  256.00 MiB
0.01.200.205 I llama_memory_recurrent:      CUDA0 RS buffer size =    64.00 MiB
0.01.200.206 I sched_reserve: Flash Attention was auto, set to enabled
0.01.242.678 I sched_reserve:      CUDA0 compute buffer size =   416.44 MiB
0.01.242.684 I sched_reserve:  CUDA_Host compute buffer size =    96.07 MiB
0.01.342.678 I sched_reserve:      CUDA0 compute buffer size =   300.00 MiB
0.01.447.772 I srv    load_model: initializing, n_slots = 4, n_ctx_slot = 8192, kv_unified = 'true'
0.01.500.000 I srv  llama_server: model loaded
""",
        {
            "version": "b11023", "n_parallel": 4, "n_ctx_source": "fit", "n_ctx": 8192, "n_ctx_seq": 8192, "n_ctx_train": 262144,
            "flash_attention": True, "outcome": "ready", "devices.CUDA0.total_bytes": 8187 * MIB,
            "devices.CUDA0.free_bytes": 7000 * MIB, "devices.CUDA0.kv_cache_bytes": 576 * MIB,
            "devices.CUDA0.compute_bytes": round(416.44 * MIB), "cache_type_k": "f16",
        },
    ),
    "2026, what the server prints of the machine": (
        """\
0.00.753.909 I common_params_print_info: build 9694 (4a79037b8) with Clang 20.1.8 for Windows x86_64
0.00.753.914 I device_info:
0.00.864.081 I   - SYCL0   : Intel(R) Arc(TM) Pro B50 Graphics (15881 MiB, 15707 MiB free)
0.00.864.183 I   - CPU     : AMD Ryzen 9 5950X 16-Core Processor             (130997 MiB, 123322 MiB free)
""",
        {
            "version": "b9694", "os": "windows", "devices.SYCL0.free_bytes": 15707 * MIB, "ram_free_bytes": 123322 * MIB,
            "devices.CPU": None, "devices.SYCL0.description": "Intel(R) Arc(TM) Pro B50 Graphics",
        },
    ),
    "mid 2023, before buffers by device": (
        """\
main: build = 1270 (a98b1633)
ggml_init_cublas: found 1 CUDA devices:
  Device 0: NVIDIA GeForce GTX 1660, compute capability 7.5
llama_model_loader: loaded meta data with 19 key-value pairs and 291 tensors from ./e.gguf (version GGUF V2 (latest))
llm_load_print_meta: n_ctx_train    = 4096
llm_load_print_meta: n_ctx          = 2048
llm_load_print_meta: model ftype    = mostly Q4_K - Medium
llm_load_tensors: ggml ctx size =    0.09 MB
llm_load_tensors: mem required  = 1705.55 MB
llm_load_tensors: offloaded 20/35 layers to GPU
llm_load_tensors: VRAM used: 4807.05 MB
llama_new_context_with_model: kv self size  = 1024.00 MB
llama_new_context_with_model: VRAM scratch buffer: 153.00 MB
CUDA error 2 at ggml-cuda.cu:5000: out of memory
current device: 0
""",
        {
            "version": "b1270", "n_ctx": 2048, "n_ctx_train": 4096, "gpu_layers_offloaded": 20, "layers_total": 35,
            "devices.CUDA0.weights_bytes": round(4807.05 * MIB), "devices.CUDA0.compute_bytes": 153 * MIB,
            "devices.CPU.weights_bytes": round(1705.55 * MIB), "failed_allocation.device": "CUDA0",
        },
    ),
    "Metal": (
        """\
ggml_metal_init: found device: Apple M2
ggml_metal_init: recommendedMaxWorkingSetSize  = 11453.25 MB
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /Users/a/f.gguf (version GGUF V3 (latest))
load_tensors: Metal_Mapped model buffer size =  4096.00 MiB
load_tensors: Metal_Mapped model buffer size =  1024.00 MiB
load_tensors:   CPU_Mapped model buffer size =   100.00 MiB
ggml_metal_graph_compute: command buffer 0 failed with status 5
error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)
""",
        {
            "os": "macos", "devices.Metal.description": "Apple M2", "devices.Metal.total_bytes": 11453250000,
            "devices.Metal.weights_bytes": 5120 * MIB, "failed_allocation.device": "Metal", "outcome": "failed",
        },
    ),
    "Metal as it is named since 2026": (
        """\
ggml_metal_device_init: GPU name:   MTL0 (Apple M3 Max)
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /Users/a/f.gguf (version GGUF V3 (latest))
load_tensors: MTL0_Mapped model buffer size =  4096.00 MiB
""",
        {"devices.MTL0.weights_bytes": 4096 * MIB, "devices.MTL0.backend": "metal", "devices.Metal": None},
    ),
    "Vulkan": (
        """\
ggml_vulkan: Found 1 Vulkan devices:
ggml_vulkan: 0 = AMD Radeon RX 7600 (RADV NAVI33) (radv) | uma: 0 | fp16: 1 | warp size: 64 | shared memory: 65536
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/g.gguf (version GGUF V3 (latest))
load_tensors:      Vulkan0 model buffer size =  7000.00 MiB
ggml_vulkan: Device memory allocation of size 1073741824 failed.
ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory
ggml_gallocr_reserve_n: failed to allocate Vulkan0 buffer of size 1073741824
""",
        {
            "gpus_found": 1, "devices.Vulkan0.description": "AMD Radeon RX 7600 (RADV NAVI33)", "devices.Vulkan0.backend": "vulkan",
            "failed_allocation.device": "Vulkan0", "failed_allocation.part": "compute", "failed_allocation.requested_bytes": GIB,
        },
    ),
    "the host's memory": (
        """\
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/h.gguf (version GGUF V3 (latest))
print_info: arch             = llama
ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 43000000000
llama_model_load: error loading model: unable to allocate CPU buffer
""",
        {
            "failed_allocation.device": "CPU", "failed_allocation.requested_bytes": 43000000000, "failed_allocation.part": "weights",
            "devices.CPU.backend": "cpu",
        },
    ),
    "a second try that works": (
        """\
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/i.gguf (version GGUF V3 (latest))
load_tensors:        CUDA0 model buffer size =  9000.00 MiB
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 900.00 MiB on device 0: cudaMalloc failed: out of memory
ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 943718400
llama_context: compute buffer allocation failed, retrying without pipeline parallelism
main: server is listening on http://127.0.0.1:8080 - starting the main loop
""",
        {"failed_allocation": None, "outcome": "ready"},
    ),
    "a draft model is of the same run": (
        """\
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/big.gguf (version GGUF V3 (latest))
print_info: arch             = qwen3
load_tensors:        CUDA0 model buffer size =  9000.00 MiB
llama_context: n_ctx         = 16384
srv    load_model: loading draft model '/home/a/small.gguf'
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 3060) - 1200 MiB free
llama_model_loader: loaded meta data with 31 key-value pairs and 291 tensors from /home/a/small.gguf (version GGUF V3 (latest))
print_info: arch             = qwen2
load_tensors:        CUDA0 model buffer size =  1000.00 MiB
""",
        {"model": "/home/a/big.gguf", "architecture": "qwen3", "devices.CUDA0.weights_bytes": 10000 * MIB, "n_ctx": 16384},
    ),
}  # fmt: skip

OLLAMA = {
    "0.5: estimate before, engine's lines after": (
        """\
2025/02/02 09:23:09 routes.go:1187: INFO server config env="map[OLLAMA_HOST:http://127.0.0.1:11434 OLLAMA_MODELS:C:\\\\Users\\\\a\\\\.ollama\\\\models OLLAMA_NUM_PARALLEL:0]"
time=2025-02-02T09:23:09.833+08:00 level=INFO source=routes.go:1238 msg="Listening on 127.0.0.1:11434 (version 0.5.7)"
time=2025-02-02T09:23:10.000+08:00 level=INFO source=types.go:131 msg="inference compute" id=GPU-1111 library=cuda variant=v12 compute=8.9 driver=12.6 name="NVIDIA GeForce RTX 4080 Laptop GPU" total="12.0 GiB" available="10.8 GiB"
time=2025-02-02T09:24:00.000+08:00 level=INFO source=server.go:104 msg="system memory" total="31.7 GiB" free="20.1 GiB" free_swap="30.0 GiB"
time=2025-02-02T09:24:00.100+08:00 level=INFO source=memory.go:356 msg="offload to cuda" layers.requested=-1 layers.model=49 layers.offload=25 layers.split="" memory.available="[10.5 GiB]" memory.gpu_overhead="0 B" memory.required.full="19.0 GiB" memory.required.partial="10.4 GiB"
time=2025-02-02T09:24:00.200+08:00 level=INFO source=server.go:376 msg="starting llama server" cmd="C:\\\\Users\\\\a\\\\AppData\\\\Local\\\\Programs\\\\Ollama\\\\lib\\\\ollama\\\\runners\\\\cuda_v12_avx\\\\ollama_llama_server.exe runner --model C:\\\\Users\\\\a\\\\.ollama\\\\models\\\\blobs\\\\sha256-8c62 --ctx-size 8192 --batch-size 512 --n-gpu-layers 25 --threads 10 --no-mmap --parallel 4 --port 33405"
time=2025-02-02T09:24:00.300+08:00 level=INFO source=sched.go:449 msg="loaded runners" count=1
llama_model_loader: loaded meta data with 34 key-value pairs and 579 tensors from C:\\Users\\a\\.ollama\\models\\blobs\\sha256-8c62 (version GGUF V3 (latest))
llm_load_print_meta: arch             = qwen2
llm_load_tensors: offloaded 25/49 layers to GPU
llm_load_tensors:        CUDA0 model buffer size =  4900.00 MiB
llama_new_context_with_model: n_ctx      = 8192
time=2025-02-02T09:24:09.000+08:00 level=ERROR source=sched.go:455 msg="error loading llama server" error="llama runner process has terminated: exit status 0xc0000409"
""",
        {
            "runtime": "ollama", "engine": "llama.cpp", "version": "0.5.7", "os": "windows", "n_ctx": 8192, "n_parallel": 4, "n_batch": 512,
            "gpu_layers_requested": -1, "gpu_layers_offloaded": 25, "layers_total": 49, "n_threads": 10, "use_mmap": False,
            "ram_free_bytes": round(20.1 * GIB), "ram_total_bytes": round(31.7 * GIB), "devices.CUDA0.free_bytes": round(10.5 * GIB),
            "devices.CUDA0.total_bytes": 12 * GIB, "devices.CUDA0.description": "NVIDIA GeForce RTX 4080 Laptop GPU",
            "devices.CUDA0.weights_bytes": 4900 * MIB, "exits.0.names": ["STATUS_STACK_BUFFER_OVERRUN"], "outcome": "failed",
            "architecture": "qwen2",
        },
    ),
    "0.14: its own engine": (
        """\
time=2026-01-10T10:00:00.000Z level=INFO source=routes.go:1614 msg="server config" env="map[OLLAMA_CONTEXT_LENGTH:0 OLLAMA_MODELS:/root/.ollama/models]"
time=2026-01-10T10:00:00.010Z level=INFO source=routes.go:1667 msg="Listening on [::]:11434 (version 0.14.0)"
time=2026-01-10T10:00:01.000Z level=INFO source=types.go:42 msg="inference compute" id=GPU-bbbb filter_id="" library=CUDA compute=8.6 name=CUDA1 description="NVIDIA GeForce RTX 3060" libdirs=ollama,cuda_v13 driver=13.0 pci_id=0000:02:00.0 type=discrete total="12.0 GiB" available="11.5 GiB"
time=2026-01-10T10:00:01.001Z level=INFO source=types.go:42 msg="inference compute" id=GPU-aaaa filter_id="" library=CUDA compute=12.0 name=CUDA0 description="NVIDIA GeForce RTX 5070" libdirs=ollama,cuda_v13 driver=13.0 pci_id=0000:01:00.0 type=discrete total="11.9 GiB" available="10.2 GiB"
time=2026-01-10T10:01:00.000Z level=INFO source=server.go:429 msg="starting runner" cmd="/usr/bin/ollama runner --ollama-engine --model /root/.ollama/models/blobs/sha256-aeda --port 36237"
time=2026-01-10T10:01:00.010Z level=INFO source=sched.go:452 msg="system memory" total="62.7 GiB" free="58.1 GiB" free_swap="8.0 GiB"
time=2026-01-10T10:01:00.011Z level=INFO source=sched.go:459 msg="gpu memory" id=GPU-bbbb library=CUDA available="10.9 GiB" free="11.3 GiB" minimum="457.0 MiB" overhead="0 B"
time=2026-01-10T10:01:00.012Z level=INFO source=server.go:755 msg="loading model" "model layers"=35 requested=-1
time=2026-01-10T10:01:00.013Z level=INFO source=runner.go:1278 msg=load request="{Operation:fit LoraPath:[] Parallel:2 BatchSize:512 FlashAttention:Enabled KvSize:16384 KvCacheType:q8_0 NumThreads:8 GPULayers:35[ID:GPU-bbbb Layers:35(0..34)] MultiUserCache:false ProjectorPath: MainGPU:0 UseMmap:false}"
time=2026-01-10T10:01:00.014Z level=INFO source=ggml.go:136 msg="" architecture=gemma3 file_type=Q4_K_M name="" description="" num_tensors=883 num_key_values=36
time=2026-01-10T10:01:00.020Z level=INFO source=runner.go:1278 msg=load request="{Operation:commit LoraPath:[] Parallel:2 BatchSize:512 FlashAttention:Enabled KvSize:16384 KvCacheType:q8_0 NumThreads:8 GPULayers:30[ID:GPU-bbbb Layers:30(4..33)] MultiUserCache:false ProjectorPath: MainGPU:0 UseMmap:false}"
time=2026-01-10T10:01:00.021Z level=INFO source=device.go:240 msg="model weights" device=CUDA1 size="3.1 GiB"
time=2026-01-10T10:01:00.022Z level=INFO source=device.go:245 msg="model weights" device=CPU size="525.0 MiB"
time=2026-01-10T10:01:00.023Z level=INFO source=device.go:251 msg="kv cache" device=CUDA1 size="1.2 GiB"
time=2026-01-10T10:01:00.024Z level=INFO source=device.go:262 msg="compute graph" device=CUDA1 size="1.1 GiB"
time=2026-01-10T10:01:04.000Z level=INFO source=server.go:1385 msg="llama runner started in 4.01 seconds"
""",
        {
            "engine": "ollama", "version": "0.14.0", "gpus_found": 2, "n_ctx": 16384, "n_ctx_seq": 8192, "n_parallel": 2,
            "flash_attention": True, "cache_type_k": "q8_0", "gpu_layers_offloaded": 30, "gpu_layers_requested": -1,
            "layers_total": 35, "architecture": "gemma3", "quantization": "Q4_K_M", "devices.CUDA1.free_bytes": round(11.3 * GIB),
            "devices.CUDA0.free_bytes": round(10.2 * GIB), "devices.CUDA0.compute_capability": "12.0",
            "devices.CUDA1.weights_bytes": round(3.1 * GIB), "devices.CPU.weights_bytes": 525 * MIB,
            "devices.CUDA1.kv_cache_bytes": round(1.2 * GIB), "devices.CUDA1.compute_bytes": round(1.1 * GIB), "outcome": "ready",
            "ram_free_bytes": round(58.1 * GIB), "os": "linux",
        },
    ),
    "0.32: llama-server": (
        """\
time=2026-08-10T10:00:00.000Z level=INFO source=routes.go:1900 msg="server config" env="map[OLLAMA_MODELS:/home/a/.ollama/models]"
time=2026-08-10T10:00:00.010Z level=INFO source=routes.go:1967 msg="Listening on 127.0.0.1:11434 (version 0.32.4)"
time=2026-08-10T10:00:01.000Z level=INFO source=types.go:50 msg="inference compute" id=cpu library=cpu compute="" name=cpu description=cpu libdirs=ollama driver="" pci_id="" type="" total="31.1 GiB" available="27.0 GiB"
time=2026-08-10T10:01:00.000Z level=INFO source=llama_server.go:433 msg="starting llama-server" cmd="/usr/local/lib/ollama/llama-server --model /home/a/.ollama/models/blobs/sha256-77 --port 41234 --host 127.0.0.1 --no-webui --offline -c 8192 -np 1 --flash-attn auto"
build: 10488 (0a1b2c3d4) with GNU 13.3.0 for Linux x86_64
llama_model_loader: loaded meta data with 34 key-value pairs and 579 tensors from /home/a/.ollama/models/blobs/sha256-77 (version GGUF V3 (latest))
load_tensors:          CPU model buffer size =  4900.00 MiB
llama_context: n_ctx         = 8192
time=2026-08-10T10:01:01.000Z level=INFO source=sched.go:613 msg="system memory" total="31.1 GiB" free="26.5 GiB" free_swap="8.0 GiB"
time=2026-08-10T10:01:02.000Z level=INFO source=llama_server.go:1362 msg="llama-server started in 2.10 seconds"
""",
        {
            "runtime": "ollama", "version": "0.32.4", "engine": "llama.cpp", "gpus_found": 0, "n_ctx": 8192, "n_parallel": 1,
            "ram_free_bytes": round(26.5 * GIB), "devices.CPU.weights_bytes": 4900 * MIB, "outcome": "ready", "flash_attention": None,
        },
    ),
    "RAM is too small by the server's own count": (
        """\
time=2025-09-10T10:01:00.000Z level=INFO source=sched.go:490 msg="Load failed" model=/a error="model requires more system memory (12.3 GiB) than is available (7.9 GiB)"
""",
        {
            "runtime": "ollama", "failed_allocation.device": "CPU", "failed_allocation.requested_bytes": round(12.3 * GIB),
            "failed_allocation.free_bytes": round(7.9 * GIB),
        },
    ),
    "wrapped in another program's JSON": (
        """\
{"level":50,"msg":"time=2025-07-14T19:16:00.500+01:00 level=INFO source=server.go:438 msg=\\"starting llama server\\" cmd=\\"C:\\\\\\\\b\\\\\\\\ollama.exe runner --model x --ctx-size 4096 --parallel 1 --port 1\\"\\n"}
{"level":50,"msg":"time=2025-07-14T19:16:12.750+01:00 level=ERROR source=sched.go:457 msg=\\"error loading llama server\\" error=\\"llama runner process has terminated: exit status 2\\"\\n"}
""",
        {"runtime": "ollama", "n_ctx": 4096, "outcome": "failed", "exits.0.spelling": "2"},
    ),
}  # fmt: skip

OLLAMA["a second try of the server's that works"] = (
    """\
time=2026-08-10T10:01:00.000Z level=INFO source=llama_server.go:433 msg="starting llama-server" cmd="/usr/local/lib/ollama/llama-server --model /m/a --port 1 -c 65536 -np 1"
ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9000.00 MiB on device 0: cudaMalloc failed: out of memory
time=2026-08-10T10:01:01.000Z level=INFO source=sched.go:641 msg="Load failed" model=/m/a error="llama-server reported out-of-memory during startup: cudaMalloc failed: out of memory"
time=2026-08-10T10:01:01.001Z level=WARN source=sched.go:652 msg="llama-server load failed; reducing automatic context and retrying once" model=/m/a old_num_ctx=65536
time=2026-08-10T10:01:02.000Z level=INFO source=llama_server.go:433 msg="starting llama-server" cmd="/usr/local/lib/ollama/llama-server --model /m/a --port 2 -c 32768 -np 1"
time=2026-08-10T10:01:06.000Z level=INFO source=llama_server.go:1362 msg="llama-server started in 2.10 seconds"
""",
    {"outcome": "ready", "n_ctx": 32768, "failed_allocation": None},
)
OLLAMA["runners that only look for GPUs are no loads"] = (
    """\
time=2025-12-02T17:13:45.806-05:00 level=INFO source=server.go:392 msg="starting runner" cmd="C:\\\\a\\\\ollama.exe runner --ollama-engine --port 5414"
""",
    {"first_line": None, "engine": None},
)
OTHERS_TRACEBACKS = {
    "vLLM by a traceback": (
        '  File "/opt/venv/lib/python3.12/site-packages/vllm/v1/engine/core.py", line 144, in __init__\n',
        {"runtime": "vllm", "engine": "vllm", "os": "linux"},
    ),
    "text-generation-webui by a traceback": (
        'File "D:\\\\text-generation-webui\\\\modules\\\\ui_model_menu.py", line 201, in load_model_wrapper\n',
        {"runtime": "text-generation-webui", "os": "windows"},
    ),
    "Ollama by any line of its server": (
        'time=2025-08-26T09:53:44.082Z level=WARN source=gpu.go:600 msg="unable to locate gpu dependency libraries"\n',
        {"runtime": "ollama"},
    ),
    "llama.cpp by its programs alone": (
        "common_init_from_params: warming up the model with an empty run - please wait ... (--no-warmup to disable)\n",
        {"runtime": "llama.cpp", "engine": "llama.cpp"},
    ),
    "an app that starts llama.cpp's server": (
        "srv    load_model: loading model '/a'\nllama_model_loader: loaded meta data with 1 key-value pairs and 2 tensors from /a\n"
        "[2025-09-03 12:24:41.515] [info]  [AppUpdater] Current version: 0.3.24 (build: 6), new version: 0.3.24 (build: 6)\n",
        {"runtime": "lmstudio", "engine": "llama.cpp", "version": "0.3.24"},
    ),
}
OLLAMA["2023"] = (
    """\
oct 11 15:40:08 pc ollama[32302]: 2023/10/11 15:40:08 llama.go:239: 6144 MiB VRAM available, loading up to 35 GPU layers
oct 11 15:40:08 pc ollama[32302]: llama_model_loader: loaded meta data with 19 key-value pairs and 363 tensors from /usr/share/ollama/a (version GGUF V2 (latest))
oct 11 15:40:09 pc ollama[32302]: llm_load_tensors: offloaded 35/43 layers to GPU
oct 11 15:40:10 pc ollama[32302]: CUDA error 2 at /go/src/llm/llama.cpp/ggml-cuda.cu:5522: out of memory
""",
    {
        "runtime": "ollama",
        "devices.CUDA0.free_bytes": 6144 * MIB,
        "gpu_layers_requested": 35,
        "failed_allocation.device": "CUDA0",
    },
)

TORCH = {
    "2.x": (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 23.65 GiB of which "
        "1.12 GiB is free. Including non-PyTorch memory, this process has 22.52 GiB memory in use. Of the allocated memory 17.90 GiB "
        "is allocated by PyTorch, and 4.10 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large",
        {
            "failed_allocation.device": "cuda:1", "failed_allocation.requested_bytes": 2 * GIB,
            "failed_allocation.free_bytes": round(1.12 * GIB), "failed_allocation.total_bytes": round(23.65 * GIB),
            "torch.this_process_bytes": round(22.52 * GIB), "torch.allocated_bytes": round(17.9 * GIB),
            "torch.reserved_unallocated_bytes": round(4.1 * GIB), "devices.cuda:1.total_bytes": round(23.65 * GIB),
            "torch.other_processes_bytes": round(23.65 * GIB) - round(1.12 * GIB) - round(22.52 * GIB),
        },
    ),
    "2.1, its spelling, other processes named, private pools": (
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 256.00 MiB. GPU 0 has a total capacty of 11.76 GiB of which 20.56 MiB "
        "is free. Process 4711 has 9.50 GiB memory in use. Process 4712 has 1.00 GiB memory in use. Including non-PyTorch memory, "
        "this process has 1.20 GiB memory in use. Of the allocated memory 1.00 GiB is allocated by PyTorch, with 24.00 MiB allocated "
        "in private pools (e.g., CUDA Graphs), and 10.00 MiB is reserved by PyTorch but unallocated.",
        {
            "torch.other_processes_bytes": round(10.5 * GIB), "torch.this_process_bytes": round(1.2 * GIB),
            "torch.allocated_bytes": GIB, "torch.reserved_unallocated_bytes": 10 * MIB,
        },
    ),
    "in a container, where the driver names nobody": (
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.69 GiB of which 10.00 MiB is free. "
        "Process 9 has 17179869184.00 GiB memory in use. Of the allocated memory 20.00 GiB is allocated by PyTorch, and 512.00 KiB "
        "is reserved by PyTorch but unallocated.",
        {"torch.other_processes_bytes": None, "torch.reserved_unallocated_bytes": 512 << 10},
    ),
    "1.13 and 2.0": (
        "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.70 GiB total capacity; 22.12 GiB already allocated; "
        "16.56 MiB free; 22.31 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb",
        {
            "failed_allocation.device": "cuda:0", "failed_allocation.free_bytes": round(16.56 * MIB),
            "torch.allocated_bytes": round(22.12 * GIB), "torch.this_process_bytes": None,
            "torch.reserved_unallocated_bytes": round(22.31 * GIB) - round(22.12 * GIB),
        },
    ),
    "ROCm": (
        "torch.OutOfMemoryError: HIP out of memory. Tried to allocate 1.00 GiB. GPU 0 has a total capacity of 15.98 GiB of which 0 bytes "
        "is free. Of the allocated memory 14.00 GiB is allocated by PyTorch, and 1.50 GiB is reserved by PyTorch but unallocated.",
        {"devices.cuda:0.backend": "rocm", "failed_allocation.free_bytes": 0, "torch.allocated_bytes": 14 * GIB},
    ),
    "MPS": (
        "RuntimeError: MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: 9.07 GB). "
        "Tried to allocate 500.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0",
        {"failed_allocation.device": "mps", "os": "macos", "failed_allocation.free_bytes": 70_000_000},
    ),
    "RAM": (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory: you tried to allocate 117440512 bytes.",
        {"failed_allocation.device": "CPU", "failed_allocation.requested_bytes": 117440512},
    ),
}  # fmt: skip

OTHERS = {
    "vLLM V1, no room for one sequence": (
        """\
(APIServer pid=101) INFO 10-03 10:00:00 [api_server.py:1839] vLLM API server version 0.11.0
(APIServer pid=101) INFO 10-03 10:00:00 [utils.py:233] non-default args: {'model_tag': 'Qwen/Qwen3-8B', 'model': 'Qwen/Qwen3-8B', 'max_model_len': 40960, 'gpu_memory_utilization': 0.8}
(EngineCore_DP0 pid=150) INFO 10-03 10:00:20 [core.py:77] Initializing a V1 LLM engine (v0.11.0) with config: model='Qwen/Qwen3-8B', speculative_config=None, tokenizer='Qwen/Qwen3-8B', dtype=torch.bfloat16, max_seq_len=40960, download_dir=None, load_format=auto, tensor_parallel_size=2, quantization=None, kv_cache_dtype=auto
(EngineCore_DP0 pid=150) INFO 10-03 10:01:00 [gpu_model_runner.py:2653] Model loading took 15.2683 GiB and 9.1 seconds
(EngineCore_DP0 pid=150) INFO 10-03 10:01:20 [gpu_worker.py:298] Available KV cache memory: 2.95 GiB
(EngineCore_DP0 pid=150) ERROR 10-03 10:01:21 [core.py:708] ValueError: To serve at least one request with the models's max seq len (40960), (5.62 GiB KV cache is needed, which is larger than the available KV cache memory (2.95 GiB). Based on the available memory, the estimated maximum model length is 21472.
(APIServer pid=101) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
""",
        {
            "runtime": "vllm", "engine": "vllm", "version": "0.11.0", "model": "Qwen/Qwen3-8B", "n_ctx": 40960, "n_ctx_source": "user",
            "dtype": "bfloat16", "tensor_parallel": 2, "gpu_memory_utilization": 0.8,
            "devices.cuda:0.weights_bytes": round(15.2683 * GIB), "failed_allocation.part": "kv-cache",
            "failed_allocation.requested_bytes": round(5.62 * GIB), "failed_allocation.free_bytes": round(2.95 * GIB), "outcome": "failed",
        },
    ),
    "vLLM, the card is taken": (
        "ValueError: Free memory on device cuda:0 (6.5/23.64 GiB) on startup is less than desired GPU memory utilization (0.9, 21.28 GiB). "
        "Decrease GPU memory utilization or reduce GPU memory used by other processes.",
        {
            "failed_allocation.device": "cuda:0", "failed_allocation.free_bytes": round(6.5 * GIB), "gpu_memory_utilization": 0.9,
            "failed_allocation.requested_bytes": round(21.28 * GIB), "failed_allocation.total_bytes": round(23.64 * GIB),
        },
    ),
    "vLLM V0": (
        """\
INFO 01-11 15:51:02 llm_engine.py:70] Initializing an LLM engine with config: model='/home/a/alpaca', tokenizer='/home/a/alpaca', dtype=torch.float16, max_seq_len=4096, tensor_parallel_size=1, quantization=awq
INFO 01-11 15:51:10 model_runner.py:94] Loading model weights took 12.5562 GB
INFO 01-11 15:51:18 llm_engine.py:275] # GPU blocks: 229, # CPU blocks: 512
ValueError: The model's max seq len (4096) is larger than the maximum number of tokens that can be stored in KV cache (3664). Try
""",
        {
            "engine": "vllm", "quantization": "awq", "n_ctx": 4096, "kv_cache_tokens": 3664, "failed_allocation.part": "kv-cache",
            "devices.cuda:0.weights_bytes": round(12.5562 * GIB), "os": "linux",
        },
    ),
    "vLLM, healthy": (
        """\
INFO 06-01 09:22:00 [core.py:112] Initializing a V1 LLM engine (v0.19.1) with config: model='a/b', max_seq_len=262144
INFO 06-01 09:22:30 [kv_cache_utils.py:1733] GPU KV cache size: 620,944 tokens
INFO 06-01 09:22:30 [kv_cache_utils.py:1734] Maximum concurrency for 262,144 tokens per request: 2.37x
INFO:     Application startup complete.
""",
        {"version": "0.19.1", "kv_cache_tokens": 620944, "n_ctx": 262144, "outcome": "ready"},
    ),
    "KoboldCpp": (
        """\
***
Welcome to KoboldCpp - Version 1.108.2
Detected Available GPU Memory: 8188 MB
Detected Available RAM: 2574 MB
System: Windows 10.0.19044 AMD64 Intel64 Family 6 Model 167 Stepping 0, GenuineIntel
Namespace(admin=False, batchsize=512, config=None, contextsize=8192, flashattention=True, gpulayers=-1, model=[], model_param='D:\\\\kobold\\\\g.gguf', quantkv=1, threads=7, usemlock=False)
Autofit Success: 1, Autofit Result: -c 8320 -ngl 0
llama_model_load_from_file_impl: using device CUDA0 (NVIDIA GeForce RTX 4070 Laptop GPU) (0000:01:00.0) - 7054 MiB free
llama_model_loader: loaded meta data with 40 key-value pairs and 808 tensors from D:\\kobold\\g.gguf (version GGUF V3 (latest))
print_info: file size   = 15.40 GiB (4.90 BPW)
gpttype_load_model: error: failed to load model 'D:\\kobold\\g.gguf'
Load Text Model OK: False
Could not load text model: D:\\kobold\\g.gguf
""",
        {
            "runtime": "koboldcpp", "engine": "llama.cpp", "version": "1.108.2", "os": "windows", "model": "D:\\kobold\\g.gguf",
            "n_ctx": 8192, "n_threads": 7, "cache_type_k": "q8_0", "flash_attention": True, "ram_free_bytes": 2574 * MIB,
            "gpu_layers_requested": 0, "n_ctx_source": "fit", "devices.CUDA0.free_bytes": 7054 * MIB, "outcome": "failed",
        },
    ),
    "text-generation-webui with llama.cpp": (
        """\
14:52:43-271110 INFO     Starting Text generation web UI
14:53:00-100000 INFO     Loading "q.gguf"
14:53:00-200000 INFO     Using gpu_layers=43 | ctx_size=8192 | cache_type=q8_0
build: 6000 (abcdef12) with cc (Ubuntu 13.3.0) 13.3.0 for x86_64-linux-gnu
llama_model_loader: loaded meta data with 40 key-value pairs and 808 tensors from user_data/models/q.gguf (version GGUF V3 (latest))
load_tensors:        CUDA0 model buffer size =  9000.00 MiB
14:53:05-200000 INFO     Loaded "q.gguf" in 5.10 seconds.
14:53:05-200001 INFO     LOADER: "llama.cpp"
""",
        {
            "runtime": "text-generation-webui", "engine": "llama.cpp", "version": None, "model": "q.gguf", "n_ctx": 8192,
            "gpu_layers_requested": 43, "cache_type_k": "q8_0", "devices.CUDA0.weights_bytes": 9000 * MIB, "outcome": "ready",
        },
    ),
    "LM Studio": (
        """\
[2025-02-08 01:29:29.905] [error] [LMSInternal][Client=LM Studio][Endpoint=loadModel] Error in channel handler: Error: Error loading model.
    at _0x16bb54._0x4cda16 (C:\\Program Files\\LM Studio\\resources\\app\\.webpack\\main\\index.js:24:297592)
- Caused By: Error: (Exit code: 18446744072635812000). Unknown error. Try a different model and/or config.
""",
        {"runtime": "lmstudio", "os": "windows", "outcome": "failed", "exits.0.names": ["STATUS_STACK_BUFFER_OVERRUN"]},
    ),
    "LM Studio before 0.3": (
        """\
{
  "title": "Failed to load model",
  "memory": {
    "ram_capacity": "79.92 GB",
    "ram_unused": "69.27 GB"
  },
  "os": {
    "platform": "win32",
  },
}
""",
        {"runtime": "lmstudio", "os": "windows", "ram_free_bytes": round(69.27 * GIB), "ram_total_bytes": round(79.92 * GIB)},
    ),
    "LM Studio's start": (
        """\
[2025-09-03 12:24:40.689] [info]  App starting...
[2025-09-03 12:24:41.023] [info]  [AppUpdater] Fetching version info from https://versions-prod.lmstudio.ai/update/linux/x86/0.3.24
""",
        {"runtime": "lmstudio", "os": "linux", "version": "0.3.24"},
    ),
    "Jan": (
        """\
[2025-09-01][10:00:00][tauri_plugin_llamacpp::commands][INFO] Attempting to launch server at path: "C:\\\\Users\\\\a\\\\AppData\\\\Roaming\\\\Jan\\\\data\\\\llamacpp\\\\backends\\\\b6399\\\\llama-server.exe"
[2025-09-01][10:00:01][tauri_plugin_llamacpp::commands][INFO] [llamacpp] build: 6399 (abcdef12) with clang version 19.1.5 for x86_64-pc-windows-msvc
""",
        {"runtime": "jan", "engine": "llama.cpp", "version": None, "os": "windows"},
    ),
}  # fmt: skip

CASES = [
    pytest.param(log, expected, id=f"{group}: {name}")
    for group, cases in (
        ("llama.cpp", LLAMA),
        ("Ollama", OLLAMA),
        ("PyTorch", TORCH),
        ("others", OTHERS),
        ("by", OTHERS_TRACEBACKS),
    )
    for name, (log, expected) in cases.items()
]


@pytest.mark.parametrize(("log", "expected"), CASES)
def test_what_a_log_tells(log: str, expected: dict[str, Any]) -> None:
    run = run_of(log)
    assert {path: at(run, path) for path in expected} == expected


EXITS = (
    ("llama runner process has terminated: exit status 0xc0000005", "STATUS_ACCESS_VIOLATION"),
    ("llama-server process has terminated: exit status 0xc0000135: The code execution cannot proceed", "STATUS_DLL_NOT_FOUND"),
    ("Error: llama runner process has terminated: signal: killed", "SIGKILL"),
    ("llama runner process has terminated: signal: aborted (core dumped)", "SIGABRT"),
    ("SIGSEGV: segmentation violation", "SIGSEGV"),
    ("SIGILL: illegal instruction", "SIGILL"),
    ("Segmentation fault (core dumped)", "SIGSEGV"),
    ("Illegal instruction (core dumped)", "SIGILL"),
    ("run.sh: line 12: 12345 Killed                  python server.py", "SIGKILL"),
    ("Killed", "SIGKILL"),
    ("[1]    4711 segmentation fault (core dumped)  ./llama-server", "SIGSEGV"),
    ("zsh: illegal hardware instruction  ./llama-cli -m a.gguf", "SIGILL"),
    ("zsh: killed     ollama serve", "SIGKILL"),
    ("ollama.service: Main process exited, code=killed, status=9/KILL", "SIGKILL"),
    ("llama.service: Main process exited, code=dumped, status=11/SEGV", "SIGSEGV"),
    ("(Exit code: 18446744072635812000). Unknown error. Try a different model and/or config.", "STATUS_STACK_BUFFER_OVERRUN"),
    ("Engine process exited with code -1073741819", "STATUS_ACCESS_VIOLATION"),
    ("Process finished with exit code -1073741795 (0xC000001D)", "STATUS_ILLEGAL_INSTRUCTION"),
    ("container ollama exited with code 137", "SIGKILL"),
    ("web-1 exited with code 139 (restarting)", "SIGSEGV"),
    ("subprocess.CalledProcessError: Command '['x']' died with <Signals.SIGKILL: 9>.", "SIGKILL"),
    ("torch.distributed.elastic: failed (exitcode: -9) local_rank: 0 (pid: 5) of binary: /usr/bin/python3", "SIGKILL"),
    ("RuntimeError: Server process terminated unexpectedly with exit code: -4", "SIGILL"),
    ("runtime llama-server for abc exited before becoming healthy. exitCode=3221225781, signal=null", "STATUS_DLL_NOT_FOUND"),
    ("Fatal Python error: Illegal instruction", "SIGILL"),
    ("Windows fatal exception: access violation", "STATUS_ACCESS_VIOLATION"),
    ("Windows fatal exception: code 0xc0000139", "STATUS_ENTRYPOINT_NOT_FOUND"),
)


@pytest.mark.parametrize(("line", "name"), EXITS)
def test_exit_statuses(line: str, name: str) -> None:
    run = run_of(line + "\n")
    assert [name in one.names for one in run.exits] == [True]


@pytest.mark.parametrize(
    ("line", "spelling"),
    [
        ("llama runner process has terminated: exit status 2", "2"),
        ("ollama.service: Main process exited, code=exited, status=203/EXEC", "203/EXEC"),
        ("ollama.service: Main process exited, code=exited, status=1/FAILURE", "1"),
        ("returned non-zero exit status 127.", "127"),
    ],
)
def test_plain_exit_statuses(line: str, spelling: str) -> None:
    assert [one.spelling for one in run_of(line).exits] == [spelling]


@pytest.mark.parametrize(
    "line",
    [
        "process finished with exit code 0", "exited with code 0", "exit status 0", "code=exited, status=0/SUCCESS",
        'msg="Killed the old runner to make room"', "exit code: unknown", "Aborted requests are counted below",
        "the exit code of the tool", "Process was Killed by user request",
    ],
)  # fmt: skip
def test_what_is_no_failure(line: str) -> None:
    assert run_of(line + "\n").exits == []


def test_loads_are_runs_and_a_launcher_shares_its_engine_s() -> None:
    log = OLLAMA["0.5: estimate before, engine's lines after"][0]
    load = "\n".join(log.splitlines()[3:]).replace("sha256-8c62", "sha256-other").replace("[10.5 GiB]", "[3.0 GiB]")
    (chapter,) = [one for one in read(f"{log}\n{load}\n") if one.runs[-1].first_line is not None]
    runs = {id(run): run for run in chapter.runs if run.first_line is not None}
    assert [at(run, "devices.CUDA0.free_bytes") for run in runs.values()] == [round(10.5 * GIB), 3 * GIB]
    assert [at(run, "version") for run in runs.values()] == ["0.5.7", "0.5.7"]
    assert ["sha256-other" in str(run.model) for run in runs.values()] == [False, True]


def test_each_start_of_a_server_is_a_chapter() -> None:
    log = OLLAMA["0.32: llama-server"][0]
    assert [at(chapter.runs[-1], "outcome") for chapter in read(log + log)] == ["ready", "ready"]


HEALTHY = """\
srv  log_server_r: request: POST /v1/chat/completions 127.0.0.1 200
srv  params_from_: Chat format: Content-only
slot launch_slot_: id  0 | task 12 | processing task
slot update_slots: id  0 | task 12 | new prompt, n_ctx_slot = 8192, n_keep = 0, n_prompt_tokens = 25
slot update_slots: id  0 | task 12 | kv cache rm [14, end)
slot update_slots: id  0 | task 12 | prompt processing progress, n_past = 25, n_tokens = 11, progress = 0.440000
slot      release: id  0 | task 12 | stop processing: n_past = 80, truncated = 0
slot print_timing: id  0 | task 12 |
prompt eval time =      30.00 ms /    11 tokens (    2.73 ms per token,   366.67 tokens per second)
       eval time =     550.00 ms /    56 tokens (    9.82 ms per token,   101.82 tokens per second)
      total time =     580.00 ms /    67 tokens
srv  update_slots: all slots are idle
[GIN] 2025/12/05 - 03:38:11 | 200 |  1.2345s |  127.0.0.1 | POST     "/api/chat"
INFO:     127.0.0.1:51112 - "POST /v1/chat/completions HTTP/1.1" 200 OK
INFO 10-03 10:05:00 [loggers.py:127] Engine 000: Avg prompt throughput: 10.0 tokens/s, Avg generation throughput: 50.0 tokens/s, Running: 1 reqs
Output generated in 5.10 seconds (20.00 tokens/s, 102 tokens, context 40, seed 1)
[2025-12-05 03:38:11][INFO][LM STUDIO SERVER] Running chat completion on conversation with 3 messages.
"""


def test_lines_of_requests_cost_nothing() -> None:
    patterns = [Pattern(reader.text) for reader in all_readers()]
    assert [hit.text for hit in Scanner(patterns).scan([HEALTHY.encode()])] == []


def test_every_runtime_brings_readers_that_compile_and_are_collected_once() -> None:
    assert all(getattr(module, "READERS", ()) for module in all_runtimes())
    readers = all_readers()
    assert len(set(readers)) == len(readers)
    list(
        Scanner([Pattern(reader.text, reader.match) for reader in readers]).scan(
            [b"\n".join(t.encode() for r in readers for t in r.text)]
        )
    )


@pytest.mark.parametrize("reader", all_readers(), ids=lambda reader: reader.text[0])
def test_a_torn_line_never_raises(reader: Any) -> None:
    run_of(
        "\n".join(
            f"{text}{rest}" for text in reader.text for rest in ("", " 1", "=9999999999999999999999", " (", ": x = 1.2.3 MiB")
        )
    )


def test_mangled_figures_never_raise() -> None:
    digits = random.Random(7)
    for log in (case[0] for cases in (LLAMA, OLLAMA, TORCH, OTHERS) for case in cases.values()):
        for odd in (".", "-", "9" * 30, "9" * 5000, "1" + "0" * 400, "", "1.2.3", "x", "²"):
            run_of(re.sub(r"\d+", lambda found, odd=odd: odd if digits.random() < 0.4 else found.group(), log))  # type: ignore[misc]


def test_doctests() -> None:
    assert doctest.testmod(log_tools).failed == 0
