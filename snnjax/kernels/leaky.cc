// Leaky integrate-and-fire layers on a CPU, driven by events.
//
// Most entries of a spike raster are zero, so a product with it is a sum of the few rows
// that a spike selects. Each output row is summed in one fixed order, whatever the number
// of threads: results do not depend on it. Weights that hold NaN or infinity make every
// entry count, since zero times infinity is NaN.
//
// Layout: row major, time first; T steps, B samples, n neurons, float32.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

#if defined(__AVX512F__)
constexpr long kLanes = 16, kRows = 8, kWide = 3;
#else
constexpr long kLanes = 8, kRows = 4, kWide = 2;
#endif
constexpr long kPanel = kLanes * kWide, kBlockRows = 4 * kRows;
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec splat(float x) { return x - Vec{}; }

// ---- work shared with the threads of XLA

struct Work {
  std::function<void(long)> body;
  long count = 0;
  std::atomic<long> next{0};
  std::atomic<bool> failed{false};
  long done = 0;
  std::mutex mutex;
  std::condition_variable all_done;

  void help() {
    for (long k; (k = next.fetch_add(1)) < count;) {
      try {
        body(k);
      } catch (...) {
        failed = true;
      }
      std::lock_guard<std::mutex> lock(mutex);
      if (++done == count) all_done.notify_all();
    }
  }
};

// The caller works too, and waits only for pieces that a thread has begun: it may itself
// be a thread of the pool. A helper that comes too late finds nothing left.
ffi::Error parallel(ffi::ThreadPool& pool, long count, std::function<void(long)> body) {
  auto work = std::make_shared<Work>();
  work->body = std::move(body);
  work->count = count;
  const long helpers = std::min<long>(pool.num_threads(), count) - 1;
  for (long k = 0; k < helpers; ++k) pool.Schedule([work] { work->help(); });
  work->help();
  std::unique_lock<std::mutex> lock(work->mutex);
  work->all_done.wait(lock, [&] { return work->done == count; });
  if (work->failed) return ffi::Error::Internal("snnjax: out of memory in a kernel");
  return ffi::Error::Success();
}

inline long pieces(ffi::ThreadPool& pool, long n, long least) {
  const long most = std::max<long>(1, n / least);
  return std::max<long>(1, std::min<long>(most, pool.num_threads()));
}

// Samples for one thread; whole tiles of a product where there are enough.
inline long share(ffi::ThreadPool& pool, long batch) {
  const long threads = std::max<long>(1, pool.num_threads());
  return std::max<long>(kRows, (batch + threads - 1) / threads);
}

bool finite_here(const float* x, long n) {
  constexpr uint32_t kInfinity = 0x7f800000u;
  uint32_t worst = 0;
  for (long k = 0; k < n; ++k) {
    uint32_t bits;
    std::memcpy(&bits, x + k, sizeof bits);
    worst = std::max(worst, bits & kInfinity);
  }
  return worst != kInfinity;
}

bool finite(ffi::ThreadPool& pool, const float* x, long n) {
  constexpr long kBlock = 1 << 16;
  std::atomic<bool> good{true};
  (void)parallel(pool, (n + kBlock - 1) / kBlock, [&](long part) {
    const long first = part * kBlock;
    if (!finite_here(x + first, std::min(kBlock, n - first))) good = false;
  });
  return good;
}

// ---- events

struct Events {
  std::vector<int32_t> index;
  std::vector<float> value;
  long count = 0;

  explicit Events(long n) : index(n + 16), value(n + 16) {}  // 16: whole stores

  template <typename X>
  void read(const X* x, long n, bool all) {
    long found = 0, k = 0;
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<X, float>) {
      __m512i here = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
      const __m512i step = _mm512_set1_epi32(16);
      for (; !all && k + 16 <= n; k += 16, here = _mm512_add_epi32(here, step)) {
        const __m512 v = _mm512_loadu_ps(x + k);
        // Unordered, so that NaN counts.
        const __mmask16 set = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
        if (set == 0) continue;
        _mm512_storeu_si512(&index[found], _mm512_maskz_compress_epi32(set, here));
        _mm512_storeu_ps(&value[found], _mm512_maskz_compress_ps(set, v));
        found += __builtin_popcount(set);
      }
    }
#endif
    if constexpr (std::is_same_v<X, uint8_t>) {  // eight at a time; most are zero
      for (uint64_t eight; !all && k + 8 <= n; k += 8) {
        std::memcpy(&eight, x + k, sizeof eight);
        if (eight == 0) continue;
        for (long j = k; j < k + 8; ++j) {
          index[found] = static_cast<int32_t>(j);
          value[found] = static_cast<float>(x[j]);
          found += x[j] != 0;
        }
      }
    }
    for (; k < n; ++k) {
      const float v = static_cast<float>(x[k]);
      index[found] = static_cast<int32_t>(k);
      value[found] = v;
      found += all || v != 0.0f;  // NaN counts
    }
    count = found;
  }
};

// y += Σ value · row of w
template <long kVecs>
inline void gather_block(const float* w, long n, const Events& events, float* y) {
  Vec sum[kVecs];
  for (long j = 0; j < kVecs; ++j) sum[j] = load(y + j * kLanes);
  for (long e = 0; e < events.count; ++e) {
    const float* row = w + static_cast<size_t>(events.index[e]) * n;
    const Vec value = splat(events.value[e]);
    for (long j = 0; j < kVecs; ++j) sum[j] += value * load(row + j * kLanes);
  }
  for (long j = 0; j < kVecs; ++j) store(y + j * kLanes, sum[j]);
}

inline void gather(const float* w, long n, const Events& events, float* y) {
  long c = 0;
  for (; c + 8 * kLanes <= n; c += 8 * kLanes) gather_block<8>(w + c, n, events, y + c);
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) gather_block<4>(w + c, n, events, y + c);
  for (; c + kLanes <= n; c += kLanes) gather_block<1>(w + c, n, events, y + c);
  for (; c < n; ++c)
    for (long e = 0; e < events.count; ++e)
      y[c] += events.value[e] * w[static_cast<size_t>(events.index[e]) * n + c];
}

// row of w += value · y
template <long kVecs>
inline void scatter_block(const float* y, long n, const Events& events, float* w) {
  Vec add[kVecs];
  for (long j = 0; j < kVecs; ++j) add[j] = load(y + j * kLanes);
  for (long e = 0; e < events.count; ++e) {
    float* row = w + static_cast<size_t>(events.index[e]) * n;
    const Vec value = splat(events.value[e]);
    for (long j = 0; j < kVecs; ++j)
      store(row + j * kLanes, load(row + j * kLanes) + value * add[j]);
  }
}

inline void scatter(const float* y, long n, const Events& events, float* w) {
  long c = 0;
  for (; c + 8 * kLanes <= n; c += 8 * kLanes) scatter_block<8>(y + c, n, events, w + c);
  for (; c + 4 * kLanes <= n; c += 4 * kLanes) scatter_block<4>(y + c, n, events, w + c);
  for (; c + kLanes <= n; c += kLanes) scatter_block<1>(y + c, n, events, w + c);
  for (; c < n; ++c)
    for (long e = 0; e < events.count; ++e)
      w[static_cast<size_t>(events.index[e]) * n + c] += events.value[e] * y[c];
}

inline void add_scaled(float a, const float* x, long n, float* y) {
  for (long k = 0; k < n; ++k) y[k] += a * x[k];
}

// ---- products of dense entries, in tiles that stay in registers

// c [rows, n] = a [rows, m] · packed, panels of kPanel columns, [m, kPanel] each
template <long kCount>
inline void product_block(const float* a, long m, const float* panel, float* c, long n,
                          long columns) {
  Vec sum[kCount][kWide] = {};
  for (long k = 0; k < m; ++k) {
    Vec b[kWide];
    for (long j = 0; j < kWide; ++j) b[j] = load(panel + k * kPanel + j * kLanes);
    for (long r = 0; r < kCount; ++r) {
      const Vec value = splat(a[r * m + k]);
      for (long j = 0; j < kWide; ++j) sum[r][j] += value * b[j];
    }
  }
  for (long r = 0; r < kCount; ++r) {
    float row[kPanel];
    for (long j = 0; j < kWide; ++j) store(row + j * kLanes, sum[r][j]);
    std::copy_n(row, columns, c + r * n);
  }
}

void product(const float* a, long rows, long m, const float* packed, float* c, long n) {
  for (long first = 0; first < n; first += kPanel) {
    const long columns = std::min(kPanel, n - first);
    const float* panel = packed + first * m;
    long r = 0;
    for (; r + kRows <= rows; r += kRows)
      product_block<kRows>(a + r * m, m, panel, c + r * n + first, n, columns);
    for (; r < rows; ++r)
      product_block<1>(a + r * m, m, panel, c + r * n + first, n, columns);
  }
}

long panels(long n) { return (n + kPanel - 1) / kPanel; }

// w [m, n], or the transpose of w [n, m], in panels
std::vector<float> pack(const float* w, long m, long n, bool transpose) {
  std::vector<float> packed(panels(n) * kPanel * m, 0.0f);
  for (long k = 0; k < m; ++k)
    for (long j = 0; j < n; ++j)
      packed[(j / kPanel) * kPanel * m + k * kPanel + j % kPanel] =
          transpose ? w[j * m + k] : w[k * n + j];
  return packed;
}

// ---- y = x·w

// Above this share of entries that are not zero a dense product is the faster one.
constexpr double kDense = 0.25;

template <typename X>
bool crowded(const X* x, long rows, long n) {  // told from some of the rows
  const long seen = std::min<long>(rows, 64);
  long found = 0;
  for (long k = 0; k < seen; ++k) {
    const X* row = x + rows * k / seen * n;
    int here = 0;
    for (long j = 0; j < n; ++j) here += row[j] != X{0};
    found += here;
  }
  return static_cast<double>(found) > kDense * static_cast<double>(seen * n);
}

template <typename X>
ffi::Error project_rows(ffi::ThreadPool& pool, const X* x, const float* w, float* y,
                        long rows, long n_in, long n) {
  const bool all = !finite_here(w, n_in * n);
  const long parts = pieces(pool, rows, 4 * kRows);
  if (!all && crowded(x, rows, n_in)) {
    const std::vector<float> packed = pack(w, n_in, n, false);
    return parallel(pool, parts, [=, &packed](long part) {
      const long first = rows * part / parts, last = rows * (part + 1) / parts;
      std::vector<float> block(kBlockRows * n_in);
      for (long r = first; r < last; r += kBlockRows) {
        const long count = std::min(kBlockRows, last - r);
        std::copy_n(x + r * n_in, count * n_in, block.data());
        product(block.data(), count, n_in, packed.data(), y + r * n, n);
      }
    });
  }
  return parallel(pool, parts, [=](long part) {
    Events events(n_in);
    for (long r = rows * part / parts; r < rows * (part + 1) / parts; ++r) {
      events.read(x + r * n_in, n_in, all);
      std::fill_n(y + r * n, n, 0.0f);
      gather(w, n, events, y + r * n);
    }
  });
}

ffi::Error Project(ffi::ThreadPool pool, ffi::AnyBuffer x, ffi::Buffer<ffi::F32> w,
                   ffi::ResultBuffer<ffi::F32> y) {
  const long n_in = w.dimensions()[0], n = w.dimensions()[1];
  const long rows = x.dimensions()[0];
  if (x.element_type() == ffi::DataType::F32)
    return project_rows(pool, x.typed_data<float>(), w.typed_data(), y->typed_data(),
                        rows, n_in, n);
  return project_rows(pool, x.typed_data<uint8_t>(), w.typed_data(), y->typed_data(),
                      rows, n_in, n);
}

// ---- dw = Σ_rows xᵀ·g, where row r of x meets row r + shift of g

// dw [kCount, panel] += for kCount inputs, given as [kCount] in each row of x
template <long kCount>
inline void outer_block(const float* x, long n_in, const float* g, long rows, long n,
                        float* dw) {
  Vec sum[kCount][kWide];
  for (long k = 0; k < kCount; ++k)
    for (long j = 0; j < kWide; ++j) sum[k][j] = load(dw + k * n + j * kLanes);
  for (long r = 0; r < rows; ++r) {
    Vec b[kWide];
    for (long j = 0; j < kWide; ++j) b[j] = load(g + r * n + j * kLanes);
    for (long k = 0; k < kCount; ++k) {
      const Vec value = splat(x[r * n_in + k]);
      for (long j = 0; j < kWide; ++j) sum[k][j] += value * b[j];
    }
  }
  for (long k = 0; k < kCount; ++k)
    for (long j = 0; j < kWide; ++j) store(dw + k * n + j * kLanes, sum[k][j]);
}

// dw [width, n] in blocks of rows that stay in the cache
template <typename X>
void outer_dense(const X* x, const float* g, float* dw, long rows, long width, long n_in,
                 long n) {
  constexpr long kTall = 256;
  const long whole = n / kPanel * kPanel;
  std::vector<float> block(kTall * width);
  std::fill_n(dw, width * n, 0.0f);
  for (long top = 0; top < rows; top += kTall, g += kTall * n) {
    const long tall = std::min(kTall, rows - top);
    for (long r = 0; r < tall; ++r)
      std::copy_n(x + (top + r) * n_in, width, block.data() + r * width);
    const float* b = block.data();
    for (long c = 0; c < whole; c += kPanel) {
      long k = 0;
      for (; k + kRows <= width; k += kRows)
        outer_block<kRows>(b + k, width, g + c, tall, n, dw + k * n + c);
      for (; k < width; ++k)
        outer_block<1>(b + k, width, g + c, tall, n, dw + k * n + c);
    }
    for (long r = 0; r < tall && whole < n; ++r)
      for (long k = 0; k < width; ++k)
        add_scaled(b[r * width + k], g + r * n + whole, n - whole, dw + k * n + whole);
  }
}

template <typename X>
ffi::Error outer_rows(ffi::ThreadPool& pool, const X* x, const float* g, float* dw,
                      long rows, long n_in, long n) {
  const bool dense = crowded(x, rows, n_in) || !finite(pool, g, rows * n);
  // A piece owns some inputs, so that its part of dw stays in the cache.
  constexpr long kTile = 16, kCache = 1 << 18;
  const long tiles = (n_in + kTile - 1) / kTile;
  const long fit = (n_in * n + kCache - 1) / kCache;
  const long parts = std::min(tiles, std::max<long>(fit, pool.num_threads()));
  return parallel(pool, parts, [=](long part) {
    const long first = tiles * part / parts * kTile;
    const long width = std::min(n_in, tiles * (part + 1) / parts * kTile) - first;
    if (dense)
      return outer_dense(x + first, g, dw + first * n, rows, width, n_in, n);
    Events events(width);
    std::fill_n(dw + first * n, width * n, 0.0f);
    for (long r = 0; r < rows; ++r) {
      events.read(x + r * n_in + first, width, false);
      scatter(g + r * n, n, events, dw + first * n);
    }
  });
}

ffi::Error Outer(ffi::ThreadPool pool, ffi::AnyBuffer x, ffi::Buffer<ffi::F32> g,
                 ffi::ResultBuffer<ffi::F32> dw, int64_t shift) {
  const long n_in = x.dimensions()[1], n = g.dimensions()[1];
  const long rows = std::max<long>(0, x.dimensions()[0] - shift);
  const float* late = g.typed_data() + (rows > 0 ? shift * n : 0);
  if (x.element_type() == ffi::DataType::F32)
    return outer_rows(pool, x.typed_data<float>(), late, dw->typed_data(), rows, n_in, n);
  return outer_rows(pool, x.typed_data<uint8_t>(), late, dw->typed_data(), rows, n_in, n);
}

// ---- the layer, forward

enum Reset : int64_t { kZero = 0, kSubtract = 1, kNone = 2 };

struct Constants {
  const float *mem, *syn, *gain, *threshold;  // each [n]
};

// One step of n neurons; without a synapse syn and i are zero.
inline void neurons(const Constants& k, int64_t reset, long n, const float* __restrict x,
                    float* __restrict v, float* __restrict i, float* __restrict before,
                    float* __restrict s) {
  for (long j = 0; j < n; ++j) {
    const float current = i[j] + x[j];
    const float now = k.mem[j] * v[j] + k.gain[j] * current;
    const float fired = now > k.threshold[j] ? 1.0f : 0.0f;
    i[j] = k.syn[j] * current;
    before[j] = now;
    s[j] = fired;
    v[j] = reset == kZero       ? (1.0f - fired) * now
           : reset == kSubtract ? now - k.threshold[j] * fired
                                : now;
  }
}

ffi::Error Forward(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> currents,
                   ffi::Buffer<ffi::F32> r, ffi::Buffer<ffi::F32> v0,
                   ffi::Buffer<ffi::F32> i0, ffi::Buffer<ffi::F32> s0,
                   ffi::Buffer<ffi::F32> constants, ffi::ResultBuffer<ffi::F32> spikes,
                   ffi::ResultBuffer<ffi::F32> vs, ffi::ResultBuffer<ffi::F32> v_end,
                   ffi::ResultBuffer<ffi::F32> i_end, int64_t reset) {
  const long steps = currents.dimensions()[0], batch = currents.dimensions()[1];
  const long n = currents.dimensions()[2];
  const bool loop = r.element_count() > 0;
  const float* w = r.typed_data();
  const bool all = loop && !finite_here(w, n * n);
  const float* c = constants.typed_data();
  const Constants k{c, c + n, c + 2 * n, c + 3 * n};
  const float *drive = currents.typed_data(), *s_first = s0.typed_data();
  float *out = spikes->typed_data(), *volts = vs->typed_data();
  float *v_last = v_end->typed_data(), *i_last = i_end->typed_data();
  std::copy_n(v0.typed_data(), batch * n, v_last);
  std::copy_n(i0.typed_data(), batch * n, i_last);

  const long size = share(pool, batch), parts = (batch + size - 1) / size;
  return parallel(pool, parts, [=](long part) {
    const long first = part * size, count = std::min(size, batch - first);
    std::vector<Events> before(loop ? count : 0, Events(n));
    std::vector<float> input(n);
    for (size_t b = 0; b < before.size(); ++b)
      before[b].read(s_first + (first + b) * n, n, all);
    for (long t = 0; t < steps; ++t) {
      for (long b = 0; b < count; ++b) {
        const long here = (t * batch + first + b) * n;
        const float* x = drive + here;
        if (loop) {
          std::copy_n(x, n, input.data());
          gather(w, n, before[b], input.data());
          x = input.data();
        }
        const long state = (first + b) * n;
        neurons(k, reset, n, x, v_last + state, i_last + state, volts + here, out + here);
        if (loop) before[b].read(out + here, n, all);
      }
    }
  });
}

// ---- the layer, backward

inline float exp_below_zero(float x) {  // x <= 0; relative error below 2e-7
  x = std::max(x, -87.0f);
  const float whole = std::floor(x * 1.44269504f + 0.5f);
  const float f = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * f * f + f + 1.0f;
  const int32_t bits = (static_cast<int32_t>(whole) + 127) << 23;
  float scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

struct SuperSpike {
  static float at(float x, float k) {
    const float d = 1.0f + k * std::fabs(x);
    return 1.0f / (d * d);
  }
};
struct Sigmoid {
  static float at(float x, float k) {
    const float y = std::fabs(k * x);
    const float e = exp_below_zero(y == y ? -y : 0.0f), d = 1.0f + e;
    return y == y ? 4.0f * e / (d * d) : y;
  }
};
struct Triangle {
  static float at(float x, float k) {
    const float y = 1.0f - k * std::fabs(x);
    return y < 0.0f ? 0.0f : y;  // NaN stays
  }
};
struct Arctan {
  static float at(float x, float k) { return 1.0f / (1.0f + (k * x) * (k * x)); }
};

struct Backward {
  long steps, batch, n;
  bool loop, synapse, reset_gradient;
  int64_t reset;
  Constants k;
  const float *slope, *height;  // [n]
  const float *g_spikes, *vs, *spikes, *packed;
  float *g_x, *g_v, *g_i, *g_s;  // the last three hold the end, then the start

  template <typename Shape>
  void row(long t, long b) const {
    const long here = (t * batch + b) * n;
    const float* __restrict gy = g_spikes + here;
    const float* __restrict v = vs + here;
    const float* __restrict s = spikes + here;
    float* __restrict gx = g_x + here;
    float* __restrict gv = g_v + b * n;
    float* __restrict gi = g_i + b * n;
    const float* __restrict ahead = g_s + b * n;
    for (long j = 0; j < n; ++j) {
      float gs = loop ? gy[j] + ahead[j] : gy[j];
      if (reset_gradient && reset == kZero) gs -= gv[j] * v[j];
      if (reset_gradient && reset == kSubtract) gs -= gv[j] * k.threshold[j];
      const float h = height[j] * Shape::at(v[j] - k.threshold[j], slope[j]);
      const float through = reset == kZero ? gv[j] * (1.0f - s[j]) : gv[j];
      const float before = gs * h + through;
      const float x = k.gain[j] * before + (synapse ? k.syn[j] * gi[j] : 0.0f);
      gx[j] = x;
      gi[j] = x;
      gv[j] = k.mem[j] * before;
    }
  }

  template <typename Shape>
  void samples(long first, long count) const {
    for (long t = steps - 1; t >= 0; --t) {
      for (long b = first; b < first + count; ++b) row<Shape>(t, b);
      if (loop)
        product(g_x + (t * batch + first) * n, count, n, packed, g_s + first * n, n);
    }
  }
};

ffi::Error BackwardCall(
    ffi::ThreadPool pool, ffi::Buffer<ffi::F32> g_spikes, ffi::Buffer<ffi::F32> vs,
    ffi::Buffer<ffi::F32> spikes, ffi::Buffer<ffi::F32> r,
    ffi::Buffer<ffi::F32> constants, ffi::Buffer<ffi::F32> surrogate,
    ffi::Buffer<ffi::F32> g_v, ffi::Buffer<ffi::F32> g_i, ffi::Buffer<ffi::F32> g_s,
    ffi::ResultBuffer<ffi::F32> g_x, ffi::ResultBuffer<ffi::F32> g_v0,
    ffi::ResultBuffer<ffi::F32> g_i0, ffi::ResultBuffer<ffi::F32> g_s0, int64_t reset,
    bool reset_gradient, bool synapse, int64_t shape) {
  const long steps = vs.dimensions()[0], batch = vs.dimensions()[1];
  const long n = vs.dimensions()[2];
  const bool loop = r.element_count() > 0;
  const float *c = constants.typed_data(), *f = surrogate.typed_data();
  const std::vector<float> packed =
      loop ? pack(r.typed_data(), n, n, true) : std::vector<float>();
  std::copy_n(g_v.typed_data(), batch * n, g_v0->typed_data());
  std::copy_n(g_i.typed_data(), batch * n, g_i0->typed_data());
  std::copy_n(g_s.typed_data(), batch * n, g_s0->typed_data());
  const Backward work{steps,
                      batch,
                      n,
                      loop,
                      synapse,
                      reset_gradient,
                      reset,
                      {c, c + n, c + 2 * n, c + 3 * n},
                      f,
                      f + n,
                      g_spikes.typed_data(),
                      vs.typed_data(),
                      spikes.typed_data(),
                      packed.data(),
                      g_x->typed_data(),
                      g_v0->typed_data(),
                      g_i0->typed_data(),
                      g_s0->typed_data()};
  const long size = share(pool, batch), parts = (batch + size - 1) / size;
  return parallel(pool, parts, [=, &work](long part) {
    const long first = part * size, count = std::min(size, batch - first);
    switch (shape) {
      case 0: return work.samples<SuperSpike>(first, count);
      case 1: return work.samples<Sigmoid>(first, count);
      case 2: return work.samples<Triangle>(first, count);
      default: return work.samples<Arctan>(first, count);
    }
  });
}

}  // namespace

#define F32 ffi::Buffer<ffi::F32>

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_project, Project,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::AnyBuffer>()
                                  .Arg<F32>()
                                  .Ret<F32>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(snnjax_outer, Outer,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::AnyBuffer>()
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
                                  .Arg<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Ret<F32>()
                                  .Attr<int64_t>("reset")
                                  .Attr<bool>("reset_gradient")
                                  .Attr<bool>("synapse")
                                  .Attr<int64_t>("shape"));
