// Its gradient where spikes move, instead of having a pseudo-derivative.

#pragma once

#include "arguments.h"
#include "backward.h"

namespace {

// One step back, as ``neurons_back``. Where a neuron fires, its gradient is
//
//   δv⁻ = (g - g_later) / D + v̅ (1 + Δ y / D)      D = max(v⁻ - v_before, slowest·θ y)
//
// of g now and a step later; that is work for spikes alone. The slopes of the surrogate
// are paces y, its heights the slowest shares; its widths mean nothing.
template <bool kToZero, bool kMore>
void spikes_moved(const Constants& k, const Surrogate& h, More more, long n,
                  const float* v, const float* ahead, float* gx, float* gv, float* gi,
                  float* jump) {
  const auto [mem, syn, gain, threshold, v_reset] = k;
  const float *pace = h.slope, *slowest = h.height, *earlier = more.before;
  float* later = more.later;
  for (long j = 0; j < n; ++j) {
    jump[j] = 0.0f;
    if (!(v[j] - threshold[j] > 0.0f)) continue;
    float before = earlier[j];
    if (!more.first && before - threshold[j] > 0.0f)
      before = kToZero ? v_reset[j] : before - threshold[j];
    const float rise = std::max(v[j] - before, slowest[j] * threshold[j] * pace[j]);
    const float taken = kToZero ? threshold[j] - v_reset[j] : threshold[j];
    const float direct = (gx[j] + ahead[j] - later[j]) / rise;
    const float moved = direct + gv[j] * (1.0f + taken * pace[j] / rise);
    jump[j] = gain[j] * (moved - gv[j]);
    gv[j] = moved;
  }
  const bool seen = kMore && more.g_v != nullptr;
#pragma GCC ivdep  // no array overlaps another; too many to be checked for it
  for (long j = 0; j < n; ++j) {
    const float flowed = kMore && seen ? gv[j] + more.g_v[j] : gv[j];
    const float x = gain[j] * flowed + syn[j] * gi[j];
    later[j] = gx[j] + ahead[j];
    gx[j] = x;
    gi[j] = x;
    gv[j] = mem[j] * flowed;
  }
}

struct OnlySpikes {  // no neuron but those that fire
  static float at(float, float) { return 0.0f; }
};

inline ffi::Error moved_back(ffi::ThreadPool& pool, Backward work, const float* r,
                             bool to_zero) {
  const bool more = work.more.g_v != nullptr;
  work.step = either(to_zero, [&](auto to_zero) {
    return either(more, [&](auto more) -> Step {
      return spikes_moved<decltype(to_zero)::value, decltype(more)::value>;
    });
  });
  const bool by_events = r != nullptr && !more && finite_here(r, work.n * work.n) &&
                         few<OnlySpikes>(work.k, work.h, true, work.vs,
                                         work.steps * work.batch, work.n);
  return work.run(pool, r, by_events);
}

// The gradient of the spikes is where that of the drive comes to be.
ffi::Error MovedBackCall(ffi::ThreadPool pool, Floats g_spikes, Floats g_vs, Floats vs,
                         Floats first, Floats r, Floats constants, Floats paces,
                         Floats g_v, Floats g_i, Floats g_s, Floats g_mark,
                         ffi::Result<Floats> g_x, ffi::Result<Floats> g_v0,
                         ffi::Result<Floats> g_i0, ffi::Result<Floats> g_s0,
                         ffi::Result<Floats> g_mark0, std::string_view reset) {
  const long rows = vs.dimensions()[0];
  const long batch = g_v.dimensions()[0], n = g_v.dimensions()[1];
  Arguments given;
  given.rows(rows, batch);
  given.shape("g_spikes", g_spikes, {rows, n});
  given.shape("vs", vs, {rows, n});
  given.shape_or_none("g_vs", g_vs, {rows, n});
  given.shape_or_none("r", r, {n, n});
  given.shape("constants", constants, {Constants::kRows, n});
  given.shape("paces", paces, {2, n});
  for (const auto* state : {&first, &g_i, &g_s, &g_mark, &*g_v0, &*g_i0, &*g_s0})
    given.shape("a part of the state", *state, {batch, n});
  given.shape("the mark at the start", *g_mark0, {batch, n});
  given.shape("g_x", *g_x, {rows, n});
  if (!given.fit()) return given.error();
  const std::optional<Reset> mode = reset_named(reset);
  if (!mode || *mode == Reset::kNone) return unknown("reset", reset);

  copy_all(g_spikes, g_x);
  copy_all(g_v, g_v0);
  copy_all(g_i, g_i0);
  copy_all(g_s, g_s0);
  copy_all(g_mark, g_mark0);
  More more{};
  more.g_v = data_or_null(g_vs);
  more.before = first.typed_data();
  more.later = g_mark0->typed_data();
  const float* f = paces.typed_data();
  const Backward work{{batch == 0 ? 0 : rows / batch, batch, n},
                      Constants(constants.typed_data(), n),
                      {f, f + n, f},
                      nullptr,
                      more,
                      vs.typed_data(),
                      g_x->typed_data(),
                      g_v0->typed_data(),
                      g_i0->typed_data(),
                      g_s0->typed_data()};
  const bool to_zero = *mode == Reset::kZero;
  return guarded([&] { return moved_back(pool, work, data_or_null(r), to_zero); });
}

}  // namespace

SNNJAX_CALL(snnjax_moved_back, MovedBackCall, "reset");
