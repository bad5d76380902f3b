#include "include/vector_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

#define ASSAY_NAME(name) name
#include "vector_math.h"
#include "winograd.h"
