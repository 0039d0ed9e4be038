// The float16 product on tensor cores (Volta and later), summed in float32.
// compile.py makes sm_70.ptx of this file.

typedef unsigned int u32;
typedef unsigned short half;

#define FRAGMENT(x) "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(x[4]), "r"(x[5]), "r"(x[6]), "r"(x[7])
#define LOADED(x) "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]), "=r"(x[4]), "=r"(x[5]), "=r"(x[6]), "=r"(x[7])
#define SUMS(x) "+f"(x[0]), "+f"(x[1]), "+f"(x[2]), "+f"(x[3]), "+f"(x[4]), "+f"(x[5]), "+f"(x[6]), "+f"(x[7])

__device__ __forceinline__ void load_a(u32 *to, u32 from, int stride)
{
    asm volatile("wmma.load.a.sync.aligned.row.m16n16k16.shared.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, [%8], %9;" : LOADED(to) : "r"(from), "r"(stride) : "memory");
}

__device__ __forceinline__ void load_b(u32 *to, u32 from, int stride)
{
    asm volatile("wmma.load.b.sync.aligned.col.m16n16k16.shared.f16 {%0,%1,%2,%3,%4,%5,%6,%7}, [%8], %9;" : LOADED(to) : "r"(from), "r"(stride) : "memory");
}

__device__ __forceinline__ void multiply(float *sum, const u32 *a, const u32 *b)
{
    asm volatile("wmma.mma.sync.aligned.row.col.m16n16k16.f32.f32 {%0,%1,%2,%3,%4,%5,%6,%7}, {%8,%9,%10,%11,%12,%13,%14,%15}, "
                 "{%16,%17,%18,%19,%20,%21,%22,%23}, {%0,%1,%2,%3,%4,%5,%6,%7};"
                 : SUMS(sum) : FRAGMENT(a), FRAGMENT(b));
}

__device__ __forceinline__ u32 shared_address(const void *pointer)
{
    u32 address;
    asm("{ .reg .u64 wide; cvta.to.shared.u64 wide, %1; cvt.u32.u64 %0, wide; }" : "=r"(address) : "l"(pointer));
    return address;
}

// One block of 8 warps makes 128 x 128 results, each warp 32 x 64. Rows of a and b hold k words of two halves.
extern "C" __global__ void __launch_bounds__(256) product_f16_tensor(float *c, const half *a, const half *b, int n, int k)
{
    __shared__ __align__(16) half left[2][128][40], right[2][128][40];  // eight halves of padding against bank conflicts
    k *= 2;
    const int thread = threadIdx.x, warp = thread / 32;
    const int row = (warp / 2) * 32, column = (warp % 2) * 64;
    const int from_row = thread / 2, from_word = (thread % 2) * 16;
    a += (size_t)(blockIdx.y * 128 + from_row) * k + from_word;
    b += (size_t)(blockIdx.x * 128 + from_row) * k + from_word;
    float sum[2][4][8] = {};
    uint4 next[4];
    auto fetch = [&](int at) {
        next[0] = *(const uint4 *)(a + at);
        next[1] = *(const uint4 *)(a + at + 8);
        next[2] = *(const uint4 *)(b + at);
        next[3] = *(const uint4 *)(b + at + 8);
    };
    auto keep = [&](int side) {
        *(uint4 *)&left[side][from_row][from_word] = next[0];
        *(uint4 *)&left[side][from_row][from_word + 8] = next[1];
        *(uint4 *)&right[side][from_row][from_word] = next[2];
        *(uint4 *)&right[side][from_row][from_word + 8] = next[3];
    };
    fetch(0);
    keep(0);
    __syncthreads();
    for (int at = 0, side = 0; at < k; at += 32, side ^= 1) {
        if (at + 32 < k)
            fetch(at + 32);  // on its way while the tensor cores work
#pragma unroll
        for (int inner = 0; inner < 32; inner += 16) {
            u32 x[2][8], y[4][8];
#pragma unroll
            for (int i = 0; i < 2; i++)
                load_a(x[i], shared_address(&left[side][row + i * 16][inner]), 40);
#pragma unroll
            for (int j = 0; j < 4; j++)
                load_b(y[j], shared_address(&right[side][column + j * 16][inner]), 40);
#pragma unroll
            for (int i = 0; i < 2; i++)
#pragma unroll
                for (int j = 0; j < 4; j++)
                    multiply(sum[i][j], x[i], y[j]);
        }
        if (at + 32 < k)
            keep(side ^ 1);
        __syncthreads();
    }
    c += (size_t)(blockIdx.y * 128 + row) * n + blockIdx.x * 128 + column;
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
            float *to = c + (size_t)i * 16 * n + j * 16;
            const float *from = sum[i][j];
            asm volatile("wmma.store.d.sync.aligned.row.m16n16k16.global.f32 [%0], {%1,%2,%3,%4,%5,%6,%7,%8}, %9;"
                         :: "l"(to), "f"(from[0]), "f"(from[1]), "f"(from[2]), "f"(from[3]), "f"(from[4]), "f"(from[5]), "f"(from[6]), "f"(from[7]), "r"(n) : "memory");
        }
}
