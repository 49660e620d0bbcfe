// A stand-in for the CUDA driver, cuBLAS and NVRTC, for tests on machines without a GPU. It has the
// entry points that Granula calls, checks their arguments, does nothing on the stream before
// somebody waits for it, poisons fresh memory, and runs the very kernel sources, compiled as host
// C++. It says nothing about a GPU's numerics, concurrency or speed.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdint.h>
#include <ucontext.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "prelude.h"

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

typedef unsigned int Result;
typedef unsigned long long Address;

enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NO_DEVICE = 100,
  NO_CONTEXT = 201,
  NOT_FOUND = 500,
  FIRST_LOST = 700
};

struct Block {
  size_t bytes;
  int device;
};

static const int DEVICES = 4;
static int contexts[DEVICES], streams[DEVICES];
static thread_local int bound = -1;
static std::map<Address, Block> memory;
static std::set<void*> hostMemory;
static size_t used;
static std::vector<std::function<void()>> queue;
static long waits;
static std::map<void*, int> sharedLimits;

// ---- what it pretends to be, and faults: names and numbers set by the tests ---------------------

// A fault: the call number `at` of a function, counted from 0, answers `code`. A code from 700 on
// loses the device: every later call answers it too.
struct Fault {
  long at;
  Result code;
};

static std::map<std::string, long> settings;
static std::map<std::string, Fault> faults;
static std::map<std::string, long> calls;
static Result lost;

static void reset() {
  settings = {{"devices", 1}, {"driver", 13000}, {"cublas", 13}, {"nvrtc", 13}, {"capability", 90},
      {"shared", 232448}, {"limit", LONG_MAX}};
  faults.clear();
  calls.clear();
  lost = SUCCESS;
}

// For example "devices=2,driver=12040,cuLaunchKernel=100:719".
extern "C" void standin_configure(const char* text) {
  reset();
  std::stringstream items(text);
  for (std::string item; std::getline(items, item, ',');) {
    std::string name = item.substr(0, item.find('=')), value = item.substr(item.find('=') + 1);
    if (size_t colon = value.find(':'); colon != std::string::npos) {
      faults[name] = {std::stol(value), (Result)std::stol(value.substr(colon + 1))};
    } else {
      settings[name] = std::stol(value);
    }
  }
}

static const bool configured = [] {
  const char* text = getenv("GRANULA_STANDIN");
  standin_configure(text ? text : "");
  return true;
}();

// The answer to a call when a fault is set for it.
static Result fault(const char* function) {
  if (lost) {
    return lost;
  }
  long number = calls[function]++;
  auto found = faults.find(function);
  if (found == faults.end() || number != found->second.at) {
    return SUCCESS;
  }
  if (found->second.code >= FIRST_LOST) {
    lost = found->second.code;
  }
  return found->second.code;
}

#define INJECT                           \
  if (Result code = fault(__func__)) { \
    return code;                         \
  }

#include "block.h"

static Result flush() {
  if (lost) {
    return lost;
  }
  std::vector<std::function<void()>> work;
  work.swap(queue);
  for (auto& item : work) {
    item();
  }
  return SUCCESS;
}

static Result waitFor(const char* function) {
  Result code = fault(function);
  waits += !queue.empty();
  return code ? code : flush();
}

static Result enqueue(std::function<void()> work) {
  if (bound < 0) {
    return NO_CONTEXT;
  }
  queue.push_back(std::move(work));
  return SUCCESS;
}

static bool inside(Address address, size_t bytes) {
  auto after = memory.upper_bound(address);
  if (after == memory.begin()) {
    return false;
  }
  --after;
  return after->second.device == bound && address + bytes <= after->first + after->second.bytes;
}

// ---- switches of the tests ----------------------------------------------------------------------

// Blocks that were not freed, waits of the host that had something to wait for, and calls of
// cuBLAS's product and of kernels.
extern "C" size_t standin_live() { return memory.size() + hostMemory.size(); }
extern "C" size_t standin_held() { return used; }
extern "C" long standin_waits() { return waits; }
extern "C" long standin_calls(const char* function) { return calls[function]; }

// ---- driver -------------------------------------------------------------------------------------

extern "C" {
Result cuInit(unsigned flags) {
  INJECT
  return settings["devices"] == 0 ? NO_DEVICE : flags == 0 ? SUCCESS : INVALID_VALUE;
}

Result cuDriverGetVersion(int* version) {
  INJECT
  *version = settings["driver"];
  return SUCCESS;
}

Result cuGetErrorName(Result error, const char** text) {
  static const std::map<Result, const char*> names = {{OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {34, "CUDA_ERROR_STUB_LIBRARY"}, {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"}};
  auto found = names.find(error);
  *text = found == names.end() ? "CUDA_ERROR_STAND_IN" : found->second;
  return SUCCESS;
}

Result cuGetErrorString(Result error, const char** text) {
  *text = error == OUT_OF_MEMORY ? "out of memory" : "error of the stand-in driver";
  return SUCCESS;
}

Result cuDeviceGetCount(int* count) {
  *count = settings["devices"];
  return SUCCESS;
}

Result cuDeviceGet(int* out, int ordinal) {
  *out = ordinal;
  return ordinal >= 0 && ordinal < settings["devices"] ? SUCCESS : INVALID_VALUE;
}

Result cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "stand-in, no GPU");
  return SUCCESS;
}

Result cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = (size_t)1 << 30;
  return SUCCESS;
}

Result cuDeviceGetAttribute(int* out, unsigned attribute, int) {
  *out = attribute == 97 ? settings["shared"]
         : attribute == 75 ? settings["capability"] / 10 : settings["capability"] % 10;
  return attribute == 75 || attribute == 76 || attribute == 97 ? SUCCESS : INVALID_VALUE;
}

Result cuDevicePrimaryCtxRetain(void** out, int device) {
  INJECT
  *out = &contexts[device];
  return SUCCESS;
}

Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

Result cuCtxSetCurrent(void* value) {
  INJECT
  bound = (int*)value - contexts;
  bound = bound >= 0 && bound < DEVICES ? bound : -1;
  return bound >= 0 ? SUCCESS : INVALID_VALUE;
}

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  INJECT
  if (bound < 0) {
    return NO_CONTEXT;
  }
  *total = settings["limit"];
  *free = settings["limit"] - used;
  return SUCCESS;
}

Result cuMemAlloc_v2(Address* out, size_t bytes) {
  INJECT
  if (bound < 0) {
    return NO_CONTEXT;
  }
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  if (used + bytes > (size_t)settings["limit"]) {
    return OUT_OF_MEMORY;
  }
  void* block = aligned_alloc(256, (bytes + 255) / 256 * 256);
  memset(block, 0xff, bytes);
  *out = (Address)block;
  memory[*out] = {bytes, bound};
  used += bytes;
  return SUCCESS;
}

Result cuMemFree_v2(Address address) {
  auto found = memory.find(address);
  if (found == memory.end()) {
    return INVALID_VALUE;
  }
  flush();
  used -= found->second.bytes;
  memory.erase(found);
  free((void*)address);
  return SUCCESS;
}

Result cuMemAllocHost_v2(void** out, size_t bytes) {
  *out = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  hostMemory.insert(*out);
  return SUCCESS;
}

Result cuMemFreeHost(void* block) {
  if (hostMemory.erase(block) == 0) {
    return INVALID_VALUE;
  }
  flush();
  free(block);
  return SUCCESS;
}

Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void*) {
  INJECT
  return inside(to, bytes) ? enqueue([=] { memcpy((void*)to, from, bytes); }) : INVALID_VALUE;
}

Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void*) {
  INJECT
  return inside(from, bytes) ? enqueue([=] { memcpy(to, (void*)from, bytes); }) : INVALID_VALUE;
}

Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void*) {
  bool fits = inside(from, bytes) && inside(to, bytes);
  return fits ? enqueue([=] { memmove((void*)to, (void*)from, bytes); }) : INVALID_VALUE;
}

Result cuStreamCreate(void** out, unsigned) {
  *out = &streams[bound];
  return bound >= 0 ? SUCCESS : NO_CONTEXT;
}

Result cuStreamSynchronize(void* s) {
  return s == &streams[bound] ? waitFor(__func__) : INVALID_VALUE;
}

Result cuStreamDestroy_v2(void* s) { return s == &streams[bound] ? flush() : INVALID_VALUE; }

Result cuEventCreate(void** out, unsigned) {
  *out = new bool(false);
  return SUCCESS;
}

Result cuEventRecord(void* event, void*) {
  *(bool*)event = true;
  return SUCCESS;
}

Result cuEventSynchronize(void* event) { return *(bool*)event ? waitFor(__func__) : SUCCESS; }

Result cuEventDestroy_v2(void* event) {
  delete (bool*)event;
  return SUCCESS;
}

// The image is its length and a shared library.
Result cuModuleLoadData(void** out, const void* image) {
  INJECT
  char path[] = "/tmp/granula-standin-XXXXXX";
  int file = mkstemp(path);
  uint64_t length = *(const uint64_t*)image;
  bool written = write(file, (const char*)image + sizeof length, length) == (ssize_t)length;
  close(file);
  *out = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (!*out) {
    fprintf(stderr, "stand-in: %s\n", dlerror());
  }
  unlink(path);
  return *out ? SUCCESS : INVALID_VALUE;
}

Result cuModuleGetFunction(void** out, void* module, const char* name) {
  *out = dlsym(module, (std::string("standin_bind_") + name).c_str());
  return *out ? SUCCESS : NOT_FOUND;
}

Result cuModuleUnload(void*) { return flush(); }

Result cuFuncSetAttribute(void* function, unsigned attribute, int value) {
  bool fits = attribute == 8 && value <= settings["shared"];
  if (fits) {
    sharedLimits[function] = value;
  }
  return fits ? SUCCESS : INVALID_VALUE;
}

Result cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
    unsigned blockY, unsigned blockZ, unsigned shared, void*, void** arguments, void**) {
  INJECT
  bool fits = gridX > 0 && gridY > 0 && gridZ > 0 && gridY < 65536 && gridZ < 65536;
  auto limit = sharedLimits.find(function);
  fits &= shared <= (limit == sharedLimits.end() ? 48u << 10 : (unsigned)limit->second);
  if (!fits || blockX == 0 || blockX > 1024 || blockY != 1 || blockZ != 1) {
    return INVALID_VALUE;
  }
  auto* kernel = ((std::function<void()> * (*)(void**)) function)(arguments);
  StandInDim grid = {gridX, gridY, gridZ};
  return enqueue([=] {
    runGrid(*kernel, grid, blockX, shared);
    delete kernel;
  });
}
}

#include "libraries.h"
