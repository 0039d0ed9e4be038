// Kernels for every NVIDIA GPU since Maxwell: memory patterns, bandwidth, a small transformer in float32, a float32 product.
// compile.py makes sm_50.ptx of this file.

typedef unsigned int u32;
typedef unsigned long long u64;

#include "gemm.cuh"

// The finalizer of MurmurHash3 (Austin Appleby, public domain): every bit of x changes half of the result's.
__device__ __forceinline__ u32 mix(u32 x)
{
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ (x >> 16);
}

__device__ __forceinline__ u64 here() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ u64 all() { return (u64)gridDim.x * blockDim.x; }

// --- memory ---

__device__ __forceinline__ uint4 pattern(u64 at, u32 seed)
{
    // The address takes part, so that a line which lands elsewhere is seen.
    const u32 base = mix((u32)at ^ mix((u32)(at >> 32) ^ seed));
    return make_uint4(base, ~base, base ^ 0xaaaaaaaau, base ^ 0x55555555u);
}

extern "C" __global__ void fill(uint4 *out, u64 count, u32 seed)
{
    for (u64 at = here(); at < count; at += all())
        out[at] = pattern(at, seed);
}

// wrong[0]: how many; wrong[1]: the first of them (16-byte words); wrong[2]: the bits that differed, all taken together.
extern "C" __global__ void check(const uint4 *in, u64 count, u32 seed, u64 *wrong)
{
    for (u64 at = here(); at < count; at += all()) {
        const uint4 is = in[at], should = pattern(at, seed);
        const u32 bits = (is.x ^ should.x) | (is.y ^ should.y) | (is.z ^ should.z) | (is.w ^ should.w);
        if (bits) {
            atomicAdd(&wrong[0], 1ull);
            atomicMin(&wrong[1], at);
            atomicOr(&wrong[2], (u64)bits);
        }
    }
}

// Reads everything and writes next to nothing, as generating a token does with the weights.
extern "C" __global__ void read_all(const uint4 *in, u64 count, u32 *out)
{
    u32 seen = 0;
    u64 at = here();
    for (; at + 3 * all() < count; at += 4 * all()) {
        const uint4 a = in[at], b = in[at + all()], c = in[at + 2 * all()], d = in[at + 3 * all()];
        seen ^= a.x ^ a.y ^ a.z ^ a.w ^ b.x ^ b.y ^ b.z ^ b.w ^ c.x ^ c.y ^ c.z ^ c.w ^ d.x ^ d.y ^ d.z ^ d.w;
    }
    for (; at < count; at += all()) {
        const uint4 a = in[at];
        seen ^= a.x ^ a.y ^ a.z ^ a.w;
    }
    if (seen == 0x9e3779b9u)  // so that the reads are not optimised away
        out[0] = seen;
}

// --- a transformer, one token at a time ---

__device__ __forceinline__ float warp_sum(float x)
{
    for (int step = 16; step; step >>= 1)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

// Tokens are chosen on the GPU: history[position] is the one to embed.
extern "C" __global__ void embed(float *out, const float *table, const int *history, int position, int width)
{
    for (int i = threadIdx.x; i < width; i += blockDim.x)
        out[i] = table[(size_t)history[position] * width + i];
}

// One block of 32 threads.
extern "C" __global__ void rms_norm(float *out, const float *in, int width, float epsilon)
{
    float squares = 0.f;
    for (int i = threadIdx.x; i < width; i += 32)
        squares += in[i] * in[i];
    const float scale = rsqrtf(warp_sum(squares) / width + epsilon);
    for (int i = threadIdx.x; i < width; i += 32)
        out[i] = in[i] * scale;
}

// One warp a row; adds to what stands in out if asked to (the residual).
extern "C" __global__ void multiply(float *out, const float *weights, const float *in, int rows, int width, int add)
{
    const int row = (int)(here() / 32), lane = threadIdx.x % 32;
    if (row >= rows)
        return;
    float sum = 0.f;
    for (int i = lane; i < width; i += 32)
        sum += weights[(size_t)row * width + i] * in[i];
    sum = warp_sum(sum);
    if (lane == 0)
        out[row] = add ? out[row] + sum : sum;
}

// Rotary positions on neighbours, as in Llama's own layout. turns: cosine and sine of each pair at each position.
__device__ __forceinline__ void rotate(float *head, const float *turns, int pair)
{
    const float c = turns[2 * pair], s = turns[2 * pair + 1], a = head[2 * pair], b = head[2 * pair + 1];
    head[2 * pair] = a * c - b * s;
    head[2 * pair + 1] = a * s + b * c;
}

// One block a head of q, then one a head of k, which it also stores with its v in the cache.
extern "C" __global__ void rope(float *q, float *k, const float *v, float *keys, float *values, const float *turns, int position,
                                int heads, int head_size)
{
    const int block = blockIdx.x, width = (gridDim.x - heads) * head_size;
    turns += (size_t)position * head_size;
    if (block < heads) {
        for (int pair = threadIdx.x; pair < head_size / 2; pair += blockDim.x)
            rotate(q + block * head_size, turns, pair);
        return;
    }
    const int head = (block - heads) * head_size;
    for (int pair = threadIdx.x; pair < head_size / 2; pair += blockDim.x)
        rotate(k + head, turns, pair);
    __syncthreads();
    for (int i = threadIdx.x; i < head_size; i += blockDim.x) {
        keys[(size_t)position * width + head + i] = k[head + i];
        values[(size_t)position * width + head + i] = v[head + i];
    }
}

// One block of 32 threads a head; several heads share one head of keys and values. At most 128 positions.
extern "C" __global__ void attend(float *out, const float *q, const float *keys, const float *values, int position, int shared_by,
                                  int head_size)
{
    __shared__ float score[128];
    const int head = blockIdx.x, width = gridDim.x / shared_by * head_size, from = head / shared_by * head_size;
    float most = -3.0e38f;
    for (int at = threadIdx.x; at <= position; at += 32) {
        float dot = 0.f;
        for (int i = 0; i < head_size; i++)
            dot += q[head * head_size + i] * keys[(size_t)at * width + from + i];
        score[at] = dot * rsqrtf((float)head_size);
        most = fmaxf(most, score[at]);
    }
    for (int step = 16; step; step >>= 1)
        most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, step));
    float total = 0.f;
    for (int at = threadIdx.x; at <= position; at += 32) {
        score[at] = expf(score[at] - most);
        total += score[at];
    }
    total = warp_sum(total);
    __syncthreads();
    for (int i = threadIdx.x; i < head_size; i += 32) {
        float sum = 0.f;
        for (int at = 0; at <= position; at++)
            sum += score[at] * values[(size_t)at * width + from + i];
        out[head * head_size + i] = sum / total;
    }
}

extern "C" __global__ void swiglu(float *gate, const float *up, int width)
{
    const int i = (int)here();
    if (i < width)
        gate[i] = gate[i] / (1.f + expf(-gate[i])) * up[i];
}

// One block of 32 threads. The greatest, the first of equals; it becomes the token at the next position.
extern "C" __global__ void choose(int *history, const float *logits, int position, int count)
{
    float best = -3.0e38f;
    int at = count;
    for (int i = threadIdx.x; i < count; i += 32)
        if (logits[i] > best) {
            best = logits[i];
            at = i;
        }
    for (int step = 16; step; step >>= 1) {
        const float other = __shfl_xor_sync(0xffffffffu, best, step);
        const int other_at = __shfl_xor_sync(0xffffffffu, at, step);
        if (other > best || (other == best && other_at < at)) {
            best = other;
            at = other_at;
        }
    }
    if (threadIdx.x == 0)
        history[position + 1] = at;
}

// --- matrix products ---

// Whole numbers of -3 to 4, the same whatever they are stored as: every product of the tests is exact.
__device__ __forceinline__ int number(u64 at, u32 seed) { return (int)(mix((u32)at ^ seed) & 7u) - 3; }

// kind 0: float32, 1: float16, 2: int8
extern "C" __global__ void numbers(void *out, u64 count, u32 seed, int kind)
{
    for (u64 at = here(); at < count; at += all()) {
        const int x = number(at, seed);
        if (kind == 0)
            ((float *)out)[at] = (float)x;
        else if (kind == 1) {
            unsigned short half;
            asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"((float)x));
            ((unsigned short *)out)[at] = half;
        } else
            ((signed char *)out)[at] = (signed char)x;
    }
}

// Does every 61st row's every 7th element again in whole numbers, without the matrices: a second way to the same result.
extern "C" __global__ void check_product(const void *c, int n, int m, int k, u32 seed_a, u32 seed_b, int whole, u64 *wrong)
{
    const int columns = (n + 6) / 7, rows = (m + 60) / 61;
    for (u64 at = here(); at < (u64)rows * columns; at += all()) {
        const int row = (int)(at / columns) * 61, column = (int)(at % columns) * 7;
        int sum = 0;
        for (int i = 0; i < k; i++)
            sum += number((u64)row * k + i, seed_a) * number((u64)column * k + i, seed_b);
        const u64 place = (u64)row * n + column;
        const int is = whole ? ((const int *)c)[place] : __float2int_rn(((const float *)c)[place]);
        if (is != sum) {
            atomicAdd(&wrong[0], 1ull);
            atomicMin(&wrong[1], place);
        }
    }
}

struct Float {
    typedef float Type;
    typedef float Result;
    typedef float Partial;
    static __device__ __forceinline__ void multiply(float &sum, float a, float b) { sum = fmaf(a, b, sum); }
    static __device__ __forceinline__ void add(float &sum, float part) { sum += part; }
};

extern "C" __global__ void __launch_bounds__(256) product_f32(float *c, const float *a, const float *b, int n, int k)
{
    gemm<Float>(c, a, b, n, k);
}
