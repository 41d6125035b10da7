// Convolutions of images that are mostly zero. They add up in the order of the dense
// ones, tap by tap: what comes out is equal in every bit.

#pragma once

#include "slide_dense.h"

namespace {

// ---- which entries of an image are not zero

// Marks are a bit for each channel, [pixels, groups(c)].
struct Spotted {
  long count = 0;       // of bits
  bool ones = true;     // whether the entries are all 1
  bool finite = true;
};

template <typename X>
bool all_finite(const X* x, long n) {
  if constexpr (std::is_same_v<X, float>) return finite_here(x, n);
  return true;
}

// Writes marks of an image.
template <typename X>
Spotted spot(const X* x, long pixels, long c, uint16_t* marks) {
  Spotted found;
  uint64_t others = 0;
  for (long p = 0; p < pixels; ++p)
    for (long q = 0; q < c; q += kGroup) {
      const Bits bits = read_bits(x + p * c + q, std::min(kGroup, c - q));
      others |= bits.others;
      found.count += __builtin_popcountll(bits.set);
      *marks++ = static_cast<uint16_t>(bits.set);
    }
  found.ones = others == 0;
  found.finite = found.ones || all_finite(x, pixels * c);
  return found;
}

inline long count_marks(const uint16_t* marks, long pixels, long c) {
  long count = 0;
  for (long p = 0; p < pixels; ++p)
    for (long q = 0; q < groups(c); ++q)
      count += __builtin_popcount(some_of(*marks++, q, c));
  return count;
}

// Images: their entries, marks of where these are not zero, or both. Marks alone are of
// ones.
template <typename X>
struct Images {
  const X* x;             // or null
  const uint16_t* marks;  // or null
  bool ones;              // whether all that is marked is 1
};

// One of them after another.
template <typename X>
struct View {
  const Slide& slide;
  const Images<X>& all;
  const X* x = nullptr;  // of the image, or null
  const uint16_t* marks = nullptr;
  Spotted found{};

  View(const Slide& slide, const Images<X>& all)
      : slide(slide),
        all(all),
        own_(all.marks == nullptr ? slide.pixels_in() * groups(slide.c_in) : 0) {}

  // Image k; where there are no marks they are made, in `keep` if there is room.
  void look_at(long k, uint16_t* keep = nullptr) {
    const long pixels = slide.pixels_in(), c = slide.c_in;
    const long first = k * pixels * groups(c);
    if (all.x != nullptr) x = all.x + k * pixels * c;
    if (all.marks == nullptr) {
      uint16_t* made = keep == nullptr ? own_.data() : keep + first;
      found = spot(x, pixels, c, made);
      marks = made;
      return;
    }
    marks = all.marks + first;
    found = {count_marks(marks, pixels, c), all.ones,
             all.ones || all_finite(x, pixels * c)};
  }

  // The entries that are marked, where they are not all 1.
  const X* others() const { return found.ones ? nullptr : x; }

  void fill(Frame& frame) const {
    const Axis &down = slide.y, &along = slide.x;
    const long c = slide.c_in;
    if (found.ones)
      frame.fill_ones(marks, down.in, along.in, c, down.before, along.before);
    else
      frame.fill(x, down.in, along.in, c, down.before, along.before);
  }

 private:
  std::vector<uint16_t> own_;
};

// The events of an image, pixel by pixel.
struct PixelEvents {
  Array<int32_t> index;  // in the image
  Array<float> value;
  Array<int32_t> start;  // of each pixel, and the end

  PixelEvents(long pixels, long c)
      : index(array<int32_t>(pixels * c + kGroup)),
        value(array<float>(pixels * c)),
        start(array<int32_t>(pixels + 1)) {}

  void list_all(const uint16_t* marks, long pixels, long c) {
    long end = 0;
    for (long p = 0; p < pixels; ++p) {
      start[p] = static_cast<int32_t>(end);
      for (long q = 0; q < groups(c); ++q)
        end += list(some_of(*marks++, q, c), p * c + q * kGroup, index.get() + end);
    }
    start[pixels] = static_cast<int32_t>(end);
  }

  template <typename X>
  void tell(const X* x, long pixels) {
    for (long e = 0; e < start[pixels]; ++e) value[e] = static_cast<float>(x[index[e]]);
  }
};

// ---- forward

// How many pixels of how many vectors are summed at once: few vectors would wait for one
// another, and every end of a list is waited for.
constexpr long pixels_at_once(long vectors) {
  return vectors > 2 ? 1 : vectors > 1 ? 2 : 4;
}

// Weights of some columns, [kh, beyond + kw·c_in + beyond, columns], with zeros for the
// taps by which a pixel misses what its neighbours see.
struct Strips {
  long vectors, pixels, column, height;
  Array<float> data;
};

inline std::vector<Strips> strips_of(const Slide& slide, const float* w) {
  std::vector<Strips> strips;
  in_blocks(slide.c_out, [&](auto vecs, long c) {
    constexpr long kMost = 4, kWidth = std::min<long>(decltype(vecs)::value, kMost);
    for (long part = 0; part < decltype(vecs)::value; part += kWidth) {
      const long column = c + part * kLanes, pixels = pixels_at_once(kWidth);
      const long beyond = (pixels - 1) * slide.x.stride * slide.c_in;
      const long rows = slide.x.kernel * slide.c_in, height = rows + 2 * beyond;
      const long wide = kWidth * kLanes, size = slide.y.kernel * height * wide;
      Strips strip{kWidth, pixels, column, height, array<float>(size)};
      std::fill_n(strip.data.get(), size, 0.0f);
      for (long ky = 0; ky < slide.y.kernel; ++ky)
        for (long k = 0; k < rows; ++k)
          std::copy_n(w + (ky * rows + k) * slide.c_out + column,
                      std::min(wide, slide.c_out - column),
                      strip.data.get() + (ky * height + beyond + k) * wide);
      strips.push_back(std::move(strip));
    }
  });
  return strips;
}

// kCount pixels of one row, kWide vectors of each
template <long kCount, long kWide, bool kOnes>
void event_pixels(const Slide& slide, const Strips& strip, const PixelEvents& events,
                  long oy, long ox, float* y) {
  constexpr long kStep = kWide * kLanes;
  const Axis &down = slide.y, &along = slide.x;
  const long c = slide.c_in, beyond = (strip.pixels - 1) * along.stride * c;
  const long left = ox * along.stride - along.before;
  const long from = std::clamp<long>(left, 0, along.in);
  const long right = left + (kCount - 1) * along.stride + along.kernel;
  const long to = std::clamp<long>(right, from, along.in);
  const long next = along.stride * c * kStep;  // for the pixel to the right
  Vec sum[kCount][kWide] = {};
  for (long ky = 0; ky < down.kernel; ++ky) {
    const long iy = oy * down.stride - down.before + ky;
    if (iy < 0 || iy >= down.in) continue;
    const float* w = strip.data.get() +
                     (ky * strip.height + beyond - (iy * along.in + left) * c) * kStep;
    const long end = events.start[iy * along.in + to];
    for (long e = events.start[iy * along.in + from]; e < end; ++e) {
      const float* row = w + events.index[e] * kStep;
      const Vec value = splat(kOnes ? 1.0f : events.value[e]);
#pragma GCC unroll 20
      for (long r = 0; r < kCount; ++r, row -= next)
#pragma GCC unroll 20
        for (long j = 0; j < kWide; ++j)
          if constexpr (kOnes)
            sum[r][j] += load(row + j * kLanes);
          else
            sum[r][j] += value * load(row + j * kLanes);
    }
  }
#pragma GCC unroll 20
  for (long r = 0; r < kCount; ++r)
    put<kWide>(y + r * slide.c_out, slide.c_out - strip.column, sum[r]);
}

template <long kWide, bool kOnes>
void event_columns(const Slide& slide, const Strips& strip, const PixelEvents& events,
                   float* y) {
  constexpr long kCount = pixels_at_once(kWide);
  const long n = slide.c_out, width = slide.x.out;
  for (long oy = 0; oy < slide.y.out; ++oy) {
    float* row = y + oy * width * n + strip.column;
    long ox = 0;
    for (; ox + kCount <= width; ox += kCount)
      event_pixels<kCount, kWide, kOnes>(slide, strip, events, oy, ox, row + ox * n);
    for (; ox < width; ++ox)
      event_pixels<1, kWide, kOnes>(slide, strip, events, oy, ox, row + ox * n);
  }
}

template <bool kOnes>
void event_forward(const Slide& slide, const std::vector<Strips>& strips,
                   const PixelEvents& events, float* y) {
  for (const Strips& strip : strips)
    if (strip.vectors == 4)
      event_columns<4, kOnes>(slide, strip, events, y);
    else if (strip.vectors == 2)
      event_columns<2, kOnes>(slide, strip, events, y);
    else
      event_columns<1, kOnes>(slide, strip, events, y);
}

}  // namespace
