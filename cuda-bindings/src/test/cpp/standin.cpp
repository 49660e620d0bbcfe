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

// ---- one block: its threads are fibers, switched at barriers of the block or of a warp ----------

extern "C" {
StandInDim standin_threadIdx, standin_blockIdx, standin_blockDim, standin_gridDim;
alignas(16) char standin_shared[256 << 10];
}

enum Wait { RUNNING, AT_WARP, AT_BLOCK };

struct Fiber {
  jmp_buf here;
  ucontext_t start;
  unsigned thread;
  bool started;
  Wait wait;
  long exchanges;
};

static const unsigned LANES = 32;

static const size_t STACK = 256 << 10;
static Fiber fibers[1024];
static Fiber* current;
static jmp_buf scheduler;
static ucontext_t schedulerContext;
static unsigned nextThread, threadCount;
static const std::function<void()>* body;

static void leave() {
  if (_setjmp(current->here) == 0) {
    _longjmp(scheduler, 1);
  }
}

static void fiberMain() {
  for (;;) {
    while (nextThread < threadCount) {
      current->thread = standin_threadIdx.x = nextThread++;
      current->exchanges = 0;
      (*body)();
    }
    leave();
  }
}

static void resume(Fiber& f) {
  current = &f;
  f.wait = RUNNING;
  standin_threadIdx.x = f.thread;
  if (_setjmp(scheduler) != 0) {
    return;
  }
  if (f.started) {
    _longjmp(f.here, 1);
  }
  f.started = true;
  getcontext(&f.start);
  f.start.uc_stack.ss_sp = malloc(STACK);
  f.start.uc_stack.ss_size = STACK;
  f.start.uc_link = nullptr;
  makecontext(&f.start, fiberMain, 0);
  swapcontext(&schedulerContext, &f.start);
}

extern "C" void standin_barrier() {
  current->wait = AT_BLOCK;
  leave();
}

// Each lane of a warp gives some bytes and sees those of all. A lane may be one exchange ahead of
// another one, not two, so two buffers in turn suffice.
extern "C" const void* standin_exchange(const void* mine, size_t bytes) {
  static char lanes[1024 / LANES][2][LANES][STANDIN_EXCHANGED];
  auto& buffer = lanes[current->thread / LANES][current->exchanges++ % 2];
  memcpy(buffer[current->thread % LANES], mine, bytes);
  current->wait = AT_WARP;
  leave();
  return buffer;
}

static void fail(const char* problem) {
  fprintf(stderr, "stand-in driver: %s\n", problem);
  abort();
}

// Warps go on for as long as one can; then all threads stand at a barrier of the block, or are done.
static bool resumeWaiting(unsigned count, Wait wait) {
  bool any = false;
  for (unsigned i = 0; i < count; i++) {
    if (fibers[i].wait == wait) {
      any = true;
      resume(fibers[i]);
    }
  }
  return any;
}

static void checkWarps(unsigned count) {
  std::map<unsigned, std::pair<unsigned, long>> warps;
  for (unsigned i = 0; i < count; i++) {
    if (fibers[i].wait == AT_WARP) {
      auto& [lanes, exchanges] = warps[fibers[i].thread / LANES];
      if (lanes++ > 0 && exchanges != fibers[i].exchanges) {
        fail("the lanes of a warp are at different exchanges");
      }
      exchanges = fibers[i].exchanges;
    }
  }
  for (auto& [warp, state] : warps) {
    if (state.first != LANES) {
      fail("not all lanes of a warp have come to an exchange");
    }
  }
}

static void runBlock() {
  unsigned count = 0;
  nextThread = 0;
  while (nextThread < threadCount) {
    resume(fibers[count++]);
  }
  for (bool any = true; any;) {
    checkWarps(count);
    any = resumeWaiting(count, AT_WARP) || resumeWaiting(count, AT_BLOCK);
  }
}

static void runGrid(
    const std::function<void()>& kernel, StandInDim grid, unsigned threads, unsigned sharedBytes) {
  body = &kernel;
  threadCount = threads;
  standin_gridDim = grid;
  standin_blockDim = {threads, 1, 1};
  for (unsigned z = 0; z < grid.z; z++) {
    for (unsigned y = 0; y < grid.y; y++) {
      for (unsigned x = 0; x < grid.x; x++) {
        standin_blockIdx = {x, y, z};
        memset(standin_shared, 0xff, sharedBytes);
        runBlock();
      }
    }
  }
}

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

// ---- cuBLAS -------------------------------------------------------------------------------------

Result cublasCreate_v2(void** out) {
  INJECT
  *out = new bool(false);
  return SUCCESS;
}

Result cublasDestroy_v2(void* handle) {
  delete (bool*)handle;
  return SUCCESS;
}

Result cublasGetProperty(unsigned type, int* value) {
  *value = type == 0 ? settings["cublas"] : 0;
  return SUCCESS;
}

Result cublasSetStream_v2(void*, void* s) { return s == &streams[bound] ? SUCCESS : 7; }

// A handle is whether TF32 is allowed.
Result cublasSetMathMode(void* handle, unsigned mode) {
  *(bool*)handle = mode == 3;
  return mode == 0 || mode == 3 ? SUCCESS : 7;
}

const char* cublasGetStatusString(Result status) {
  return status == 3    ? "CUBLAS_STATUS_ALLOC_FAILED"
         : status == 7  ? "CUBLAS_STATUS_INVALID_VALUE"
         : status == 15 ? "CUBLAS_STATUS_NOT_SUPPORTED"
                        : "status of the stand-in";
}
}

// One matrix as cuBLAS reads it: columns of `rows` elements, `leading` apart.
struct Matrices {
  bool transposed;
  Address start;
  long long rows, cols, leading, step;
};

static bool fits(const Matrices& m, long long size, int batch) {
  long long stored = m.transposed ? m.cols : m.rows, columns = m.transposed ? m.rows : m.cols;
  long long last = (batch - 1) * m.step + (columns - 1) * m.leading + stored;
  return m.leading >= std::max(1LL, stored) && m.step >= 0 &&
         (stored == 0 || columns == 0 || inside(m.start, last * size));
}

static double widen(double x, bool) { return x; }
static double widen(uint16_t bf16, bool) { return __int_as_float((int)bf16 << 16); }

// TF32 keeps 10 bits of the fraction.
static double widen(float x, bool tf32) {
  return tf32 ? __int_as_float((__float_as_int(x) + 0x1000) & ~0x1fff) : x;
}

template <typename In, typename Out>
static void gemm(Matrices a, Matrices b, Matrices c, double alpha, double beta, bool tf32) {
  const In *as = (const In*)a.start, *bs = (const In*)b.start;
  for (long long j = 0; j < c.cols; j++) {
    for (long long i = 0; i < c.rows; i++) {
      double sum = 0;
      for (long long l = 0; l < a.cols; l++) {
        sum += widen(as[a.transposed ? l + i * a.leading : i + l * a.leading], tf32) *
               widen(bs[b.transposed ? j + l * b.leading : l + j * b.leading], tf32);
      }
      Out* out = (Out*)c.start + i + j * c.leading;
      *out = (Out)(beta == 0 ? alpha * sum : alpha * sum + beta * *out);
    }
  }
}

template <typename In, typename Out>
static Result gemms(void* handle, Matrices a, Matrices b, Matrices c, const void* alpha,
    const void* beta, int batch) {
  if (!fits(a, sizeof(In), batch) || !fits(b, sizeof(In), batch) || !fits(c, sizeof(Out), batch)) {
    return 7;
  }
  double scale = *(const Out*)alpha, previous = *(const Out*)beta;
  bool tf32 = *(bool*)handle;
  return enqueue([=] {
    for (int i = 0; i < batch; i++) {
      Matrices ai = a, bi = b, ci = c;
      ai.start += i * a.step * sizeof(In);
      bi.start += i * b.step * sizeof(In);
      ci.start += i * c.step * sizeof(Out);
      gemm<In, Out>(ai, bi, ci, scale, previous, tf32);
    }
  });
}

// Types: 0 F32, 1 F64, 14 BF16; the operands' and the result's as cuBLAS allows them together.
extern "C" Result cublasGemmStridedBatchedEx(void* handle, unsigned ta, unsigned tb, int m, int n, int k,
    const void* alpha, const void* a, unsigned at, int lda, long long sa, const void* b,
    unsigned bt, int ldb, long long sb, const void* beta, void* c, unsigned ct, int ldc,
    long long sc, int batch, unsigned compute, int) {
  INJECT
  if (at != bt || m < 0 || n < 0 || k < 0 || batch < 0) {
    return 7;
  }
  Matrices left = {ta != 0, (Address)a, m, k, lda, sa};
  Matrices right = {tb != 0, (Address)b, k, n, ldb, sb};
  Matrices out = {false, (Address)c, m, n, ldc, sc};
  if (at == 1 && ct == 1 && compute == 70) {
    return gemms<double, double>(handle, left, right, out, alpha, beta, batch);
  }
  if (at == 0 && ct == 0 && compute == 68) {
    return gemms<float, float>(handle, left, right, out, alpha, beta, batch);
  }
  if (at == 14 && ct == 0 && compute == 68) {
    return gemms<uint16_t, float>(handle, left, right, out, alpha, beta, batch);
  }
  return 15;
}

// ---- NVRTC --------------------------------------------------------------------------------------

struct Program {
  std::string source, log, image;
};

static std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

extern "C" {
Result nvrtcVersion(int* major, int* minor) {
  *major = settings["nvrtc"];
  *minor = 0;
  return SUCCESS;
}

Result nvrtcGetNumSupportedArchs(int* count) {
  *count = 3;
  return SUCCESS;
}

Result nvrtcGetSupportedArchs(int* all) {
  all[0] = 75, all[1] = 80, all[2] = 90;
  return SUCCESS;
}

Result nvrtcCreateProgram(Program** out, const char* source, const char*, int, void*, void*) {
  *out = new Program{source, "", ""};
  return SUCCESS;
}

Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  Dl_info self;
  dladdr((void*)&nvrtcCompileProgram, &self);
  std::string library = self.dli_fname;
  char work[] = "/tmp/granula-standin-XXXXXX";
  std::string base = mkdtemp(work);
  std::ofstream out(base + "/kernel.cpp");
  out << "#include \"prelude.h\"\n" << program->source;
  std::regex kernel("extern \"C\" __global__ void (?:__launch_bounds__\\(.*?\\) )?(\\w+)\\(");
  for (std::sregex_iterator it(program->source.begin(), program->source.end(), kernel), end;
       it != end; ++it) {
    std::string name = (*it)[1];
    out << "\nextern \"C\" std::function<void()>* standin_bind_" << name
        << "(void** a) { return standinBind(" << name << ", a); }\n";
  }
  out.close();
  std::string folder = library.substr(0, library.rfind('/'));
  std::string command = "g++ -std=c++17 -O1 -ffp-contract=off -w -fPIC -shared -I " + folder +
                        " -I " + STANDIN_SOURCE;
  for (int i = 0; i < count; i++) {
    command += strncmp(options[i], "-D", 2) == 0 ? std::string(" ") + options[i] : "";
  }
  command += " -o " + base + "/kernel.so " + base + "/kernel.cpp " + library + " >" + base +
             "/log 2>&1";
  int rc = system(command.c_str());
  program->log = contents(base + "/log");
  std::string bytes = contents(base + "/kernel.so");
  uint64_t length = bytes.size();
  program->image = std::string((const char*)&length, sizeof length) + bytes;
  rc |= system(("rm -r " + base).c_str());
  return rc == 0 ? SUCCESS : 6;
}

Result nvrtcGetCUBINSize(Program* program, size_t* size) {
  *size = program->image.size();
  return SUCCESS;
}

Result nvrtcGetCUBIN(Program* program, char* cubin) {
  memcpy(cubin, program->image.data(), program->image.size());
  return SUCCESS;
}

Result nvrtcGetProgramLogSize(Program* program, size_t* size) {
  *size = program->log.size() + 1;
  return SUCCESS;
}

Result nvrtcGetProgramLog(Program* program, char* log) {
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return SUCCESS;
}

Result nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return SUCCESS;
}

const char* nvrtcGetErrorString(Result result) {
  return result == 6 ? "NVRTC_ERROR_COMPILATION" : "error of the stand-in";
}
}
