// The entry points of cuBLAS that Granula calls, written from the public API documentation. Input of jextract; the
// hand-written cublas_h has the same names and call signatures.
#ifndef GRANULA_CUBLAS_H
#define GRANULA_CUBLAS_H

#include <stddef.h>

typedef struct cublasContext *cublasHandle_t;
typedef struct CUstream_st *cudaStream_t;
typedef unsigned int cublasStatus_t;

#define CUBLAS_TF32_TENSOR_OP_MATH 3
#define CUDA_R_16BF 14
#define CUBLAS_OP_N 0
#define CUBLAS_OP_T 1
#define CUBLAS_DEFAULT_MATH 0
#define CUBLAS_COMPUTE_32F 68
#define CUBLAS_COMPUTE_64F 70
#define CUBLAS_GEMM_DEFAULT (-1)
#define CUDA_R_32F 0
#define CUDA_R_64F 1
#define CUBLAS_STATUS_NOT_INITIALIZED 1
#define CUBLAS_STATUS_ALLOC_FAILED 3
#define CUBLAS_STATUS_ARCH_MISMATCH 8
#define CUBLAS_STATUS_EXECUTION_FAILED 13
#define CUBLAS_STATUS_NOT_SUPPORTED 15

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle);
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle);
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t streamId);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, unsigned int mode);
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, unsigned int transa, unsigned int transb, int m, int n, int k, const void *alpha, const void *A, unsigned int Atype, int lda, long long strideA, const void *B, unsigned int Btype, int ldb, long long strideB, const void *beta, void *C, unsigned int Ctype, int ldc, long long strideC, int batchCount, unsigned int computeType, int algo);
const char *cublasGetStatusString(cublasStatus_t status);
cublasStatus_t cublasGetProperty(unsigned int type, int *value);

#endif
