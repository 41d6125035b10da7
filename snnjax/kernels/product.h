// Products of dense entries, in tiles that stay in registers.

#pragma once

#include "machine.h"

namespace {

#if defined(__AVX512F__)
constexpr long kRows = 8, kWide = 3;
#else
constexpr long kRows = 4, kWide = 2;
#endif
constexpr long kBlockRows = 4 * kRows;

// block(k, c, columns) for all columns, k <= kWide vectors from column c on; none is
// much narrower than the others, and only the last may be half empty.
template <typename Block>
inline void in_tiles(long n, Block block) {
  for (long c = 0; c < n;) {
    const long left = (n - c + kLanes - 1) / kLanes;
    const long vecs = left == kWide + 1 ? (left + 1) / 2 : std::min(left, kWide);
    const long columns = std::min(n - c, vecs * kLanes);
    if (vecs == 1) block(std::integral_constant<long, 1>{}, c, columns);
    if (vecs == 2) block(std::integral_constant<long, 2>{}, c, columns);
    if (vecs == 3) block(std::integral_constant<long, kWide>{}, c, columns);
    c += vecs * kLanes;
  }
}

// block(k, r) for all rows, k <= kRows from row r on
template <typename Block>
inline void in_rows(long rows, Block block) {
  long r = 0;
  for (; r + kRows <= rows; r += kRows)
    block(std::integral_constant<long, kRows>{}, r);
  if (rows - r >= 4) block(std::integral_constant<long, 4>{}, r), r += 4;
  if (rows - r >= 2) block(std::integral_constant<long, 2>{}, r), r += 2;
  if (rows > r) block(std::integral_constant<long, 1>{}, r);
}

// c [kCount, n] = a [kCount, m] · panel [m, kVecs vectors]
template <long kCount, long kVecs>
inline void product_block(const float* a, long m, const float* panel, float* c, long n,
                          long columns) {
  Vec sum[kCount][kVecs] = {};
  for (long k = 0; k < m; ++k) {
    Vec b[kVecs];
    for (long j = 0; j < kVecs; ++j) b[j] = load(panel + (k * kVecs + j) * kLanes);
    for (long r = 0; r < kCount; ++r) {
      const Vec value = splat(a[r * m + k]);
      for (long j = 0; j < kVecs; ++j) sum[r][j] += value * b[j];
    }
  }
  for (long r = 0; r < kCount; ++r) put<kVecs>(c + r * n, columns, sum[r]);
}

// c [rows, n] = a [rows, m] · w [m, n], packed
inline void product(const float* a, long rows, long m, const float* packed, float* c,
                    long n) {
  in_tiles(n, [=](auto vecs, long first, long columns) {
    constexpr long kVecs = decltype(vecs)::value;
    const float* panel = packed + first * m;
    in_rows(rows, [=](auto count, long r) {
      product_block<decltype(count)::value, kVecs>(a + r * m, m, panel,
                                                   c + r * n + first, n, columns);
    });
  });
}

// to [m, width] = the first columns of w [, n], or of the transpose of w [, m]; zero
// beyond them
inline void pack_panel(const float* w, long m, long n, bool transpose, long columns,
                       long width, float* to) {
  if (columns < width) std::fill_n(to, m * width, 0.0f);
  if (!transpose) {
    for (long k = 0; k < m; ++k) std::copy_n(w + k * n, columns, to + k * width);
    return;
  }
  constexpr long kTall = 64, kNear = 8;  // rows far apart share few sets of the cache
  for (long top = 0; top < m; top += kTall)
    for (long c = 0; c < columns; c += kNear)
      for (long k = top; k < std::min(m, top + kTall); ++k)
        for (long j = c; j < std::min(columns, c + kNear); ++j)
          to[k * width + j] = w[j * m + k];
}

// w [m, n], or the transpose of w [n, m], in a panel for each tile
inline Array<float> pack(ffi::ThreadPool& pool, const float* w, long m, long n,
                         bool transpose) {
  constexpr long kLeast = 1 << 17;  // entries that are worth a thread
  Array<float> packed = array<float>(padded(n) * m);
  const long parts = pieces(pool, m * n, kLeast);
  (void)parallel(pool, parts, [&](long part) {
    in_tiles(n, [&](auto vecs, long c, long columns) {
      if (c * parts / n != part) return;
      pack_panel(w + (transpose ? c * m : c), m, n, transpose, columns,
                 decltype(vecs)::value * kLanes, packed.get() + c * m);
    });
  });
  return packed;
}

inline Array<float> transpose(const float* w, long n) {  // of w [n, n]
  Array<float> columns = array<float>(n * n);
  pack_panel(w, n, n, true, n, n, columns.get());
  return columns;
}

// dw [kCount, columns] += for kCount inputs, given as [kCount] in each row of x
template <long kCount, long kVecs>
inline void outer_block(const float* x, long n_in, const float* panel, long rows,
                        float* dw, long n, long columns) {
  Vec sum[kCount][kVecs];
  for (long k = 0; k < kCount; ++k) fetch<kVecs>(dw + k * n, columns, sum[k]);
  for (long r = 0; r < rows; ++r) {
    Vec b[kVecs];
    for (long j = 0; j < kVecs; ++j) b[j] = load(panel + (r * kVecs + j) * kLanes);
    for (long k = 0; k < kCount; ++k) {
      const Vec value = splat(x[r * n_in + k]);
      for (long j = 0; j < kVecs; ++j) sum[k][j] += value * b[j];
    }
  }
  for (long k = 0; k < kCount; ++k) put<kVecs>(dw + k * n, columns, sum[k]);
}

// dw [width, n] = Σ rows of x [, n_in] times rows of g, in blocks that stay in the cache
template <typename X>
void outer_dense(const X* x, const float* g, float* dw, long rows, long width, long n_in,
                 long n) {
  constexpr long kTall = 128;
  const Array<float> block = array<float>(kTall * width);
  const Array<float> panel = array<float>(kTall * kWide * kLanes);
  std::fill_n(dw, width * n, 0.0f);
  for (long top = 0; top < rows; top += kTall) {
    const long tall = std::min(kTall, rows - top);
    for (long r = 0; r < tall; ++r)
      std::copy_n(x + (top + r) * n_in, width, block.get() + r * width);
    in_tiles(n, [&](auto vecs, long c, long columns) {
      constexpr long kVecs = decltype(vecs)::value;
      for (long r = 0; r < tall; ++r) {
        Vec row[kVecs];
        fetch<kVecs>(g + (top + r) * n + c, columns, row);
        put<kVecs>(panel.get() + r * kVecs * kLanes, kVecs * kLanes, row);
      }
      in_rows(width, [&](auto count, long k) {
        outer_block<decltype(count)::value, kVecs>(
            block.get() + k, width, panel.get(), tall, dw + k * n + c, n, columns);
      });
    });
  }
}

}  // namespace
