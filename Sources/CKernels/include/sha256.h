#ifndef ASSAY_SHA256_H
#define ASSAY_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether the processor has the SHA extensions and SSE4.1.
bool assay_cpu_has_sha256(void);

// Feeds whole 64-byte blocks to a SHA-256 state (words a to h). Call it only where
// assay_cpu_has_sha256() says yes; elsewhere it does nothing.
void assay_sha256_blocks(uint32_t state[8], const void *blocks, size_t count);

#endif
