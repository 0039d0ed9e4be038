// C = A * B^T for matrices whose rows hold k words each: A has 128 rows a block, B (as weights are stored) 128 columns.
// One block of 256 threads makes 128 x 128 results, each thread 8 x 8 of them. n and m are multiples of 128, k of 16 words.
// What a word is and how two of them are multiplied is the caller's: one float, two halves or four signed bytes.

template <class Word>
__device__ __forceinline__ void gemm(typename Word::Result *c, const typename Word::Type *a, const typename Word::Type *b, int n, int k)
{
    typedef typename Word::Type Type;
    __shared__ Type left[16][132], right[16][132];  // four words of padding: no bank conflicts when stored transposed
    const int thread = threadIdx.x;
    const int row = (thread / 16) * 8, column = (thread % 16) * 8;
    const int from_row = thread / 2, from_word = (thread % 2) * 8;
    a += (size_t)(blockIdx.y * 128 + from_row) * k + from_word;
    b += (size_t)(blockIdx.x * 128 + from_row) * k + from_word;
    typename Word::Result sum[8][8] = {};
    for (int at = 0; at < k; at += 16) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            left[from_word + i][from_row] = a[at + i];
            right[from_word + i][from_row] = b[at + i];
        }
        __syncthreads();
        typename Word::Partial partial[8][8] = {};
#pragma unroll 4
        for (int word = 0; word < 16; word++) {
            Type x[8], y[8];
#pragma unroll
            for (int i = 0; i < 8; i++) {
                x[i] = left[word][row + i];
                y[i] = right[word][column + i];
            }
#pragma unroll
            for (int i = 0; i < 8; i++)
#pragma unroll
                for (int j = 0; j < 8; j++)
                    Word::multiply(partial[i][j], x[i], y[j]);
        }
#pragma unroll
        for (int i = 0; i < 8; i++)
#pragma unroll
            for (int j = 0; j < 8; j++)
                Word::add(sum[i][j], partial[i][j]);
        __syncthreads();
    }
    c += (size_t)(blockIdx.y * 128 + row) * n + blockIdx.x * 128 + column;
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 8; j++)
            c[(size_t)i * n + j] = sum[i][j];
}
