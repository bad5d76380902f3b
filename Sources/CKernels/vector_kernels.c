#include "include/vector_kernels.h"

#pragma STDC FP_CONTRACT OFF

#define ASSAY_NAME(name) name
#include "vector_math.h"
#include "winograd.h"
