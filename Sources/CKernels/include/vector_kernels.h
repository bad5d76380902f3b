#ifndef ASSAY_VECTOR_KERNELS_H
#define ASSAY_VECTOR_KERNELS_H

#include <stddef.h>

// Loops over floats that give the same bits on every instruction set: sixteen lanes everywhere, no
// fused multiply-add, the same order of operations. `source` and `target` may be the same pointer
// in the elementwise ones. A function is called only where the processor has the instructions in
// its name.
//
// softmax_step: one step of a softmax over parts of a row. `peak` is the largest value so far
//   (-infinity before the first part) and `sum` that of e^(value - peak); both are brought up to
//   date, and the values become e^(value - new peak). Returns the factor on what was computed with
//   the old peak.
// affine:  source * scale + shift.
// affine_silu: the same, then y * sigmoid(y).
// quick_gelu: x * sigmoid(1.702 x).
// gelu:    x * normal distribution function of x.
// geglu:   value * gelu(gate).
// winograd_input: transforms the 6x6 patches of one row of tiles of one channel. `rows` are six
//   rows of 4 * tiles + 2 floats, padding included, `row_stride` apart, with 80 readable floats
//   after the last; element (i, j) of tile t goes to target[(6 * i + j) * plane + t].
// winograd_output: the way back for one row of tiles of one channel; source[k * plane + t] to
//   `height` (at most four) rows of `width` pixels, adding `bias`.
// winograd_filter: `count` filters of 3x3 floats; element k of filter f to target[k * plane + f].
#define ASSAY_VECTOR_KERNELS(suffix)                                                           \
  float assay_softmax_step##suffix(float *values, size_t count, float *peak, float *sum);      \
  void assay_affine##suffix(const float *source, float *target, size_t count, float scale,     \
                            float shift);                                                      \
  void assay_affine_silu##suffix(const float *source, float *target, size_t count,             \
                                 float scale, float shift);                                    \
  void assay_quick_gelu##suffix(const float *source, float *target, size_t count);             \
  void assay_gelu##suffix(const float *source, float *target, size_t count);                   \
  void assay_geglu##suffix(const float *value, const float *gate, float *target,               \
                           size_t count);                                                      \
  void assay_winograd_input##suffix(const float *rows, size_t row_stride, float *target,       \
                                    size_t plane, size_t tiles, float *scratch);               \
  void assay_winograd_output##suffix(const float *source, size_t plane, size_t tiles,          \
                                     float bias, float *target, size_t width, size_t height);  \
  void assay_winograd_filter##suffix(const float *filters, size_t count, float *target,        \
                                     size_t plane);

ASSAY_VECTOR_KERNELS()
#if defined(__x86_64__)
ASSAY_VECTOR_KERNELS(_avx2)
ASSAY_VECTOR_KERNELS(_avx512)
#endif

#undef ASSAY_VECTOR_KERNELS
#endif
