// Leaky integrators over all of time: a linear decay, its transpose, and what its
// constants are worth.
//
//     forward    c ← i + x      v ← b v + g c      i ← a c      y = v
//     backward   δv ← y̅ + v̅     v̅ ← b δv           i̅ ← δx = g δv + a i̅
//
// What y_t owes to b, g and a is carried forward along with v and i, so that neither
// voltages nor currents need be kept for their gradients. An entry, one neuron of one
// sample, depends on no other: results do not depend on how they are shared out.

#pragma once

#include "arguments.h"

namespace {

constexpr long kNear = 512;  // entries whose numbers stay in the nearest cache

struct Decay {
  static constexpr long kConstants = 3;
  long steps, entries, n;
  const float* constants;  // mem b, syn a and gain g, [3, n]

  // Of entries first … first + width, one row after the other.
  void expand(long first, long width, float* to) const {
    for (long k = 0; k < kConstants; ++k)
      for (long e = 0; e < width; ++e)
        to[k * kNear + e] = constants[k * n + (first + e) % n];
  }
};

// body(first, width, constants of these entries), for all entries
template <typename Body>
ffi::Error over_entries(ffi::ThreadPool& pool, const Decay& decay, Body body) {
  constexpr long kLeast = 1 << 14;  // entries and steps that are worth a thread
  const long blocks = (decay.entries + kLanes - 1) / kLanes;
  const long threads = pieces(pool, decay.steps * decay.entries, kLeast);
  const long parts = std::min(blocks, threads);
  return parallel(pool, parts, [=](long part) {
    alignas(64) float own[Decay::kConstants * kNear];
    const long last = std::min(decay.entries, blocks * (part + 1) / parts * kLanes);
    for (long e = blocks * part / parts * kLanes; e < last; e += kNear) {
      const long width = std::min(kNear, last - e);
      decay.expand(e, width, own);
      body(e, width, own);
    }
  });
}

// Voltages that were measured, [T, entries], null if none were, and which of them are
// known, null if all are. They take the place of what is computed.
struct Measured {
  const float* v;
  const uint8_t* known;

  void replace(long at, long width, float* v_now, float* out) const {
    for (long e = 0; e < width; ++e)
      if (!known || known[at + e]) v_now[e] = out[e] = v[at + e];
  }
};

template <bool kSynapse>
ffi::Error integrate(ffi::ThreadPool& pool, const Decay& decay, const float* x,
                     const Measured& measured, float* y, float* v_all, float* i_all) {
  return over_entries(pool, decay, [=](long first, long width, const float* own) {
    const float *mem = own, *syn = own + kNear, *gain = own + 2 * kNear;
    float *v = v_all + first, *i = i_all + first;
    for (long t = 0; t < decay.steps; ++t) {
      const float* in = x + t * decay.entries + first;
      float* out = y + t * decay.entries + first;
#pragma GCC ivdep
      for (long e = 0; e < width; ++e) {
        const float current = kSynapse ? i[e] + in[e] : in[e];
        const float now = mem[e] * v[e] + gain[e] * current;
        if (kSynapse) i[e] = syn[e] * current;
        v[e] = now;
        out[e] = now;
      }
      if (measured.v) measured.replace(t * decay.entries + first, width, v, out);
    }
  });
}

template <bool kSynapse>
ffi::Error integrate_back(ffi::ThreadPool& pool, const Decay& decay, const float* g,
                          float* g_x, float* g_v, float* g_i) {
  return over_entries(pool, decay, [=](long first, long width, const float* own) {
    const float *mem = own, *syn = own + kNear, *gain = own + 2 * kNear;
    float *v = g_v + first, *i = g_i + first;
    for (long t = decay.steps - 1; t >= 0; --t) {
      const float* in = g + t * decay.entries + first;
      float* out = g_x + t * decay.entries + first;
#pragma GCC ivdep
      for (long e = 0; e < width; ++e) {
        const float now = in[e] + v[e];
        const float back = gain[e] * now + (kSynapse ? syn[e] * i[e] : 0.0f);
        v[e] = mem[e] * now;
        if (kSynapse) i[e] = back;
        out[e] = back;
      }
    }
  });
}

// What entries owe to their constants, and how that changes: rows of kNear.
struct Owed {
  enum Row { kV, kI, kVByMem, kVByGain, kVBySyn, kIBySyn, kMem, kSyn, kGain, kRows };
  alignas(64) float rows[kRows][kNear];

  template <bool kSynapse>
  void step(const float* own, const float* x, const float* g, long width) {
    const float *mem = own, *syn = own + kNear, *gain = own + 2 * kNear;
    auto& r = rows;
#pragma GCC ivdep
    for (long e = 0; e < width; ++e) {
      const float current = kSynapse ? r[kI][e] + x[e] : x[e];
      const float by_mem = mem[e] * r[kVByMem][e] + r[kV][e];
      const float by_gain = mem[e] * r[kVByGain][e] + current;
      r[kVByMem][e] = by_mem;
      r[kVByGain][e] = by_gain;
      r[kMem][e] += g[e] * by_mem;
      r[kGain][e] += g[e] * by_gain;
      r[kV][e] = mem[e] * r[kV][e] + gain[e] * current;
      if (!kSynapse) continue;
      const float by_syn = mem[e] * r[kVBySyn][e] + gain[e] * r[kIBySyn][e];
      r[kVBySyn][e] = by_syn;
      r[kSyn][e] += g[e] * by_syn;
      r[kIBySyn][e] = current + syn[e] * r[kIBySyn][e];
      r[kI][e] = syn[e] * current;
    }
  }

  // The last step counts for the state at the end as well.
  void end(const float* g_v, const float* g_i, long width) {
    for (long e = 0; e < width; ++e) {
      rows[kMem][e] += g_v[e] * rows[kVByMem][e];
      rows[kGain][e] += g_v[e] * rows[kVByGain][e];
      rows[kSyn][e] += g_v[e] * rows[kVBySyn][e] + g_i[e] * rows[kIBySyn][e];
    }
  }
};

// Gradients of the constants [3, n], samples in order.
template <bool kSynapse>
ffi::Error integrate_constants(ffi::ThreadPool& pool, const Decay& decay,
                               const float* x, const float* v, const float* i,
                               const float* g, const float* g_v, const float* g_i,
                               float* sum) {
  const Array<float> each = array<float>(Decay::kConstants * decay.entries);
  float* const all = each.get();
  ffi::Error error =
      over_entries(pool, decay, [=](long first, long width, const float* own) {
        Owed owed{};
        std::copy_n(v + first, width, owed.rows[Owed::kV]);
        std::copy_n(i + first, width, owed.rows[Owed::kI]);
        for (long t = 0; t < decay.steps; ++t) {
          const long here = t * decay.entries + first;
          owed.step<kSynapse>(own, x + here, g + here, width);
        }
        owed.end(g_v + first, g_i + first, width);
        for (long k = 0; k < Decay::kConstants; ++k)
          std::copy_n(owed.rows[Owed::kMem + k], width,
                      all + k * decay.entries + first);
      });
  for (long k = 0; k < Decay::kConstants; ++k)
    for (long j = 0; j < decay.n; ++j) {
      double total = 0.0;
      for (long e = j; e < decay.entries; e += decay.n)
        total += all[k * decay.entries + e];
      sum[k * decay.n + j] = static_cast<float>(total);
    }
  return error;
}

// ---- calls

inline Decay decay_of(Arguments& given, const Floats& over_time, const Floats& state,
                      const Floats& constants) {
  const long rows = over_time.dimensions()[0];
  const long batch = state.dimensions()[0], n = state.dimensions()[1];
  given.rows(rows, batch);
  given.shape("constants", constants, {Decay::kConstants, n});
  const long steps = batch == 0 ? 0 : rows / batch;
  return {steps, batch * n, n, constants.typed_data()};
}

// The currents are where the voltages come to be: one buffer is both.
ffi::Error IntegrateCall(ffi::ThreadPool pool, Floats x, Floats v0, Floats i0,
                         Floats constants, Floats measured, Bytes known,
                         ffi::Result<Floats> y, ffi::Result<Floats> v_end,
                         ffi::Result<Floats> i_end, bool synapse) {
  Arguments given;
  const Decay decay = decay_of(given, x, v0, constants);
  const long rows = x.dimensions()[0], batch = v0.dimensions()[0];
  given.shape("x", x, {rows, decay.n});
  given.shape("y", *y, {rows, decay.n});
  given.shape_or_none("measured", measured, {rows, decay.n});
  given.shape_or_none("known", known, {rows, decay.n});
  for (const auto* state : {&i0, &*v_end, &*i_end})
    given.shape("a part of the state", *state, {batch, decay.n});
  if (!given.fit()) return given.error();
  copy_all(v0, v_end);
  copy_all(i0, i_end);
  const Measured seen{data_or_null(measured), data_or_null(known)};
  const auto run = synapse ? integrate<true> : integrate<false>;
  return guarded([&] {
    return run(pool, decay, x.typed_data(), seen, y->typed_data(), v_end->typed_data(),
               i_end->typed_data());
  });
}

// The gradient of the voltages is where that of the currents comes to be.
ffi::Error IntegrateBackCall(ffi::ThreadPool pool, Floats g, Floats g_v, Floats g_i,
                             Floats constants, ffi::Result<Floats> g_x,
                             ffi::Result<Floats> g_v0, ffi::Result<Floats> g_i0,
                             bool synapse) {
  Arguments given;
  const Decay decay = decay_of(given, g, g_v, constants);
  const long rows = g.dimensions()[0], batch = g_v.dimensions()[0];
  given.shape("g", g, {rows, decay.n});
  given.shape("g_x", *g_x, {rows, decay.n});
  for (const auto* state : {&g_i, &*g_v0, &*g_i0})
    given.shape("a part of the state", *state, {batch, decay.n});
  if (!given.fit()) return given.error();
  copy_all(g_v, g_v0);
  copy_all(g_i, g_i0);
  const auto run = synapse ? integrate_back<true> : integrate_back<false>;
  return guarded([&] {
    return run(pool, decay, g.typed_data(), g_x->typed_data(), g_v0->typed_data(),
               g_i0->typed_data());
  });
}

ffi::Error IntegrateConstantsCall(ffi::ThreadPool pool, Floats x, Floats v0, Floats i0,
                                  Floats g, Floats g_v, Floats g_i, Floats constants,
                                  ffi::Result<Floats> g_constants, bool synapse) {
  Arguments given;
  const Decay decay = decay_of(given, x, v0, constants);
  const long rows = x.dimensions()[0], batch = v0.dimensions()[0];
  for (const auto* over_time : {&x, &g})
    given.shape("an array over time", *over_time, {rows, decay.n});
  for (const auto* state : {&i0, &g_v, &g_i})
    given.shape("a part of the state", *state, {batch, decay.n});
  given.shape("g_constants", *g_constants, {Decay::kConstants, decay.n});
  if (!given.fit()) return given.error();
  const auto run = synapse ? integrate_constants<true> : integrate_constants<false>;
  return guarded([&] {
    return run(pool, decay, x.typed_data(), v0.typed_data(), i0.typed_data(),
               g.typed_data(), g_v.typed_data(), g_i.typed_data(),
               g_constants->typed_data());
  });
}

}  // namespace

SNNJAX_CALL(snnjax_integrate, IntegrateCall, "synapse");
SNNJAX_CALL(snnjax_integrate_back, IntegrateBackCall, "synapse");
SNNJAX_CALL(snnjax_integrate_constants, IntegrateConstantsCall, "synapse");
