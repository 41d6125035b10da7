// What a call may hand over: every size and every name is checked before a buffer is
// touched, whoever calls.

#pragma once

#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "machine.h"

namespace {

using Floats = ffi::BufferR2<ffi::F32>;
using Counts = ffi::BufferR2<ffi::S32>;
using Bytes = ffi::BufferR2<ffi::U8>;
using Marks = ffi::BufferR2<ffi::U16>;
using Flag = ffi::BufferR1<ffi::U8>;

template <typename Buffer>
auto data_or_null(Buffer& x) {
  return x.element_count() > 0 ? x.typed_data() : nullptr;
}

template <typename Buffer>
void ask_for_large_pages(ffi::Result<Buffer>& made) {
  ask_for_large_pages(made->untyped_data(), made->size_bytes());
}

// Between buffers that were found to be of one shape, or are one.
template <typename From, typename To>
void copy_all(const From& from, To& to) {
  if (to->untyped_data() != from.untyped_data())
    std::copy_n(from.typed_data(), from.element_count(), to->typed_data());
}

inline std::string list_of(const int64_t* first, const int64_t* last) {
  std::string text;
  for (; first != last; ++first)
    text += (text.empty() ? "" : ", ") + std::to_string(*first);
  return "[" + text + "]";
}

// Collects what does not fit; the first is told.
class Arguments {
 public:
  template <typename Buffer>
  void shape(const char* name, const Buffer& x, std::initializer_list<int64_t> sizes) {
    const auto dims = x.dimensions();
    if (std::equal(dims.begin(), dims.end(), sizes.begin(), sizes.end())) return;
    wrong(std::string(name) + " has shape " + list_of(dims.begin(), dims.end()) +
          ", expected " + list_of(sizes.begin(), sizes.end()));
  }

  // Nothing, or the shape.
  template <typename Buffer>
  void shape_or_none(const char* name, const Buffer& x,
                     std::initializer_list<int64_t> sizes) {
    if (x.element_count() > 0) shape(name, x, sizes);
  }

  // A raster [rows, n] of float or uint8.
  void raster(const char* name, const ffi::AnyBuffer& x) {
    const ffi::DataType type = x.element_type();
    if (x.dimensions().size() != 2) wrong(std::string(name) + " is no matrix");
    if (type != ffi::DataType::F32 && type != ffi::DataType::U8)
      wrong(std::string(name) + " is neither float32 nor uint8");
  }

  // Entries of a raster and marks of them: marks may be missing, or the entries where
  // marks tell all.
  template <typename Raster, typename Marks, typename Flag>
  void raster_or_marks(const Raster& x, const Marks& marks, const Flag& marked,
                       std::initializer_list<int64_t> sizes,
                       std::initializer_list<int64_t> of_marks) {
    shape("marked", marked, {1});
    shape_or_none("marks", marks, of_marks);
    shape_or_none("x", x, sizes);
    const bool none = std::find(sizes.begin(), sizes.end(), 0) != sizes.end();
    if (fit() && !none && x.element_count() == 0 &&
        (marks.element_count() == 0 || marked.typed_data()[0] == 0))
      wrong("x is missing, and no marks tell all");
  }

  void rows(int64_t rows, int64_t batch) {
    if (batch == 0 ? rows != 0 : rows % batch != 0)
      wrong(std::to_string(rows) + " rows are no whole steps of " +
            std::to_string(batch) + " samples");
  }

  void wrong(std::string what) {
    if (text_.empty()) text_ = std::move(what);
  }

  bool fit() const { return text_.empty(); }

  ffi::Error error() const { return ffi::Error::InvalidArgument("snnjax: " + text_); }

 private:
  std::string text_;
};

inline ffi::Error unknown(const char* what, std::string_view name) {
  return ffi::Error::InvalidArgument("snnjax: unknown " + std::string(what) + " '" +
                                     std::string(name) + "'");
}

// A call that runs out of memory is an error, not the end of the process.
template <typename Body>
ffi::Error guarded(Body body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return ffi::Error::Internal("snnjax: " + std::string(error.what()));
  }
}

template <typename Body>
ffi::Error with_raster(const ffi::AnyBuffer& x, Body body) {
  return guarded([&] {
    if (x.element_type() == ffi::DataType::F32) return body(x.typed_data<float>());
    return body(x.typed_data<uint8_t>());
  });
}

// Whether a parameter of a call is an attribute: neither threads nor a buffer.
template <typename Given>
constexpr bool kNamed = !std::is_same_v<Given, ffi::ThreadPool> &&
                        std::is_void_v<typename ffi::ArgBinding<Given>::Arg> &&
                        std::is_void_v<typename ffi::RetBinding<Given>::Ret>;

template <typename First, typename... Rest, typename Binding>
auto taking(Binding binding, const char* const* names) {
  const auto next = [&] {
    if constexpr (kNamed<First>)
      return std::move(binding).template Attr<First>(*names);
    else if constexpr (std::is_same_v<First, ffi::ThreadPool>)
      return std::move(binding).template Ctx<First>();
    else if constexpr (!std::is_void_v<typename ffi::ArgBinding<First>::Arg>)
      return std::move(binding).template Arg<First>();
    else
      return std::move(binding).template Ret<typename ffi::RetBinding<First>::Ret>();
  };
  if constexpr (sizeof...(Rest) == 0)
    return next();
  else
    return taking<Rest...>(next(), names + kNamed<First>);
}

// What a call takes is read off its parameters; only attributes have names, in order.
template <typename... Given, typename... Names>
auto bound(ffi::Error (*)(Given...), Names... names) {
  static_assert((kNamed<Given> + ... + 0) == sizeof...(Names), "a name for each");
  const char* const all[] = {names..., nullptr};
  return taking<Given...>(ffi::Ffi::Bind(), all);
}

}  // namespace

// SNNJAX_CALL(name in the library, function, names of its attributes ...)
#define SNNJAX_CALL(name, call, ...) \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, call, bound(call, ##__VA_ARGS__))
