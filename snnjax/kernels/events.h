// Events: the entries that count, of rows that are mostly zero.

#pragma once

#include <type_traits>
#include <vector>

#include "machine.h"

namespace {

constexpr long kGroup = 16;  // entries that one mark, a bit for each, stands for

inline long groups(long n) { return (n + kGroup - 1) / kGroup; }

constexpr long kWord = 4 * kGroup;  // entries that are read at once

// Of up to kWord entries: which are not zero, and which are neither 0 nor 1; NaN is both.
struct Bits {
  uint64_t set, others;
};

inline uint64_t low_bits(long count) {
  return count >= kWord ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

template <typename X>
inline Bits read_bits(const X* x, long n) {
  Bits bits{0, 0};
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  if constexpr (std::is_same_v<X, float>) {
    uint32_t others = 0;
#pragma GCC unroll 4
    for (long k = 0; k < kWord; k += kLanes) {
      if (k >= n) break;
      const Vec v = k + kLanes <= n ? load(x + k) : load_first(x + k, n - k);
      const __mmask16 set = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
      others |= _mm512_mask_cmp_ps_mask(set, v, _mm512_set1_ps(1.0f), _CMP_NEQ_UQ);
      bits.set |= uint64_t{set} << k;
    }
    bits.others = others;
    return bits;
  }
  if constexpr (std::is_same_v<X, uint8_t>) {
    const __m512i v = _mm512_maskz_loadu_epi8(low_bits(n), x);
    bits.set = _mm512_test_epi8_mask(v, v);
    bits.others = _mm512_mask_cmpneq_epi8_mask(bits.set, v, _mm512_set1_epi8(1));
    return bits;
  }
#elif defined(__AVX__)
  if constexpr (std::is_same_v<X, float>) {
    for (long k = 0; k < std::min(kWord, n); k += kLanes) {
      const Vec v = k + kLanes <= n ? load(x + k) : load_first(x + k, n - k);
      const auto where = [](Vec truth) {
        return uint64_t(static_cast<uint32_t>(_mm256_movemask_ps(truth)));
      };
      const uint64_t set = where(_mm256_cmp_ps(v, Vec{}, _CMP_NEQ_UQ));
      const uint64_t other = where(_mm256_cmp_ps(v, splat(1.0f), _CMP_NEQ_UQ));
      bits.set |= set << k;
      bits.others |= (set & other) << k;
    }
    return bits;
  }
#endif
  for (long j = 0; j < n; ++j) {
    bits.set |= uint64_t{x[j] != X{0}} << j;
    bits.others |= uint64_t{x[j] != X{0} && x[j] != X{1}} << j;
  }
  return bits;
}

// Marks of up to kWord entries as one word; a group lies in them low byte first.
inline uint64_t read_word(const uint16_t* marks, long n) {
  uint64_t word = 0;
  if (n >= kWord) {
    std::memcpy(&word, marks, sizeof word);
    return word;
  }
  std::memcpy(&word, marks, groups(n) * sizeof *marks);
  return word & low_bits(n);
}

inline void write_word(uint64_t word, long n, uint16_t* marks) {
  n >= kWord ? std::memcpy(marks, &word, sizeof word)
             : std::memcpy(marks, &word, groups(n) * sizeof *marks);
}

// Of a group of marks those of the n entries that there are, from the q-th group on.
inline uint16_t some_of(uint16_t set, long q, long n) {
  const long width = std::min(kGroup, n - q * kGroup);
  return static_cast<uint16_t>(set & ((1u << width) - 1));
}

// A group of entries, ones where the bits are.
inline void ones_of(uint16_t set, float* to) {
#if defined(__AVX512F__)
  _mm512_storeu_ps(to, _mm512_maskz_mov_ps(set, _mm512_set1_ps(1.0f)));
#else
  for (long k = 0; k < kGroup; ++k) to[k] = set >> k & 1 ? 1.0f : 0.0f;
#endif
}

// Rows of n ones and zeros from their marks; there is room for a group behind the last.
inline void unpack(const uint16_t* marks, long rows, long n, float* x) {
  for (long k = 0; k < rows; ++k)
    for (long q = 0; q < groups(n); ++q)
      ones_of(some_of(*marks++, q, n), x + k * n + q * kGroup);
}

alignas(64) constexpr uint8_t kCounting[kWord] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

// Writes where the bits are, and may write anything behind, up to kGroup entries; how
// many there were.
inline long list(uint64_t set, long first, int32_t* index) {
  const long count = __builtin_popcountll(set);
#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)
  const __m512i found = _mm512_maskz_compress_epi8(set, _mm512_load_si512(kCounting));
  const __m512i base = _mm512_set1_epi32(static_cast<int32_t>(first));
  const auto part = [&](long k, __m128i bytes) {
    _mm512_storeu_si512(index + k,
                        _mm512_add_epi32(base, _mm512_cvtepu8_epi32(bytes)));
  };
  part(0, _mm512_castsi512_si128(found));
  if (count > 16) part(16, _mm512_extracti32x4_epi32(found, 1));
  if (count > 32) part(32, _mm512_extracti32x4_epi32(found, 2));
  if (count > 48) part(48, _mm512_extracti32x4_epi32(found, 3));
#elif defined(__AVX512F__)
  const __m512i all = _mm512_cvtepu8_epi32(
      _mm_load_si128(reinterpret_cast<const __m128i*>(kCounting)));
  for (; set != 0; set >>= 16, first += 16) {
    const auto here = static_cast<__mmask16>(set);
    const __m512i base = _mm512_set1_epi32(static_cast<int32_t>(first));
    _mm512_storeu_si512(
        index, _mm512_maskz_compress_epi32(here, _mm512_add_epi32(base, all)));
    index += __builtin_popcount(here);
  }
#else
  for (; set != 0; set &= set - 1)
    *index++ = static_cast<int32_t>(first + __builtin_ctzll(set));
#endif
  return count;
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
    uint64_t others = all;
    for (long k = 0; k < n; k += kWord) {
      const long width = std::min(kWord, n - k);
      Bits bits = read_bits(x + k, width);
      if (all) bits.set = low_bits(width);
      if (marks != nullptr) write_word(bits.set, width, marks + k / kGroup);
      others |= bits.others;
      end += list(bits.set, k, index.get() + end);
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
    for (long k = 0; k < n; k += kWord)
      end += list(read_word(marks + k / kGroup, n - k), k, index.get() + end);
    start.push_back(end);
  }
};

// How many rows to list at once: enough to find the weights in the cache again.
inline long tall(long n) { return std::clamp<long>((1 << 20) / (n + 1), 1, 32); }

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
