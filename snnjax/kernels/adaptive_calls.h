// Calls of ``adaptive.h``.

#pragma once

#include "adaptive.h"

namespace {

// The currents are where the distances to threshold come to be: one buffer is both.
ffi::Error AdaptCall(ffi::ThreadPool pool, Floats currents, Floats r, Floats v0,
                     Floats w0, Floats i0, Floats s0, Counts left0, Floats constants,
                     Counts pause, ffi::Result<Floats> distances,
                     ffi::Result<Floats> spikes, ffi::Result<Floats> vs,
                     ffi::Result<Bytes> frozen, ffi::Result<Marks> marks,
                     ffi::Result<Flag> marked, ffi::Result<Floats> v_end,
                     ffi::Result<Floats> w_end, ffi::Result<Floats> i_end,
                     ffi::Result<Counts> left_end, std::string_view reset,
                     bool coupled) {
  const long rows = currents.dimensions()[0];
  const long batch = v0.dimensions()[0], n = v0.dimensions()[1];
  const bool loop = r.element_count() > 0, pauses = pause.dimensions()[0] > 0;
  const bool synapse = i0.dimensions()[0] > 0;
  Arguments given;
  given.rows(rows, batch);
  given.shape("currents", currents, {rows, n});
  given.shape_or_none("r", r, {n, n});
  for (const auto* state : {&w0, &*v_end, &*w_end})
    given.shape("a part of the state", *state, {batch, n});
  for (const auto* current : {&i0, &*i_end})
    given.shape("the current", *current, {synapse ? batch : 0, n});
  given.shape("the spikes before", s0, {loop ? batch : 0, n});
  given.shape("constants", constants, {Adaptation::kRows, n});
  given.shape("pause", pause, {pauses ? 1 : 0, n});
  given.shape("left", left0, {pauses ? batch : 0, n});
  given.shape("left at the end", *left_end, {pauses ? batch : 0, n});
  given.shape("frozen", *frozen, {pauses ? rows : 0, n});
  given.shape("distances", *distances, {rows, n});
  given.shape_or_none("spikes", *spikes, {rows, n});
  given.shape("vs", *vs, {vs->dimensions()[0] > 0 ? rows : 0, n});
  given.shape_or_none("marks", *marks, {rows, groups(n)});
  if (loop) given.shape("marks", *marks, {rows, groups(n)});
  given.shape("marked", *marked, {1});
  if (coupled && synapse) given.wrong("a coupled flow has no synapse, got a current");
  if (!given.fit()) return given.error();
  const std::optional<Reset> mode = reset_named(reset);
  if (!mode) return unknown("reset", reset);

  copy_all(currents, distances);
  copy_all(v0, v_end);
  copy_all(w0, w_end);
  copy_all(i0, i_end);
  copy_all(left0, left_end);
  ask_for_large_pages(spikes);
  ask_for_large_pages(marks);
  Pause refractory{nullptr, nullptr, nullptr};
  if (pauses)
    refractory = {pause.typed_data(), left_end->typed_data(), frozen->typed_data()};
  const Forward work{{batch == 0 ? 0 : rows / batch, batch, n},
                     distances->typed_data(),
                     loop ? r.typed_data() : nullptr,
                     s0.typed_data(),
                     data_or_null(*spikes),
                     data_or_null(*marks),
                     marked->typed_data()};
  return guarded([&] {
    const Rows whole = in_vectors(constants.typed_data(), Adaptation::kRows, n);
    const Adapted kept{Adaptation(whole.data, whole.stride),
                       distances->typed_data(),
                       data_or_null(*spikes),
                       data_or_null(*vs),
                       v_end->typed_data(),
                       w_end->typed_data(),
                       data_or_null(*i_end)};
    const Flow flow = flow_of(coupled, synapse);
    return adapt_named(pool, work, flow, *mode, kept, refractory);
  });
}

// The gradient of the spikes is where that of the drive comes to be.
ffi::Error AdaptBackCall(ffi::ThreadPool pool, Floats g_spikes, Floats g_distances,
                         Floats g_vs, Floats distances, Floats vs, Bytes frozen,
                         Floats r, Floats constants, Floats surrogate, Floats g_v,
                         Floats g_w, Floats g_i, Floats g_s, ffi::Result<Floats> g_x,
                         ffi::Result<Floats> g_v0, ffi::Result<Floats> g_w0,
                         ffi::Result<Floats> g_i0, ffi::Result<Floats> g_s0,
                         std::string_view reset, bool reset_gradient,
                         bool adaptation_gradient, bool coupled,
                         std::string_view shape) {
  const long rows = distances.dimensions()[0];
  const long batch = g_v.dimensions()[0], n = g_v.dimensions()[1];
  const bool loop = r.element_count() > 0, synapse = g_i.dimensions()[0] > 0;
  const std::optional<Reset> mode = reset_named(reset);
  if (!mode) return unknown("reset", reset);
  const bool to_zero = *mode == Reset::kZero;
  const bool through = reset_gradient && *mode != Reset::kNone;
  Arguments given;
  given.rows(rows, batch);
  given.shape("g_spikes", g_spikes, {rows, n});
  given.shape("distances", distances, {rows, n});
  given.shape_or_none("g_distances", g_distances, {rows, n});
  given.shape_or_none("g_vs", g_vs, {rows, n});
  given.shape_or_none("frozen", frozen, {rows, n});
  if (to_zero && through)
    given.shape("vs", vs, {rows, n});
  else
    given.shape_or_none("vs", vs, {rows, n});
  given.shape_or_none("r", r, {n, n});
  given.shape("constants", constants, {Adaptation::kRows, n});
  given.shape("surrogate", surrogate, {3, n});
  for (const auto* state : {&g_w, &*g_v0, &*g_w0})
    given.shape("a part of the state", *state, {batch, n});
  for (const auto* current : {&g_i, &*g_i0})
    given.shape("the current", *current, {synapse ? batch : 0, n});
  for (const auto* spikes : {&g_s, &*g_s0})
    given.shape("the spikes before", *spikes, {loop ? batch : 0, n});
  given.shape("g_x", *g_x, {rows, n});
  if (coupled && synapse) given.wrong("a coupled flow has no synapse, got a current");
  if (!given.fit()) return given.error();
  const Derivatives derivatives = derivatives_named(shape);
  if (derivatives == nullptr) return unknown("surrogate", shape);

  copy_all(g_spikes, g_x);
  copy_all(g_v, g_v0);
  copy_all(g_w, g_w0);
  copy_all(g_i, g_i0);
  copy_all(g_s, g_s0);
  const Layer layer{batch == 0 ? 0 : rows / batch, batch, n};
  const Adaptation k(constants.typed_data(), n);
  const AdaptSeen seen{distances.typed_data(), data_or_null(vs), data_or_null(frozen),
                       data_or_null(g_distances), data_or_null(g_vs)};
  const bool more = seen.frozen || seen.g_distance || seen.g_volts;
  const float* f = surrogate.typed_data();
  return guarded([&] {
    Array<float> raise = array<float>(n);
    for (long j = 0; j < n; ++j)
      raise[j] = !adaptation_gradient ? 0.0f : coupled ? k.jump[j] : 1.0f;
    const AdaptBackward work{layer,
                             k,
                             {f, f + n, f + 2 * n},
                             derivatives,
                             adapt_step_for(flow_of(coupled, synapse), to_zero, through,
                                            more),
                             raise.get(),
                             seen,
                             g_x->typed_data(),
                             g_v0->typed_data(),
                             g_w0->typed_data(),
                             data_or_null(*g_i0),
                             g_s0->typed_data()};
    return work.run(pool, loop ? r.typed_data() : nullptr);
  });
}

}  // namespace

SNNJAX_CALL(snnjax_adapt, AdaptCall, "reset", "coupled");
SNNJAX_CALL(snnjax_adapt_back, AdaptBackCall, "reset", "reset_gradient",
            "adaptation_gradient", "coupled", "shape");
