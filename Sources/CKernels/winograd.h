// Winograd's F(4x4, 3x3) (Lavin and Gray, 2015) at the points 0, 3/4, -3/4, 3/2, -3/2 and
// infinity: the transforms around the 36 matrix products. With the usual 0, 1, -1, 2, -2 the error
// is five times as large (1e-5 against 2e-6 of the largest value, 640 channels of noise); these,
// too, have exact coefficients but for the filters'. Included after vector_math.h.

// One column of B^T: six values to six.
#define INPUT_TRANSFORM(d0, d1, d2, d3, d4, d5, t)                 \
  lanes t##0 = d0 * 1.265625f - d2 * 2.8125f + d4;                 \
  lanes t##a = d4 - d2 * 2.25f;                                    \
  lanes t##b = (d3 - d1 * 2.25f) * 0.75f;                          \
  lanes t##1 = t##a + t##b;                                        \
  lanes t##2 = t##a - t##b;                                        \
  lanes t##c = d4 - d2 * 0.5625f;                                  \
  lanes t##d = (d3 - d1 * 0.5625f) * 1.5f;                         \
  lanes t##3 = t##c + t##d;                                        \
  lanes t##4 = t##c - t##d;                                        \
  lanes t##5 = d1 * 1.265625f - d3 * 2.8125f + d5;

// `scratch` holds 6 * 4 * (tiles + 32) floats.
void ASSAY_NAME(assay_winograd_input)(const float *rows, size_t row_stride, float *target,
                                      size_t plane, size_t tiles, float *scratch) {
  // Down the columns first, where sixteen neighbours are sixteen lanes; then the four phases of a
  // row of fours apart, so that sixteen tiles are sixteen lanes.
  size_t phase = tiles + 32;
  for (size_t tile = 0; tile < tiles + 1; tile += 16) {
    lanes part[6][4];
    for (int quarter = 0; quarter < 4; quarter++) {
      const float *at = rows + 4 * tile + 16 * quarter;
      lanes d0 = load(at), d1 = load(at + row_stride), d2 = load(at + 2 * row_stride);
      lanes d3 = load(at + 3 * row_stride), d4 = load(at + 4 * row_stride);
      lanes d5 = load(at + 5 * row_stride);
      INPUT_TRANSFORM(d0, d1, d2, d3, d4, d5, t)
      part[0][quarter] = t0;
      part[1][quarter] = t1;
      part[2][quarter] = t2;
      part[3][quarter] = t3;
      part[4][quarter] = t4;
      part[5][quarter] = t5;
    }
    for (int i = 0; i < 6; i++) {
      // Even and odd twice: every fourth element.
      lanes a = part[i][0], b = part[i][1], c = part[i][2], d = part[i][3];
#define EVEN(x, y) \
  __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(x, y) \
  __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
      lanes even1 = EVEN(a, b), odd1 = ODD(a, b), even2 = EVEN(c, d), odd2 = ODD(c, d);
      float *to = scratch + i * 4 * phase + tile;
      store(to, EVEN(even1, even2));
      store(to + phase, EVEN(odd1, odd2));
      store(to + 2 * phase, ODD(even1, even2));
      store(to + 3 * phase, ODD(odd1, odd2));
    }
  }
  for (int i = 0; i < 6; i++) {
    const float *from = scratch + i * 4 * phase;
    for (size_t tile = 0; tile < tiles; tile += 16) {
      const float *at = from + tile;
      lanes d0 = load(at), d1 = load(at + phase), d2 = load(at + 2 * phase);
      lanes d3 = load(at + 3 * phase), d4 = load(at + 1), d5 = load(at + phase + 1);
      INPUT_TRANSFORM(d0, d1, d2, d3, d4, d5, t)
      float *to = target + i * 6 * plane + tile;
      size_t count = tiles - tile;
      if (count >= 16) {
        store(to, t0);
        store(to + plane, t1);
        store(to + 2 * plane, t2);
        store(to + 3 * plane, t3);
        store(to + 4 * plane, t4);
        store(to + 5 * plane, t5);
      } else {
        store_some(to, t0, count);
        store_some(to + plane, t1, count);
        store_some(to + 2 * plane, t2, count);
        store_some(to + 3 * plane, t3, count);
        store_some(to + 4 * plane, t4, count);
        store_some(to + 5 * plane, t5, count);
      }
    }
  }
}

// A^T: six values to four.
#define OUTPUT_TRANSFORM(m0, m1, m2, m3, m4, m5, t)          \
  lanes t##a = m1 + m2, t##b = m1 - m2;                      \
  lanes t##c = m3 + m4, t##d = m3 - m4;                      \
  lanes t##0 = m0 + t##a + t##c;                             \
  lanes t##1 = t##b * 0.75f + t##d * 1.5f;                   \
  lanes t##2 = t##a * 0.5625f + t##c * 2.25f;                \
  lanes t##3 = t##b * 0.421875f + t##d * 3.375f + m5;

void ASSAY_NAME(assay_winograd_output)(const float *source, size_t plane, size_t tiles,
                                       float bias, float *target, size_t width, size_t height) {
  for (size_t tile = 0; tile < tiles; tile += 16) {
    size_t count = tiles - tile < 16 ? tiles - tile : 16;
    lanes part[4][6];
    for (int j = 0; j < 6; j++) {
      lanes m[6];
      for (int i = 0; i < 6; i++) {
        const float *at = source + (6 * i + j) * plane + tile;
        m[i] = count == 16 ? load(at) : load_some(at, count);
      }
      OUTPUT_TRANSFORM(m[0], m[1], m[2], m[3], m[4], m[5], t)
      part[0][j] = t0;
      part[1][j] = t1;
      part[2][j] = t2;
      part[3][j] = t3;
    }
    for (size_t row = 0; row < height; row++) {
      lanes *m = part[row];
      OUTPUT_TRANSFORM(m[0], m[1], m[2], m[3], m[4], m[5], t)
      t0 = t0 + bias;
      t1 = t1 + bias;
      t2 = t2 + bias;
      t3 = t3 + bias;
      // Four phases woven together again.
#define LOW(x, y) \
  __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(x, y) \
  __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
      lanes even1 = LOW(t0, t2), even2 = HIGH(t0, t2), odd1 = LOW(t1, t3), odd2 = HIGH(t1, t3);
      float *to = target + row * width + 4 * tile;
      lanes line[4] = {LOW(even1, odd1), HIGH(even1, odd1), LOW(even2, odd2), HIGH(even2, odd2)};
      size_t pixels = width - 4 * tile;
      if (pixels >= 64) {
        for (int quarter = 0; quarter < 4; quarter++) store(to + 16 * quarter, line[quarter]);
      } else {
        __builtin_memcpy(to, line, pixels * sizeof(float));
      }
    }
  }
}

// G: three values to six.
#define FILTER_TRANSFORM(g0, g1, g2, t)                                                   \
  lanes t##0 = g0 * (64.0f / 81.0f);                                                      \
  lanes t##a = (g0 + g2 * 0.5625f) * (-128.0f / 243.0f), t##b = g1 * (-32.0f / 81.0f);    \
  lanes t##1 = t##a + t##b;                                                               \
  lanes t##2 = t##a - t##b;                                                               \
  lanes t##c = (g0 + g2 * 2.25f) * (32.0f / 243.0f), t##d = g1 * (16.0f / 81.0f);         \
  lanes t##3 = t##c + t##d;                                                               \
  lanes t##4 = t##c - t##d;                                                               \
  lanes t##5 = g2;

void ASSAY_NAME(assay_winograd_filter)(const float *filters, size_t count, float *target,
                                       size_t plane) {
  for (size_t first = 0; first < count; first += 16) {
    size_t some = count - first < 16 ? count - first : 16;
    float gathered[9][16] = {{0}};
    for (size_t lane = 0; lane < some; lane++)
      for (int element = 0; element < 9; element++)
        gathered[element][lane] = filters[(first + lane) * 9 + element];
    lanes part[6][3];
    for (int j = 0; j < 3; j++) {
      lanes g0 = load(gathered[j]), g1 = load(gathered[3 + j]), g2 = load(gathered[6 + j]);
      FILTER_TRANSFORM(g0, g1, g2, t)
      part[0][j] = t0;
      part[1][j] = t1;
      part[2][j] = t2;
      part[3][j] = t3;
      part[4][j] = t4;
      part[5][j] = t5;
    }
    for (int i = 0; i < 6; i++) {
      FILTER_TRANSFORM(part[i][0], part[i][1], part[i][2], t)
      lanes line[6] = {t0, t1, t2, t3, t4, t5};
      for (int j = 0; j < 6; j++) {
        float *to = target + (6 * i + j) * plane + first;
        if (some == 16)
          store(to, line[j]);
        else
          store_some(to, line[j], some);
      }
    }
  }
}
