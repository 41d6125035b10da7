// Derivatives that a spike is pretended to have: h(x), x the distance to threshold.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace {

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
struct Boxcar {
  static float at(float x, float k) {
    return 2.0f * k * std::fabs(x) < 1.0f ? 1.0f : 0.0f;
  }
};

// then(shape) for the one of that name, or what there is otherwise.
template <typename Then, typename Otherwise>
Otherwise of_shape(std::string_view name, Then then, Otherwise otherwise) {
  if (name == "SuperSpike") return then(SuperSpike{});
  if (name == "Sigmoid") return then(Sigmoid{});
  if (name == "Triangle") return then(Triangle{});
  if (name == "Arctan") return then(Arctan{});
  if (name == "Boxcar") return then(Boxcar{});
  return otherwise;
}

}  // namespace
