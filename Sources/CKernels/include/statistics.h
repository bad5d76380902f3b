#ifndef ASSAY_STATISTICS_H
#define ASSAY_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

// What one block of numbers amounts to. The fields but the counts are over finite values only;
// without any, minimum is +infinity, maximum is -infinity, and mean and squares are 0.
struct assay_block_statistics {
  double minimum, maximum, mean;
  double squares;  // the sum of squared distances from the mean
  uint64_t finite, zeros;
};

// The order of the additions is fixed (sixteen lanes, then a tree), so that the three give the
// same bits. Blocks of at most 2^24 values, aligned as their type.
void assay_statistics_f32(const float *, size_t, struct assay_block_statistics *);
void assay_statistics_f64(const double *, size_t, struct assay_block_statistics *);
#if defined(__x86_64__)
void assay_statistics_f32_avx2(const float *, size_t, struct assay_block_statistics *);
void assay_statistics_f64_avx2(const double *, size_t, struct assay_block_statistics *);
void assay_statistics_f32_avx512(const float *, size_t, struct assay_block_statistics *);
void assay_statistics_f64_avx512(const double *, size_t, struct assay_block_statistics *);
#endif

#endif
