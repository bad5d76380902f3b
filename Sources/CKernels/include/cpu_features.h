#ifndef ASSAY_CPU_FEATURES_H
#define ASSAY_CPU_FEATURES_H

#include <stdbool.h>

// What the processor and the operating system both support.
bool assay_cpu_has_avx2_fma_f16c(void);
bool assay_cpu_has_avx512(void);  // F, BW, DQ and VL

#endif
