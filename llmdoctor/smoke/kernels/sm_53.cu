// The float16 product, for GPUs that multiply halves (Pascal P100, Volta and later, Tegra X1).
// compile.py makes sm_53.ptx of this file.

typedef unsigned int u32;

#include "gemm.cuh"

// Two halves a word. They are summed as halves within 16 words, exactly for the small whole numbers of the test, and then in float32.
struct Halves {
    typedef u32 Type;
    typedef float Result;
    typedef u32 Partial;
    static __device__ __forceinline__ void multiply(u32 &sum, u32 a, u32 b)
    {
        asm("fma.rn.f16x2 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
    }
    static __device__ __forceinline__ void add(float &sum, u32 part)
    {
        float low, high;
        asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(low), "=f"(high) : "r"(part));
        sum += low + high;
    }
};

extern "C" __global__ void __launch_bounds__(256) product_f16(float *c, const u32 *a, const u32 *b, int n, int k)
{
    gemm<Halves>(c, a, b, n, k);
}
