#ifndef ASSAY_DIFFERENCE_H
#define ASSAY_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

// What two blocks of numbers, a and b, differ by. Everything is over the places where both are
// finite; the other places are only counted.
struct assay_block_difference {
  double greatest;           // |b - a|
  double sum, squares;       // of |b - a|, and of its square
  double squares_a, squares_b, product;
  uint64_t finite;           // places where both are finite
  uint64_t changed;          // of these, where a != b
  uint64_t beyond;           // of these, where |b - a| > absolute + relative * |a|
};

// All arithmetic is in doubles, and the order of the additions is fixed (eight lanes, then a tree),
// so that the three give the same bits. Blocks are aligned as their type.
#define ASSAY_DIFFERENCE(suffix)                                                                \
  void assay_difference_f32##suffix(const float *a, const float *b, size_t count,               \
                                    double absolute, double relative,                           \
                                    struct assay_block_difference *);                           \
  void assay_difference_f64##suffix(const double *a, const double *b, size_t count,             \
                                    double absolute, double relative,                           \
                                    struct assay_block_difference *);

ASSAY_DIFFERENCE()
#if defined(__x86_64__)
ASSAY_DIFFERENCE(_avx2)
ASSAY_DIFFERENCE(_avx512)
#endif

#undef ASSAY_DIFFERENCE
#endif
