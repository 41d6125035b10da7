// For each input the rows in which it fires, so that its sum stays in registers.

#pragma once

#include "events.h"

#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)
#define SNNJAX_LISTS  // bit by bit it takes as long as going through the rows

namespace {

constexpr long kTallRows = 128, kWords = kTallRows / 32;

struct Lists {
  Array<uint16_t> row;
  std::vector<long> start;

  explicit Lists(long width)
      : row(array<uint16_t>(kTallRows * groups(width) * kGroup + 32)),
        start(groups(width) * kGroup + 1) {}

  // Of at most kTallRows rows, from their marks.
  void read(const uint16_t* marks, long stride, long rows, long width) {
    const __m512i first = _mm512_set_epi16(
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12,
        11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    uint16_t column[kTallRows] = {};
    long end = 0;
    for (long q = 0; q < groups(width); ++q) {
      for (long r = 0; r < rows; ++r) column[r] = marks[r * stride + q];
      uint32_t set[kGroup][kWords];
      for (long i = 0; i < kWords; ++i) {
        const __m512i some = _mm512_loadu_si512(column + 32 * i);
#pragma GCC unroll 16
        for (int b = 0; b < kGroup; ++b)
          set[b][i] = _mm512_test_epi16_mask(
              some, _mm512_set1_epi16(static_cast<int16_t>(1 << b)));
      }
      for (int b = 0; b < kGroup; ++b) {
        start[q * kGroup + b] = end;
        for (long i = 0; i < kWords; ++i) {
          const __m512i here =
              _mm512_add_epi16(first, _mm512_set1_epi16(static_cast<int16_t>(32 * i)));
          _mm512_storeu_si512(row.get() + end,
                              _mm512_maskz_compress_epi16(set[b][i], here));
          end += __builtin_popcount(set[b][i]);
        }
      }
    }
    start[groups(width) * kGroup] = end;
  }
};

// row k of w [width, stride] += rows of y [rows, n] in which input k fires
inline void scatter_lists(const float* y, long rows, long n, const Lists& lists,
                          float* panel, float* w, long width, long stride) {
  in_blocks(n, [&](auto vecs, long c) {
    constexpr long kVecs = decltype(vecs)::value, kColumns = kVecs * kLanes;
    const float* from = y;
    if (n != kColumns) {  // columns far apart would share few sets of the cache
      for (long r = 0; r < rows; ++r) {
        Vec part[kVecs];
        fetch<kVecs>(y + r * n + c, n - c, part);
        for (long j = 0; j < kVecs; ++j)
          store(panel + r * kColumns + j * kLanes, part[j]);
      }
      from = panel;
    }
    for (long k = 0; k < width; ++k) {
      float* to = w + k * stride + c;
      Vec sum[kVecs];
      for (long j = 0; j < kVecs; ++j) sum[j] = load(to + j * kLanes);
      for (long e = lists.start[k]; e < lists.start[k + 1]; ++e) {
        const float* one = from + lists.row[e] * kColumns;
        for (long j = 0; j < kVecs; ++j) sum[j] += load(one + j * kLanes);
      }
      for (long j = 0; j < kVecs; ++j) store(to + j * kLanes, sum[j]);
    }
  });
}

}  // namespace

#endif
