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

  Constants(const float* rows, long stride)
      : mem(rows),
        syn(rows + stride),
        gain(rows + 2 * stride),
        threshold(rows + 3 * stride),
        v_reset(rows + 4 * stride) {}
};

struct Layer {
  long steps, batch, n;

  // Without recurrent weights no neuron knows whose sample it is of: samples with few
  // neurons lie side by side, as one with many whose constants repeat. How many do, if
  // enough remain to be shared. Only whole vectors: compilers round what is left over in
  // their own way.
  long beside() const {
    constexpr long kWide = 1024, kSamples = 16;
    if (n == 0 || n % kGroup != 0) return 1;
    for (long k = std::min(kWide / n, batch / kSamples); k > 1; --k)
      if (batch % k == 0) return k;
    return 1;
  }
  Layer wide(long times) const { return {steps, batch / times, n * times}; }

  // body(first, count) for some of these samples after others, who do not wait for one
  // another: their state stays in the cache over all steps.
  template <typename Body>
  void in_turns(long first, long count, Body body) const {
    constexpr long kNear = 1 << 15;  // neurons
    const long some = std::max<long>(1, kNear / std::max<long>(1, n));
    for (long k = 0; k < count; k += some) body(first + k, std::min(some, count - k));
  }
};

// Rows of n, each so many times side by side.
template <typename T>
Array<T> repeated(const T* rows, long count, long n, long times) {
  Array<T> wide = array<T>(count * n * times);
  for (long k = 0; k < count * times; ++k)
    std::copy_n(rows + k / times * n, n, wide.get() + k * n);
  return wide;
}

// Samples for one thread.
inline long share(ffi::ThreadPool& pool, const Layer& layer) {
  constexpr long kLeast = 1 << 14;  // neurons and steps that are worth a thread
  const long all = layer.steps * layer.batch * layer.n;
  const long threads = pieces(pool, all, kLeast);
  return std::max<long>(1, (layer.batch + threads - 1) / threads);
}

// Where in a layer some neurons are: columns of one sample at one step.
struct Place {
  long row, sample;  // of [T·B, n] and of [B, n]
  long n, c;         // columns from c on
  uint16_t* marks;   // of the row, or null

  long here() const { return row * n + c; }
  long state() const { return sample * n + c; }

  // Keeps which of the neurons of vector j fired.
  void mark(long j, uint64_t bits) const {
    if (marks == nullptr) return;
    const long left = n - c - j * kLanes;
    if (left < kLanes) bits &= low_bits(left);
    if (kLanes == kGroup) {
      marks[c / kGroup + j] = static_cast<uint16_t>(bits);
      return;
    }
    uint16_t& both = marks[(c / kLanes + j) / 2];  // halves of a group, low one first
    const bool high = (c / kLanes + j) % 2;
    both = static_cast<uint16_t>(high ? (both & 0xff) | bits << kLanes : bits);
  }
};

// What a spike leaves of a voltage.
template <Reset kReset, typename V>
inline V after_spike(V now, V fired, V threshold, V v_reset) {
  return kReset == Reset::kZero       ? (1.0f - fired) * now + fired * v_reset
         : kReset == Reset::kSubtract ? now - threshold * fired
                                      : now;
}

// What leaky neurons keep: voltages before the reset and spikes [T, B, n], these or null
// where marks do, their state [B, n]. Constants are padded to whole vectors.
struct Kept {
  Constants k;
  float *volts, *spikes, *v, *i;
};

// Without a synapse syn and i are zero.
template <Reset kReset>
struct Leaky : Kept {

  template <long kVecs>
  void step(const Place& at, const Vec* drive) const {
    const long here = at.here(), state = at.state(), columns = at.n - at.c;
#pragma GCC unroll 8
    for (long j = 0; j < kVecs; ++j) {
      const long c = at.c + j * kLanes;
      const Vec current = fetch_one<kVecs>(i + state, j, columns) + drive[j];
      const Vec before = fetch_one<kVecs>(v + state, j, columns);
      const Vec now = load(k.mem + c) * before + load(k.gain + c) * current;
      const Vec threshold = load(k.threshold + c);
      const Fired fired = fires(now, threshold);
      at.mark(j, fired.bits);
      put_one<kVecs>(i + state, j, columns, load(k.syn + c) * current);
      put_one<kVecs>(volts + here, j, columns, now);
      if (spikes != nullptr) put_one<kVecs>(spikes + here, j, columns, fired.ones);
      put_one<kVecs>(
          v + state, j, columns,
          after_spike<kReset>(now, fired.ones, threshold, load(k.v_reset + c)));
    }
  }
};

// Refractoriness, in whole steps.
struct Pause {
  const int32_t* steps;  // after a spike, [n], or null for none
  int32_t* left;         // of each neuron, [B, n]
  uint8_t* frozen;       // in which steps, [T, B, n]
};

// The same where those with steps left stay as they are.
template <Reset kReset>
struct Refractory {
  Leaky<kReset> neurons;
  Pause pause;

  template <long kVecs>
  void step(const Place& at, const Vec* drive) const {
    const long here = at.here(), columns = std::min(kVecs * kLanes, at.n - at.c);
    float sum[kVecs * kLanes], own[kVecs * kLanes];
    float* spikes = neurons.spikes == nullptr ? own : neurons.spikes + here;
    put<kVecs>(sum, kVecs * kLanes, drive);
    advance(at.c, at.state(), here, columns, sum, spikes);
    for (long j = 0; j * kLanes < columns; ++j)
      at.mark(j, read_bits(spikes + j * kLanes, std::min(kLanes, columns - j * kLanes))
                     .set);
  }

  void advance(long c, long state, long here, long columns, const float* drive,
               float* spikes) const {
    const auto [mem, syn, gain, threshold, v_reset] = neurons.k;
    float *v = neurons.v + state, *i = neurons.i + state;
    float* volts = neurons.volts + here;
    int32_t* left = pause.left + state;
    uint8_t* frozen = pause.frozen + here;
#pragma GCC ivdep
    for (long j = 0; j < columns; ++j) {
      const bool free = left[j] <= 0;
      const float current = i[j] + drive[j];
      const float now = free ? mem[c + j] * v[j] + gain[c + j] * current : v[j];
      const float fired = free && now > threshold[c + j] ? 1.0f : 0.0f;
      left[j] = fired > 0.0f ? pause.steps[c + j] : free ? 0 : left[j] - 1;
      frozen[j] = !free;
      i[j] = syn[c + j] * current;
      volts[j] = now;
      spikes[j] = fired;
      v[j] = after_spike<kReset>(now, fired, threshold[c + j], v_reset[c + j]);
    }
  }
};

// A layer of neurons over all of time. In one pass over each step the rows of weights
// that spikes select are added to the drive, the neurons take the sum and what fires is
// marked, all of it in registers. A neuron has
//   template <long kVecs> void step(const Place& at, const Vec* drive) const;
// which keeps spikes [T·B, n] and calls at.mark for each vector of them.
struct Forward : Layer {
  const float* drive;  // [T·B, n]
  const float* r;      // recurrent weights [n, n], or null
  const float* s_first;
  const float* spikes;
  uint16_t* marks;  // always with recurrent weights, or null
  uint8_t* marked;  // whether they tell all

  template <typename Neuron>
  ffi::Error run(ffi::ThreadPool& pool, const Neuron& neuron) const {
    const bool all = r != nullptr && !finite_here(r, n * n);
    const Panels weights = in_panels(r, r == nullptr ? 0 : n, n);
    *marked = marks != nullptr && !all;
    const long size = share(pool, *this), parts = (batch + size - 1) / size;
    return parallel(pool, parts, [&](long part) {
      const long first = part * size, count = std::min(size, batch - first);
      if (r == nullptr)
        return in_turns(first, count,
                        [&](long b, long some) { alone(neuron, b, some); });
      loop(neuron, weights, all, first, count);
    });
  }

  template <typename Neuron>
  void alone(const Neuron& neuron, long first, long count) const {
    for (long t = 0; t < steps; ++t)
      for (long b = first; b < first + count; ++b)
        in_blocks(n, [&](auto vecs, long c) {
          constexpr long kVecs = decltype(vecs)::value;
          const long row = t * batch + b;
          const Place at{row, b, n, c, marks == nullptr ? marks : marks + row * groups(n)};
          Vec sum[kVecs];
          fetch<kVecs>(drive + at.here(), n - c, sum);
          neuron.template step<kVecs>(at, sum);
        });
  }

  // Adds to the drive the rows that spikes of the step before select, in one panel.
  template <long kVecs, typename Neuron>
  void advance(const Neuron& neuron, const Panels& weights, const Events& fired,
               long sample, const Place& at) const {
    const float *now = drive + at.here(), *next = now + batch * n;
    Vec sum[kVecs];
    fetch<kVecs>(now, n - at.c, sum);
    will_write(next, kVecs * kLanes);
    if (spikes != nullptr) will_write(spikes + (next - drive), kVecs * kLanes);
    add_rows<kVecs>(weights.at(at.c), fired, sample, sum);
    neuron.template step<kVecs>(at, sum);
  }

  template <typename Neuron>
  void loop(const Neuron& neuron, const Panels& weights, bool all, long first,
            long count) const {
    Events fired(count, n);
    const Array<float> own = array<float>(all ? n + kGroup : 0);
    for (long b = first; b < first + count; ++b) fired.read(s_first + b * n, n, all);
    for (long t = 0; t < steps; ++t) {
      in_blocks(n, [&](auto vecs, long c) {
        for (long b = first; b < first + count; ++b) {
          const long row = t * batch + b;
          advance<decltype(vecs)::value>(neuron, weights, fired, b - first,
                                         {row, b, n, c, marks + row * groups(n)});
        }
      });
      fired.clear();
      fired.ones = true;
      for (long row = t * batch + first; row < t * batch + first + count; ++row)
        if (all) {
          unpack(marks + row * groups(n), 1, n, own.get());
          fired.read(own.get(), n, true);
        } else {
          fired.read_marks(marks + row * groups(n), n);
        }
    }
  }
};

template <Reset kReset>
ffi::Error forward(ffi::ThreadPool& pool, const Forward& work, const Kept& kept,
                   const Pause& pause) {
  const Leaky<kReset> neurons{kept};
  if (pause.steps == nullptr) return work.run(pool, neurons);
  return work.run(pool, Refractory<kReset>{neurons, pause});
}

inline ffi::Error forward_named(ffi::ThreadPool& pool, const Forward& work, Reset reset,
                                const Kept& kept, const Pause& pause) {
  if (reset == Reset::kZero) return forward<Reset::kZero>(pool, work, kept, pause);
  if (reset == Reset::kSubtract)
    return forward<Reset::kSubtract>(pool, work, kept, pause);
  return forward<Reset::kNone>(pool, work, kept, pause);
}

}  // namespace
