// Convolutions over all of time, image by image: by events where an image is mostly
// zero, else dense, whichever is faster, with the same sums.

#pragma once

#include "arguments.h"
#include "raster.h"
#include "slide_scatter.h"
#include "slide_weights.h"

namespace {

using Kernel = ffi::BufferR4<ffi::F32>;
using Window = ffi::Span<const int64_t>;

// All outputs at once; or each gathers from the events that it sees; or each event adds
// to the outputs that see it.
enum class Way { kDense, kGather, kScatter };

// The fastest for an image with so many events, by cycles, roughly.
inline Way way_of(const Slide& slide, const std::vector<Strips>& strips, long count) {
  const double pixels = static_cast<double>(slide.pixels_out()), events = count;
  const double dense =
      pixels * 0.5 * slide.taps() * slide.c_in * padded(slide.c_out) / kLanes;
  const double seen = events * slide.taps() / slide.pixels_in();
  double gather = 0.0;
  for (const Strips& strip : strips)
    gather += pixels * (40.0 + (strip.vectors > 2 ? 2.0 : 1.5) * seen);
  const double taps = slide.y.kernel * most_taps(slide.x) / slide.y.stride;
  const double scatter =
      chunks(slide.c_out) * kVectors * (8.0 * pixels + 2.4 * events * (taps + 1.0));
  if (can_scatter(slide) && scatter < std::min(dense, gather)) return Way::kScatter;
  return gather < dense ? Way::kGather : Way::kDense;
}

// For the gradient of weights dense is faster above this share of entries.
constexpr double kCrowdedOuter = 0.8;

// body(first, last) for parts of the images
template <typename Body>
ffi::Error over_images(ffi::ThreadPool& pool, const Slide& slide, Body body) {
  const long parts = std::min(std::max<long>(1, slide.images),
                              pieces(pool, slide.work(), kWorth));
  return parallel(pool, parts, [=](long part) {
    body(slide.images * part / parts, slide.images * (part + 1) / parts);
  });
}

template <typename X>
ffi::Error convolve(ffi::ThreadPool& pool, const Slide& slide, const Images<X>& images,
                    const float* w, float* y, uint16_t* marks, uint8_t* marked) {
  const long pixels = slide.pixels_in(), c = slide.c_in, n = slide.c_out;
  const Array<float> packed = in_chunks(w, slide.taps() * c, n);
  const std::vector<Strips> strips = strips_of(slide, w);
  const Spread spread = spread_of(slide, w);
  const bool sound = finite_here(w, slide.taps() * c * n);
  std::atomic<bool> ones{true};
  const auto some = [&](long first, long last) {
    Frame frame = frame_of_inputs(slide);
    const std::vector<Seen> seen = seen_forward(slide, frame);
    PixelEvents events(pixels, c);
    LineEvents lines(slide);
    Frame sums = frame_of_sums(slide);
    View<X> image(slide, images);
    for (long k = first; k < last; ++k) {
      image.look_at(k, marks);
      float* out = y + k * slide.pixels_out() * n;
      const Spotted& found = image.found;
      if (!found.ones) ones = false;
      const bool events_alone = sound && found.finite;
      const Way way = events_alone ? way_of(slide, strips, found.count) : Way::kDense;
      if (way == Way::kDense) {
        image.fill(frame);
        dense_forward(slide, frame, seen, packed.get(), out);
      } else if (way == Way::kScatter) {
        lines.list_all(slide, image.marks, image.others());
        scatter_forward(slide, spread, lines, sums, out);
      } else {
        events.list_all(image.marks, pixels, c);
        if (!found.ones) events.tell(image.x, pixels);
        found.ones ? event_forward<true>(slide, strips, events, out)
                   : event_forward<false>(slide, strips, events, out);
      }
    }
  };
  const ffi::Error error = over_images(pool, slide, some);
  *marked = ones;
  return error;
}

// The gradient of the inputs, image by image, from frames of the outputs'.
struct ToInputs {
  const Slide& slide;
  float* dx;
  std::vector<Phase> phases;

  ToInputs(const Slide& slide, const float* w, float* dx) : slide(slide), dx(dx) {
    const Frame like = frame_of_outputs(slide);
    for (long py = 0; py < slide.y.stride && slide.images > 0; ++py)
      for (long px = 0; px < slide.x.stride; ++px)
        if (slide.y.inputs(py) * slide.x.inputs(px) > 0)
          phases.push_back(phase_of(slide, like, w, py, px));
  }

  void image(long k, const Frame& g) const {
    dense_backward(slide, phases, g, dx + k * slide.pixels_in() * slide.c_in);
  }
};

inline ffi::Error convolve_inputs(ffi::ThreadPool& pool, const Slide& slide,
                                  const float* g, const float* w, float* dx) {
  const ToInputs inputs(slide, w, dx);
  return over_images(pool, slide, [&](long first, long last) {
    Frame frame = frame_of_outputs(slide);
    for (long k = first; k < last; ++k) {
      fill_outputs(slide, g + k * slide.pixels_out() * slide.c_out, frame);
      inputs.image(k, frame);
    }
  });
}

// Images are added up in so many parts, whatever the number of threads.
inline long parts_of(const Slide& slide, long size) {
  const long worth = std::min(slide.work() / kWorth, (1L << 24) / (size + 1));
  return std::clamp<long>(worth, 1, std::clamp<long>(slide.images, 1, 32));
}

// The gradient of the inputs reads the same frames.
template <typename X>
ffi::Error convolve_weights(ffi::ThreadPool& pool, const Slide& slide,
                            const Images<X>& images, const float* g, float* dw,
                            const ToInputs* inputs = nullptr) {
  const long pixels = slide.pixels_in(), c = slide.c_in, n = slide.c_out;
  const long rows = slide.taps() * c, width = chunks(n) * kChunk;
  const long parts = parts_of(slide, rows * width);
  const Array<float> sums = array<float>(parts * rows * width);
  std::fill_n(sums.get(), parts * rows * width, 0.0f);
  const Places places = places_of(slide);
  const ffi::Error error = parallel(pool, parts, [&](long part) {
    Frame in = frame_of_inputs(slide), out = frame_of_outputs(slide);
    const std::vector<Seen> seen = seen_forward(slide, in);
    View<X> image(slide, images);
    float* sum = sums.get() + part * rows * width;
    for (long k = slide.images * part / parts; k < slide.images * (part + 1) / parts;
         ++k) {
      const float* from = g + k * slide.pixels_out() * n;
      image.look_at(k);
      fill_outputs(slide, from, out);
      const Spotted& found = image.found;
      const bool dense = !found.finite || found.count > kCrowdedOuter * pixels * c ||
                         !finite_here(from, slide.pixels_out() * n);
      if (inputs != nullptr) inputs->image(k, out);  // perhaps in the place of g
      if (dense) {
        image.fill(in);
        dense_weights(slide, seen, in, out, sum);
      } else {
        event_weights(slide, places, image.marks, image.others(), out, sum);
      }
    }
  });
  for (long part = 1; part < parts; ++part)
    add_to(sums.get() + part * rows * width, rows * width, sums.get());
  for (long k = 0; k < rows; ++k) std::copy_n(sums.get() + k * width, n, dw + k * n);
  return error;
}

// ---- what a call may hand over

constexpr int64_t kFarthest = 1 << 24;  // a side of an image, a stride or a border

// Along one axis: size of the image, stride, zeros before and behind.
inline Axis axis_of(Arguments& given, const int64_t* sizes, int64_t kernel) {
  const int64_t in = sizes[0], stride = sizes[1], before = sizes[2], behind = sizes[3];
  if (stride < 1 || std::min({in, before, behind}) < 0 ||
      std::max({in, stride, before, behind}) > kFarthest)
    given.wrong("a window over " + list_of(sizes, sizes + 4) +
                ", expected [size, stride of 1 or more, zeros before, zeros behind]");
  if (kernel < 1) given.wrong("a kernel has shape 0 along an axis, expected 1 or more");
  const int64_t room = in + before + behind - kernel;
  return {in, kernel, stride, before, room < 0 || stride < 1 ? 0 : room / stride + 1};
}

// Of a kernel [height, width, c_in, c_out] and the sizes of all else.
template <typename Sizes>
Slide slide_of(Arguments& given, const Sizes& w, const Window& window) {
  if (window.size() != 9)
    given.wrong("window has " + std::to_string(window.size()) + " numbers, expected 9");
  if (!given.fit()) return {};
  const int64_t* sizes = window.begin();
  const Slide slide{sizes[0], w[2], w[3], axis_of(given, sizes + 1, w[0]),
                    axis_of(given, sizes + 5, w[1])};
  if (!given.fit()) return slide;
  const auto largest = [](const Axis& along) {
    return static_cast<double>(along.frame_in() + along.frame_out() + along.in);
  };
  const int64_t channels = std::max(slide.c_in, slide.c_out) + kChunk;
  if (largest(slide.y) * largest(slide.x) * channels > 1 << 30)
    given.wrong("an image has more than 2^30 entries");
  if (slide.images < 0 || slide.images > int64_t{1} << 31)
    given.wrong(std::to_string(slide.images) + " images");
  return slide;
}

// Marks are left out where there is no room for them.
ffi::Error Convolve(ffi::ThreadPool pool, ffi::AnyBuffer x, Kernel w,
                    ffi::Result<Floats> y, ffi::Result<Marks> marks,
                    ffi::Result<Flag> marked, Window window) {
  Arguments given;
  given.raster("x", x);
  const Slide slide = slide_of(given, w.dimensions(), window);
  if (!given.fit()) return given.error();
  const long rows = slide.images * slide.pixels_in();
  given.shape("x", x, {rows, slide.c_in});
  given.shape("y", *y, {slide.images * slide.pixels_out(), slide.c_out});
  given.shape_or_none("marks", *marks, {rows, groups(slide.c_in)});
  given.shape("marked", *marked, {1});
  if (!given.fit()) return given.error();
  ask_for_large_pages(y);
  ask_for_large_pages(marks);
  uint16_t* bits = data_or_null(*marks);
  return with_raster(x, [&](const auto* entries) {
    const Images<std::decay_t<decltype(*entries)>> images{entries, nullptr, false};
    return convolve(pool, slide, images, w.typed_data(), y->typed_data(), bits,
                    marked->typed_data());
  });
}

// Of marks alone, which are of ones.
ffi::Error ConvolveMarks(ffi::ThreadPool pool, Marks marks, Kernel w,
                         ffi::Result<Floats> y, Window window) {
  Arguments given;
  const Slide slide = slide_of(given, w.dimensions(), window);
  if (!given.fit()) return given.error();
  const long rows = slide.images * slide.pixels_in();
  given.shape("marks", marks, {rows, groups(slide.c_in)});
  given.shape("y", *y, {slide.images * slide.pixels_out(), slide.c_out});
  if (!given.fit()) return given.error();
  ask_for_large_pages(y);
  uint8_t marked;
  return guarded([&] {
    const Images<float> images{nullptr, marks.typed_data(), true};
    return convolve(pool, slide, images, w.typed_data(), y->typed_data(), nullptr,
                    &marked);
  });
}

// body(images) in the type of their entries
template <typename Body>
ffi::Error with_images(const ffi::AnyBuffer& x, const Marks& marks, const Flag& marked,
                       Body body) {
  const bool ones = marked.typed_data()[0] != 0, missing = x.element_count() == 0;
  const uint16_t* bits = data_or_null(marks);
  return with_raster(x, [&](const auto* entries) {
    using Entry = std::decay_t<decltype(*entries)>;
    return body(Images<Entry>{missing ? nullptr : entries, bits, ones});
  });
}

ffi::Error ConvolveInputs(ffi::ThreadPool pool, Floats g, Kernel w,
                          ffi::Result<Floats> dx, Window window) {
  Arguments given;
  const Slide slide = slide_of(given, w.dimensions(), window);
  if (!given.fit()) return given.error();
  given.shape("g", g, {slide.images * slide.pixels_out(), slide.c_out});
  given.shape("dx", *dx, {slide.images * slide.pixels_in(), slide.c_in});
  if (!given.fit()) return given.error();
  ask_for_large_pages(dx);
  return guarded([&] {
    return convolve_inputs(pool, slide, g.typed_data(), w.typed_data(),
                           dx->typed_data());
  });
}

// Both gradients. That of the inputs may come to be in the place of g.
ffi::Error ConvolveBack(ffi::ThreadPool pool, ffi::AnyBuffer x, Marks marks,
                        Flag marked, Floats g, Kernel w, ffi::Result<Floats> dx,
                        ffi::Result<Kernel> dw, Window window) {
  Arguments given;
  given.raster("x", x);
  const Slide slide = slide_of(given, w.dimensions(), window);
  if (!given.fit()) return given.error();
  const long rows = slide.images * slide.pixels_in();
  given.raster_or_marks(x, marks, marked, {rows, slide.c_in},
                        {rows, groups(slide.c_in)});
  given.shape("g", g, {slide.images * slide.pixels_out(), slide.c_out});
  given.shape("dx", *dx, {slide.images * slide.pixels_in(), slide.c_in});
  given.shape("dw", *dw, {slide.y.kernel, slide.x.kernel, slide.c_in, slide.c_out});
  if (!given.fit()) return given.error();
  ask_for_large_pages(dx);
  return with_images(x, marks, marked, [&](const auto& images) {
    const ToInputs inputs(slide, w.typed_data(), dx->typed_data());
    return convolve_weights(pool, slide, images, g.typed_data(), dw->typed_data(),
                            &inputs);
  });
}

ffi::Error ConvolveWeights(ffi::ThreadPool pool, ffi::AnyBuffer x, Marks marks,
                           Flag marked, Floats g, ffi::Result<Kernel> dw,
                           Window window) {
  Arguments given;
  given.raster("x", x);
  const Slide slide = slide_of(given, dw->dimensions(), window);
  if (!given.fit()) return given.error();
  const long rows = slide.images * slide.pixels_in();
  given.raster_or_marks(x, marks, marked, {rows, slide.c_in},
                        {rows, groups(slide.c_in)});
  given.shape("g", g, {slide.images * slide.pixels_out(), slide.c_out});
  if (!given.fit()) return given.error();
  return with_images(x, marks, marked, [&](const auto& images) {
    return convolve_weights(pool, slide, images, g.typed_data(), dw->typed_data());
  });
}

}  // namespace

SNNJAX_CALL(snnjax_convolve, Convolve, "window");
SNNJAX_CALL(snnjax_convolve_marks, ConvolveMarks, "window");
SNNJAX_CALL(snnjax_convolve_back, ConvolveBack, "window");
SNNJAX_CALL(snnjax_convolve_inputs, ConvolveInputs, "window");
SNNJAX_CALL(snnjax_convolve_weights, ConvolveWeights, "window");
