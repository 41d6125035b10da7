// A layer of neurons that adapt: a linear flow of voltage and adaptation, and of the
// synaptic current where there is one, with a threshold and a jump at spikes.

#pragma once

#include "arguments.h"
#include "backward.h"
#include "forward.h"

namespace {

// One by one, without or with a current that is left of the steps before; or voltage and
// adaptation coupled, about where the drive would let them rest.
enum class Flow { kApart, kSynapse, kCoupled };

inline Flow flow_of(bool coupled, bool synapse) {
  return coupled ? Flow::kCoupled : synapse ? Flow::kSynapse : Flow::kApart;
}

// Of one step. One by one a spike raises the adaptation by 1, and the
// threshold follows it; coupled by jump, and it does not.
struct Adaptation {
  static constexpr long kRows = 11;
  const float *vv, *vw, *wv, *ww;  // what v and w leave of v and w
  const float *gain, *slope, *syn, *threshold, *beta, *jump, *v_reset;

  Adaptation(const float* rows, long stride)
      : vv(rows),
        vw(rows + stride),
        wv(rows + 2 * stride),
        ww(rows + 3 * stride),
        gain(rows + 4 * stride),
        slope(rows + 5 * stride),
        syn(rows + 6 * stride),
        threshold(rows + 7 * stride),
        beta(rows + 8 * stride),
        jump(rows + 9 * stride),
        v_reset(rows + 10 * stride) {}
};

// ---- forward

// Hides how a number was made, so that what is multiplied and added is rounded where XLA
// rounds it: once, but for a product that is used more than once.
template <typename V>
inline V opaque(V x) {
#if defined(__AVX512F__)
  asm("" : "+v"(x));
#elif defined(__FMA__) && defined(__AVX__)
  asm("" : "+x"(x));
#endif
  return x;
}

// Voltage and, of a coupled flow, adaptation after a step without a spike; k(row) is a
// constant.
template <Flow kFlow, typename V, typename K>
inline void flow_on(const Adaptation& a, const K& k, V drive, V* v, V* w) {
  if (kFlow == Flow::kCoupled) {
    const V end_v = opaque<V>(k(a.gain) * drive);
    const V end_w = opaque<V>(k(a.slope) * end_v);
    const V from_v = *v - end_v, from_w = *w - end_w;
    *v = k(a.vv) * from_v + k(a.vw) * from_w + end_v;
    *w = k(a.wv) * from_v + k(a.ww) * from_w + end_w;
  } else {
    *v = k(a.vv) * *v + k(a.gain) * drive;
  }
}

// By how much the voltage is above threshold, with the adaptation before the step.
template <Flow kFlow, typename V, typename K>
inline V above(const Adaptation& a, const K& k, V v, V w) {
  const V distance = v - k(a.threshold);
  return kFlow == Flow::kCoupled ? distance : distance - k(a.beta) * w;
}

// The adaptation after it with a spike or without.
template <Flow kFlow, typename V, typename K>
inline V jumped(const Adaptation& a, const K& k, V w, V fired) {
  return kFlow == Flow::kCoupled ? w + k(a.jump) * fired
                                 : k(a.ww) * w + opaque<V>(fired);
}

// What they keep: distances to threshold and, unless null, spikes and voltages before the
// reset, all [T, B, n]; their state [B, n], with a current if there is a synapse.
// Constants are padded to whole vectors.
struct Adapted {
  Adaptation a;
  float *distances, *spikes, *volts, *v, *w, *i;
};

template <Flow kFlow, Reset kReset>
struct Adapting : Adapted {
  template <long kVecs>
  void step(const Place& at, const Vec* drive) const {
    const long here = at.here(), state = at.state(), columns = at.n - at.c;
#pragma GCC unroll 8
    for (long j = 0; j < kVecs; ++j) {
      const auto k = [c = at.c + j * kLanes](const float* row) { return load(row + c); };
      Vec current = drive[j];
      if (kFlow == Flow::kSynapse) {
        current = fetch_one<kVecs>(i + state, j, columns) + current;
        put_one<kVecs>(i + state, j, columns, k(a.syn) * current);
      }
      Vec now = fetch_one<kVecs>(v + state, j, columns);
      const Vec before = fetch_one<kVecs>(w + state, j, columns);
      Vec after = before;
      flow_on<kFlow>(a, k, current, &now, &after);
      const Vec distance = above<kFlow>(a, k, now, before);
      const Fired fired = fires(distance, Vec{});
      at.mark(j, fired.bits);
      put_one<kVecs>(distances + here, j, columns, distance);
      if (spikes != nullptr) put_one<kVecs>(spikes + here, j, columns, fired.ones);
      if (volts != nullptr) put_one<kVecs>(volts + here, j, columns, now);
      put_one<kVecs>(v + state, j, columns,
                     after_spike<kReset>(now, fired.ones, k(a.threshold), k(a.v_reset)));
      put_one<kVecs>(w + state, j, columns, jumped<kFlow>(a, k, after, fired.ones));
    }
  }
};

// The same where those with steps left stay as they are; their adaptation goes on.
template <Flow kFlow, Reset kReset>
struct Pausing {
  Adapting<kFlow, kReset> neurons;
  Pause pause;

  template <long kVecs>
  void step(const Place& at, const Vec* drive) const {
    const long here = at.here(), columns = std::min(kVecs * kLanes, at.n - at.c);
    float sum[kVecs * kLanes], own[kVecs * kLanes];
    float* fired = neurons.spikes == nullptr ? own : neurons.spikes + here;
    put<kVecs>(sum, kVecs * kLanes, drive);
    for (long j = 0; j < columns; ++j)
      fired[j] = advance(at.c + j, at.state() + j, here + j, sum[j]);
    for (long j = 0; j * kLanes < columns; ++j)
      at.mark(j, read_bits(fired + j * kLanes, std::min(kLanes, columns - j * kLanes))
                     .set);
  }

  // Whether it fires.
  float advance(long c, long state, long here, float current) const {
    const auto [a, distances, spikes, volts, v, w, i] =
        static_cast<const Adapted&>(neurons);
    (void)spikes;
    const auto k = [c](const float* row) { return row[c]; };
    int32_t& left = pause.left[state];
    const bool free = left <= 0;
    if (kFlow == Flow::kSynapse) {
      current = i[state] + current;
      i[state] = k(a.syn) * current;
    }
    float now = v[state], after = w[state];
    flow_on<kFlow>(a, k, current, &now, &after);
    now = free ? now : v[state];
    const float distance = above<kFlow>(a, k, now, w[state]);
    const float fired = free && distance > 0.0f ? 1.0f : 0.0f;
    left = fired > 0.0f ? pause.steps[c] : free ? 0 : left - 1;
    pause.frozen[here] = !free;
    distances[here] = distance;
    if (volts != nullptr) volts[here] = now;
    v[state] = after_spike<kReset>(now, fired, k(a.threshold), k(a.v_reset));
    w[state] = jumped<kFlow>(a, k, after, fired);
    return fired;
  }
};

template <Flow kFlow, Reset kReset>
ffi::Error adapt(ffi::ThreadPool& pool, const Forward& work, const Adapted& kept,
                 const Pause& pause) {
  const Adapting<kFlow, kReset> neurons{kept};
  if (pause.steps == nullptr) return work.run(pool, neurons);
  return work.run(pool, Pausing<kFlow, kReset>{neurons, pause});
}

template <Flow kFlow>
ffi::Error adapt_with(ffi::ThreadPool& pool, const Forward& work, Reset reset,
                      const Adapted& kept, const Pause& pause) {
  if (reset == Reset::kZero) return adapt<kFlow, Reset::kZero>(pool, work, kept, pause);
  if (reset == Reset::kSubtract)
    return adapt<kFlow, Reset::kSubtract>(pool, work, kept, pause);
  return adapt<kFlow, Reset::kNone>(pool, work, kept, pause);
}

inline ffi::Error adapt_named(ffi::ThreadPool& pool, const Forward& work, Flow flow,
                              Reset reset, const Adapted& kept, const Pause& pause) {
  if (flow == Flow::kApart)
    return adapt_with<Flow::kApart>(pool, work, reset, kept, pause);
  if (flow == Flow::kSynapse)
    return adapt_with<Flow::kSynapse>(pool, work, reset, kept, pause);
  return adapt_with<Flow::kCoupled>(pool, work, reset, kept, pause);
}

// ---- backward

// Of one sample at one step, each [n]; what is null is not there.
struct AdaptSeen {
  const float *distance, *volts;  // the latter where the reset to zero has a gradient
  const uint8_t* frozen;
  const float *g_distance, *g_volts;
};

// Gradients of one sample, each [n]: x is that of the spikes, then that of the drive;
// ahead what they get from the step after.
struct AdaptGradients {
  const float* ahead;
  float *x, *v, *w, *i;
};

// One step back; h is the surrogate, raise what the spike's gradient has of w's.
template <Flow kFlow, bool kToZero, bool kThrough, bool kMore>
void adapt_back(const Adaptation& k, const float* raise, const float* h, long n,
                const AdaptSeen& seen, const AdaptGradients& g) {
  const auto [vv, vw, wv, ww, gain, slope, syn, threshold, beta, jump, v_reset] = k;
  const auto [distance, volts, frozen, g_distance, g_volts] = seen;
  const auto [ahead, gx, gv, gw, gi] = g;
#pragma GCC ivdep
  for (long j = 0; j < n; ++j) {
    const bool free = !kMore || frozen == nullptr || frozen[j] == 0;
    float gs = gx[j] + ahead[j] + raise[j] * gw[j];
    if (kThrough) gs -= gv[j] * (kToZero ? volts[j] - v_reset[j] : threshold[j]);
    float gd = free ? gs * h[j] : 0.0f;
    if (kMore && g_distance != nullptr) gd += g_distance[j];
    const float fired = kToZero && free && distance[j] > 0.0f ? 1.0f : 0.0f;
    float before = gd + gv[j] * (1.0f - fired);
    if (kMore && g_volts != nullptr) before += g_volts[j];
    const float flow = free ? before : 0.0f;
    float p = vv[j] * flow, q = ww[j] * gw[j], x = gain[j] * flow;
    if (kFlow == Flow::kCoupled) {
      p += wv[j] * gw[j];
      q += vw[j] * flow;
      x = gain[j] * ((flow - p) + slope[j] * (gw[j] - q));
    } else {
      q -= beta[j] * gd;
    }
    if (kFlow == Flow::kSynapse) {
      x += syn[j] * gi[j];
      gi[j] = x;
    }
    gx[j] = x;
    gv[j] = free ? p : before;
    gw[j] = q;
  }
}

template <typename Shape>
void derivatives(const Surrogate& h, const float* distance, long n, float* to) {
  for (long j = 0; j < n; ++j) to[j] = h.at<Shape>(distance[j], j);
}

using Derivatives = decltype(&derivatives<SuperSpike>);

inline Derivatives derivatives_named(std::string_view shape) {
  return of_shape(
      shape, [](auto of) { return derivatives<decltype(of)>; }, Derivatives{});
}

using AdaptStep = decltype(&adapt_back<Flow::kApart, true, true, true>);

template <Flow kFlow>
AdaptStep adapt_step(bool to_zero, bool through, bool more) {
  return either(to_zero, [&](auto to_zero) {
    return either(through, [&](auto through) {
      return either(more, [&](auto more) -> AdaptStep {
        return adapt_back<kFlow, decltype(to_zero)::value, decltype(through)::value,
                          decltype(more)::value>;
      });
    });
  });
}

inline AdaptStep adapt_step_for(Flow flow, bool to_zero, bool through, bool more) {
  if (flow == Flow::kApart) return adapt_step<Flow::kApart>(to_zero, through, more);
  if (flow == Flow::kSynapse) return adapt_step<Flow::kSynapse>(to_zero, through, more);
  return adapt_step<Flow::kCoupled>(to_zero, through, more);
}

struct AdaptBackward : Layer {
  Adaptation a;
  Surrogate h;
  Derivatives derivatives;
  AdaptStep step;
  const float* raise;
  AdaptSeen seen;  // over time
  float *g_x, *g_v, *g_w, *g_i, *g_s;  // the last four hold the end, then the start

  void row(long t, long b, const float* ahead, float* buffer) const {
    const long here = (t * batch + b) * n, state = b * n;
    const auto at = [](auto* x, long k) { return x == nullptr ? x : x + k; };
    const AdaptSeen now{seen.distance + here, at(seen.volts, here),
                        at(seen.frozen, here), at(seen.g_distance, here),
                        at(seen.g_volts, here)};
    derivatives(h, now.distance, n, buffer);
    step(a, raise, buffer, n, now,
         {ahead, g_x + here, g_v + state, g_w + state, at(g_i, state)});
  }

  // What spikes get from the step after, gx·rᵀ, is a dense product.
  ffi::Error run(ffi::ThreadPool& pool, const float* r) const {
    const long size = share(pool, *this), parts = (batch + size - 1) / size;
    Array<float> packed, none = array<float>(n);
    if (r != nullptr) packed = pack(pool, r, n, n, true);
    std::fill_n(none.get(), n, 0.0f);
    return parallel(pool, parts, [&](long part) {
      const long first = part * size, count = std::min(size, batch - first);
      const Array<float> buffer = array<float>(n);
      if (r == nullptr)
        return in_turns(first, count, [&](long at, long some) {
          for (long t = steps - 1; t >= 0; --t)
            for (long b = at; b < at + some; ++b) row(t, b, none.get(), buffer.get());
        });
      for (long t = steps - 1; t >= 0; --t) {
        for (long b = first; b < first + count; ++b)
          row(t, b, g_s + b * n, buffer.get());
        product(g_x + (t * batch + first) * n, count, n, packed.get(), g_s + first * n,
                n);
      }
    });
  }
};

}  // namespace
