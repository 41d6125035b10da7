// Events: the entries that count, of rows that are mostly zero.

#pragma once

#include <type_traits>
#include <vector>

#include "machine.h"

namespace {

constexpr long kGroup = 16;  // entries that one mark, a bit for each, stands for

inline long groups(long n) { return (n + kGroup - 1) / kGroup; }

// Which of n <= kGroup entries are not zero; NaN is not.
template <typename X>
inline uint16_t mark(const X* x, long n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const auto some = static_cast<uint16_t>((1 << n) - 1);
  if constexpr (std::is_same_v<X, float>) {
    const __m512 v =
        n == kGroup ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(some, x);
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
  }
  if constexpr (std::is_same_v<X, uint8_t>) {
    const __m128i v = _mm_maskz_loadu_epi8(some, x);
    return _mm_test_epi8_mask(v, v);
  }
#endif
  uint16_t set = 0;
  for (long j = 0; j < n; ++j) set |= static_cast<uint16_t>((x[j] != X{0}) << j);
  return set;
}

// Which of n <= kGroup entries are 1.
template <typename X>
inline uint16_t mark_ones(const X* x, long n) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  const auto some = static_cast<uint16_t>((1 << n) - 1);
  if constexpr (std::is_same_v<X, float>)
    return _mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(some, x), _mm512_set1_ps(1.0f),
                              _CMP_EQ_OQ);
  if constexpr (std::is_same_v<X, uint8_t>)
    return _mm_cmpeq_epi8_mask(_mm_maskz_loadu_epi8(some, x), _mm_set1_epi8(1));
#endif
  uint16_t set = 0;
  for (long j = 0; j < n; ++j) set |= static_cast<uint16_t>((x[j] == X{1}) << j);
  return set;
}

// Writes where the bits are, and may write anything behind; how many there were.
inline long list(uint16_t set, long first, int32_t* index) {
#if defined(__AVX512F__)
  const __m512i all = _mm512_add_epi32(
      _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
      _mm512_set1_epi32(static_cast<int32_t>(first)));
  _mm512_storeu_si512(index, _mm512_maskz_compress_epi32(set, all));
#else
  for (uint32_t left = set; left != 0; left &= left - 1)
    *index++ = static_cast<int32_t>(first + __builtin_ctz(left));
#endif
  return __builtin_popcount(set);
}

struct Events {
  Array<int32_t> index;
  Array<float> value;
  std::vector<long> start{0};  // of each row, and the end
  bool ones = true;            // whether every value is 1

  Events(long rows, long n)
      : index(array<int32_t>(rows * n + kGroup)), value(array<float>(rows * n)) {}

  long rows() const { return static_cast<long>(start.size()) - 1; }
  void clear() { start.assign(1, 0); }

  // One row more; `all` takes zeros as well. Marks it where there is room to. Values
  // are told from the first row on that has another than 1.
  template <typename X>
  void read(const X* x, long n, bool all, uint16_t* marks = nullptr) {
    const long first = start.back();
    long end = first;
    uint16_t others = 0;
    for (long k = 0; k < n; k += kGroup) {
      const long width = std::min(kGroup, n - k);
      uint16_t set = mark(x + k, width);
      if (all) set = static_cast<uint16_t>((1 << width) - 1);
      if (marks != nullptr) marks[k / kGroup] = set;
      others |= set ^ mark_ones(x + k, width);
      end += list(set, k, index.get() + end);
    }
    if (ones && others != 0) {
      std::fill_n(value.get(), first, 1.0f);
      ones = false;
    }
    for (long e = first; e < end && !ones; ++e)
      value[e] = static_cast<float>(x[index[e]]);
    start.push_back(end);
  }

  // One row more, of ones.
  void read_marks(const uint16_t* marks, long n) {
    long end = start.back();
    for (long k = 0; k < groups(n); ++k) {
      const int width = static_cast<int>(std::min(kGroup, n - k * kGroup));
      const auto set = static_cast<uint16_t>(marks[k] & ((1u << width) - 1));
      end += list(set, k * kGroup, index.get() + end);
    }
    start.push_back(end);
  }
};

// How many rows to list at once: enough to find the weights in the cache again.
inline long tall(long n) { return std::clamp<long>((1 << 20) / (n + 1), 1, 64); }

// ---- rows of weights, in whole vectors

struct Rows {
  const float* data;
  long stride;
  Array<float> own;
};

inline Rows in_vectors(const float* w, long rows, long n) {
  const long stride = padded(n);
  if (stride == n) return {w, n, nullptr};
  Array<float> own = array<float>(rows * stride);
  for (long k = 0; k < rows; ++k)
    std::fill_n(std::copy_n(w + k * n, n, own.get() + k * stride), stride - n, 0.0f);
  const float* data = own.get();
  return {data, stride, std::move(own)};
}

// block(k, c) for all columns, k vectors from column c on; the last may be half empty
template <typename Block>
inline void in_blocks(long n, Block block) {
  const long end = padded(n);
  long c = 0;
  for (; c + 8 * kLanes <= end; c += 8 * kLanes)
    block(std::integral_constant<long, 8>{}, c);
  for (; c + 4 * kLanes <= end; c += 4 * kLanes)
    block(std::integral_constant<long, 4>{}, c);
  for (; c + 2 * kLanes <= end; c += 2 * kLanes)
    block(std::integral_constant<long, 2>{}, c);
  for (; c < end; c += kLanes) block(std::integral_constant<long, 1>{}, c);
}

// The same rows in a panel for each block of columns. Those of a wide matrix lie far
// apart and would share few sets of the cache.
struct Panels {
  const float* data;
  long rows;
  Array<float> own;

  const float* at(long c) const { return data + rows * c; }
};

inline Panels in_panels(const float* w, long rows, long n) {
  if (n == kLanes || n == 2 * kLanes || n == 4 * kLanes || n == 8 * kLanes)
    return {w, rows, nullptr};
  Array<float> own = array<float>(rows * padded(n));
  in_blocks(n, [&](auto vecs, long c) {
    constexpr long kVecs = decltype(vecs)::value;
    float* to = own.get() + rows * c;
    for (long k = 0; k < rows; ++k, to += kVecs * kLanes) {
      Vec row[kVecs];
      fetch<kVecs>(w + k * n + c, n - c, row);
      put<kVecs>(to, kVecs * kLanes, row);
    }
  });
  const float* data = own.get();
  return {data, rows, std::move(own)};
}

// sum += Σ value · row of a panel, over the events of row r
template <long kVecs>
inline void add_rows(const float* panel, const Events& events, long r, Vec* sum) {
  const long end = events.start[r + 1];
  long e = events.start[r];
  for (; events.ones && e < end; ++e) {
    const float* row = panel + events.index[e] * (kVecs * kLanes);
#pragma GCC unroll 8
    for (long j = 0; j < kVecs; ++j) sum[j] += load(row + j * kLanes);
  }
  for (; e < end; ++e) {
    const float* row = panel + events.index[e] * (kVecs * kLanes);
    const Vec value = splat(events.value[e]);
#pragma GCC unroll 8
    for (long j = 0; j < kVecs; ++j) sum[j] += value * load(row + j * kLanes);
  }
}

// row r of y [, n] = (with kMore, +=) Σ value · row of w, over the events of row r
template <bool kMore>
inline void gather(const Panels& w, const Events& events, float* y, long n) {
  in_blocks(n, [&](auto vecs, long c) {
    constexpr long kVecs = decltype(vecs)::value;
    for (long r = 0; r < events.rows(); ++r) {
      Vec sum[kVecs] = {};
      if (kMore) fetch<kVecs>(y + r * n + c, n - c, sum);
      add_rows<kVecs>(w.at(c), events, r, sum);
      put<kVecs>(y + r * n + c, n - c, sum);
    }
  });
}

// row of w [, stride] += value · row r of y [, n], over the events of row r
inline void scatter(const float* y, long n, const Events& events, float* w,
                    long stride) {
  in_blocks(n, [&](auto vecs, long c) {
    constexpr long kVecs = decltype(vecs)::value;
    for (long r = 0; r < events.rows(); ++r) {
      Vec add[kVecs];
      fetch<kVecs>(y + r * n + c, n - c, add);
      for (long e = events.start[r]; e < events.start[r + 1]; ++e) {
        float* row = w + events.index[e] * stride + c;
        const Vec value = splat(events.ones ? 1.0f : events.value[e]);
        for (long j = 0; j < kVecs; ++j)
          store(row + j * kLanes, load(row + j * kLanes) + value * add[j]);
      }
    }
  });
}

}  // namespace
