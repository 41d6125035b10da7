// Convolutions of images with few events: each adds its weights to the outputs that see
// it, in the order of the dense sums. What comes out is equal in every bit.

#pragma once

#include <utility>

#include "slide_events.h"

namespace {

// Taps along one axis that see one input, and how many an event can have at most here.
inline long most_taps(const Axis& along) {
  return (along.kernel + along.stride - 1) / along.stride;
}
constexpr long kMostTaps = 5;
inline bool can_scatter(const Slide& slide) { return most_taps(slide.x) <= kMostTaps; }

// Weights [chunks of c_out, kh, phases along a line, c_in, taps of a phase, kChunk], with
// zeros for the taps that some phases lack.
struct Spread {
  long taps, row, size;  // of one entry; of one row of taps; of one chunk
  Array<float> data;
};

inline Spread spread_of(const Slide& slide, const float* w) {
  const long phases = slide.x.stride, c = slide.c_in, n = slide.c_out;
  const long taps = most_taps(slide.x), row = phases * c * taps * kChunk;
  const long size = slide.y.kernel * row;
  Spread spread{taps, row, size, array<float>(chunks(n) * size)};
  std::fill_n(spread.data.get(), chunks(n) * size, 0.0f);
  for (long q = 0; q < chunks(n); ++q)
    for (long ky = 0; ky < slide.y.kernel; ++ky)
      for (long kx = 0; kx < slide.x.kernel; ++kx)
        for (long k = 0; k < c; ++k) {
          const float* from = w + ((ky * slide.x.kernel + kx) * c + k) * n + q * kChunk;
          const long at = (kx % phases * c + k) * taps + kx / phases;
          std::copy_n(from, std::min(kChunk, n - q * kChunk),
                      spread.data.get() + q * size + ky * row + at * kChunk);
        }
  return spread;
}

// The events of an image, line by line: which weights each adds, and where.
struct LineEvents {
  Array<int32_t> weights;  // phase·c + channel
  Array<int32_t> place;    // in a line of a frame of outputs
  Array<float> value;
  std::vector<int32_t> start;  // of each line, and the end
  bool ones = true;            // whether every value is 1

  explicit LineEvents(const Slide& slide)
      : weights(array<int32_t>(slide.pixels_in() * slide.c_in + kGroup)),
        place(array<int32_t>(slide.pixels_in() * slide.c_in + kGroup)),
        value(array<float>(slide.pixels_in() * slide.c_in)),
        start(slide.y.in + 1) {}

  template <typename X>
  void list_all(const Slide& slide, const uint16_t* marks, const X* others) {
    const Axis& along = slide.x;
    const long c = slide.c_in;
    long end = 0;
    ones = others == nullptr;
    for (long y = 0; y < slide.y.in; ++y) {
      start[y] = static_cast<int32_t>(end);
      for (long x = 0; x < along.in; ++x) {
        const long place_of = (x + along.before) / along.stride + along.margin();
        const long first = (x + along.before) % along.stride * c;
        for (long q = 0; q < groups(c); ++q) {
          const long count = list(some_of(*marks++, q, c), first + q * kGroup,
                                  weights.get() + end);
          std::fill_n(place.get() + end, kGroup, static_cast<int32_t>(place_of * kChunk));
          if (!ones) {
            const X* pixel = others + (y * along.in + x) * c - first;
            for (long e = end; e < end + count; ++e)
              value[e] = static_cast<float>(pixel[weights[e]]);
          }
          end += count;
        }
      }
    }
    start[slide.y.in] = static_cast<int32_t>(end);
  }
};

// Some events of one line, and the lines of outputs that see it: kDown, each kAlong taps.
struct Line {
  const int32_t *weights, *place;
  const float* value;  // or null for ones
  long count;
};

template <long kDown, long kAlong>
void scatter_line(const Line& line, const float* w, long down, float* y, long apart) {
  for (long e = 0; e < line.count; ++e) {
    const float* from = w + line.weights[e] * (kAlong * kChunk);
    float* to = y + line.place[e];
    const Vec value = splat(line.value == nullptr ? 1.0f : line.value[e]);
#pragma GCC unroll 20
    for (long i = 0; i < kDown; ++i)
#pragma GCC unroll 20
      for (long j = 0; j < kAlong; ++j)
#pragma GCC unroll 20
        for (long v = 0; v < kVectors; ++v) {
          float* sum = to - i * apart - j * kChunk + v * kLanes;
          store(sum, load(sum) + value * load(from + i * down + j * kChunk + v * kLanes));
        }
  }
}

using ScatterLine = void (*)(const Line&, const float*, long, float*, long);

template <long kDown, long... kAlong>
constexpr ScatterLine scatter_line_of(long along, std::integer_sequence<long, kAlong...>) {
  constexpr ScatterLine table[] = {scatter_line<kDown, kAlong + 1>...};
  return table[along - 1];
}

inline ScatterLine scatter_line_of(long down, long along) {
  constexpr std::make_integer_sequence<long, kMostTaps> widths;
  return down == 3   ? scatter_line_of<3>(along, widths)
         : down == 2 ? scatter_line_of<2>(along, widths)
                     : scatter_line_of<1>(along, widths);
}

// Lines of inputs from the first to the last, so that each sum is taken in order.
inline void scatter_chunk(const Slide& slide, const Spread& spread,
                          const LineEvents& events, long q, Frame& sums) {
  const Axis& down = slide.y;
  for (long iy = 0; iy < down.in; ++iy) {
    const long first = events.start[iy], count = events.start[iy + 1] - first;
    if (count == 0) continue;
    const long phase = (iy + down.before) % down.stride, taps = down.taps(phase);
    const long line = (iy + down.before) / down.stride + down.margin();
    for (long i = 0, some; i < taps; i += some) {
      some = std::min(3L, taps - i);
      const long ky = phase + i * down.stride;
      scatter_line_of(some, spread.taps)(
          {events.weights.get() + first, events.place.get() + first,
           events.ones ? nullptr : events.value.get() + first, count},
          spread.data.get() + q * spread.size + ky * spread.row,
          down.stride * spread.row, sums.row(line - i), sums.line());
    }
  }
}

inline Frame frame_of_sums(const Slide& slide) {
  return {slide.y.frame_out(), slide.x.frame_out(), 1, kChunk};
}

inline void scatter_forward(const Slide& slide, const Spread& spread,
                            const LineEvents& events, Frame& sums, float* y) {
  const long n = slide.c_out, width = slide.x.out;
  for (long q = 0; q < chunks(n); ++q) {
    const long some = std::min(kChunk, n - q * kChunk);
    std::fill_n(sums.data.get(), sums.plane(), 0.0f);
    scatter_chunk(slide, spread, events, q, sums);
    for (long oy = 0; oy < slide.y.out; ++oy) {
      const float* from = sums.row(oy + slide.y.margin()) + slide.x.margin() * kChunk;
      float* to = y + oy * width * n + q * kChunk;
      for (long ox = 0; ox < width; ++ox, from += kChunk, to += n)
        if (some == kChunk)
          std::copy_n(from, kChunk, to);
        else
          std::copy_n(from, some, to);
    }
  }
}

}  // namespace
