#include "crc32.h"

#if defined(__x86_64__)

#include <immintrin.h>

bool assay_cpu_has_clmul(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

// Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel
// 2009), bit-reflected: powers of x modulo the polynomial, for folding over 512 and 128 bits.
#define FOLD(value, by, next)                                          \
  _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128((value), (by), 0x00), \
                              _mm_clmulepi64_si128((value), (by), 0x11)), \
                (next))

__attribute__((target("pclmul,sse4.1"))) uint32_t assay_crc32_fold(uint32_t crc, const void *bytes,
                                                                   size_t count) {
  const __m128i by512 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by128 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const __m128i by64 = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  const __m128i low32 = _mm_setr_epi32(-1, 0, -1, 0);
  const __m128i *from = bytes;

  __m128i a = _mm_xor_si128(_mm_loadu_si128(from), _mm_cvtsi32_si128((int)crc));
  __m128i b = _mm_loadu_si128(from + 1);
  __m128i c = _mm_loadu_si128(from + 2);
  __m128i d = _mm_loadu_si128(from + 3);
  from += 4;
  count -= 64;
  for (; count >= 64; count -= 64, from += 4) {
    a = FOLD(a, by512, _mm_loadu_si128(from));
    b = FOLD(b, by512, _mm_loadu_si128(from + 1));
    c = FOLD(c, by512, _mm_loadu_si128(from + 2));
    d = FOLD(d, by512, _mm_loadu_si128(from + 3));
  }
  a = FOLD(a, by128, b);
  a = FOLD(a, by128, c);
  a = FOLD(a, by128, d);
  for (; count >= 16; count -= 16, from++) a = FOLD(a, by128, _mm_loadu_si128(from));

  // 128 bits to 64, then Barrett's reduction to 32.
  __m128i high = _mm_clmulepi64_si128(a, by128, 0x10);
  a = _mm_xor_si128(_mm_srli_si128(a, 8), high);
  __m128i rest = _mm_srli_si128(a, 4);
  a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, low32), by64, 0x00), rest);
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(a, low32), barrett, 0x10);
  __m128i product = _mm_clmulepi64_si128(_mm_and_si128(quotient, low32), barrett, 0x00);
  return (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, product), 1);
}

#else

bool assay_cpu_has_clmul(void) { return false; }
uint32_t assay_crc32_fold(uint32_t crc, const void *bytes, size_t count) { return crc; }

#endif
