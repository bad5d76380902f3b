#ifndef ASSAY_CRC32_H
#define ASSAY_CRC32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Whether the processor multiplies without carries (PCLMULQDQ) and has SSE4.1.
bool assay_cpu_has_clmul(void);

// Moves the register of zip's CRC-32 (reflected polynomial 0xEDB88320, not inverted) over `count`
// bytes: at least 64, a multiple of 16. Call it only where assay_cpu_has_clmul() says yes;
// elsewhere it returns the register as it was.
uint32_t assay_crc32_fold(uint32_t crc, const void *bytes, size_t count);

#endif
