// The int8 product by dp4a, the instruction that quantised models run on (Pascal GP102 and later).
// compile.py makes sm_61.ptx of this file.

#include "gemm.cuh"

// Four signed bytes a word.
struct Bytes {
    typedef int Type;
    typedef int Result;
    typedef int Partial;
    static __device__ __forceinline__ void multiply(int &sum, int a, int b) { asm("dp4a.s32.s32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b)); }
    static __device__ __forceinline__ void add(int &sum, int part) { sum += part; }
};

extern "C" __global__ void __launch_bounds__(256) product_s8(int *c, const int *a, const int *b, int n, int k)
{
    gemm<Bytes>(c, a, b, n, k);
}
