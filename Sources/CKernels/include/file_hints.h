#ifndef ASSAY_FILE_HINTS_H
#define ASSAY_FILE_HINTS_H

#include <stdint.h>

// Calls of Linux's own, which Swift's view of Glibc leaves out. Hints: they may do nothing, and no
// error of theirs is one.

// Sets aside room for `count` bytes behind the start of a file, whose length stays as it is.
void assay_reserve_file(int descriptor, int64_t count);

// Lets the disk begin to write a part of a file, without waiting for it.
void assay_start_writeback(int descriptor, int64_t offset, int64_t count);

#endif
