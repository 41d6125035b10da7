// Runs calls of the kernels without XLA, so that they run where JAX does not: under an
// emulator of another processor. Reads calls from standard input and writes to standard
// output, for each, how long its complaint is, the complaint, and its results.

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "kernels.cc"

struct XLA_FFI_Error {
  std::string text;
};

namespace {

struct Pool {
  std::mutex mutex;
  std::vector<std::thread> threads;
} pool;

XLA_FFI_Error* create(XLA_FFI_Error_Create_Args* args) {
  return new XLA_FFI_Error{args->message};
}
void message(XLA_FFI_Error_GetMessage_Args* args) {
  args->message = args->error->text.c_str();
}
void destroy(XLA_FFI_Error_Destroy_Args* args) { delete args->error; }

XLA_FFI_Error* threads(XLA_FFI_ThreadPool_NumThreads_Args* args) {
  *args->num_threads = 2;
  return nullptr;
}
XLA_FFI_Error* schedule(XLA_FFI_ThreadPool_Schedule_Args* args) {
  std::lock_guard<std::mutex> lock(pool.mutex);
  pool.threads.emplace_back([task = args->task, data = args->data] { task(data); });
  return nullptr;
}
void join() {
  for (size_t k = 0; k < pool.threads.size(); ++k) pool.threads[k].join();
  pool.threads.clear();
}

void take(void* to, size_t bytes) {
  if (std::fread(to, 1, bytes, stdin) != bytes) std::exit(3);
}
int64_t number() {
  int64_t value;
  take(&value, sizeof value);
  return value;
}
std::string text() {
  std::string value(number(), '\0');
  take(value.data(), value.size());
  return value;
}

struct Buffers {
  std::vector<std::vector<int64_t>> dims;
  std::vector<Array<char>> data;
  std::vector<int64_t> bytes;
  std::vector<XLA_FFI_Buffer> all;
  std::vector<void*> pointers;

  explicit Buffers(int64_t count) : dims(count), all(count) {
    for (int64_t k = 0; k < count; ++k) {
      const auto type = static_cast<XLA_FFI_DataType>(number());
      dims[k].resize(number());
      for (auto& dim : dims[k]) dim = number();
      bytes.push_back(number());
      data.push_back(array<char>(bytes[k] + 1));
      take(data[k].get(), bytes[k]);
      all[k] = {XLA_FFI_Buffer_STRUCT_SIZE, nullptr,
                type,                       data[k].get(),
                int64_t(dims[k].size()),    dims[k].data()};
    }
    for (auto& each : all) pointers.push_back(&each);
  }
};

struct Attributes {
  std::vector<std::string> names, texts;
  std::vector<int64_t> values;
  std::vector<XLA_FFI_ByteSpan> spans, strings;
  std::vector<XLA_FFI_Scalar> scalars;
  std::vector<std::vector<int64_t>> lists;
  std::vector<XLA_FFI_Array> arrays;
  std::vector<XLA_FFI_AttrType> types;
  std::vector<XLA_FFI_ByteSpan*> named;
  std::vector<void*> pointers;

  explicit Attributes(int64_t count)
      : names(count), texts(count), values(count), spans(count), strings(count),
        scalars(count), lists(count), arrays(count) {
    for (int64_t k = 0; k < count; ++k) {
      names[k] = text();
      spans[k] = {names[k].data(), names[k].size()};
      named.push_back(&spans[k]);
      const int64_t type = number();  // of a number; none for text, -1 for a list
      if (type == 0) {
        texts[k] = text();
        strings[k] = {texts[k].data(), texts[k].size()};
        types.push_back(XLA_FFI_AttrType_STRING);
        pointers.push_back(&strings[k]);
      } else if (type < 0) {
        lists[k].resize(number());
        for (int64_t& each : lists[k]) each = number();
        arrays[k] = {XLA_FFI_DataType_S64, lists[k].size(), lists[k].data()};
        types.push_back(XLA_FFI_AttrType_ARRAY);
        pointers.push_back(&arrays[k]);
      } else {
        values[k] = number();
        scalars[k] = {static_cast<XLA_FFI_DataType>(type), &values[k]};
        types.push_back(XLA_FFI_AttrType_SCALAR);
        pointers.push_back(&scalars[k]);
      }
    }
  }
};

XLA_FFI_Api make_api() {
  XLA_FFI_Api api{};
  api.struct_size = XLA_FFI_Api_STRUCT_SIZE;
  api.api_version = {XLA_FFI_Api_Version_STRUCT_SIZE, nullptr, XLA_FFI_API_MAJOR,
                     XLA_FFI_API_MINOR};
  api.XLA_FFI_Error_Create = create;
  api.XLA_FFI_Error_GetMessage = message;
  api.XLA_FFI_Error_Destroy = destroy;
  api.XLA_FFI_ThreadPool_NumThreads = threads;
  api.XLA_FFI_ThreadPool_Schedule = schedule;
  return api;
}

void put(const void* from, size_t bytes) { std::fwrite(from, 1, bytes, stdout); }

void call(const XLA_FFI_Api& api) {
  const std::string name = text();
  auto* handler = reinterpret_cast<XLA_FFI_Handler*>(dlsym(RTLD_DEFAULT, name.c_str()));
  if (handler == nullptr) std::exit(4);
  Buffers args(number()), rets(number());
  Attributes attrs(number());
  std::vector<XLA_FFI_ArgType> taken(args.all.size(), XLA_FFI_ArgType_BUFFER);
  std::vector<XLA_FFI_RetType> made(rets.all.size(), XLA_FFI_RetType_BUFFER);

  XLA_FFI_CallFrame frame{};
  frame.struct_size = XLA_FFI_CallFrame_STRUCT_SIZE;
  frame.api = &api;
  frame.stage = XLA_FFI_ExecutionStage_EXECUTE;
  frame.args = {XLA_FFI_Args_STRUCT_SIZE, nullptr, int64_t(taken.size()), taken.data(),
                args.pointers.data()};
  frame.rets = {XLA_FFI_Rets_STRUCT_SIZE, nullptr, int64_t(made.size()), made.data(),
                rets.pointers.data()};
  frame.attrs = {XLA_FFI_Attrs_STRUCT_SIZE, nullptr,      int64_t(attrs.types.size()),
                 attrs.types.data(),        attrs.named.data(), attrs.pointers.data()};
  XLA_FFI_Error* error = handler(&frame);
  join();

  const std::string complaint = error == nullptr ? "" : error->text;
  delete error;
  const int64_t length = complaint.size();
  put(&length, sizeof length);
  put(complaint.data(), length);
  for (size_t k = 0; k < rets.all.size(); ++k) put(rets.data[k].get(), rets.bytes[k]);
}

}  // namespace

int main() {
  const XLA_FFI_Api api = make_api();
  const int64_t count = number();
  for (int64_t k = 0; k < count; ++k) call(api);
}
