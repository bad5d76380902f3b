#include "difference.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

// A fused multiply-add would make the result depend on the processor.
#pragma STDC FP_CONTRACT OFF

// Eight: the sums and comparisons just fit into the registers of AVX2.
#define LANES 8
#define INLINE static inline __attribute__((always_inline))

typedef float f32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef double f64s __attribute__((vector_size(8 * LANES), aligned(8)));
typedef int32_t i32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int64_t i64s __attribute__((vector_size(8 * LANES), aligned(8)));

// The figures, lane by lane.
struct lanes {
  f64s greatest, sum, squares, squares_a, squares_b, product;
  i64s finite, changed, beyond;
};

INLINE double tree_sum(const f64s *lanes) {
  double part[LANES];
  memcpy(part, lanes, sizeof part);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) part[i] += part[i + width];
  return part[0];
}

// Adds one vector of doubles. What differs at all is beyond a tolerance of nothing: the difference
// of two doubles that differ is not zero.
INLINE void add(struct lanes *to, const f64s *a, const f64s *b, double absolute, double relative,
                const bool is_tolerant) {
  const f64s x = *a, y = *b;
  const f64s apart = (f64s)((i64s)(y - x) & INT64_MAX);
  const i64s more = apart > to->greatest;
  to->greatest = (f64s)(((i64s)apart & more) | ((i64s)to->greatest & ~more));
  to->changed -= apart > 0;
  if (is_tolerant) {
    const f64s size = (f64s)((i64s)x & INT64_MAX);
    to->beyond -= apart > absolute + relative * size;
  }
  to->sum += apart;
  to->squares += apart * apart;
  to->squares_a += x * x;
  to->squares_b += y * y;
  to->product += x * y;
}

// One pass over a block; the last vector is filled up with zeros, which differ in nothing. With
// `is_masked`, places where a value is NaN or infinite count as zeros.
#define PASS(NAME, NUMBER, NUMBERS, WHOLES, EXPONENT)                                           \
  INLINE void NAME##_step(struct lanes *lanes, const NUMBER *a, const NUMBER *b,                \
                          double absolute, double relative, const bool is_tolerant,             \
                          const bool is_masked) {                                               \
    NUMBERS va = *(const NUMBERS *)a, vb = *(const NUMBERS *)b;                                 \
    if (is_masked) {                                                                            \
      const WHOLES good =                                                                       \
          (((WHOLES)va & EXPONENT) != EXPONENT) & (((WHOLES)vb & EXPONENT) != EXPONENT);        \
      va = (NUMBERS)((WHOLES)va & good);                                                        \
      vb = (NUMBERS)((WHOLES)vb & good);                                                        \
      lanes->finite -= __builtin_convertvector(good, i64s);                                     \
    }                                                                                           \
    const f64s x = __builtin_convertvector(va, f64s), y = __builtin_convertvector(vb, f64s);    \
    add(lanes, &x, &y, absolute, relative, is_tolerant);                                        \
  }                                                                                             \
  INLINE void NAME(struct lanes *result, const NUMBER *a, const NUMBER *b, size_t count,        \
                   double absolute, double relative, const bool is_tolerant,                    \
                   const bool is_masked) {                                                      \
    struct lanes lanes = {0};                                                                   \
    const size_t whole = count - count % LANES;                                                 \
    for (size_t i = 0; i < whole; i += LANES)                                                   \
      NAME##_step(&lanes, a + i, b + i, absolute, relative, is_tolerant, is_masked);            \
    if (whole < count) {                                                                        \
      NUMBER rest_a[LANES] = {0}, rest_b[LANES] = {0};                                          \
      memcpy(rest_a, a + whole, (count - whole) * sizeof *a);                                   \
      memcpy(rest_b, b + whole, (count - whole) * sizeof *b);                                   \
      NAME##_step(&lanes, rest_a, rest_b, absolute, relative, is_tolerant, is_masked);          \
    }                                                                                           \
    *result = lanes;                                                                            \
  }

PASS(pass_f32, float, f32s, i32s, 0x7F800000)
PASS(pass_f64, double, f64s, i64s, 0x7FF0000000000000)

INLINE void finish(const struct lanes *lanes, size_t finite, const bool is_tolerant,
                   struct assay_block_difference *result) {
  result->greatest = 0;
  result->changed = result->beyond = 0;
  for (int i = 0; i < LANES; i++) {
    result->changed += (uint64_t)lanes->changed[i];
    result->beyond += (uint64_t)(is_tolerant ? lanes->beyond[i] : lanes->changed[i]);
    const double greatest = lanes->greatest[i];
    result->greatest = greatest > result->greatest ? greatest : result->greatest;
  }
  result->finite = finite;
  result->sum = tree_sum(&lanes->sum);
  result->squares = tree_sum(&lanes->squares);
  result->squares_a = tree_sum(&lanes->squares_a);
  result->squares_b = tree_sum(&lanes->squares_b);
  result->product = tree_sum(&lanes->product);
}

// Nearly every block is finite throughout. Whether it was shows in its squares: those of finite
// single-precision numbers cannot overflow, and where doubles' do, the second pass finds the same.
#define WHOLE_BLOCK(NAME, PASS_NAME, NUMBER)                                                    \
  INLINE void NAME(const NUMBER *a, const NUMBER *b, size_t count, double absolute,             \
                   double relative, const bool is_tolerant,                                     \
                   struct assay_block_difference *result) {                                     \
    struct lanes lanes;                                                                         \
    PASS_NAME(&lanes, a, b, count, absolute, relative, is_tolerant, false);                     \
    finish(&lanes, count, is_tolerant, result);                                                 \
    if (result->squares_a <= DBL_MAX && result->squares_b <= DBL_MAX) return;               \
    PASS_NAME(&lanes, a, b, count, absolute, relative, is_tolerant, true);                      \
    uint64_t finite = 0;                                                                        \
    for (int i = 0; i < LANES; i++) finite += (uint64_t)lanes.finite[i];                        \
    /* The zeros behind the end are finite too. */                                              \
    finish(&lanes, finite - (LANES - count % LANES) % LANES, is_tolerant, result);              \
  }

WHOLE_BLOCK(difference_f32, pass_f32, float)
WHOLE_BLOCK(difference_f64, pass_f64, double)

#define FUNCTION(NAME, ATTRIBUTES, BODY_NAME, NUMBER)                                           \
  ATTRIBUTES void NAME(const NUMBER *a, const NUMBER *b, size_t count, double absolute,         \
                       double relative, struct assay_block_difference *result) {                \
    if (absolute == 0 && relative == 0) {                                                       \
      BODY_NAME(a, b, count, absolute, relative, false, result);                                \
    } else {                                                                                    \
      BODY_NAME(a, b, count, absolute, relative, true, result);                                 \
    }                                                                                           \
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
