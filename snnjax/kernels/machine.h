// The machine: vectors, memory, and the threads of XLA.

#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <new>

#if defined(__AVX__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

// ---- vectors

#if defined(__AVX512F__)
constexpr long kLanes = 16;
#else
constexpr long kLanes = 8;
#endif
typedef float Vec __attribute__((vector_size(kLanes * sizeof(float))));

inline Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
inline Vec splat(float x) { return x - Vec{}; }
inline long padded(long n) { return (n + kLanes - 1) / kLanes * kLanes; }

// The first of its entries; the others are zero, and their memory is not touched.
inline Vec load_first(const float* p, long count) {
#if defined(__AVX512F__)
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), p);
#else
  float part[kLanes] = {};
  std::copy_n(p, count, part);
  return load(part);
#endif
}
inline void store_first(float* p, Vec v, long count) {
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1), v);
#else
  float part[kLanes];
  store(part, v);
  std::copy_n(part, count, p);
#endif
}

// Vector j of kVecs that hold so many columns: only the last may be half empty.
template <long kVecs>
inline Vec fetch_one(const float* p, long j, long columns) {
  const long left = columns - j * kLanes;
  const bool whole = j + 1 < kVecs || left >= kLanes;
  return whole ? load(p + j * kLanes) : load_first(p + j * kLanes, left);
}
template <long kVecs>
inline void put_one(float* p, long j, long columns, Vec v) {
  const long left = columns - j * kLanes;
  const bool whole = j + 1 < kVecs || left >= kLanes;
  whole ? store(p + j * kLanes, v) : store_first(p + j * kLanes, v, left);
}
template <long kVecs>
inline void fetch(const float* p, long columns, Vec* v) {
#pragma GCC unroll 8
  for (long j = 0; j < kVecs; ++j) v[j] = fetch_one<kVecs>(p, j, columns);
}
template <long kVecs>
inline void put(float* p, long columns, const Vec* v) {
#pragma GCC unroll 8
  for (long j = 0; j < kVecs; ++j) put_one<kVecs>(p, j, columns, v[j]);
}

// Where v is above the threshold: 1 and a bit.
struct Fired {
  Vec ones;
  uint32_t bits;
};
inline Fired fires(Vec v, Vec threshold) {
#if defined(__AVX512F__)
  const __mmask16 bits = _mm512_cmp_ps_mask(v, threshold, _CMP_GT_OQ);
  return {_mm512_maskz_mov_ps(bits, _mm512_set1_ps(1.0f)), bits};
#else
  const Vec ones = v > threshold ? splat(1.0f) : Vec{};
#if defined(__AVX__)
  return {ones, static_cast<uint32_t>(
                    _mm256_movemask_ps(_mm256_cmp_ps(v, threshold, _CMP_GT_OQ)))};
#else
  uint32_t bits = 0;
  for (long j = 0; j < kLanes; ++j) bits |= uint32_t{ones[j] != 0.0f} << j;
  return {ones, bits};
#endif
#endif
}

// ---- memory

struct Release {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};
template <typename T>
using Array = std::unique_ptr<T[], Release>;

// Not set to anything, and on a cache line of its own.
template <typename T>
Array<T> array(long size) {
  return Array<T>(
      static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t{64})));
}

// Results are new memory at every call, and the system hands it out page by page, which
// takes as long as the arithmetic: large pages are few. Only advice, never needed. The
// first and the last page are shared with what lies beside, most often other results.
inline void ask_for_large_pages(const void* p, long bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t kPage = uintptr_t{1} << 21;
  if (bytes < static_cast<long>(kPage)) return;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(p) & ~(kPage - 1);
  const uintptr_t end =
      (reinterpret_cast<uintptr_t>(p) + bytes + kPage - 1) & ~(kPage - 1);
  madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)p, (void)bytes;
#endif
}

// What is needed soon is fetched meanwhile; rows of some samples are too short for the
// machine to see them coming.
inline void will_read(const float* p, long n) {
  for (long k = 0; k < n; k += 16) __builtin_prefetch(p + k, 0, 2);
}
inline void will_write(const float* p, long n) {
  for (long k = 0; k < n; k += 16) __builtin_prefetch(p + k, 1, 2);
}

// ---- threads

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

inline ffi::Error out_of_memory() {
  return ffi::Error::Internal("snnjax: out of memory in a kernel");
}

// The caller works too, and waits only for pieces that a thread has begun: it may itself
// be a thread of the pool. A helper that comes too late finds nothing left.
inline ffi::Error parallel(ffi::ThreadPool& pool, long count,
                           std::function<void(long)> body) {
  auto work = std::make_shared<Work>();
  work->body = std::move(body);
  work->count = count;
  const long helpers = std::min<long>(pool.num_threads(), count) - 1;
  for (long k = 0; k < helpers; ++k) pool.Schedule([work] { work->help(); });
  work->help();
  std::unique_lock<std::mutex> lock(work->mutex);
  work->all_done.wait(lock, [&] { return work->done == count; });
  if (work->failed) return out_of_memory();
  return ffi::Error::Success();
}

// A thread that sleeps takes 20 µs to wake: who has less to do for each does it alone.
inline long pieces(ffi::ThreadPool& pool, long n, long least) {
  const long most = std::max<long>(1, n / least);
  return std::max<long>(1, std::min<long>(most, pool.num_threads()));
}

inline bool finite_here(const float* x, long n) {
  constexpr uint32_t kInfinity = 0x7f800000u;
  uint32_t worst = 0;
  for (long k = 0; k < n; ++k) {
    uint32_t bits;
    std::memcpy(&bits, x + k, sizeof bits);
    worst = std::max(worst, bits & kInfinity);
  }
  return worst != kInfinity;
}

inline bool finite(ffi::ThreadPool& pool, const float* x, long n) {
  constexpr long kBlock = 1 << 18;
  std::atomic<bool> good{true};
  (void)parallel(pool, (n + kBlock - 1) / kBlock, [&](long part) {
    const long first = part * kBlock;
    if (!finite_here(x + first, std::min(kBlock, n - first))) good = false;
  });
  return good;
}

}  // namespace
