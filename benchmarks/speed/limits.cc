// What one or two cores can do at most, one pattern of work at a time; called by
// limits.py. Each thread is pinned to a core of its own and works on memory that it
// touched first; all begin together. A call gives the seconds of the slowest.

#include <pthread.h>
#include <sched.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "machine.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

void pin(int k) {  // to the k-th core that the process may use
  cpu_set_t allowed, one;
  CPU_ZERO(&allowed);
  CPU_ZERO(&one);
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &allowed) && k-- == 0) CPU_SET(core, &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

template <typename Body>  // body(): makes its memory, and returns what is timed
double slowest(int cores, Body body) {
  std::vector<double> took(cores);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int k = 0; k < cores; ++k)
    threads.emplace_back([&, k] {
      pin(k);
      const auto work = body();
      ++ready;
      while (ready < cores) {
      }
      const auto began = Clock::now();
      work();
      took[k] = seconds_since(began);
    });
  for (auto& thread : threads) thread.join();
  return *std::max_element(took.begin(), took.end());
}

template <typename T>
void use(T& value) {  // the compiler may not leave out what makes it
  asm volatile("" : : "r"(&value) : "memory");
}

template <long kCount>
void keep(const Vec (&sums)[kCount], float* to) {  // sums stay in registers until here
  Vec all{};
  for (const Vec& each : sums) all += each;
  store(to, all);
  use(*to);
}

std::shared_ptr<float> filled(long floats) {
  std::shared_ptr<float> memory(array<float>(floats).release(), Release());
  ask_for_large_pages(memory.get(), floats * sizeof(float));
  std::fill_n(memory.get(), floats, 1e-3f);
  return memory;
}

constexpr long kRow = 128;  // floats of a row of weights
constexpr long kVecs = kRow / kLanes;

constexpr long kVisits = 1 << 14;

std::vector<uint32_t> drawn(long rows) {  // rows to visit, in random order
  std::vector<uint32_t> which(kVisits);
  uint32_t x = 2463534242u;
  for (auto& row : which) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    row = static_cast<uint32_t>((static_cast<uint64_t>(x) * rows) >> 32);
  }
  return which;
}

}  // namespace

extern "C" {

// Lanes of a vector.
int lanes() { return kLanes; }

// 24 sums of products in registers, `rounds` times.
double multiply_add(int cores, long, long rounds) {
  return slowest(cores, [=] {
    return [=] {
      constexpr int kSums = kLanes == 16 ? 24 : 12;
      Vec sum[kSums] = {}, a = splat(0.5f), b = splat(1.0f);
      use(a), use(b);
      const Vec by = a, more = b;
      for (long r = 0; r < rounds * 24 / kSums; ++r)
#pragma GCC unroll 24
        for (int k = 0; k < kSums; ++k) sum[k] = sum[k] * by + more;
      float out[kLanes];
      keep(sum, out);
    };
  });
}

// A chain of six operations on integers, each waiting for the one before: a clock.
double chain(int cores, long, long rounds) {
  return slowest(cores, [=] {
    return [=] {
      uint64_t x = 88172645463325252u;
      for (long r = 0; r < rounds; ++r) x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      use(x);
    };
  });
}

// Sums `bytes` of each thread, `rounds` times.
double read(int cores, long bytes, long rounds) {
  return slowest(cores, [=] {
    const long n = bytes / sizeof(float);
    const auto memory = filled(n);
    return [=] {
      Vec sum[8] = {};
      for (long r = 0; r < rounds; ++r)
        for (const float* p = memory.get(); p < memory.get() + n; p += 8 * kLanes)
          for (int k = 0; k < 8; ++k) sum[k] += load(p + k * kLanes);
      keep(sum, memory.get());
    };
  });
}

// Writes `bytes` of each thread, `rounds` times.
double write(int cores, long bytes, long rounds) {
  return slowest(cores, [=] {
    const long n = bytes / sizeof(float);
    const auto memory = filled(n);
    return [=] {
      for (long r = 0; r < rounds; ++r) {
        const Vec value = splat(static_cast<float>(r));
        for (float* p = memory.get(); p < memory.get() + n; p += kLanes)
          store(p, value);
        use(*memory);
      }
    };
  });
}

// Copies `bytes` of each thread, `rounds` times.
double copy(int cores, long bytes, long rounds) {
  return slowest(cores, [=] {
    const long n = bytes / sizeof(float);
    const auto from = filled(n), to = filled(n);
    return [=] {
      for (long r = 0; r < rounds; ++r) {
        for (long k = 0; k < n; k += kLanes)
          store(to.get() + k, load(from.get() + k));
        use(*to);
      }
    };
  });
}

// Adds `rounds` random rows of a table of `bytes` into registers.
double add_rows(int cores, long bytes, long rounds) {
  return slowest(cores, [=] {
    const long rows = bytes / sizeof(float) / kRow;
    const auto table = filled(rows * kRow);
    const auto which = drawn(rows);
    return [=] {
      Vec sum[kVecs] = {};
      for (long r = 0; r < rounds; ++r) {
        const float* row = table.get() + static_cast<long>(which[r % kVisits]) * kRow;
        for (long k = 0; k < kVecs; ++k) sum[k] += load(row + k * kLanes);
      }
      keep(sum, table.get());
    };
  });
}

// Adds one row to `rounds` random rows of such a table.
double write_rows(int cores, long bytes, long rounds) {
  return slowest(cores, [=] {
    const long rows = bytes / sizeof(float) / kRow;
    const auto table = filled(rows * kRow);
    const auto which = drawn(rows);
    return [=] {
      const Vec add = splat(1e-9f);
      for (long r = 0; r < rounds; ++r) {
        float* row = table.get() + static_cast<long>(which[r % kVisits]) * kRow;
        for (long k = 0; k < kVecs; ++k)
          store(row + k * kLanes, load(row + k * kLanes) + add);
      }
      use(*table);
    };
  });
}

// A step of 512 leaky neurons that fire and are reset, `rounds` times, all in the cache.
double neurons(int cores, long, long rounds) {
  return slowest(cores, [=] {
    constexpr long n = 512;
    const auto memory = filled(8 * n);
    return [=] {
      float *v = memory.get(), *i = v + n, *x = i + n, *volts = x + n, *s = volts + n;
      const float *mem = s + n, *gain = mem + n, *syn = gain + n;
      for (long r = 0; r < rounds; ++r) {
#pragma GCC ivdep
        for (long j = 0; j < n; ++j) {
          const float current = i[j] + x[j], now = mem[j] * v[j] + gain[j] * current;
          const float fired = now > 1.0f ? 1.0f : 0.0f;
          i[j] = syn[j] * current;
          volts[j] = now;
          s[j] = fired;
          v[j] = (1.0f - fired) * now;
        }
        use(*memory);
      }
    };
  });
}

// The gradient of such a step, with SuperSpike.
double neurons_back(int cores, long, long rounds) {
  return slowest(cores, [=] {
    constexpr long n = 512;
    const auto memory = filled(8 * n);
    return [=] {
      float *gv = memory.get(), *gi = gv + n, *gx = gi + n, *ahead = gx + n;
      const float *v = ahead + n, *mem = v + n, *gain = mem + n, *syn = gain + n;
      for (long r = 0; r < rounds; ++r) {
#pragma GCC ivdep
        for (long j = 0; j < n; ++j) {
          const float off = v[j] - 1.0f, d = 1.0f + 10.0f * std::fabs(off);
          const float direct = (gx[j] + ahead[j]) / (d * d);
          const float before = direct + gv[j] * (off > 0.0f ? 0.0f : 1.0f);
          const float back = gain[j] * before + syn[j] * gi[j];
          gx[j] = back;
          gi[j] = back;
          gv[j] = mem[j] * before;
        }
        use(*memory);
      }
    };
  });
}

// Wakes a thread that sleeps, and is woken by it, `rounds` times.
double wake(int, long, long rounds) {
  std::mutex mutex;
  std::condition_variable turned;
  long turn = 0;
  const auto play = [&](int k) {
    pin(k);
    for (long r = 0; r < rounds; ++r) {
      std::unique_lock<std::mutex> lock(mutex);
      turned.wait(lock, [&] { return turn % 2 == k; });
      ++turn;
      lock.unlock();
      turned.notify_one();
    }
  };
  const auto began = Clock::now();
  std::thread other([&] { play(1); });
  std::thread one([&] { play(0); });
  one.join();
  other.join();
  return seconds_since(began);
}

}  // extern "C"
