#include "vocabulary.h"

// Embedded at compile time, so that the program is one file. clip-merges.txt is made by
// Fixtures/tokenizer/make_merges.py.
#pragma clang diagnostic ignored "-Wc23-extensions"
static const unsigned char merges[] = {
#embed "clip-merges.txt"
};

const unsigned char *assay_clip_merges(void) { return merges; }
size_t assay_clip_merges_count(void) { return sizeof merges; }
