#include "difference.h"

#include <math.h>
#include <string.h>

// A fused multiply-add would make the result depend on the processor.
#pragma STDC FP_CONTRACT OFF

// Eight: the seven sums and the comparisons just fit into the registers of AVX2.
#define LANES 8
#define INLINE static inline __attribute__((always_inline))

typedef float f32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef double f64s __attribute__((vector_size(8 * LANES), aligned(8)));
typedef int32_t i32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int64_t i64s __attribute__((vector_size(8 * LANES), aligned(8)));

INLINE double tree_sum(const f64s *lanes) {
  double part[LANES];
  memcpy(part, lanes, sizeof part);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) part[i] += part[i + width];
  return part[0];
}

// One body a type, as in statistics.c. The lanes behind the end of a block are NaN on both sides.
#define BODY(NAME, NUMBER, NUMBERS, WHOLES, EXPONENT)                                           \
  INLINE void NAME(const NUMBER *a, const NUMBER *b, size_t count, double absolute,             \
                   double relative, struct assay_block_difference *result) {                    \
    const size_t whole = count - count % LANES;                                                 \
    NUMBER rest_a[LANES], rest_b[LANES];                                                        \
    for (int i = 0; i < LANES; i++) rest_a[i] = rest_b[i] = (NUMBER)NAN;                        \
    if (whole < count) {                                                                        \
      memcpy(rest_a, a + whole, (count - whole) * sizeof *a);                                   \
      memcpy(rest_b, b + whole, (count - whole) * sizeof *b);                                   \
    }                                                                                           \
    WHOLES finite = {0}, changed = {0};                                                         \
    i64s beyond = {0};                                                                          \
    f64s greatest = {0}, sum = {0}, squares = {0};                                              \
    f64s squares_a = {0}, squares_b = {0}, product = {0};                                       \
    for (size_t i = 0; i < count; i += LANES) {                                                 \
      const NUMBERS va = *(const NUMBERS *)(i < whole ? a + i : rest_a);                        \
      const NUMBERS vb = *(const NUMBERS *)(i < whole ? b + i : rest_b);                        \
      const WHOLES good =                                                                       \
          (((WHOLES)va & EXPONENT) != EXPONENT) & (((WHOLES)vb & EXPONENT) != EXPONENT);        \
      const NUMBERS ka = (NUMBERS)((WHOLES)va & good), kb = (NUMBERS)((WHOLES)vb & good);       \
      finite -= good;                                                                           \
      changed -= ka != kb;                                                                      \
      const f64s x = __builtin_convertvector(ka, f64s);                                         \
      const f64s y = __builtin_convertvector(kb, f64s);                                         \
      const f64s apart = (f64s)((i64s)(y - x) & INT64_MAX);                                     \
      const f64s size = (f64s)((i64s)x & INT64_MAX);                                            \
      const i64s more = apart > greatest;                                                       \
      greatest = (f64s)(((i64s)apart & more) | ((i64s)greatest & ~more));                       \
      beyond -= apart > absolute + relative * size;                                             \
      sum += apart;                                                                             \
      squares += apart * apart;                                                                 \
      squares_a += x * x;                                                                       \
      squares_b += y * y;                                                                       \
      product += x * y;                                                                         \
    }                                                                                           \
    result->greatest = 0;                                                                       \
    result->finite = result->changed = result->beyond = 0;                                      \
    for (int i = 0; i < LANES; i++) {                                                           \
      result->finite += (uint64_t)finite[i];                                                    \
      result->changed += (uint64_t)changed[i];                                                  \
      result->beyond += (uint64_t)beyond[i];                                                    \
      result->greatest = greatest[i] > result->greatest ? greatest[i] : result->greatest;       \
    }                                                                                           \
    result->sum = tree_sum(&sum);                                                               \
    result->squares = tree_sum(&squares);                                                       \
    result->squares_a = tree_sum(&squares_a);                                                   \
    result->squares_b = tree_sum(&squares_b);                                                   \
    result->product = tree_sum(&product);                                                       \
  }

BODY(difference_f32, float, f32s, i32s, 0x7F800000)
BODY(difference_f64, double, f64s, i64s, 0x7FF0000000000000)

#define FUNCTION(NAME, ATTRIBUTES, BODY_NAME, NUMBER)                                           \
  ATTRIBUTES void NAME(const NUMBER *a, const NUMBER *b, size_t count, double absolute,         \
                       double relative, struct assay_block_difference *result) {                \
    BODY_NAME(a, b, count, absolute, relative, result);                                         \
  }

FUNCTION(assay_difference_f32, , difference_f32, float)
FUNCTION(assay_difference_f64, , difference_f64, double)

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512                                                                                  \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512)))
FUNCTION(assay_difference_f32_avx2, AVX2, difference_f32, float)
FUNCTION(assay_difference_f64_avx2, AVX2, difference_f64, double)
FUNCTION(assay_difference_f32_avx512, AVX512, difference_f32, float)
FUNCTION(assay_difference_f64_avx512, AVX512, difference_f64, double)
#endif
