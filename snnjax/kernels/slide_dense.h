// Convolutions of dense images, and their gradients: sums of a chunk of channels of as
// many pixels as registers hold.

#pragma once

#include <utility>

#include "maps.h"

namespace {

#if defined(__AVX512F__)
constexpr long kPixels = 20;
#else
constexpr long kPixels = 5;
#endif

// Channels of one chunk that one tap sees: where, from the first pixel, and how many.
struct Seen {
  long offset, width;
};

// `count` pixels [, apart] of y; a row of the panel for each channel that is seen.
template <long kCount>
void dense_pixels(const float* from, const std::vector<Seen>& seen, const float* panel,
                  float* y, long apart, long columns) {
  Vec sum[kCount][kVectors] = {};
  for (const Seen& tap : seen) {
    const float* p = from + tap.offset;
    for (long k = 0; k < tap.width; ++k, panel += kChunk) {
      Vec b[kVectors];
#pragma GCC unroll 20
      for (long j = 0; j < kVectors; ++j) b[j] = load(panel + j * kLanes);
#pragma GCC unroll 20
      for (long r = 0; r < kCount; ++r) {
        const Vec value = splat(p[r * kChunk + k]);
#pragma GCC unroll 20
        for (long j = 0; j < kVectors; ++j) sum[r][j] += value * b[j];
      }
    }
  }
#pragma GCC unroll 20
  for (long r = 0; r < kCount; ++r)
#pragma GCC unroll 20
    for (long j = 0; j < kVectors; ++j) {
      const long left = columns - j * kLanes;
      float* to = y + r * apart + j * kLanes;
      if (left >= kLanes)
        store(to, sum[r][j]);
      else if (left > 0)
        store_first(to, sum[r][j], left);
    }
}

using DensePixels = void (*)(const float*, const std::vector<Seen>&, const float*,
                             float*, long, long);

template <long... kCounts>
constexpr DensePixels dense_pixels_of(long count,
                                      std::integer_sequence<long, kCounts...>) {
  constexpr DensePixels table[] = {dense_pixels<kCounts + 1>...};
  return table[count - 1];
}

// A row of `width` pixels, in parts as even as can be.
inline void dense_row(const float* from, const std::vector<Seen>& seen,
                      const float* panel, float* y, long width, long apart,
                      long columns) {
  const long parts = (width + kPixels - 1) / kPixels;
  for (long part = 0; part < parts; ++part) {
    const long first = width * part / parts;
    const long count = width * (part + 1) / parts - first;
    dense_pixels_of(count, std::make_integer_sequence<long, kPixels>{})(
        from + first * kChunk, seen, panel, y + first * apart, apart, columns);
  }
}

// ---- forward

inline Frame frame_of_inputs(const Slide& slide) {
  return {slide.y.frame_in(), slide.x.frame_in(), slide.x.stride, slide.c_in};
}

inline std::vector<Seen> seen_forward(const Slide& slide, const Frame& x) {
  std::vector<Seen> seen;
  for (long ky = 0; ky < slide.y.kernel; ++ky)
    for (long kx = 0; kx < slide.x.kernel; ++kx)
      for (long q = 0; q < x.depth; ++q)
        seen.push_back({q * x.plane() + ky * x.line() + x.column(kx),
                        std::min(kChunk, slide.c_in - q * kChunk)});
  return seen;
}

inline void dense_forward(const Slide& slide, const Frame& frame,
                          const std::vector<Seen>& seen, const float* packed,
                          float* y) {
  const long n = slide.c_out, panel = slide.taps() * slide.c_in * kChunk;
  for (long oy = 0; oy < slide.y.out; ++oy)
    for (long q = 0; q < chunks(n); ++q)
      dense_row(frame.row(oy * slide.y.stride), seen, packed + q * panel,
                y + oy * slide.x.out * n + q * kChunk, slide.x.out, n,
                std::min(kChunk, n - q * kChunk));
}

// ---- the gradient of the input: a correlation for every phase of its pixels

inline Frame frame_of_outputs(const Slide& slide) {
  return {slide.y.frame_out(), slide.x.frame_out(), 1, slide.c_out};
}

inline void fill_outputs(const Slide& slide, const float* g, Frame& frame) {
  frame.fill(g, slide.y.out, slide.x.out, slide.c_out, slide.y.margin(),
             slide.x.margin());
}

// Inputs (py, px), (py, px + stride), …: what they see of the outputs.
struct Phase {
  long py, px;
  std::vector<Seen> seen;
  Array<float> packed;  // [chunks of c_in, taps and c_out, kChunk]
  long height;          // of a panel
};

inline Phase phase_of(const Slide& slide, const Frame& g, const float* w, long py,
                      long px) {
  Phase phase{py, px, {}, nullptr, 0};
  std::vector<float> rows;
  for (long i = 0; i < slide.y.taps(py); ++i)
    for (long j = 0; j < slide.x.taps(px); ++j) {
      const long ky = py + i * slide.y.stride, kx = px + j * slide.x.stride;
      const float* tap = w + (ky * slide.x.kernel + kx) * slide.c_in * slide.c_out;
      for (long q = 0; q < g.depth; ++q)
        phase.seen.push_back({q * g.plane() - i * g.line() - j * kChunk,
                              std::min(kChunk, slide.c_out - q * kChunk)});
      for (long o = 0; o < slide.c_out; ++o)
        for (long c = 0; c < slide.c_in; ++c) rows.push_back(tap[c * slide.c_out + o]);
    }
  phase.height = slide.y.taps(py) * slide.x.taps(px) * slide.c_out;
  phase.packed = in_chunks(rows.data(), phase.height, slide.c_in);
  return phase;
}

inline void dense_backward(const Slide& slide, const std::vector<Phase>& phases,
                           const Frame& g, float* dx) {
  const long n = slide.c_in;
  for (const Phase& phase : phases) {
    const long first = slide.x.first_input(phase.px);
    const long width = slide.x.inputs(phase.px);
    const long place = (first + slide.x.before) / slide.x.stride + slide.x.margin();
    const long top = slide.y.first_input(phase.py);
    for (long iy = top; iy < slide.y.in; iy += slide.y.stride) {
      const long row = (iy + slide.y.before) / slide.y.stride + slide.y.margin();
      for (long q = 0; q < chunks(n); ++q)
        dense_row(g.row(row) + place * kChunk, phase.seen,
                  phase.packed.get() + q * phase.height * kChunk,
                  dx + (iy * slide.x.in + first) * n + q * kChunk, width,
                  slide.x.stride * n, std::min(kChunk, n - q * kChunk));
    }
  }
}

// ---- the gradient of the weights

// kCount channels that one tap sees of a row, times the row of g that it makes
template <long kCount>
void dense_outer(const float* x, const float* g, long width, float* dw, long apart) {
  Vec sum[kCount][kVectors];
#pragma GCC unroll 20
  for (long k = 0; k < kCount; ++k)
#pragma GCC unroll 20
    for (long j = 0; j < kVectors; ++j) sum[k][j] = load(dw + k * apart + j * kLanes);
  for (long r = 0; r < width; ++r) {
    Vec b[kVectors];
#pragma GCC unroll 20
    for (long j = 0; j < kVectors; ++j) b[j] = load(g + r * kChunk + j * kLanes);
#pragma GCC unroll 20
    for (long k = 0; k < kCount; ++k) {
      const Vec value = splat(x[r * kChunk + k]);
#pragma GCC unroll 20
      for (long j = 0; j < kVectors; ++j) sum[k][j] += value * b[j];
    }
  }
#pragma GCC unroll 20
  for (long k = 0; k < kCount; ++k)
#pragma GCC unroll 20
    for (long j = 0; j < kVectors; ++j) store(dw + k * apart + j * kLanes, sum[k][j]);
}

// dw [taps, c_in, padded chunks of c_out] += what a frame of inputs saw
inline void dense_weights(const Slide& slide, const std::vector<Seen>& seen,
                          const Frame& x, const Frame& g, float* dw) {
  constexpr long kMost = kVectors == 1 ? 16 : 4;
  const long apart = g.depth * kChunk;
  for (const Seen& tap : seen)
    for (long first = 0, count; first < tap.width; first += count) {
      const long left = tap.width - first;
      count = left >= kMost ? kMost : left >= 4 ? 4 : 1;
      for (long q = 0; q < g.depth; ++q)
        for (long oy = 0; oy < slide.y.out; ++oy) {
          const float* from = x.row(oy * slide.y.stride) + tap.offset + first;
          const float* row = g.row(oy + slide.y.margin()) + q * g.plane() +
                             slide.x.margin() * kChunk;
          float* to = dw + q * kChunk;
          if (count == kMost)
            dense_outer<kMost>(from, row, slide.x.out, to, apart);
          else if (count == 4)
            dense_outer<4>(from, row, slide.x.out, to, apart);
          else
            dense_outer<1>(from, row, slide.x.out, to, apart);
        }
      dw += count * apart;
    }
}

}  // namespace
