// Products of rasters and weights. Most entries of a raster are zero, so such a product
// is a sum of the few rows that a spike selects.

#pragma once

#include "events.h"
#include "lists.h"
#include "product.h"

namespace {

// Above this share of entries that are not zero a dense product is the faster one.
constexpr double kDense = 0.25;

// So many multiplications of a dense product are worth a thread.
constexpr long kWorth = 1 << 23;

// Whether more than that share of entries counts, told from some of the rows;
// count(row) is the number in one.
template <typename Count>
bool crowded(long rows, long n, Count count) {
  const long seen = std::min<long>(rows, 64);
  long found = 0;
  for (long k = 0; k < seen; ++k) found += count(rows * k / seen);
  return static_cast<double>(found) > kDense * static_cast<double>(seen * n);
}

inline bool crowded_marks(const uint16_t* marks, long rows, long n) {
  return crowded(rows, n, [=](long r) {
    int here = 0;
    for (long q = 0; q < groups(n); ++q)
      here += __builtin_popcount(some_of(marks[r * groups(n) + q], q, n));
    return here;
  });
}

template <typename X>
bool crowded_raster(const X* x, long rows, long n) {
  return crowded(rows, n, [=](long r) {
    int here = 0;
    for (long j = 0; j < n; ++j) here += x[r * n + j] != X{0};
    return here;
  });
}

// ---- y = x·w, and marks of where x is not zero, for the gradient

template <typename X>
ffi::Error project_rows(ffi::ThreadPool& pool, const X* x, const float* w, float* y,
                        uint16_t* marks, uint8_t* marked, long rows, long n_in, long n) {
  const bool all = !finite_here(w, n_in * n);
  const long parts = std::min(pieces(pool, rows, 4 * kRows),
                              pieces(pool, rows * n_in * n, kWorth));
  *marked = 0;
  if (!all && crowded_raster(x, rows, n_in)) {
    const Array<float> packed = pack(pool, w, n_in, n, false);
    return parallel(pool, parts, [=, &packed](long part) {
      const long first = rows * part / parts, last = rows * (part + 1) / parts;
      Array<float> block = array<float>(kBlockRows * n_in);
      for (long r = first; r < last; r += kBlockRows) {
        const long count = std::min(kBlockRows, last - r);
        std::copy_n(x + r * n_in, count * n_in, block.get());
        product(block.get(), count, n_in, packed.get(), y + r * n, n);
      }
    });
  }
  const Panels weights = in_panels(w, n_in, n);
  std::atomic<bool> ones{!all};
  ffi::Error error = parallel(pool, parts, [=, &weights, &ones](long part) {
    const long height = tall(n_in), last = rows * (part + 1) / parts;
    Events events(height, n_in);
    for (long r = rows * part / parts; r < last; r += height) {
      const long count = std::min(height, last - r);
      events.clear();
      for (long k = r; k < r + count; ++k)
        events.read(x + k * n_in, n_in, all, marks + k * groups(n_in));
      gather<false>(weights, events, y + r * n, n);
    }
    if (!events.ones) ones = false;
  });
  *marked = ones;
  return error;
}

// The same of ones, told by marks alone.
inline ffi::Error project_marks(ffi::ThreadPool& pool, const uint16_t* marks,
                                const float* w, float* y, long rows, long n_in,
                                long n) {
  const bool all = !finite_here(w, n_in * n);
  const bool dense = !all && crowded_marks(marks, rows, n_in);
  const long parts = std::min(pieces(pool, rows, 4 * kRows),
                              pieces(pool, rows * n_in * n, kWorth));
  const Array<float> packed = dense ? pack(pool, w, n_in, n, false) : nullptr;
  const Panels weights = in_panels(w, dense ? 0 : n_in, n);
  return parallel(pool, parts, [=, &packed, &weights](long part) {
    const long height = dense ? kBlockRows : tall(n_in);
    const Array<float> block =
        array<float>(dense || all ? height * n_in + kGroup : 0);
    Events events(height, n_in);
    const long last = rows * (part + 1) / parts;
    for (long r = rows * part / parts; r < last; r += height) {
      const long count = std::min(height, last - r);
      const uint16_t* here = marks + r * groups(n_in);
      if (dense || all) unpack(here, count, n_in, block.get());
      if (dense) {
        product(block.get(), count, n_in, packed.get(), y + r * n, n);
        continue;
      }
      events.clear();
      for (long k = 0; k < count; ++k)
        if (all)
          events.read(block.get() + k * n_in, n_in, true);
        else
          events.read_marks(here + k * groups(n_in), n_in);
      gather<false>(weights, events, y + r * n, n);
    }
  });
}

// ---- dw = Σ_rows xᵀ·g, where row r of x meets row r + shift of g

// Reads from the marks where there are any: x is then ones and zeros, and may be null.
template <typename X>
ffi::Error outer_rows(ffi::ThreadPool& pool, const X* x, const uint16_t* marks,
                      const float* g, float* dw, long rows, long n_in, long n) {
  const bool dense = (marks == nullptr && crowded_raster(x, rows, n_in)) ||
                     !finite(pool, g, rows * n);
  if (dense && x == nullptr) {
    const Array<float> whole = array<float>(rows * n_in + kGroup);
    unpack(marks, rows, n_in, whole.get());
    return outer_rows(pool, whole.get(), marks, g, dw, rows, n_in, n);
  }
  // A piece owns some inputs, so that its part of dw stays in the cache.
  constexpr long kTile = kGroup, kCache = 1 << 18;
  const long tiles = (n_in + kTile - 1) / kTile;
  const long fit = (n_in * n + kCache - 1) / kCache;
  const long threads = pieces(pool, rows * n_in * n, kWorth);
  const long parts = std::min(tiles, std::max(fit, threads));
  return parallel(pool, parts, [=](long part) {
    const long tile = tiles * part / parts, first = tile * kTile;
    const long width = std::min(n_in, tiles * (part + 1) / parts * kTile) - first;
    if (dense)
      return outer_dense(x + first, g, dw + first * n, rows, width, n_in, n);
    const long stride = padded(n);
    Array<float> whole = array<float>(stride == n ? 0 : width * stride);
    float* sum = stride == n ? dw + first * n : whole.get();
    std::fill_n(sum, width * stride, 0.0f);
    long r = 0;
#ifdef SNNJAX_LISTS
    if (marks != nullptr) {
      Lists lists(width);
      const Array<float> panel = array<float>(kTallRows * 8 * kLanes);
      for (; r < rows; r += kTallRows) {
        const long count = std::min(kTallRows, rows - r);
        lists.read(marks + r * groups(n_in) + tile, groups(n_in), count, width);
        scatter_lists(g + r * n, count, n, lists, panel.get(), sum, width, stride);
      }
    }
#endif
    Events events(tall(width), width);
    for (; r < rows; r += events.rows()) {
      events.clear();
      for (long k = r; k < std::min(rows, r + tall(width)); ++k)
        if (marks != nullptr)
          events.read_marks(marks + k * groups(n_in) + tile, width);
        else
          events.read(x + k * n_in + first, width, false);
      scatter(g + r * n, n, events, sum, stride);
    }
    for (long k = 0; k < width && stride != n; ++k)
      std::copy_n(sum + k * stride, n, dw + (first + k) * n);
  });
}

}  // namespace
