#include "cpu_features.h"

#if defined(__x86_64__)

bool assay_cpu_has_avx2_fma_f16c(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("f16c");
}

bool assay_cpu_has_avx512(void) {
  __builtin_cpu_init();
  return assay_cpu_has_avx2_fma_f16c() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

#else

bool assay_cpu_has_avx2_fma_f16c(void) { return false; }
bool assay_cpu_has_avx512(void) { return false; }

#endif
