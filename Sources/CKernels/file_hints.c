#define _GNU_SOURCE
#include "file_hints.h"

#if defined(__linux__)

#include <errno.h>
#include <fcntl.h>

void assay_reserve_file(int descriptor, int64_t count) {
  int saved = errno;
  if (count > 0) (void)fallocate(descriptor, 0, 0, count);
  errno = saved;
}

void assay_start_writeback(int descriptor, int64_t offset, int64_t count) {
  int saved = errno;
  (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
  errno = saved;
}

bool assay_set_direct(int descriptor, bool is_direct) {
  int saved = errno;
  int flags = fcntl(descriptor, F_GETFL);
  int wanted = is_direct ? flags | O_DIRECT : flags & ~O_DIRECT;
  bool agreed = flags >= 0 && fcntl(descriptor, F_SETFL, wanted) == 0;
  errno = saved;
  return agreed;
}

#else

void assay_reserve_file(int descriptor, int64_t count) {}
void assay_start_writeback(int descriptor, int64_t offset, int64_t count) {}
bool assay_set_direct(int descriptor, bool is_direct) { return !is_direct; }

#endif
