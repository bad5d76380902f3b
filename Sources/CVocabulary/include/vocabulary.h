#ifndef ASSAY_VOCABULARY_H
#define ASSAY_VOCABULARY_H

#include <stddef.h>

/// The merges of CLIP's tokenizer, `merges.txt` as it is published, and their length in bytes.
const unsigned char *assay_clip_merges(void);
size_t assay_clip_merges_count(void);

#endif
