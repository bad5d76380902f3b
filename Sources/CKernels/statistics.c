#include "statistics.h"

#include <math.h>
#include <string.h>

// A fused multiply-add would make the result depend on the processor.
#pragma STDC FP_CONTRACT OFF

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef float f32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef double f64s __attribute__((vector_size(8 * LANES), aligned(8)));
typedef int32_t i32s __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int64_t i64s __attribute__((vector_size(8 * LANES), aligned(8)));

// One body a type, in clang's vector extension, which the compiler cuts to the width of the
// function it is inlined into. NUMBERS and WHOLES are vectors of the type and of integers of its
// width; MAGNITUDE and INFINITE are the bits of all but the sign, and of infinity.
#define BODY(NAME, NUMBER, NUMBERS, WHOLE, WHOLES, MAGNITUDE, INFINITE)                         \
  INLINE void NAME(const NUMBER *x, size_t count, struct assay_block_statistics *result) {      \
    const size_t whole = count - count % LANES;                                                 \
    NUMBER rest[LANES];                                                                         \
    for (int i = 0; i < LANES; i++) rest[i] = (NUMBER)NAN;                                      \
    if (whole < count) memcpy(rest, x + whole, (count - whole) * sizeof *x);                    \
    WHOLES zeros = {0}, finite = {0};                                                           \
    NUMBERS least, most, infinite;                                                              \
    for (int i = 0; i < LANES; i++) {                                                           \
      infinite[i] = least[i] = (NUMBER)INFINITY;                                                \
      most[i] = -(NUMBER)INFINITY;                                                              \
    }                                                                                           \
    f64s sum = {0}, squares = {0};                                                              \
    for (size_t i = 0; i < count; i += LANES) {                                                 \
      const NUMBERS values = *(const NUMBERS *)(i < whole ? x + i : rest);                      \
      const WHOLES magnitude = (WHOLES)values & MAGNITUDE;                                      \
      const WHOLES good = magnitude < INFINITE;                                                 \
      zeros -= magnitude == 0;                                                                  \
      finite -= good;                                                                           \
      const WHOLES kept = (WHOLES)values & good;                                                \
      const NUMBERS low = (NUMBERS)(kept | ((WHOLES)infinite & ~good));                         \
      const NUMBERS high = (NUMBERS)(kept | ((WHOLES)(-infinite) & ~good));                     \
      const WHOLES less = low < least, more = high > most;                                      \
      least = (NUMBERS)(((WHOLES)low & less) | ((WHOLES)least & ~less));                        \
      most = (NUMBERS)(((WHOLES)high & more) | ((WHOLES)most & ~more));                         \
      sum += __builtin_convertvector((NUMBERS)kept, f64s);                                      \
    }                                                                                           \
    uint64_t finite_count = 0, zero_count = 0;                                                  \
    double minimum = INFINITY, maximum = -INFINITY;                                             \
    for (int i = 0; i < LANES; i++) {                                                           \
      finite_count += (uint64_t)finite[i];                                                      \
      zero_count += (uint64_t)zeros[i];                                                         \
      minimum = least[i] < minimum ? least[i] : minimum;                                        \
      maximum = most[i] > maximum ? most[i] : maximum;                                          \
    }                                                                                           \
    const double mean = finite_count > 0 ? tree_sum(&sum) / (double)finite_count : 0;           \
    for (size_t i = 0; i < count; i += LANES) {                                                 \
      const NUMBERS values = *(const NUMBERS *)(i < whole ? x + i : rest);                      \
      const WHOLES good = ((WHOLES)values & MAGNITUDE) < INFINITE;                              \
      const NUMBERS kept = (NUMBERS)((WHOLES)values & good);                                    \
      const f64s distance = __builtin_convertvector(kept, f64s) - mean;                         \
      const i64s wide = __builtin_convertvector(good, i64s);                                    \
      const f64s part = (f64s)((i64s)(distance * distance) & wide);                             \
      squares += part;                                                                          \
    }                                                                                           \
    result->minimum = minimum;                                                                  \
    result->maximum = maximum;                                                                  \
    result->mean = mean;                                                                        \
    result->squares = tree_sum(&squares);                                                       \
    result->finite = finite_count;                                                              \
    result->zeros = zero_count;                                                                 \
  }

INLINE double tree_sum(const f64s *lanes) {
  double part[LANES];
  memcpy(part, lanes, sizeof part);
  for (int width = LANES / 2; width > 0; width /= 2)
    for (int i = 0; i < width; i++) part[i] += part[i + width];
  return part[0];
}

BODY(statistics_f32, float, f32s, int32_t, i32s, 0x7FFFFFFF, 0x7F800000)
BODY(statistics_f64, double, f64s, int64_t, i64s, 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000)

#define FUNCTION(NAME, ATTRIBUTES, BODY_NAME, NUMBER)                                           \
  ATTRIBUTES void NAME(const NUMBER *x, size_t count, struct assay_block_statistics *result) {  \
    BODY_NAME(x, count, result);                                                                \
  }

FUNCTION(assay_statistics_f32, , statistics_f32, float)
FUNCTION(assay_statistics_f64, , statistics_f64, double)

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512                                                                                  \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"), min_vector_width(512)))
FUNCTION(assay_statistics_f32_avx2, AVX2, statistics_f32, float)
FUNCTION(assay_statistics_f64_avx2, AVX2, statistics_f64, double)
FUNCTION(assay_statistics_f32_avx512, AVX512, statistics_f32, float)
FUNCTION(assay_statistics_f64_avx512, AVX512, statistics_f64, double)
#endif
