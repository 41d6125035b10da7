// Products of dense entries, in tiles that stay in registers.

#pragma once

#include "machine.h"

namespace {

#if defined(__AVX512F__)
constexpr long kRows = 8, kWide = 3;
#else
constexpr long kRows = 4, kWide = 2;
#endif
constexpr long kPanel = kLanes * kWide, kBlockRows = 4 * kRows;

// c [rows, n] = a [rows, m] · packed, panels of kPanel columns, [m, kPanel] each
template <long kCount>
inline void product_block(const float* a, long m, const float* panel, float* c, long n,
                          long columns) {
  Vec sum[kCount][kWide] = {};
  for (long k = 0; k < m; ++k) {
    Vec b[kWide];
    for (long j = 0; j < kWide; ++j) b[j] = load(panel + k * kPanel + j * kLanes);
    for (long r = 0; r < kCount; ++r) {
      const Vec value = splat(a[r * m + k]);
      for (long j = 0; j < kWide; ++j) sum[r][j] += value * b[j];
    }
  }
  for (long r = 0; r < kCount; ++r) {
    float row[kPanel];
    for (long j = 0; j < kWide; ++j) store(row + j * kLanes, sum[r][j]);
    std::copy_n(row, columns, c + r * n);
  }
}

inline void product(const float* a, long rows, long m, const float* packed, float* c,
                    long n) {
  for (long first = 0; first < n; first += kPanel) {
    const long columns = std::min(kPanel, n - first);
    const float* panel = packed + first * m;
    long r = 0;
    for (; r + kRows <= rows; r += kRows)
      product_block<kRows>(a + r * m, m, panel, c + r * n + first, n, columns);
    for (; r < rows; ++r)
      product_block<1>(a + r * m, m, panel, c + r * n + first, n, columns);
  }
}

// w [m, n], or the transpose of w [n, m], in panels
inline Array<float> pack(const float* w, long m, long n, bool transpose) {
  const long size = (n + kPanel - 1) / kPanel * kPanel * m;
  Array<float> packed = array<float>(size);
  std::fill_n(packed.get(), size, 0.0f);
  for (long k = 0; k < m; ++k)
    for (long j = 0; j < n; ++j)
      packed[(j / kPanel) * kPanel * m + k * kPanel + j % kPanel] =
          transpose ? w[j * m + k] : w[k * n + j];
  return packed;
}

inline Array<float> transpose(const float* w, long n) {  // of w [n, n]
  Array<float> columns = array<float>(n * n);
  for (long k = 0; k < n; ++k)
    for (long j = 0; j < n; ++j) columns[j * n + k] = w[k * n + j];
  return columns;
}

// dw [kCount, panel] += for kCount inputs, given as [kCount] in each row of x
template <long kCount>
inline void outer_block(const float* x, long n_in, const float* g, long rows, long n,
                        float* dw) {
  Vec sum[kCount][kWide];
  for (long k = 0; k < kCount; ++k)
    for (long j = 0; j < kWide; ++j) sum[k][j] = load(dw + k * n + j * kLanes);
  for (long r = 0; r < rows; ++r) {
    Vec b[kWide];
    for (long j = 0; j < kWide; ++j) b[j] = load(g + r * n + j * kLanes);
    for (long k = 0; k < kCount; ++k) {
      const Vec value = splat(x[r * n_in + k]);
      for (long j = 0; j < kWide; ++j) sum[k][j] += value * b[j];
    }
  }
  for (long k = 0; k < kCount; ++k)
    for (long j = 0; j < kWide; ++j) store(dw + k * n + j * kLanes, sum[k][j]);
}

inline void add_scaled(float a, const float* x, long n, float* y) {
  for (long k = 0; k < n; ++k) y[k] += a * x[k];
}

// dw [width, n] = Σ rows of x [, n_in] times rows of g, in blocks that stay in the cache
template <typename X>
void outer_dense(const X* x, const float* g, float* dw, long rows, long width, long n_in,
                 long n) {
  constexpr long kTall = 256;
  const long whole = n / kPanel * kPanel;
  Array<float> block = array<float>(kTall * width);
  std::fill_n(dw, width * n, 0.0f);
  for (long top = 0; top < rows; top += kTall, g += kTall * n) {
    const long tall = std::min(kTall, rows - top);
    for (long r = 0; r < tall; ++r)
      std::copy_n(x + (top + r) * n_in, width, block.get() + r * width);
    const float* b = block.get();
    for (long c = 0; c < whole; c += kPanel) {
      long k = 0;
      for (; k + kRows <= width; k += kRows)
        outer_block<kRows>(b + k, width, g + c, tall, n, dw + k * n + c);
      for (; k < width; ++k)
        outer_block<1>(b + k, width, g + c, tall, n, dw + k * n + c);
    }
    for (long r = 0; r < tall && whole < n; ++r)
      for (long k = 0; k < width; ++k)
        add_scaled(b[r * width + k], g + r * n + whole, n - whole, dw + k * n + whole);
  }
}

}  // namespace
