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
inline long share(ffi::ThreadPool& pool, long batch) {
  const long threads = std::max<long>(1, pool.num_threads());
  return std::max<long>(kRows, (batch + threads - 1) / threads);
}

// What a spike leaves of a voltage.
inline float after_spike(const Constants& k, Reset reset, long j, float now,
                         float fired) {
  return reset == Reset::kZero       ? (1.0f - fired) * now + fired * k.v_reset[j]
         : reset == Reset::kSubtract ? now - k.threshold[j] * fired
                                     : now;
}

// One step of n neurons: drive becomes the voltage before the reset. Without a synapse
// syn and i are zero.
inline void neurons(const Constants& k, Reset reset, long n, float* __restrict drive,
                    float* __restrict v, float* __restrict i, float* __restrict s) {
  for (long j = 0; j < n; ++j) {
    const float current = i[j] + drive[j];
    const float now = k.mem[j] * v[j] + k.gain[j] * current;
    const float fired = now > k.threshold[j] ? 1.0f : 0.0f;
    i[j] = k.syn[j] * current;
    drive[j] = now;
    s[j] = fired;
    v[j] = after_spike(k, reset, j, now, fired);
  }
}

// Refractoriness, in whole steps; all are null without.
struct Refractory {
  const int32_t* steps;  // after a spike, [n]
  int32_t* left;         // of each neuron, [B, n]
  uint8_t* frozen;       // in which steps, [T, B, n]
};

// The same while those with steps left stay as they are.
inline void frozen_neurons(const Constants& k, Reset reset, long n,
                           const int32_t* __restrict steps, int32_t* __restrict left,
                           uint8_t* __restrict frozen, float* __restrict drive,
                           float* __restrict v, float* __restrict i,
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
    v[j] = after_spike(k, reset, j, now, fired);
  }
}

// Currents become the voltages before the reset, v and i the state at the end. With
// recurrent weights r the spikes are marked.
inline ffi::Error forward(ffi::ThreadPool& pool, const Layer& layer, const float* r,
                          const float* s_first, Refractory refractory, float* volts,
                          float* spikes, float* v, float* i, uint16_t* marks,
                          uint8_t* marked) {
  const long batch = layer.batch, n = layer.n;
  const bool loop = r != nullptr;
  const bool all = loop && !finite_here(r, n * n);
  const Rows weights = in_vectors(r, loop ? n : 0, n);
  *marked = loop && !all;
  const long size = share(pool, batch), parts = (batch + size - 1) / size;
  return parallel(pool, parts, [&](long part) {
    const long first = part * size, count = std::min(size, batch - first);
    Events fired(count, loop ? n : 0);
    for (long b = first; b < first + count && loop; ++b)
      fired.read(s_first + b * n, n, all);
    for (long t = 0; t < layer.steps; ++t) {
      if (loop) gather(weights, fired, volts + (t * batch + first) * n, n);
      fired.clear();
      for (long b = first; b < first + count; ++b) {
        const long row = t * batch + b, here = row * n;
        if (refractory.steps == nullptr)
          neurons(layer.k, layer.reset, n, volts + here, v + b * n, i + b * n,
                  spikes + here);
        else
          frozen_neurons(layer.k, layer.reset, n, refractory.steps,
                         refractory.left + b * n, refractory.frozen + here,
                         volts + here, v + b * n, i + b * n, spikes + here);
        if (loop) fired.read(spikes + here, n, all, marks + row * groups(n));
      }
    }
  });
}

}  // namespace
