#if defined(__x86_64__)
#include "include/vector_kernels.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)

#define ASSAY_NAME(name) name##_avx512
#include "vector_math.h"
#include "winograd.h"

#pragma clang attribute pop
#endif
