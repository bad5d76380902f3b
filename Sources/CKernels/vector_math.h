// Activations and softmax over sixteen lanes. Included once for each instruction set, with
// ASSAY_NAME giving the functions their suffix.

typedef float lanes __attribute__((vector_size(64)));
typedef int lane_integers __attribute__((vector_size(64)));

// Everything that passes lanes is inlined, so their calling convention does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

INLINE lanes load(const float *from) {
  lanes x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

INLINE void store(float *to, lanes x) { __builtin_memcpy(to, &x, sizeof x); }

INLINE lanes load_some(const float *from, size_t count) {
  lanes x = {0};
  __builtin_memcpy(&x, from, count * sizeof(float));
  return x;
}

INLINE void store_some(float *to, lanes x, size_t count) {
  __builtin_memcpy(to, &x, count * sizeof(float));
}

INLINE lanes select(lane_integers mask, lanes yes, lanes no) {
  return (lanes)((mask & (lane_integers)yes) | (~mask & (lane_integers)no));
}

// e^(x - rest) to 2 units in the last place, for a rest far below 1: x = n ln 2 + r, and Cephes'
// polynomial for e^(r - rest). Results below the smallest normal number are 0; a NaN stays one.
INLINE lanes exponential_of_difference(lanes x, lanes rest) {
  lanes y = select(x < -87.3f, (lanes){0} - 87.3f, x);
  y = select(x > 88.7f, (lanes){0} + 88.7f, y);
  // Adding 1.5 * 2^23 rounds to the nearest integer, and leaves it in the low bits.
  lanes shifted = y * 1.44269504f + 12582912.0f;
  lanes n = shifted - 12582912.0f;
  lanes r = y - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  r = r - rest;
  lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  lanes value = p * (r * r) + r + 1.0f;
  lane_integers power = ((lane_integers)shifted << 23) + 0x3F800000;
  return select(x < -87.3f, (lanes){0}, value * (lanes)power);
}

INLINE lanes exponential(lanes x) { return exponential_of_difference(x, (lanes){0}); }

// The normal distribution's probability beyond x >= 0, to 6 units in the last place as far as it is
// a normal number (x < 13), else 0.
INLINE lanes normal_tail(lanes x) {
  // x^2 to more than single precision: the square of twelve leading bits, which is exact, and rest.
  lanes high = (lanes)((lane_integers)x & -4096);
  lanes rest = (x - high) * (x + high) * 0.5f;
  lanes power = exponential_of_difference(high * high * -0.5f, rest);
  // The scaled tail e^(x^2/2) tail(x) as q P(q), q = 1 / (1 + 5/16 x): fitted on 0...14 to a
  // relative error of 1.0e-8.
  lanes q = 1.0f / (x * 0.3125f + 1.0f);
  lanes p = q * -1.88173577e-2f + 9.02960735e-2f;
  p = p * q + -1.48393560e-1f;
  p = p * q + 7.06709379e-2f;
  p = p * q + 4.88111639e-4f;
  p = p * q + 5.39097249e-2f;
  p = p * q + 9.06534404e-2f;
  p = p * q + 1.11763346e-1f;
  p = p * q + 1.24764642e-1f;
  p = p * q + 1.24664637e-1f;
  return power * (p * q);
}

INLINE lanes sigmoid_linear(lanes x) { return x / (exponential(-x) + 1.0f); }

INLINE lanes quick_gelu_lanes(lanes x) { return x / (exponential(x * -1.702f) + 1.0f); }

// The tail is computed on its own: 1 + erf would cancel where x is far below 0.
INLINE lanes gelu_lanes(lanes x) {
  lanes magnitude = (lanes)((lane_integers)x & 0x7FFFFFFF);
  magnitude = select(magnitude > 14.0f, (lanes){0} + 14.0f, magnitude);
  lanes tail = normal_tail(magnitude);
  return x * select(x > 0.0f, 1.0f - tail, tail);
}

#define ELEMENTWISE(count, ...)                                       \
  size_t index = 0;                                                   \
  for (; index + 16 <= count; index += 16) {                          \
    lanes x = load(source + index);                                   \
    store(target + index, __VA_ARGS__);                               \
  }                                                                   \
  if (index < count) {                                                \
    lanes x = load_some(source + index, count - index);               \
    store_some(target + index, __VA_ARGS__, count - index);           \
  }

void ASSAY_NAME(assay_affine)(const float *source, float *target, size_t count, float scale,
                              float shift) {
  ELEMENTWISE(count, x * scale + shift)
}

void ASSAY_NAME(assay_affine_silu)(const float *source, float *target, size_t count,
                                   float scale, float shift) {
  ELEMENTWISE(count, sigmoid_linear(x * scale + shift))
}

void ASSAY_NAME(assay_quick_gelu)(const float *source, float *target, size_t count) {
  ELEMENTWISE(count, quick_gelu_lanes(x))
}

void ASSAY_NAME(assay_gelu)(const float *source, float *target, size_t count) {
  ELEMENTWISE(count, gelu_lanes(x))
}

void ASSAY_NAME(assay_geglu)(const float *value, const float *gate, float *target,
                             size_t count) {
  size_t index = 0;
  for (; index + 16 <= count; index += 16)
    store(target + index, load(value + index) * gelu_lanes(load(gate + index)));
  size_t rest = count - index;
  if (rest > 0)
    store_some(target + index,
               load_some(value + index, rest) * gelu_lanes(load_some(gate + index, rest)), rest);
}

float ASSAY_NAME(assay_softmax_step)(float *values, size_t count, float *peak, float *sum) {
  if (count == 0) return 1.0f;
  size_t whole = count / 16 * 16, rest = count - whole;
  lanes largest = (lanes){0} + *peak;
  for (size_t index = 0; index < whole; index += 16) {
    lanes x = load(values + index);
    largest = select(x > largest, x, largest);
  }
  float above = *peak;
  for (int lane = 0; lane < 16; lane++)
    if (largest[lane] > above) above = largest[lane];
  for (size_t index = whole; index < count; index++)
    if (values[index] > above) above = values[index];
  lanes sums = {0};
  for (size_t index = 0; index < whole; index += 16) {
    lanes x = exponential(load(values + index) - above);
    store(values + index, x);
    sums = sums + x;
  }
  if (rest > 0) {
    lanes x = exponential(load_some(values + whole, rest) - above);
    store_some(values + whole, x, rest);
    for (size_t lane = 0; lane < rest; lane++) sums[lane] = sums[lane] + x[lane];
  }
  float factor = exponential((lanes){0} + (*peak - above))[0];
  float total = *sum * factor;
  for (int lane = 0; lane < 16; lane++) total = total + sums[lane];
  *peak = above;
  *sum = total;
  return factor;
}
