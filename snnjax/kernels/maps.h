// Kernels that slide over images: their sizes, and images with zeros around them.
//
//     y[p] = Σ_k x[s·p + k - pad]·w[k]        channels last, an image after the other
//
// Pixels of a frame are kChunk channels wide, whatever there are: registers then hold
// the sums of one chunk of channels of many pixels, a fixed number of floats apart.

#pragma once

#include "events.h"

namespace {

constexpr long kChunk = 16, kVectors = kChunk / kLanes;
static_assert(kChunk == kGroup, "a chunk has one group of marks");

inline long chunks(long channels) { return (channels + kChunk - 1) / kChunk; }

// How a kernel slides, along one axis of space.
struct Axis {
  long in, kernel, stride, before, out;

  // Input k, of phase (k + before) % stride, is seen by tap phase + i·stride from
  // place (k + before) / stride - i. The number of these taps:
  long taps(long phase) const {
    return phase < kernel ? (kernel - phase + stride - 1) / stride : 0;
  }
  // The first input of a phase, and the number of them.
  long first_input(long phase) const {
    return ((phase - before) % stride + stride) % stride;
  }
  long inputs(long phase) const {
    const long first = first_input(phase);
    return first < in ? (in - first + stride - 1) / stride : 0;
  }
  // A frame of outputs has a margin in front, so that each input finds all its taps.
  long margin() const { return (kernel - 1) / stride; }
  long frame_out() const {
    return margin() + std::max(out, in > 0 ? (in - 1 + before) / stride + 1 : 0);
  }
  long frame_in() const { return out > 0 ? (out - 1) * stride + kernel : 0; }
};

struct Slide {
  long images, c_in, c_out;
  Axis y, x;

  long pixels_in() const { return y.in * x.in; }
  long pixels_out() const { return y.out * x.out; }
  long taps() const { return y.kernel * x.kernel; }
  long work() const { return images * pixels_out() * taps() * c_in * c_out; }
};

// An image [height, width, channels] as [chunks, height, phases, width, kChunk], where
// column k of the image is column k/phases of phase k % phases.
struct Frame {
  long rows, columns, phases, depth;
  Array<float> data;

  Frame(long rows, long width, long phases, long channels)
      : rows(rows),
        columns((width + phases - 1) / phases),
        phases(phases),
        depth(chunks(channels)),
        data(array<float>(depth * plane())) {
    std::fill_n(data.get(), depth * plane(), 0.0f);
  }

  long line() const { return phases * columns * kChunk; }
  long plane() const { return rows * line(); }
  float* row(long k) const { return data.get() + k * line(); }
  long column(long k) const { return (k % phases * columns + k / phases) * kChunk; }

  // The image, its first pixel at (top, left). What would lie outside is left out.
  template <typename X>
  void fill(const X* x, long height, long width, long channels, long top, long left) {
    each(height, width, top, left, [=](long pixel, long q, float* to) {
      const X* from = x + pixel * channels + q * kChunk;
      const long some = std::min(kChunk, channels - q * kChunk);
      if (some == kChunk)
        for (long k = 0; k < kChunk; ++k) to[k] = static_cast<float>(from[k]);
      else
        for (long k = 0; k < some; ++k) to[k] = static_cast<float>(from[k]);
    });
  }

  // The same of ones, from marks.
  void fill_ones(const uint16_t* marks, long height, long width, long channels,
                 long top, long left) {
    each(height, width, top, left, [=](long pixel, long q, float* to) {
      ones_of(some_of(marks[pixel * groups(channels) + q], q, channels), to);
    });
  }

 private:
  // put(pixel of the image, chunk, place of it)
  template <typename Put>
  void each(long height, long width, long top, long left, Put put) {
    const long last = std::min(width, phases * columns - left);
    for (long y = 0; y < std::min(height, rows - top); ++y)
      for (long q = 0; q < depth; ++q) {
        float* to = row(y + top) + q * plane();
        for (long p = 0; p < phases; ++p) {
          const long first = ((p - left) % phases + phases) % phases;
          float* place = to + column(first + left);
          for (long k = first; k < last; k += phases, place += kChunk)
            put(y * width + k, q, place);
        }
      }
  }
};

// [rows, n] with n in chunks: [chunks, rows, kChunk], zeros behind the last column.
inline Array<float> in_chunks(const float* w, long rows, long n) {
  const long size = chunks(n) * rows * kChunk;
  Array<float> packed = array<float>(size);
  std::fill_n(packed.get(), size, 0.0f);
  for (long q = 0; q < chunks(n); ++q)
    for (long k = 0; k < rows; ++k)
      std::copy_n(w + k * n + q * kChunk, std::min(kChunk, n - q * kChunk),
                  packed.get() + (q * rows + k) * kChunk);
  return packed;
}

inline void add_to(const float* from, long n, float* to) {
  for (long k = 0; k < n; ++k) to[k] += from[k];
}

}  // namespace
