// Its gradient, from the last step to the first.

#pragma once

#include "arguments.h"
#include "forward.h"
#include "raster.h"
#include "surrogate.h"

namespace {

struct Surrogate {
  const float *slope, *height, *width;  // each [n]; zero beyond the width

  template <typename Shape>
  float at(float x, long j) const {
    return std::fabs(x) >= width[j] ? 0.0f : height[j] * Shape::at(x, slope[j]);
  }
};

struct Choices {
  bool to_zero, through_reset, synapse, more;
};

// What only some layers have, of one step, each [n] or null.
struct More {
  const float* g_v;       // gradient of the voltages before the reset
  const uint8_t* frozen;  // which neurons are refractory
  const float* before = nullptr;  // voltages before the reset, a step earlier
  bool first = false;             // or those that it began with
  float* later = nullptr;         // gradient of the spikes, a step later
};

// One step of n neurons back: gx is the gradient of the spikes, then that of the drive;
// jump is gain·(δv⁻ - v̅), by how much more than decay it changes; not told with more.
template <typename Shape, bool kToZero, bool kThrough, bool kSynapse, bool kMore>
void neurons_back(const Constants& k, const Surrogate& h, More more, long n,
                  const float* v, const float* ahead, float* gx, float* gv, float* gi,
                  float* jump) {
  const auto [mem, syn, gain, threshold, v_reset] = k;
  const Surrogate surrogate = h;
  const bool seen = kMore && more.g_v != nullptr;
  const bool pauses = kMore && more.frozen != nullptr;
#pragma GCC ivdep  // no array overlaps another; too many to be checked for it
  for (long j = 0; j < n; ++j) {
    const bool free = !pauses || more.frozen[j] == 0;
    float gs = gx[j] + ahead[j];
    if (kThrough) gs -= gv[j] * (kToZero ? v[j] - v_reset[j] : threshold[j]);
    float direct = gs * surrogate.at<Shape>(v[j] - threshold[j], j);
    if (kMore && !free) direct = 0.0f;
    const float fired = kToZero && free && v[j] > threshold[j] ? 1.0f : 0.0f;
    float before = direct + gv[j] * (1.0f - fired);
    if (kMore && seen) before += more.g_v[j];
    const float flowed = free ? before : 0.0f;
    const float x = kSynapse ? gain[j] * flowed + syn[j] * gi[j] : gain[j] * flowed;
    if (!kMore) jump[j] = gain[j] * (direct - gv[j] * fired);
    gx[j] = x;
    gi[j] = x;
    gv[j] = free ? mem[j] * before : before;
  }
}

using Step = decltype(&neurons_back<SuperSpike, true, true, true, true>);

template <typename Then>
auto either(bool choice, Then then) {
  return choice ? then(std::true_type{}) : then(std::false_type{});
}

template <typename Shape>
Step step_for(Choices choices) {
  return either(choices.to_zero, [&](auto to_zero) {
    return either(choices.through_reset, [&](auto through) {
      return either(choices.synapse, [&](auto synapse) {
        return either(choices.more, [&](auto more) -> Step {
          return neurons_back<Shape, decltype(to_zero)::value, decltype(through)::value,
                              decltype(synapse)::value, decltype(more)::value>;
        });
      });
    });
  });
}

// Whether few neurons jump, near threshold and at spikes, and all of them decay alike.
template <typename Shape>
bool few(const Constants& k, const Surrogate& h, bool to_zero, const float* vs,
         long rows, long n) {
  const auto alike = [n](const float* x) { return std::count(x, x + n, *x) == n; };
  return n > 0 && alike(k.mem) && alike(k.syn) && !crowded(rows, n, [&](long r) {
    int here = 0;
    for (long j = 0; j < n; ++j) {
      const float x = vs[r * n + j] - k.threshold[j];
      here += h.at<Shape>(x, j) != 0.0f || (to_zero && x > 0.0f);
    }
    return here;
  });
}

struct Backward : Layer {
  Constants k;
  Surrogate h;
  Step step;
  More more;
  const float* vs;
  float *g_x, *g_v, *g_i, *g_s;  // the last three hold the end, then the start

  void row(long t, long b, float* jump) const {
    const long here = (t * batch + b) * n, state = b * n;
    More now{more.g_v == nullptr ? nullptr : more.g_v + here,
             more.frozen == nullptr ? nullptr : more.frozen + here};
    if (more.later != nullptr) {  // spikes move
      now.first = t == 0;
      now.before = t == 0 ? more.before + state : vs + here - batch * n;
      now.later = more.later + state;
    }
    step(k, h, now, n, vs + here, g_s + state, g_x + here, g_v + state, g_i + state,
         jump);
  }

  // What spikes get from the step after, gx·rᵀ, is a dense product.
  void dense(const float* packed, long first, long count) const {
    Array<float> jump = array<float>(n);
    for (long t = steps - 1; t >= 0; --t) {
      for (long b = first; b < first + count; ++b) {
        const long before = std::max<long>(0, t - 1) * batch + b;
        will_read(vs + before * n, n);
        will_write(g_x + before * n, n);
        row(t, b, jump.get());
      }
      if (packed != nullptr)
        product(g_x + (t * batch + first) * n, count, n, packed, g_s + first * n, n);
    }
  }

  // The same from the few neurons that jump:
  //   u_t = mem·u_{t+1} + jump_t·rᵀ      y_t = gx_t·rᵀ = syn·y_{t+1} + u_t
  void sparse(const Panels& transposed, long first, long count) const {
    const long all = count * n;
    Events jumps(count, n);
    Array<float> jump = array<float>(n), u = array<float>(all), y = array<float>(all);
    const auto from_end = [&](float* sum, const float* gain, const float* g) {
      jumps.clear();
      for (long b = first; b < first + count; ++b) {
        for (long j = 0; j < n; ++j) jump[j] = gain[j] * g[b * n + j];
        jumps.read(jump.get(), n, false);
      }
      gather<false>(transposed, jumps, sum, n);
    };
    from_end(y.get(), k.syn, g_i);
    from_end(u.get(), k.gain, g_v);
    for (long t = steps - 1; t >= 0; --t) {
      jumps.clear();
      for (long b = first; b < first + count; ++b) {
        row(t, b, jump.get());
        jumps.read(jump.get(), n, false);
      }
      gather<true>(transposed, jumps, u.get(), n);
      for (long e = 0; e < all; ++e) {
        const float now = y[e] + u[e];
        g_s[first * n + e] = now;
        y[e] = k.syn[0] * now;
        u[e] *= k.mem[0];
      }
    }
  }

  ffi::Error run(ffi::ThreadPool& pool, const float* r, bool by_events) const {
    const long size = share(pool, *this), parts = (batch + size - 1) / size;
    Array<float> packed, columns;
    if (r != nullptr && !by_events) packed = pack(pool, r, n, n, true);
    if (by_events) columns = transpose(r, n);
    const Panels rows = in_panels(columns.get(), by_events ? n : 0, n);
    return parallel(pool, parts, [&](long part) {
      const long first = part * size, count = std::min(size, batch - first);
      if (by_events) return sparse(rows, first, count);
      if (r != nullptr) return dense(packed.get(), first, count);
      in_turns(first, count, [&](long b, long some) { dense(nullptr, b, some); });
    });
  }
};

template <typename Shape>
ffi::Error back(ffi::ThreadPool& pool, Backward work, const float* r, Choices choices) {
  work.step = step_for<Shape>(choices);
  const bool by_events = r != nullptr && !choices.more &&
                         finite_here(r, work.n * work.n) &&
                         few<Shape>(work.k, work.h, choices.to_zero, work.vs,
                                    work.steps * work.batch, work.n);
  return work.run(pool, r, by_events);
}

inline ffi::Error back_named(ffi::ThreadPool& pool, const Backward& work,
                             const float* r, Choices choices, std::string_view shape) {
  const auto by = [&](auto of) {
    return back<decltype(of)>(pool, work, r, choices);
  };
  return of_shape(shape, by, unknown("surrogate", shape));
}

}  // namespace
