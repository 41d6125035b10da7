// Leaky integrate-and-fire layers on a CPU, driven by events.
//
// Most entries of a spike raster are zero, so a product with it is a sum of the few rows
// that a spike selects. Each output row is summed in one fixed order, whatever the number
// of threads: results do not depend on it. Weights that hold NaN or infinity make every
// entry count, since zero times infinity is NaN.
//
// Layout: row major, time first; T steps, B samples, n neurons, float32.

#include "events.h"
#include "machine.h"
#include "product.h"
#include "surrogate.h"

namespace {

// Above this share of entries that are not zero a dense product is the faster one.
constexpr double kDense = 0.25;

// Whether more than that share of entries counts, told from some of the rows;
// count(row) is the number in one.
template <typename Count>
bool crowded(long rows, long n, Count count) {
  const long seen = std::min<long>(rows, 64);
  long found = 0;
  for (long k = 0; k < seen; ++k) found += count(rows * k / seen);
  return static_cast<double>(found) > kDense * static_cast<double>(seen * n);
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
  const long parts = pieces(pool, rows, 4 * kRows);
  *marked = 0;
  if (!all && crowded_raster(x, rows, n_in)) {
    const Array<float> packed = pack(w, n_in, n, false);
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
  const Rows weights = in_vectors(w, n_in, n);
  std::atomic<bool> ones{!all};
  ffi::Error error = parallel(pool, parts, [=, &weights, &ones](long part) {
    Events events(tall(n_in), n_in);
    const long last = rows * (part + 1) / parts;
    for (long r = rows * part / parts; r < last; r += events.rows()) {
      const long count = std::min(tall(n_in), last - r);
      events.clear();
      for (long k = r; k < r + count; ++k)
        events.read(x + k * n_in, n_in, all, marks + k * groups(n_in));
      std::fill_n(y + r * n, count * n, 0.0f);
      gather(weights, events, y + r * n, n);
    }
    if (!events.ones) ones = false;
  });
  *marked = ones;
  return error;
}

ffi::Error Project(ffi::ThreadPool pool, ffi::AnyBuffer x, ffi::Buffer<ffi::F32> w,
                   ffi::ResultBuffer<ffi::F32> y, ffi::ResultBuffer<ffi::U16> marks,
                   ffi::ResultBuffer<ffi::U8> marked) {
  const long n_in = w.dimensions()[0], n = w.dimensions()[1];
  const long rows = x.dimensions()[0];
  const auto run = [&](const auto* entries) {
    return project_rows(pool, entries, w.typed_data(), y->typed_data(),
                        marks->typed_data(), marked->typed_data(), rows, n_in, n);
  };
  ask_for_large_pages(y->untyped_data(), y->size_bytes());
  if (x.element_type() == ffi::DataType::F32) return run(x.typed_data<float>());
  return run(x.typed_data<uint8_t>());
}

// ---- dw = Σ_rows xᵀ·g, where row r of x meets row r + shift of g

// Reads from the marks where there are any: x is then ones and zeros.
template <typename X>
ffi::Error outer_rows(ffi::ThreadPool& pool, const X* x, const uint16_t* marks,
                      const float* g, float* dw, long rows, long n_in, long n) {
  const bool dense = (marks == nullptr && crowded_raster(x, rows, n_in)) ||
                     !finite(pool, g, rows * n);
  // A piece owns some inputs, so that its part of dw stays in the cache.
  constexpr long kTile = kGroup, kCache = 1 << 18;
  const long tiles = (n_in + kTile - 1) / kTile;
  const long fit = (n_in * n + kCache - 1) / kCache;
  const long parts = std::min(tiles, std::max<long>(fit, pool.num_threads()));
  return parallel(pool, parts, [=](long part) {
    const long tile = tiles * part / parts, first = tile * kTile;
    const long width = std::min(n_in, tiles * (part + 1) / parts * kTile) - first;
    if (dense)
      return outer_dense(x + first, g, dw + first * n, rows, width, n_in, n);
    const long stride = padded(n);
    Array<float> whole = array<float>(stride == n ? 0 : width * stride);
    float* sum = stride == n ? dw + first * n : whole.get();
    std::fill_n(sum, width * stride, 0.0f);
    Events events(tall(width), width);
    for (long r = 0; r < rows; r += events.rows()) {
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

ffi::Error Outer(ffi::ThreadPool pool, ffi::AnyBuffer x, ffi::Buffer<ffi::U16> marks,
                 ffi::Buffer<ffi::U8> marked, ffi::Buffer<ffi::F32> g,
                 ffi::ResultBuffer<ffi::F32> dw, int64_t shift) {
  const long n_in = x.dimensions()[1], n = g.dimensions()[1];
  const long rows = std::max<long>(0, x.dimensions()[0] - shift);
  const float* late = g.typed_data() + (rows > 0 ? shift * n : 0);
  const uint16_t* known = marked.typed_data()[0] ? marks.typed_data() : nullptr;
  const auto run = [&](const auto* entries) {
    return outer_rows(pool, entries, known, late, dw->typed_data(), rows, n_in, n);
  };
  if (x.element_type() == ffi::DataType::F32) return run(x.typed_data<float>());
  return run(x.typed_data<uint8_t>());
}

// ---- the layer, forward

enum Reset : int64_t { kZero = 0, kSubtract = 1, kNone = 2 };

struct Constants {
  const float *mem, *syn, *gain, *threshold;  // each [n]
};

// Samples for one thread; whole tiles of a product where there are enough.
long share(ffi::ThreadPool& pool, long batch) {
  const long threads = std::max<long>(1, pool.num_threads());
  return std::max<long>(kRows, (batch + threads - 1) / threads);
}

// One step of n neurons: drive becomes the voltage before the reset. Without a synapse
// syn and i are zero.
inline void neurons(const Constants& k, int64_t reset, long n, float* __restrict drive,
                    float* __restrict v, float* __restrict i, float* __restrict s) {
  for (long j = 0; j < n; ++j) {
    const float current = i[j] + drive[j];
    const float now = k.mem[j] * v[j] + k.gain[j] * current;
    const float fired = now > k.threshold[j] ? 1.0f : 0.0f;
    i[j] = k.syn[j] * current;
    drive[j] = now;
    s[j] = fired;
    v[j] = reset == kZero       ? (1.0f - fired) * now
           : reset == kSubtract ? now - k.threshold[j] * fired
                                : now;
  }
}

// The currents are where the voltages come to be: one buffer is both.
ffi::Error Forward(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> currents,
                   ffi::Buffer<ffi::F32> r, ffi::Buffer<ffi::F32> v0,
                   ffi::Buffer<ffi::F32> i0, ffi::Buffer<ffi::F32> s0,
                   ffi::Buffer<ffi::F32> constants, ffi::ResultBuffer<ffi::F32> vs,
                   ffi::ResultBuffer<ffi::F32> spikes,
                   ffi::ResultBuffer<ffi::U16> marks, ffi::ResultBuffer<ffi::U8> marked,
                   ffi::ResultBuffer<ffi::F32> v_end, ffi::ResultBuffer<ffi::F32> i_end,
                   int64_t reset) {
  const long batch = v0.dimensions()[0], n = v0.dimensions()[1];
  const long steps = currents.dimensions()[0] / std::max<long>(1, batch);
  const bool loop = r.element_count() > 0;
  const bool all = loop && !finite_here(r.typed_data(), n * n);
  const Rows weights = in_vectors(r.typed_data(), loop ? n : 0, n);
  const float *c = constants.typed_data(), *s_first = s0.typed_data();
  const Constants k{c, c + n, c + 2 * n, c + 3 * n};
  float *volts = vs->typed_data(), *out = spikes->typed_data();
  float *v = v_end->typed_data(), *i = i_end->typed_data();
  uint16_t* told = marks->typed_data();
  *marked->typed_data() = loop && !all;
  std::copy_n(v0.typed_data(), batch * n, v);
  std::copy_n(i0.typed_data(), batch * n, i);
  ask_for_large_pages(out, spikes->size_bytes());

  const long size = share(pool, batch), parts = (batch + size - 1) / size;
  return parallel(pool, parts, [=, &weights](long part) {
    const long first = part * size, count = std::min(size, batch - first);
    Events fired(count, loop ? n : 0);
    for (long b = first; b < first + count && loop; ++b)
      fired.read(s_first + b * n, n, all);
    for (long t = 0; t < steps; ++t) {
      if (loop) gather(weights, fired, volts + (t * batch + first) * n, n);
      fired.clear();
      for (long b = first; b < first + count; ++b) {
        const long here = (t * batch + b) * n;
        neurons(k, reset, n, volts + here, v + b * n, i + b * n, out + here);
        if (loop) fired.read(out + here, n, all, told + (t * batch + b) * groups(n));
      }
    }
  });
}

// ---- the layer, backward

struct Surrogate {
  const float *slope, *height, *width;  // each [n]; zero beyond the width

  template <typename Shape>
  float at(float x, long j) const {
    return std::fabs(x) >= width[j] ? 0.0f : height[j] * Shape::at(x, slope[j]);
  }
};

struct Choices {
  bool to_zero, through_reset, synapse;
};

// One step of n neurons back: gx is the gradient of the spikes, then that of the drive;
// jump is gain·(δv⁻ - v̅), by how much more than decay it changes.
template <typename Shape, bool kToZero, bool kThrough, bool kSynapse>
void neurons_back(const Constants& k, const Surrogate& h, long n, const float* v,
                  const float* ahead, float* gx, float* gv, float* gi, float* jump) {
  const auto [mem, syn, gain, threshold] = k;
  const Surrogate surrogate = h;
#pragma GCC ivdep  // no array overlaps another; too many to be checked for it
  for (long j = 0; j < n; ++j) {
    float gs = gx[j] + ahead[j];
    if (kThrough) gs -= gv[j] * (kToZero ? v[j] : threshold[j]);
    const float direct = gs * surrogate.at<Shape>(v[j] - threshold[j], j);
    const float fired = kToZero && v[j] > threshold[j] ? 1.0f : 0.0f;
    const float before = direct + gv[j] * (1.0f - fired);
    const float x = kSynapse ? gain[j] * before + syn[j] * gi[j] : gain[j] * before;
    jump[j] = gain[j] * (direct - gv[j] * fired);
    gx[j] = x;
    gi[j] = x;
    gv[j] = mem[j] * before;
  }
}

using Step = decltype(&neurons_back<SuperSpike, true, true, true>);

template <typename Then>
Step either(bool choice, Then then) {
  return choice ? then(std::true_type{}) : then(std::false_type{});
}

template <typename Shape>
Step step_for(Choices choices) {
  return either(choices.to_zero, [&](auto to_zero) {
    return either(choices.through_reset, [&](auto through) {
      return either(choices.synapse, [&](auto synapse) -> Step {
        return neurons_back<Shape, decltype(to_zero)::value, decltype(through)::value,
                            decltype(synapse)::value>;
      });
    });
  });
}

// Whether few neurons jump, near threshold and at spikes, and all of them decay alike.
template <typename Shape>
bool few(const Constants& k, const Surrogate& h, bool to_zero, const float* vs,
         long rows, long n) {
  const auto alike = [n](const float* x) { return std::count(x, x + n, x[0]) == n; };
  return alike(k.mem) && alike(k.syn) && !crowded(rows, n, [&](long r) {
    int here = 0;
    for (long j = 0; j < n; ++j) {
      const float x = vs[r * n + j] - k.threshold[j];
      here += h.at<Shape>(x, j) != 0.0f || (to_zero && x > 0.0f);
    }
    return here;
  });
}

struct Backward {
  long steps, batch, n;
  Constants k;
  Surrogate h;
  Step step;
  const float* vs;
  float *g_x, *g_v, *g_i, *g_s;  // the last three hold the end, then the start

  void row(long t, long b, float* jump) const {
    const long here = (t * batch + b) * n, state = b * n;
    step(k, h, n, vs + here, g_s + state, g_x + here, g_v + state, g_i + state, jump);
  }

  // What spikes get from the step after, gx·rᵀ, is a dense product.
  void dense(const float* packed, long first, long count) const {
    Array<float> jump = array<float>(n);
    for (long t = steps - 1; t >= 0; --t) {
      for (long b = first; b < first + count; ++b) row(t, b, jump.get());
      if (packed != nullptr)
        product(g_x + (t * batch + first) * n, count, n, packed, g_s + first * n, n);
    }
  }

  // The same from the few neurons that jump:
  //   u_t = mem·u_{t+1} + jump_t·rᵀ      y_t = gx_t·rᵀ = syn·y_{t+1} + u_t
  void sparse(const Rows& transposed, long first, long count) const {
    const long all = count * n;
    Events jumps(count, n);
    Array<float> jump = array<float>(n), u = array<float>(all), y = array<float>(all);
    const auto from_end = [&](float* sum, const float* gain, const float* g) {
      jumps.clear();
      for (long b = first; b < first + count; ++b) {
        for (long j = 0; j < n; ++j) jump[j] = gain[j] * g[b * n + j];
        jumps.read(jump.get(), n, false);
      }
      std::fill_n(sum, all, 0.0f);
      gather(transposed, jumps, sum, n);
    };
    from_end(y.get(), k.syn, g_i);
    from_end(u.get(), k.gain, g_v);
    for (long t = steps - 1; t >= 0; --t) {
      jumps.clear();
      for (long b = first; b < first + count; ++b) {
        row(t, b, jump.get());
        jumps.read(jump.get(), n, false);
      }
      gather(transposed, jumps, u.get(), n);
      for (long e = 0; e < all; ++e) {
        const float now = y[e] + u[e];
        g_s[first * n + e] = now;
        y[e] = k.syn[0] * now;
        u[e] *= k.mem[0];
      }
    }
  }

  ffi::Error run(ffi::ThreadPool& pool, const float* r, bool by_events) const {
    const long size = share(pool, batch), parts = (batch + size - 1) / size;
    Array<float> packed, columns;
    if (r != nullptr && !by_events) packed = pack(r, n, n, true);
    if (by_events) columns = transpose(r, n);
    const Rows rows = in_vectors(columns.get(), by_events ? n : 0, n);
    return parallel(pool, parts, [&](long part) {
      const long first = part * size, count = std::min(size, batch - first);
      if (by_events) return sparse(rows, first, count);
      return dense(packed.get(), first, count);
    });
  }
};

template <typename Shape>
ffi::Error back(ffi::ThreadPool& pool, Backward work, const float* r, Choices choices) {
  work.step = step_for<Shape>(choices);
  const bool by_events = r != nullptr && finite_here(r, work.n * work.n) &&
                         few<Shape>(work.k, work.h, choices.to_zero, work.vs,
                                    work.steps * work.batch, work.n);
  return work.run(pool, r, by_events);
}

// The gradient of the spikes is where that of the drive comes to be.
ffi::Error BackwardCall(
    ffi::ThreadPool pool, ffi::Buffer<ffi::F32> g_spikes, ffi::Buffer<ffi::F32> vs,
    ffi::Buffer<ffi::F32> r, ffi::Buffer<ffi::F32> constants,
    ffi::Buffer<ffi::F32> surrogate, ffi::Buffer<ffi::F32> g_v,
    ffi::Buffer<ffi::F32> g_i, ffi::Buffer<ffi::F32> g_s,
    ffi::ResultBuffer<ffi::F32> g_x, ffi::ResultBuffer<ffi::F32> g_v0,
    ffi::ResultBuffer<ffi::F32> g_i0, ffi::ResultBuffer<ffi::F32> g_s0, int64_t reset,
    bool reset_gradient, bool synapse, int64_t shape) {
  (void)g_spikes;
  const long batch = g_v.dimensions()[0], n = g_v.dimensions()[1];
  const long steps = vs.dimensions()[0] / std::max<long>(1, batch);
  const float *c = constants.typed_data(), *f = surrogate.typed_data();
  std::copy_n(g_v.typed_data(), batch * n, g_v0->typed_data());
  std::copy_n(g_i.typed_data(), batch * n, g_i0->typed_data());
  std::copy_n(g_s.typed_data(), batch * n, g_s0->typed_data());
  const Backward work{steps,
                      batch,
                      n,
                      {c, c + n, c + 2 * n, c + 3 * n},
                      {f, f + n, f + 2 * n},
                      nullptr,
                      vs.typed_data(),
                      g_x->typed_data(),
                      g_v0->typed_data(),
                      g_i0->typed_data(),
                      g_s0->typed_data()};
  const Choices choices{reset == kZero, reset_gradient && reset != kNone, synapse};
  const float* loop = r.element_count() > 0 ? r.typed_data() : nullptr;
  switch (shape) {
    case 0: return back<SuperSpike>(pool, work, loop, choices);
    case 1: return back<Sigmoid>(pool, work, loop, choices);
    case 2: return back<Triangle>(pool, work, loop, choices);
    case 3: return back<Arctan>(pool, work, loop, choices);
    default: return back<Boxcar>(pool, work, loop, choices);
  }
}

}  // namespace

#define F32 ffi::Buffer<ffi::F32>

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_project, Project,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::AnyBuffer>()
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Ret<ffi::Buffer<ffi::U16>>()
                                  .Ret<ffi::Buffer<ffi::U8>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_outer, Outer,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::AnyBuffer>()
                                  .Arg<ffi::Buffer<ffi::U16>>()
                                  .Arg<ffi::Buffer<ffi::U8>>()
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Attr<int64_t>("shift"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_forward, Forward,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Ret<ffi::Buffer<ffi::U16>>()
                                  .Ret<ffi::Buffer<ffi::U8>>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Attr<int64_t>("reset"));

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_backward, BackwardCall,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Attr<int64_t>("reset")
                                  .Attr<bool>("reset_gradient")
                                  .Attr<bool>("synapse")
                                  .Attr<int64_t>("shape"));
