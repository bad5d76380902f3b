#ifndef ASSAY_FILE_HINTS_H
#define ASSAY_FILE_HINTS_H

#include <stdbool.h>
#include <stdint.h>

// Calls of Linux's own, which Swift's view of Glibc leaves out. Hints: they may do nothing, and no
// error of theirs is one.

// Sets aside room for `count` bytes in an empty file and makes it as long, where that is quick.
void assay_reserve_file(int descriptor, int64_t count);

// Lets the disk begin to write a part of a file, without waiting for it.
void assay_start_writeback(int descriptor, int64_t offset, int64_t count);

// Lets writes of whole blocks go past the page cache, or through it again. Whether the file's system
// agreed.
bool assay_set_direct(int descriptor, bool is_direct);

#endif
