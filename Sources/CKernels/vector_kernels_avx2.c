#if defined(__x86_64__)
#include "include/vector_kernels.h"

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define ASSAY_NAME(name) name##_avx2
#include "vector_math.h"
#include "winograd.h"

#pragma clang attribute pop
#endif
