#include "element_conversion.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,fma,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c")))
#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

// The bf16 kernels are integer code: the avx512_bf16 instruction flushes subnormals to zero.

AVX2 static inline __m256i widen_f16_8(__m128i halves) {
  return _mm256_castps_si256(_mm256_cvtph_ps(halves));
}

AVX2 static inline __m256i widen_bf16_8(__m128i halves) {
  return _mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16);
}

AVX2 static inline __m128i narrow_f16_8(__m256i bits) {
  return _mm256_cvtps_ph(_mm256_castsi256_ps(bits), NEAREST);
}

AVX2 static inline __m128i narrow_bf16_8(__m256i bits) {
  const __m256i high = _mm256_srli_epi32(bits, 16);
  const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
  const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
  const __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7FFFFFFF));
  const __m256i is_nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7F800000));
  const __m256i words = _mm256_blendv_epi8(rounded, quiet, is_nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

AVX512 static inline __m512i widen_f16_16(__m256i halves) {
  return _mm512_castps_si512(_mm512_cvtph_ps(halves));
}

AVX512 static inline __m512i widen_bf16_16(__m256i halves) {
  return _mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}

AVX512 static inline __m256i narrow_f16_16(__m512i bits) {
  return _mm512_cvtps_ph(_mm512_castsi512_ps(bits), NEAREST);
}

AVX512 static inline __m256i narrow_bf16_16(__m512i bits) {
  const __m512i high = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF));
  const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
  const __m512i quiet = _mm512_or_si512(high, _mm512_set1_epi32(0x40));
  const __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(0x7FFFFFFF));
  const __mmask16 is_nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7F800000));
  return _mm512_cvtepi32_epi16(_mm512_mask_blend_epi32(is_nan, rounded, quiet));
}

// One function a direction, type and width: whole vectors, then the rest through a padded copy.
#define WIDENING(NAME, TARGET, LANES, HALF, FULL, LOAD, STORE, STEP)              \
  TARGET void NAME(const void *source, void *target, size_t count) {              \
    const uint16_t *from = source;                                                \
    uint32_t *to = target;                                                        \
    size_t i = 0;                                                                 \
    for (; i + LANES <= count; i += LANES)                                        \
      STORE((FULL *)(to + i), STEP(LOAD((const HALF *)(from + i))));              \
    if (i < count) {                                                              \
      uint16_t rest[LANES] = {0};                                                 \
      uint32_t wide[LANES];                                                       \
      memcpy(rest, from + i, (count - i) * sizeof *from);                         \
      STORE((FULL *)wide, STEP(LOAD((const HALF *)rest)));                        \
      memcpy(to + i, wide, (count - i) * sizeof *to);                             \
    }                                                                             \
  }

#define NARROWING(NAME, TARGET, LANES, HALF, FULL, LOAD, STORE, STEP)             \
  TARGET void NAME(const void *source, void *target, size_t count) {              \
    const uint32_t *from = source;                                                \
    uint16_t *to = target;                                                        \
    size_t i = 0;                                                                 \
    for (; i + LANES <= count; i += LANES)                                        \
      STORE((HALF *)(to + i), STEP(LOAD((const FULL *)(from + i))));              \
    if (i < count) {                                                              \
      uint32_t rest[LANES] = {0};                                                 \
      uint16_t narrow[LANES];                                                     \
      memcpy(rest, from + i, (count - i) * sizeof *from);                         \
      STORE((HALF *)narrow, STEP(LOAD((const FULL *)rest)));                      \
      memcpy(to + i, narrow, (count - i) * sizeof *to);                           \
    }                                                                             \
  }

WIDENING(assay_f16_to_f32_avx2, AVX2, 8, __m128i, __m256i, _mm_loadu_si128,
         _mm256_storeu_si256, widen_f16_8)
WIDENING(assay_bf16_to_f32_avx2, AVX2, 8, __m128i, __m256i, _mm_loadu_si128,
         _mm256_storeu_si256, widen_bf16_8)
WIDENING(assay_f16_to_f32_avx512, AVX512, 16, __m256i, __m512i, _mm256_loadu_si256,
         _mm512_storeu_si512, widen_f16_16)
WIDENING(assay_bf16_to_f32_avx512, AVX512, 16, __m256i, __m512i, _mm256_loadu_si256,
         _mm512_storeu_si512, widen_bf16_16)
NARROWING(assay_f32_to_f16_avx2, AVX2, 8, __m128i, __m256i, _mm256_loadu_si256,
          _mm_storeu_si128, narrow_f16_8)
NARROWING(assay_f32_to_bf16_avx2, AVX2, 8, __m128i, __m256i, _mm256_loadu_si256,
          _mm_storeu_si128, narrow_bf16_8)
NARROWING(assay_f32_to_f16_avx512, AVX512, 16, __m256i, __m512i, _mm512_loadu_si512,
          _mm256_storeu_si256, narrow_f16_16)
NARROWING(assay_f32_to_bf16_avx512, AVX512, 16, __m256i, __m512i, _mm512_loadu_si512,
          _mm256_storeu_si256, narrow_bf16_16)

#endif
