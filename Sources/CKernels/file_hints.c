#define _GNU_SOURCE
#include "file_hints.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>

void assay_reserve_file(int descriptor, int64_t count) {
  int saved = errno;
  if (count > 0) (void)fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, count);
  errno = saved;
}

void assay_start_writeback(int descriptor, int64_t offset, int64_t count) {
  int saved = errno;
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
  errno = saved;
}

#else

void assay_reserve_file(int descriptor, int64_t count) {}
void assay_start_writeback(int descriptor, int64_t offset, int64_t count) {}

#endif
