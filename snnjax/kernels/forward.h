// A layer of leaky integrate-and-fire neurons over all of time.

#pragma once

#include <optional>
#include <string_view>

#include "events.h"
#include "product.h"

namespace {

enum class Reset { kZero, kSubtract, kNone };

inline std::optional<Reset> reset_named(std::string_view name) {
  if (name == "zero") return Reset::kZero;
  if (name == "subtract") return Reset::kSubtract;
  if (name == "none") return Reset::kNone;
  return std::nullopt;
}

struct Constants {
  static constexpr long kRows = 5;
  const float *mem, *syn, *gain, *threshold, *v_reset;  // each [n]

  Constants(const float* rows, long n)
      : mem(rows),
        syn(rows + n),
        gain(rows + 2 * n),
        threshold(rows + 3 * n),
        v_reset(rows + 4 * n) {}
};

struct Layer {
  long steps, batch, n;
  Reset reset;
  Constants k;
};

// Samples for one thread; whole tiles of a product where there are enough.
inline long share(ffi::ThreadPool& pool, const Layer& layer) {
  constexpr long kLeast = 1 << 14;  // neurons and steps that are worth a thread
  const long all = layer.steps * layer.batch * layer.n;
  const long threads = pieces(pool, all, kLeast);
  return std::max<long>(kRows, (layer.batch + threads - 1) / threads);
}

// What a spike leaves of a voltage.
template <Reset kReset>
inline float after_spike(const Constants& k, long j, float now, float fired) {
  return kReset == Reset::kZero       ? (1.0f - fired) * now + fired * k.v_reset[j]
         : kReset == Reset::kSubtract ? now - k.threshold[j] * fired
                                      : now;
}

// One step of n neurons: drive becomes the voltage before the reset. Without a synapse
// syn and i are zero.
template <Reset kReset>
void neurons(const Constants& k, long n, float* __restrict drive, float* __restrict v,
             float* __restrict i, float* __restrict s) {
  for (long j = 0; j < n; ++j) {
    const float current = i[j] + drive[j];
    const float now = k.mem[j] * v[j] + k.gain[j] * current;
    const float fired = now > k.threshold[j] ? 1.0f : 0.0f;
    i[j] = k.syn[j] * current;
    drive[j] = now;
    s[j] = fired;
    v[j] = after_spike<kReset>(k, j, now, fired);
  }
}

// Refractoriness, in whole steps; all are null without.
struct Refractory {
  const int32_t* steps;  // after a spike, [n]
  int32_t* left;         // of each neuron, [B, n]
  uint8_t* frozen;       // in which steps, [T, B, n]
};

// The same while those with steps left stay as they are.
template <Reset kReset>
void frozen_neurons(const Constants& k, long n, const int32_t* __restrict steps,
                    int32_t* __restrict left, uint8_t* __restrict frozen,
                    float* __restrict drive, float* __restrict v, float* __restrict i,
                    float* __restrict s) {
  for (long j = 0; j < n; ++j) {
    const bool free = left[j] <= 0;
    const float current = i[j] + drive[j];
    const float now = free ? k.mem[j] * v[j] + k.gain[j] * current : v[j];
    const float fired = free && now > k.threshold[j] ? 1.0f : 0.0f;
    left[j] = fired > 0.0f ? steps[j] : free ? 0 : left[j] - 1;
    frozen[j] = !free;
    i[j] = k.syn[j] * current;
    drive[j] = now;
    s[j] = fired;
    v[j] = after_spike<kReset>(k, j, now, fired);
  }
}

// Currents become the voltages before the reset, v and i the state at the end. With
// recurrent weights r the spikes are marked.
struct Forward : Layer {
  const float *r, *s_first;
  Refractory refractory;
  float *volts, *spikes, *v, *i;
  uint16_t* marks;
  uint8_t* marked;

  template <Reset kReset>
  void row(long t, long b) const {
    const long here = (t * batch + b) * n, state = b * n;
    const auto [steps, left, frozen] = refractory;
    if (steps == nullptr)
      return neurons<kReset>(k, n, volts + here, v + state, i + state, spikes + here);
    frozen_neurons<kReset>(k, n, steps, left + state, frozen + here, volts + here,
                           v + state, i + state, spikes + here);
  }

  template <Reset kReset>
  ffi::Error run(ffi::ThreadPool& pool) const {
    const bool loop = r != nullptr;
    const bool all = loop && !finite_here(r, n * n);
    const Rows weights = in_vectors(r, loop ? n : 0, n);
    *marked = loop && !all;
    const long size = share(pool, *this), parts = (batch + size - 1) / size;
    return parallel(pool, parts, [&](long part) {
      const long first = part * size, count = std::min(size, batch - first);
      Events fired(count, loop ? n : 0);
      for (long b = first; b < first + count && loop; ++b)
        fired.read(s_first + b * n, n, all);
      for (long t = 0; t < steps; ++t) {
        if (loop) gather(weights, fired, volts + (t * batch + first) * n, n);
        fired.clear();
        for (long b = first; b < first + count; ++b) {
          row<kReset>(t, b);
          const long at = t * batch + b;
          if (loop) fired.read(spikes + at * n, n, all, marks + at * groups(n));
        }
      }
    });
  }
};

inline ffi::Error forward(ffi::ThreadPool& pool, const Forward& work) {
  if (work.reset == Reset::kZero) return work.run<Reset::kZero>(pool);
  if (work.reset == Reset::kSubtract) return work.run<Reset::kSubtract>(pool);
  return work.run<Reset::kNone>(pool);
}

}  // namespace
