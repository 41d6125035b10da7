// Leaky integrate-and-fire layers on a CPU, driven by events.
//
// Most entries of a spike raster are zero, so a product with it is a sum of the few rows
// that a spike selects. Each output row is summed in one fixed order, whatever the number
// of threads: results do not depend on it. Weights that hold NaN or infinity make every
// entry count, since zero times infinity is NaN.
//
// Layout: row major, time first; T steps, B samples, n neurons, float32.

#include "adaptive_calls.h"
#include "arguments.h"
#include "backward.h"
#include "convolve.h"
#include "forward.h"
#include "integrator.h"
#include "moved.h"
#include "raster.h"

namespace {

ffi::Error Project(ffi::ThreadPool pool, ffi::AnyBuffer x, Floats w,
                   ffi::Result<Floats> y, ffi::Result<Marks> marks,
                   ffi::Result<Flag> marked) {
  Arguments given;
  given.raster("x", x);
  if (!given.fit()) return given.error();
  const long rows = x.dimensions()[0], n_in = x.dimensions()[1];
  const long n = w.dimensions()[1];
  given.shape("w", w, {n_in, n});
  given.shape("y", *y, {rows, n});
  given.shape("marks", *marks, {rows, groups(n_in)});
  given.shape("marked", *marked, {1});
  if (!given.fit()) return given.error();

  ask_for_large_pages(y);
  ask_for_large_pages(marks);
  return with_raster(x, [&](const auto* entries) {
    return project_rows(pool, entries, w.typed_data(), y->typed_data(),
                        marks->typed_data(), marked->typed_data(), rows, n_in, n);
  });
}

ffi::Error ProjectMarks(ffi::ThreadPool pool, Marks marks, Floats w,
                        ffi::Result<Floats> y) {
  Arguments given;
  const long rows = marks.dimensions()[0];
  const long n_in = w.dimensions()[0], n = w.dimensions()[1];
  given.shape("marks", marks, {rows, groups(n_in)});
  given.shape("y", *y, {rows, n});
  if (!given.fit()) return given.error();
  ask_for_large_pages(y);
  return guarded([&] {
    return project_marks(pool, marks.typed_data(), w.typed_data(), y->typed_data(),
                         rows, n_in, n);
  });
}

// Row r of x meets row r + shift of g. The marks may be missing, or x where they tell
// all.
ffi::Error Outer(ffi::ThreadPool pool, ffi::AnyBuffer x, Marks marks, Flag marked,
                 Floats g, ffi::Result<Floats> dw, int64_t shift) {
  Arguments given;
  given.raster("x", x);
  if (!given.fit()) return given.error();
  const long all = g.dimensions()[0], n_in = x.dimensions()[1];
  const long n = g.dimensions()[1];
  given.shape("dw", *dw, {n_in, n});
  given.raster_or_marks(x, marks, marked, {all, n_in}, {all, groups(n_in)});
  if (shift < 0) given.wrong("shift is negative: " + std::to_string(shift));
  if (!given.fit()) return given.error();

  const long rows = std::max<long>(0, all - shift);
  const float* late = g.typed_data() + (rows > 0 ? shift * n : 0);
  const bool known = marks.element_count() > 0 && marked.typed_data()[0];
  const bool missing = x.element_count() == 0;
  return with_raster(x, [&](const auto* entries) {
    return outer_rows(pool, missing ? nullptr : entries, known ? marks.typed_data() : nullptr, late,
                      dw->typed_data(), rows, n_in, n);
  });
}

// The currents are where the voltages come to be: one buffer is both. Spikes may be left
// out, and marks of them without recurrent weights.
ffi::Error ForwardCall(ffi::ThreadPool pool, Floats currents, Floats r, Floats v0,
                   Floats i0, Floats s0, Counts left0, Floats constants, Counts pause,
                   ffi::Result<Floats> vs, ffi::Result<Floats> spikes,
                   ffi::Result<Bytes> frozen, ffi::Result<Marks> marks,
                   ffi::Result<Flag> marked, ffi::Result<Floats> v_end,
                   ffi::Result<Floats> i_end, ffi::Result<Counts> left_end,
                   std::string_view reset) {
  const long rows = currents.dimensions()[0];
  const long batch = v0.dimensions()[0], n = v0.dimensions()[1];
  const bool loop = r.element_count() > 0, pauses = pause.dimensions()[0] > 0;
  Arguments given;
  given.rows(rows, batch);
  given.shape("currents", currents, {rows, n});
  given.shape_or_none("r", r, {n, n});
  for (const auto* state : {&i0, &s0, &*v_end, &*i_end})
    given.shape("a part of the state", *state, {batch, n});
  given.shape("constants", constants, {Constants::kRows, n});
  given.shape("pause", pause, {pauses ? 1 : 0, n});
  given.shape("left", left0, {pauses ? batch : 0, n});
  given.shape("left at the end", *left_end, {pauses ? batch : 0, n});
  given.shape("frozen", *frozen, {pauses ? rows : 0, n});
  given.shape("vs", *vs, {rows, n});
  given.shape_or_none("spikes", *spikes, {rows, n});
  given.shape_or_none("marks", *marks, {rows, groups(n)});
  if (loop) given.shape("marks", *marks, {rows, groups(n)});
  given.shape("marked", *marked, {1});
  if (!given.fit()) return given.error();
  const std::optional<Reset> mode = reset_named(reset);
  if (!mode) return unknown("reset", reset);

  copy_all(currents, vs);
  copy_all(v0, v_end);
  copy_all(i0, i_end);
  copy_all(left0, left_end);
  ask_for_large_pages(spikes);
  ask_for_large_pages(marks);
  const Layer layer{batch == 0 ? 0 : rows / batch, batch, n};
  const long times = loop ? 1 : layer.beside();
  const Forward work{layer.wide(times),
                     vs->typed_data(),
                     loop ? r.typed_data() : nullptr,
                     s0.typed_data(),
                     data_or_null(*spikes),
                     data_or_null(*marks),
                     marked->typed_data()};
  return guarded([&] {
    const Array<float> each =
        repeated(constants.typed_data(), Constants::kRows, n, times);
    const Rows whole = in_vectors(each.get(), Constants::kRows, n * times);
    const Array<int32_t> steps = repeated(pause.typed_data(), pauses, n, times);
    Pause refractory{nullptr, nullptr, nullptr};
    if (pauses)
      refractory = {steps.get(), left_end->typed_data(), frozen->typed_data()};
    return forward_named(pool, work, *mode,
                         {Constants(whole.data, whole.stride), vs->typed_data(),
                          data_or_null(*spikes), v_end->typed_data(),
                          i_end->typed_data()},
                         refractory);
  });
}

// The gradient of the spikes is where that of the drive comes to be.
ffi::Error BackwardCall(ffi::ThreadPool pool, Floats g_spikes, Floats g_vs, Floats vs,
                        Bytes frozen, Floats r, Floats constants, Floats surrogate,
                        Floats g_v, Floats g_i, Floats g_s, ffi::Result<Floats> g_x,
                        ffi::Result<Floats> g_v0, ffi::Result<Floats> g_i0,
                        ffi::Result<Floats> g_s0, std::string_view reset,
                        bool reset_gradient, bool synapse, std::string_view shape) {
  const long rows = vs.dimensions()[0];
  const long batch = g_v.dimensions()[0], n = g_v.dimensions()[1];
  Arguments given;
  given.rows(rows, batch);
  given.shape("g_spikes", g_spikes, {rows, n});
  given.shape("vs", vs, {rows, n});
  given.shape_or_none("g_vs", g_vs, {rows, n});
  given.shape_or_none("frozen", frozen, {rows, n});
  given.shape_or_none("r", r, {n, n});
  given.shape("constants", constants, {Constants::kRows, n});
  given.shape("surrogate", surrogate, {3, n});
  for (const auto* state : {&g_i, &g_s, &*g_v0, &*g_i0, &*g_s0})
    given.shape("a part of the state", *state, {batch, n});
  given.shape("g_x", *g_x, {rows, n});
  if (!given.fit()) return given.error();
  const std::optional<Reset> mode = reset_named(reset);
  if (!mode) return unknown("reset", reset);

  copy_all(g_spikes, g_x);
  copy_all(g_v, g_v0);
  copy_all(g_i, g_i0);
  copy_all(g_s, g_s0);
  const More more{data_or_null(g_vs), data_or_null(frozen)};
  const Layer layer{batch == 0 ? 0 : rows / batch, batch, n};
  const long times = r.element_count() > 0 ? 1 : layer.beside(), wide = n * times;
  const Choices choices{*mode == Reset::kZero,
                        reset_gradient && *mode != Reset::kNone, synapse,
                        more.g_v != nullptr || more.frozen != nullptr};
  return guarded([&] {
    const Array<float> k = repeated(constants.typed_data(), Constants::kRows, n, times);
    const Array<float> f = repeated(surrogate.typed_data(), 3, n, times);
    const Backward work{layer.wide(times),
                        Constants(k.get(), wide),
                        {f.get(), f.get() + wide, f.get() + 2 * wide},
                        nullptr,
                        more,
                        vs.typed_data(),
                        g_x->typed_data(),
                        g_v0->typed_data(),
                        g_i0->typed_data(),
                        g_s0->typed_data()};
    return back_named(pool, work, data_or_null(r), choices, shape);
  });
}

}  // namespace

SNNJAX_CALL(snnjax_project, Project);
SNNJAX_CALL(snnjax_project_marks, ProjectMarks);
SNNJAX_CALL(snnjax_outer, Outer, "shift");
SNNJAX_CALL(snnjax_forward, ForwardCall, "reset");
SNNJAX_CALL(snnjax_backward, BackwardCall, "reset", "reset_gradient", "synapse",
            "shape");
