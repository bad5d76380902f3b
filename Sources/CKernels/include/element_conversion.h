#ifndef ASSAY_ELEMENT_CONVERSION_H
#define ASSAY_ELEMENT_CONVERSION_H

#include <stddef.h>

// Conversions between half-width floats and float32. Pointers may be unaligned. Narrowing rounds
// to nearest, ties to even; a NaN stays a NaN (quiet, sign and leading payload bits kept).
// Call a function only where the processor has the instructions in its name.
#if defined(__x86_64__)
void assay_f16_to_f32_avx2(const void *source, void *target, size_t count);
void assay_f16_to_f32_avx512(const void *source, void *target, size_t count);
void assay_f32_to_f16_avx2(const void *source, void *target, size_t count);
void assay_f32_to_f16_avx512(const void *source, void *target, size_t count);
void assay_bf16_to_f32_avx2(const void *source, void *target, size_t count);
void assay_bf16_to_f32_avx512(const void *source, void *target, size_t count);
void assay_f32_to_bf16_avx2(const void *source, void *target, size_t count);
void assay_f32_to_bf16_avx512(const void *source, void *target, size_t count);
#endif

#endif
