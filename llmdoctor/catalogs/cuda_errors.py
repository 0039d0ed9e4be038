"""CUDA error codes: ``CUresult`` of the driver API and ``cudaError_t`` of the runtime API.

Numbers and names: cuda.h and driver_types.h of CUDA 13.5 (November 2026) and 12.9, and
https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html,
https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html. Since CUDA 10.1 both use the same
numbers from 100 up; ``RUNTIME_ONLY`` holds what the runtime has beyond that.
"""

from __future__ import annotations

from .code import CodeMeaning

DRIVER: dict[int, tuple[str, str]] = {
    0: ("CUDA_SUCCESS", "no error"),
    1: ("CUDA_ERROR_INVALID_VALUE", "an argument of the call is out of range"),
    2: ("CUDA_ERROR_OUT_OF_MEMORY", "not enough GPU memory (or another resource) for this allocation"),
    3: ("CUDA_ERROR_NOT_INITIALIZED", "the driver was not initialised, or initialising it failed"),
    4: ("CUDA_ERROR_DEINITIALIZED", "the driver is shutting down with the process"),
    5: ("CUDA_ERROR_PROFILER_DISABLED", "the profiler is off for this run"),
    6: ("CUDA_ERROR_PROFILER_NOT_INITIALIZED", "obsolete: the profiler was not set up"),
    7: ("CUDA_ERROR_PROFILER_ALREADY_STARTED", "obsolete: the profiler runs already"),
    8: ("CUDA_ERROR_PROFILER_ALREADY_STOPPED", "obsolete: the profiler is stopped already"),
    34: ("CUDA_ERROR_STUB_LIBRARY", "the toolkit's placeholder libcuda was loaded instead of the driver's own"),
    36: ("CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "this one call needs a newer driver than the installed one"),
    46: ("CUDA_ERROR_DEVICE_UNAVAILABLE", "the GPU is held by others, often by an exclusive or prohibited compute mode"),
    47: ("CUDA_ERROR_MULTICAST_RESOURCE_FULL", "the hardware has no room left for a multicast binding"),
    100: ("CUDA_ERROR_NO_DEVICE", "the driver sees no GPU that CUDA can use, or all are hidden from this process"),
    101: ("CUDA_ERROR_INVALID_DEVICE", "there is no GPU with this number, or it cannot do what was asked"),
    102: ("CUDA_ERROR_DEVICE_NOT_LICENSED", "a virtual GPU lacks its licence"),
    200: ("CUDA_ERROR_INVALID_IMAGE", "the GPU program is damaged or not a module"),
    201: ("CUDA_ERROR_INVALID_CONTEXT", "no valid CUDA context is bound to this thread"),
    202: ("CUDA_ERROR_CONTEXT_ALREADY_CURRENT", "obsolete: the context is current already"),
    205: ("CUDA_ERROR_MAP_FAILED", "memory could not be mapped"),
    206: ("CUDA_ERROR_UNMAP_FAILED", "memory could not be unmapped"),
    207: ("CUDA_ERROR_ARRAY_IS_MAPPED", "the array is mapped and cannot be destroyed now"),
    208: ("CUDA_ERROR_ALREADY_MAPPED", "the resource is mapped already"),
    209: ("CUDA_ERROR_NO_BINARY_FOR_GPU", "the program holds no kernels for this GPU's compute capability"),
    210: ("CUDA_ERROR_ALREADY_ACQUIRED", "the resource is taken already"),
    211: ("CUDA_ERROR_NOT_MAPPED", "the resource is not mapped"),
    212: ("CUDA_ERROR_NOT_MAPPED_AS_ARRAY", "the mapped resource is not an array"),
    213: ("CUDA_ERROR_NOT_MAPPED_AS_POINTER", "the mapped resource is not a pointer"),
    214: ("CUDA_ERROR_ECC_UNCORRECTABLE", "GPU memory had an ECC error that could not be corrected"),
    215: ("CUDA_ERROR_UNSUPPORTED_LIMIT", "the GPU does not know this limit"),
    216: ("CUDA_ERROR_CONTEXT_ALREADY_IN_USE", "the context is bound to another thread"),
    217: ("CUDA_ERROR_PEER_ACCESS_UNSUPPORTED", "these GPUs cannot reach each other's memory directly"),
    218: ("CUDA_ERROR_INVALID_PTX", "the driver could not compile the PTX, often because the GPU is newer or older than it"),
    219: ("CUDA_ERROR_INVALID_GRAPHICS_CONTEXT", "an OpenGL or Direct3D context is not usable"),
    220: ("CUDA_ERROR_NVLINK_UNCORRECTABLE", "an NVLink connection had an error that could not be corrected"),
    221: ("CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "the driver's PTX compiler library is missing"),
    222: ("CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the PTX comes from a toolkit that is newer than the driver"),
    223: ("CUDA_ERROR_JIT_COMPILATION_DISABLED", "compiling PTX is switched off, as by CUDA_DISABLE_PTX_JIT"),
    224: ("CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY", "the GPU does not know this kind of execution affinity"),
    225: ("CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC", "the PTX synchronises on the device, which is no longer supported"),
    226: ("CUDA_ERROR_CONTAINED", "a hardware or peer-memory fault was contained; this process must restart"),
    227: ("CUDA_ERROR_INSUFFICIENT_LOADER_VERSION", "the driver is too old to read this program's packed kernels"),
    300: ("CUDA_ERROR_INVALID_SOURCE", "the GPU program's source does not compile"),
    301: ("CUDA_ERROR_FILE_NOT_FOUND", "a file was not found"),
    302: ("CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND", "a shared library lacks a function that it should have"),
    303: ("CUDA_ERROR_SHARED_OBJECT_INIT_FAILED", "a shared library did not start"),
    304: ("CUDA_ERROR_OPERATING_SYSTEM", "a call to the operating system failed, such as opening a device node"),
    400: ("CUDA_ERROR_INVALID_HANDLE", "a stream, event or other handle is not valid"),
    401: ("CUDA_ERROR_ILLEGAL_STATE", "a resource is not in the state that the call needs"),
    402: ("CUDA_ERROR_LOSSY_QUERY", "the object cannot be described without losing information"),
    500: ("CUDA_ERROR_NOT_FOUND", "a named function or variable does not exist in the driver or the module"),
    600: ("CUDA_ERROR_NOT_READY", "earlier work is still running; not an error"),
    700: ("CUDA_ERROR_ILLEGAL_ADDRESS", "a kernel read or wrote memory that is not its own; this process must restart"),
    701: ("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "a kernel asks for more registers, threads or arguments than there are"),
    702: ("CUDA_ERROR_LAUNCH_TIMEOUT", "a kernel ran longer than the display watchdog (TDR) allows"),
    703: ("CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING", "a kernel uses an incompatible texture mode"),
    704: ("CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED", "peer access is on already"),
    705: ("CUDA_ERROR_PEER_ACCESS_NOT_ENABLED", "peer access is not on"),
    708: ("CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "the GPU's primary context exists already"),
    709: ("CUDA_ERROR_CONTEXT_IS_DESTROYED", "the thread's context was destroyed or never set up"),
    710: ("CUDA_ERROR_ASSERT", "an assertion inside a kernel failed, such as an index out of range"),
    711: ("CUDA_ERROR_TOO_MANY_PEERS", "no hardware resources are left for more peer GPUs"),
    712: ("CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "this host memory is pinned already"),
    713: ("CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "this host memory is not pinned"),
    714: ("CUDA_ERROR_HARDWARE_STACK_ERROR", "a kernel's stack was damaged or overflowed; this process must restart"),
    715: (
        "CUDA_ERROR_ILLEGAL_INSTRUCTION",
        "a kernel met an instruction that the GPU does not have; this process must restart",
    ),
    716: ("CUDA_ERROR_MISALIGNED_ADDRESS", "a kernel used an address that is not aligned; this process must restart"),
    717: ("CUDA_ERROR_INVALID_ADDRESS_SPACE", "a kernel used memory of the wrong kind; this process must restart"),
    718: ("CUDA_ERROR_INVALID_PC", "a kernel ran off its code; this process must restart"),
    719: ("CUDA_ERROR_LAUNCH_FAILED", "a kernel crashed for a reason that is not told; this process must restart"),
    720: ("CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "a cooperative kernel has more blocks than fit at once"),
    721: ("CUDA_ERROR_TENSOR_MEMORY_LEAK", "a kernel ended without giving its tensor memory back; this process must restart"),
    800: ("CUDA_ERROR_NOT_PERMITTED", "the operation is not permitted"),
    801: ("CUDA_ERROR_NOT_SUPPORTED", "this GPU, driver or system cannot do this operation"),
    802: ("CUDA_ERROR_SYSTEM_NOT_READY", "the system is not set up yet: on NVSwitch machines the fabric manager does not run"),
    803: ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "the kernel module and the libcuda that was loaded are of different versions"),
    804: ("CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE", "a cuda-compat libcuda was loaded, which serves data-centre cards only"),
    805: ("CUDA_ERROR_MPS_CONNECTION_FAILED", "the MPS daemon or server cannot be reached"),
    806: ("CUDA_ERROR_MPS_RPC_FAILURE", "talking to the MPS server failed"),
    807: ("CUDA_ERROR_MPS_SERVER_NOT_READY", "the MPS server takes no clients now, as after a crash of one"),
    808: ("CUDA_ERROR_MPS_MAX_CLIENTS_REACHED", "the MPS server has all the clients that it can take"),
    809: ("CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED", "the MPS server has all the connections that it can take"),
    810: ("CUDA_ERROR_MPS_CLIENT_TERMINATED", "the MPS server ended this client"),
    811: ("CUDA_ERROR_CDP_NOT_SUPPORTED", "kernels that launch kernels are not possible here, as under MPS"),
    812: ("CUDA_ERROR_CDP_VERSION_MISMATCH", "kernels that launch kernels mix two versions of that interface"),
    900: ("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "this cannot be done while a CUDA graph is captured"),
    901: ("CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "an earlier error spoilt the CUDA graph capture"),
    902: ("CUDA_ERROR_STREAM_CAPTURE_MERGE", "two CUDA graph captures would have merged"),
    903: ("CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the CUDA graph capture did not start in this stream"),
    904: ("CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "a branch of the CUDA graph capture was never joined"),
    905: ("CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "work outside the CUDA graph capture would have become part of it"),
    906: ("CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "the legacy stream was used while a CUDA graph is captured"),
    907: ("CUDA_ERROR_CAPTURED_EVENT", "the event was last recorded in a stream that is being captured"),
    908: ("CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "the CUDA graph capture was ended by another thread"),
    909: ("CUDA_ERROR_TIMEOUT", "waiting took longer than allowed"),
    910: ("CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the CUDA graph cannot be updated in this way"),
    911: ("CUDA_ERROR_EXTERNAL_DEVICE", "a device other than the GPU reported an error"),
    912: ("CUDA_ERROR_INVALID_CLUSTER_SIZE", "a kernel asks for a cluster size that is not possible"),
    913: ("CUDA_ERROR_FUNCTION_NOT_LOADED", "the kernel is not loaded yet"),
    914: ("CUDA_ERROR_INVALID_RESOURCE_TYPE", "a resource is of the wrong type for this operation"),
    915: ("CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION", "the resources do not suffice or do not fit together"),
    916: ("CUDA_ERROR_KEY_ROTATION", "exchanging the keys of confidential computing failed"),
    917: ("CUDA_ERROR_STREAM_DETACHED", "the stream's green context is gone"),
    918: ("CUDA_ERROR_GRAPH_RECAPTURE_FAILURE", "capturing a CUDA graph again failed"),
    919: (
        "CUDA_ERROR_FABRIC_NOT_READY",
        "the NVLink fabric did not become ready in time; the fabric manager is still starting",
    ),
    999: ("CUDA_ERROR_UNKNOWN", "the driver failed for a reason that it does not tell; often nvidia_uvm is in a bad state"),
}
"""``CUresult`` number to name and meaning."""

RUNTIME_ONLY: dict[int, tuple[str, str]] = {
    2: ("cudaErrorMemoryAllocation", "not enough GPU memory (or another resource) for this allocation"),
    3: ("cudaErrorInitializationError", "driver and runtime could not be initialised"),
    4: ("cudaErrorCudartUnloading", "the call came while the process was ending"),
    9: ("cudaErrorInvalidConfiguration", "a kernel asks for more than the GPU can ever give"),
    10: ("cudaErrorVersionTranslation", "the driver is newer than this runtime can translate"),
    11: ("cudaErrorInvalidValue", "an argument is out of range (number 11 before CUDA 10.1, 1 since)"),
    12: ("cudaErrorInvalidPitchValue", "a pitch is out of range"),
    13: ("cudaErrorInvalidSymbol", "no such device symbol"),
    16: ("cudaErrorInvalidHostPointer", "obsolete: not a valid host pointer"),
    17: ("cudaErrorInvalidDevicePointer", "obsolete: not a valid device pointer"),
    18: ("cudaErrorInvalidTexture", "not a valid texture"),
    19: ("cudaErrorInvalidTextureBinding", "the texture is not bound"),
    20: ("cudaErrorInvalidChannelDescriptor", "not a valid channel format"),
    21: ("cudaErrorInvalidMemcpyDirection", "not a valid copy direction"),
    22: ("cudaErrorAddressOfConstant", "obsolete: the address of a constant was taken"),
    23: ("cudaErrorTextureFetchFailed", "obsolete: a texture could not be read"),
    24: ("cudaErrorTextureNotBound", "obsolete: a texture was not bound"),
    25: ("cudaErrorSynchronizationError", "obsolete: synchronising failed"),
    26: ("cudaErrorInvalidFilterSetting", "linear filtering needs a texture of floats"),
    27: ("cudaErrorInvalidNormSetting", "this type cannot be read as a normalised float"),
    28: ("cudaErrorMixedDeviceExecution", "obsolete: device and emulation code were mixed"),
    31: ("cudaErrorNotYetImplemented", "obsolete: not implemented"),
    32: ("cudaErrorMemoryValueTooLarge", "obsolete: an emulated pointer is too large"),
    34: ("cudaErrorStubLibrary", "the toolkit's placeholder libcuda was loaded instead of the driver's own"),
    35: ("cudaErrorInsufficientDriver", "the driver is older than this CUDA runtime needs, or there is none"),
    36: ("cudaErrorCallRequiresNewerDriver", "this one call needs a newer driver than the installed one"),
    37: ("cudaErrorInvalidSurface", "not a valid surface"),
    43: ("cudaErrorDuplicateVariableName", "two device variables have the same name"),
    44: ("cudaErrorDuplicateTextureName", "two textures have the same name"),
    45: ("cudaErrorDuplicateSurfaceName", "two surfaces have the same name"),
    46: ("cudaErrorDevicesUnavailable", "all GPUs are busy or closed to this process, often by an exclusive compute mode"),
    49: ("cudaErrorIncompatibleDriverContext", "the current driver context does not suit this runtime"),
    52: ("cudaErrorMissingConfiguration", "a kernel was started without a launch configuration"),
    53: ("cudaErrorPriorLaunchFailure", "obsolete: an earlier kernel failed"),
    65: ("cudaErrorLaunchMaxDepthExceeded", "kernels launch kernels too deeply"),
    66: ("cudaErrorLaunchFileScopedTex", "a kernel launched from the device uses a file-scope texture"),
    67: ("cudaErrorLaunchFileScopedSurf", "a kernel launched from the device uses a file-scope surface"),
    68: ("cudaErrorSyncDepthExceeded", "a kernel synchronises too deeply on the device"),
    69: ("cudaErrorLaunchPendingCountExceeded", "too many device-side launches are pending"),
    98: ("cudaErrorInvalidDeviceFunction", "the kernel does not exist or was not built for this GPU"),
    103: ("cudaErrorSoftwareValidityNotEstablished", "the runtime could not prove that it is genuine"),
    127: ("cudaErrorStartupFailure", "the runtime itself failed to start"),
}
"""``cudaError_t`` numbers below 100 or without a counterpart in ``CUresult``; where a number is in both tables, the
runtime's own name stands here."""

RUNTIME_NAMES: dict[int, str] = {
    0: "cudaSuccess", 1: "cudaErrorInvalidValue", 5: "cudaErrorProfilerDisabled",
    6: "cudaErrorProfilerNotInitialized", 7: "cudaErrorProfilerAlreadyStarted", 8: "cudaErrorProfilerAlreadyStopped",
    100: "cudaErrorNoDevice", 101: "cudaErrorInvalidDevice", 102: "cudaErrorDeviceNotLicensed",
    200: "cudaErrorInvalidKernelImage", 201: "cudaErrorDeviceUninitialized", 205: "cudaErrorMapBufferObjectFailed",
    206: "cudaErrorUnmapBufferObjectFailed", 207: "cudaErrorArrayIsMapped", 208: "cudaErrorAlreadyMapped",
    209: "cudaErrorNoKernelImageForDevice", 210: "cudaErrorAlreadyAcquired", 211: "cudaErrorNotMapped",
    212: "cudaErrorNotMappedAsArray", 213: "cudaErrorNotMappedAsPointer", 214: "cudaErrorECCUncorrectable",
    215: "cudaErrorUnsupportedLimit", 216: "cudaErrorDeviceAlreadyInUse", 217: "cudaErrorPeerAccessUnsupported",
    218: "cudaErrorInvalidPtx", 219: "cudaErrorInvalidGraphicsContext", 220: "cudaErrorNvlinkUncorrectable",
    221: "cudaErrorJitCompilerNotFound", 222: "cudaErrorUnsupportedPtxVersion",
    223: "cudaErrorJitCompilationDisabled", 224: "cudaErrorUnsupportedExecAffinity",
    225: "cudaErrorUnsupportedDevSideSync", 226: "cudaErrorContained", 227: "cudaErrorInsufficientLoaderVersion",
    300: "cudaErrorInvalidSource", 301: "cudaErrorFileNotFound", 302: "cudaErrorSharedObjectSymbolNotFound",
    303: "cudaErrorSharedObjectInitFailed", 304: "cudaErrorOperatingSystem", 400: "cudaErrorInvalidResourceHandle",
    401: "cudaErrorIllegalState", 402: "cudaErrorLossyQuery", 500: "cudaErrorSymbolNotFound",
    600: "cudaErrorNotReady", 700: "cudaErrorIllegalAddress", 701: "cudaErrorLaunchOutOfResources",
    702: "cudaErrorLaunchTimeout", 703: "cudaErrorLaunchIncompatibleTexturing",
    704: "cudaErrorPeerAccessAlreadyEnabled", 705: "cudaErrorPeerAccessNotEnabled",
    708: "cudaErrorSetOnActiveProcess", 709: "cudaErrorContextIsDestroyed", 710: "cudaErrorAssert",
    711: "cudaErrorTooManyPeers", 712: "cudaErrorHostMemoryAlreadyRegistered",
    713: "cudaErrorHostMemoryNotRegistered", 714: "cudaErrorHardwareStackError",
    715: "cudaErrorIllegalInstruction", 716: "cudaErrorMisalignedAddress", 717: "cudaErrorInvalidAddressSpace",
    718: "cudaErrorInvalidPc", 719: "cudaErrorLaunchFailure", 720: "cudaErrorCooperativeLaunchTooLarge",
    721: "cudaErrorTensorMemoryLeak", 800: "cudaErrorNotPermitted", 801: "cudaErrorNotSupported",
    802: "cudaErrorSystemNotReady", 803: "cudaErrorSystemDriverMismatch",
    804: "cudaErrorCompatNotSupportedOnDevice", 805: "cudaErrorMpsConnectionFailed", 806: "cudaErrorMpsRpcFailure",
    807: "cudaErrorMpsServerNotReady", 808: "cudaErrorMpsMaxClientsReached",
    809: "cudaErrorMpsMaxConnectionsReached", 810: "cudaErrorMpsClientTerminated", 811: "cudaErrorCdpNotSupported",
    812: "cudaErrorCdpVersionMismatch", 900: "cudaErrorStreamCaptureUnsupported",
    901: "cudaErrorStreamCaptureInvalidated", 902: "cudaErrorStreamCaptureMerge",
    903: "cudaErrorStreamCaptureUnmatched", 904: "cudaErrorStreamCaptureUnjoined",
    905: "cudaErrorStreamCaptureIsolation", 906: "cudaErrorStreamCaptureImplicit", 907: "cudaErrorCapturedEvent",
    908: "cudaErrorStreamCaptureWrongThread", 909: "cudaErrorTimeout", 910: "cudaErrorGraphExecUpdateFailure",
    911: "cudaErrorExternalDevice", 912: "cudaErrorInvalidClusterSize", 913: "cudaErrorFunctionNotLoaded",
    914: "cudaErrorInvalidResourceType", 915: "cudaErrorInvalidResourceConfiguration",
    917: "cudaErrorStreamDetached", 918: "cudaErrorGraphRecaptureFailure", 919: "cudaErrorFabricNotReady",
    999: "cudaErrorUnknown",
}  # fmt: skip
"""The runtime's names of the numbers whose meaning is the driver's."""


def driver_error(code: int) -> CodeMeaning | None:
    """A ``CUresult``; None for a number that NVIDIA has not given out. 35 and 98 are the runtime's alone."""
    entry = DRIVER.get(code)
    return CodeMeaning(code, *entry) if entry else None


def runtime_error(code: int) -> CodeMeaning | None:
    """A ``cudaError_t``; None for a number that NVIDIA has not given out."""
    entry = RUNTIME_ONLY.get(code)
    if entry is not None:
        return CodeMeaning(code, *entry)
    name = RUNTIME_NAMES.get(code)
    return CodeMeaning(code, name, DRIVER[code][1]) if name else None


def cuda_error_by_name(name: str) -> CodeMeaning | None:
    """The code of a name of either interface, as logs print it (``CUDA_ERROR_…``, ``cudaError…``)."""
    for code, (known, meaning) in DRIVER.items():
        if known == name:
            return CodeMeaning(code, known, meaning)
    for code in (*RUNTIME_NAMES, *RUNTIME_ONLY):
        found = runtime_error(code)
        if found is not None and found.name == name:
            return found
    return None
