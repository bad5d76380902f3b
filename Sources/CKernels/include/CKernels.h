// The few loops that need instructions Swift cannot emit. Each is dispatched at run time behind a
// Swift function that has a portable fallback, tested bit for bit against it.
// And hints to the system that Swift's view of Glibc leaves out.
#ifndef ASSAY_CKERNELS_H
#define ASSAY_CKERNELS_H

#include "cpu_features.h"
#include "crc32.h"
#include "difference.h"
#include "element_conversion.h"
#include "file_hints.h"
#include "sha256.h"
#include "statistics.h"
#include "vector_kernels.h"

#endif
