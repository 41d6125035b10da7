// The gradient of the weights of a convolution by events, pixel by pixel in the order
// of the dense one: what comes out is equal in every bit.

#pragma once

#include "slide_events.h"

namespace {

constexpr long kTogether = 256;  // pixels of one phase, whose outputs stay in the cache

// For each of a group of channels those of some pixels where it fires.
struct ChannelEvents {
  uint16_t index[kGroup * kTogether + 32];
  long start[kGroup + 1];

  // From the marks of `count` pixels, for the first `width` channels.
  void read(const uint16_t* column, long count, long width) {
    long end = 0;
#if defined(__AVX512BW__) && defined(__AVX512VBMI2__)
    const __m512i first = _mm512_set_epi16(
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12,
        11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (int b = 0; b < kGroup; ++b) {
      start[b] = end;
      if (b >= width) continue;
      const __m512i bit = _mm512_set1_epi16(static_cast<int16_t>(1 << b));
      for (long k = 0; k < count; k += 32) {
        const uint64_t more = uint64_t{1} << std::min(32L, count - k);
        const auto some = static_cast<uint32_t>(more - 1);
        const __m512i here = _mm512_maskz_loadu_epi16(some, column + k);
        const uint32_t set = _mm512_test_epi16_mask(here, bit);
        const __m512i place =
            _mm512_add_epi16(first, _mm512_set1_epi16(static_cast<int16_t>(k)));
        _mm512_storeu_si512(index + end, _mm512_maskz_compress_epi16(set, place));
        end += __builtin_popcount(set);
      }
    }
#else
    long size[kGroup] = {};
    const uint32_t some = (1u << width) - 1;
    for (long k = 0; k < count; ++k)
      for (uint32_t left = column[k] & some; left != 0; left &= left - 1)
        ++size[__builtin_ctz(left)];
    for (int b = 0; b < kGroup; end += size[b++]) start[b] = end;
    long next[kGroup];
    std::copy_n(start, kGroup, next);
    for (long k = 0; k < count; ++k)
      for (uint32_t left = column[k] & some; left != 0; left &= left - 1)
        index[next[__builtin_ctz(left)]++] = static_cast<uint16_t>(k);
#endif
    start[kGroup] = end;
  }
};

// Pixels of an image phase by phase: where they lie in it, and in the frame of outputs.
struct Places {
  struct Phase {
    long py, px, first, count;
  };
  std::vector<Phase> phases;
  std::vector<int32_t> pixel, place;
};

inline Places places_of(const Slide& slide) {
  const Axis &y = slide.y, &x = slide.x;
  const long columns = x.frame_out();
  Places all;
  for (long py = 0; py < std::min(y.stride, y.kernel); ++py)
    for (long px = 0; px < std::min(x.stride, x.kernel); ++px) {
      const long first = static_cast<long>(all.pixel.size());
      for (long iy = y.first_input(py); iy < y.in; iy += y.stride)
        for (long ix = x.first_input(px); ix < x.in; ix += x.stride) {
          all.pixel.push_back(static_cast<int32_t>(iy * x.in + ix));
          all.place.push_back(static_cast<int32_t>(
              ((iy + y.before) / y.stride + y.margin()) * columns +
              (ix + x.before) / x.stride + x.margin()));
        }
      const long count = static_cast<long>(all.pixel.size()) - first;
      all.phases.push_back({py, px, first, count});
    }
  return all;
}

// kDown x kAlong taps of one channel
template <long kDown, long kAlong>
void event_taps(const uint16_t* index, long count, const int32_t* place,
                const float* value, const float* g, long line, float* dw, long down,
                long along) {
  Vec sum[kDown][kAlong][kVectors];
#pragma GCC unroll 20
  for (long i = 0; i < kDown; ++i)
#pragma GCC unroll 20
    for (long j = 0; j < kAlong; ++j)
#pragma GCC unroll 20
      for (long v = 0; v < kVectors; ++v)
        sum[i][j][v] = load(dw + i * down + j * along + v * kLanes);
  for (long e = 0; e < count; ++e) {
    const float* p = g + static_cast<long>(place[index[e]]) * kChunk;
    const Vec weight = splat(value == nullptr ? 1.0f : value[e]);
#pragma GCC unroll 20
    for (long i = 0; i < kDown; ++i, p -= line)
#pragma GCC unroll 20
      for (long j = 0; j < kAlong; ++j)
#pragma GCC unroll 20
        for (long v = 0; v < kVectors; ++v)
          sum[i][j][v] += weight * load(p - j * kChunk + v * kLanes);
  }
#pragma GCC unroll 20
  for (long i = 0; i < kDown; ++i)
#pragma GCC unroll 20
    for (long j = 0; j < kAlong; ++j)
#pragma GCC unroll 20
      for (long v = 0; v < kVectors; ++v)
        store(dw + i * down + j * along + v * kLanes, sum[i][j][v]);
}

using EventTaps = void (*)(const uint16_t*, long, const int32_t*, const float*,
                           const float*, long, float*, long, long);
constexpr long kMostDown = kVectors == 1 ? 3 : 1, kMostAlong = kVectors == 1 ? 5 : 4;

template <long kDown, long... kAlong>
constexpr EventTaps event_taps_of(long along, std::integer_sequence<long, kAlong...>) {
  constexpr EventTaps table[] = {event_taps<kDown, kAlong + 1>...};
  return table[along - 1];
}

inline EventTaps event_taps_of(long down, long along) {
  constexpr std::make_integer_sequence<long, kMostAlong> widths;
  if constexpr (kMostDown > 1) {
    if (down == 3) return event_taps_of<3>(along, widths);
    if (down == 2) return event_taps_of<2>(along, widths);
  }
  return event_taps_of<1>(along, widths);
}

// The taps of one phase of pixels that one channel sees, for events of it.
struct ChannelTaps {
  const Slide& slide;
  const Places::Phase& phase;
  const Frame& g;
  float* dw;

  void add(const uint16_t* index, long count, const int32_t* place, const float* value,
           long channel) const {
    const Axis &y = slide.y, &x = slide.x;
    const long apart = g.depth * kChunk, row = slide.c_in * apart;
    for (long i = 0, down; i < y.taps(phase.py); i += down) {
      down = std::min(kMostDown, y.taps(phase.py) - i);
      for (long j = 0, along; j < x.taps(phase.px); j += along) {
        along = std::min(kMostAlong, x.taps(phase.px) - j);
        const EventTaps taps = event_taps_of(down, along);
        const long tap =
            (phase.py + i * y.stride) * x.kernel + phase.px + j * x.stride;
        for (long q = 0; q < g.depth; ++q)
          taps(index, count, place, value,
               g.data.get() + q * g.plane() - i * g.line() - j * kChunk, g.line(),
               dw + tap * row + channel * apart + q * kChunk, y.stride * x.kernel * row,
               x.stride * row);
      }
    }
  }
};

// dw [taps, c_in, padded chunks of c_out] += the outputs that each event saw. Values
// are told by x, unless all are 1.
template <typename X>
void event_weights(const Slide& slide, const Places& places, const uint16_t* marks,
                   const X* x, const Frame& g, float* dw) {
  const long c = slide.c_in;
  ChannelEvents events;
  float values[kTogether];
  uint16_t column[kTogether];
  for (const Places::Phase& phase : places.phases) {
    const ChannelTaps taps{slide, phase, g, dw};
    for (long k = phase.first; k < phase.first + phase.count; k += kTogether) {
      const long count = std::min(kTogether, phase.first + phase.count - k);
      const int32_t* pixel = places.pixel.data() + k;
      for (long q = 0; q < groups(c); ++q) {
        for (long r = 0; r < count; ++r) column[r] = marks[pixel[r] * groups(c) + q];
        const long width = std::min(kGroup, c - q * kGroup);
        events.read(column, count, width);
        for (long b = 0; b < width; ++b) {
          const uint16_t* index = events.index + events.start[b];
          const long found = events.start[b + 1] - events.start[b];
          if (found == 0) continue;
          for (long e = 0; e < found && x != nullptr; ++e)
            values[e] = static_cast<float>(x[pixel[index[e]] * c + q * kGroup + b]);
          taps.add(index, found, places.place.data() + k,
                   x == nullptr ? nullptr : values, q * kGroup + b);
        }
      }
    }
  }
}

}  // namespace
