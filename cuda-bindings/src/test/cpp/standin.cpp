// A stand-in for the CUDA driver, cuBLAS and NVRTC, for tests on machines without a GPU. It has the
// entry points that Granula calls, checks their arguments, does nothing on the stream before
// somebody waits for it, poisons fresh memory, and runs the very kernel sources, compiled as host
// C++. It says nothing about a GPU's numerics, concurrency or speed.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdint.h>
#include <ucontext.h>
#include <unistd.h>

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

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_CONTEXT = 201, NOT_FOUND = 500 };

static int context, stream, handle;
static thread_local bool bound;
static std::map<Address, size_t> memory;
static std::set<void*> hostMemory;
static size_t used, limit = SIZE_MAX;
static std::vector<std::function<void()>> queue;

// ---- one block: its threads are fibers, switched at barriers ------------------------------------

extern "C" {
StandInDim standin_threadIdx, standin_blockIdx, standin_blockDim, standin_gridDim;
}

struct Fiber {
  jmp_buf here;
  ucontext_t start;
  unsigned thread;
  bool started, waiting;
};

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
      (*body)();
    }
    leave();
  }
}

static void resume(Fiber& f) {
  current = &f;
  f.waiting = false;
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
  current->waiting = true;
  leave();
}

static void runBlock() {
  unsigned count = 0;
  nextThread = 0;
  while (nextThread < threadCount) {
    resume(fibers[count++]);
  }
  for (bool any = true; any;) {
    any = false;
    for (unsigned i = 0; i < count; i++) {
      if (fibers[i].waiting) {
        any = true;
        resume(fibers[i]);
      }
    }
  }
}

static void runGrid(const std::function<void()>& kernel, StandInDim grid, unsigned threads) {
  body = &kernel;
  threadCount = threads;
  standin_gridDim = grid;
  standin_blockDim = {threads, 1, 1};
  for (unsigned z = 0; z < grid.z; z++) {
    for (unsigned y = 0; y < grid.y; y++) {
      for (unsigned x = 0; x < grid.x; x++) {
        standin_blockIdx = {x, y, z};
        runBlock();
      }
    }
  }
}

static Result flush() {
  std::vector<std::function<void()>> work;
  work.swap(queue);
  for (auto& item : work) {
    item();
  }
  return SUCCESS;
}

static Result enqueue(std::function<void()> work) {
  if (!bound) {
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
  return address + bytes <= after->first + after->second;
}

// ---- switches of the tests ----------------------------------------------------------------------

extern "C" void standin_limit(size_t bytes) { limit = bytes; }
extern "C" size_t standin_live() { return memory.size() + hostMemory.size(); }

// ---- driver -------------------------------------------------------------------------------------

extern "C" {
Result cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }

Result cuDriverGetVersion(int* version) {
  *version = 13000;
  return SUCCESS;
}

Result cuGetErrorName(Result error, const char** text) {
  *text = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_STAND_IN";
  return SUCCESS;
}

Result cuGetErrorString(Result error, const char** text) {
  *text = error == OUT_OF_MEMORY ? "out of memory" : "error of the stand-in driver";
  return SUCCESS;
}

Result cuDeviceGetCount(int* count) {
  *count = 1;
  return SUCCESS;
}

Result cuDeviceGet(int* out, int ordinal) {
  *out = ordinal;
  return ordinal == 0 ? SUCCESS : INVALID_VALUE;
}

Result cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "stand-in, no GPU");
  return SUCCESS;
}

Result cuDeviceGetAttribute(int* out, unsigned attribute, int) {
  *out = attribute == 75 ? 9 : 0;
  return SUCCESS;
}

Result cuDevicePrimaryCtxRetain(void** out, int) {
  *out = &context;
  return SUCCESS;
}

Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

Result cuCtxSetCurrent(void* value) {
  bound = value == &context;
  return bound ? SUCCESS : INVALID_VALUE;
}

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  *total = limit;
  *free = limit - used;
  return SUCCESS;
}

Result cuMemAlloc_v2(Address* out, size_t bytes) {
  if (!bound) {
    return NO_CONTEXT;
  }
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  if (used + bytes > limit) {
    return OUT_OF_MEMORY;
  }
  void* block = aligned_alloc(256, (bytes + 255) / 256 * 256);
  memset(block, 0xff, bytes);
  *out = (Address)block;
  memory[*out] = bytes;
  used += bytes;
  return SUCCESS;
}

Result cuMemFree_v2(Address address) {
  auto found = memory.find(address);
  if (found == memory.end()) {
    return INVALID_VALUE;
  }
  flush();
  used -= found->second;
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
  return inside(to, bytes) ? enqueue([=] { memcpy((void*)to, from, bytes); }) : INVALID_VALUE;
}

Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void*) {
  return inside(from, bytes) ? enqueue([=] { memcpy(to, (void*)from, bytes); }) : INVALID_VALUE;
}

Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void*) {
  bool fits = inside(from, bytes) && inside(to, bytes);
  return fits ? enqueue([=] { memmove((void*)to, (void*)from, bytes); }) : INVALID_VALUE;
}

Result cuStreamCreate(void** out, unsigned) {
  *out = &stream;
  return SUCCESS;
}

Result cuStreamSynchronize(void* s) { return s == &stream ? flush() : INVALID_VALUE; }
Result cuStreamDestroy_v2(void* s) { return s == &stream ? flush() : INVALID_VALUE; }

Result cuEventCreate(void** out, unsigned) {
  *out = new bool(false);
  return SUCCESS;
}

Result cuEventRecord(void* event, void*) {
  *(bool*)event = true;
  return SUCCESS;
}

Result cuEventSynchronize(void* event) { return *(bool*)event ? flush() : SUCCESS; }

Result cuEventDestroy_v2(void* event) {
  delete (bool*)event;
  return SUCCESS;
}

// The image is its length and a shared library.
Result cuModuleLoadData(void** out, const void* image) {
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

Result cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ,
    unsigned blockX, unsigned blockY, unsigned blockZ, unsigned, void*, void** arguments, void**) {
  bool fits = gridX > 0 && gridY > 0 && gridZ > 0 && gridY < 65536 && gridZ < 65536;
  if (!fits || blockX == 0 || blockX > 1024 || blockY != 1 || blockZ != 1) {
    return INVALID_VALUE;
  }
  auto* kernel = ((std::function<void()> * (*)(void**)) function)(arguments);
  StandInDim grid = {gridX, gridY, gridZ};
  return enqueue([=] {
    runGrid(*kernel, grid, blockX);
    delete kernel;
  });
}

// ---- cuBLAS -------------------------------------------------------------------------------------

Result cublasCreate_v2(void** out) {
  *out = &handle;
  return SUCCESS;
}

Result cublasDestroy_v2(void*) { return SUCCESS; }

Result cublasGetVersion_v2(void*, int* version) {
  *version = 0;
  return SUCCESS;
}

Result cublasSetStream_v2(void*, void* s) { return s == &stream ? SUCCESS : 7; }
Result cublasSetMathMode(void*, unsigned) { return SUCCESS; }
const char* cublasGetStatusString(Result status) {
  return status == 7 ? "CUBLAS_STATUS_INVALID_VALUE" : "status of the stand-in";
}
}

template <typename T>
static void gemm(bool ta, bool tb, int m, int n, int k, T alpha, const T* a, int lda, const T* b,
    int ldb, T beta, T* c, int ldc) {
  for (int j = 0; j < n; j++) {
    for (int i = 0; i < m; i++) {
      double sum = 0;
      for (int l = 0; l < k; l++) {
        size_t at = ta ? l + (size_t)i * lda : i + (size_t)l * lda;
        size_t bt = tb ? j + (size_t)l * ldb : l + (size_t)j * ldb;
        sum += (double)a[at] * b[bt];
      }
      T* out = c + i + (size_t)j * ldc;
      *out = beta == 0 ? (T)(alpha * sum) : (T)(alpha * sum + beta * *out);
    }
  }
}

template <typename T>
static Result gemms(bool ta, bool tb, int m, int n, int k, T alpha, const void* a, int lda,
    long long sa, const void* b, int ldb, long long sb, T beta, void* c, int ldc, long long sc,
    int batch) {
  return enqueue([=] {
    for (int i = 0; i < batch; i++) {
      gemm<T>(ta, tb, m, n, k, alpha, (const T*)a + i * sa, lda, (const T*)b + i * sb, ldb, beta,
          (T*)c + i * sc, ldc);
    }
  });
}

extern "C" Result cublasGemmStridedBatchedEx(void*, unsigned ta, unsigned tb, int m, int n, int k,
    const void* alpha, const void* a, unsigned at, int lda, long long sa, const void* b,
    unsigned bt, int ldb, long long sb, const void* beta, void* c, unsigned ct, int ldc,
    long long sc, int batch, unsigned compute, int) {
  bool types = at == bt && bt == ct && compute == (at == 1 ? 70u : 68u) && at <= 1;
  if (!types || m < 0 || n < 0 || k < 0 || lda < std::max(1, ta ? k : m) ||
      ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m)) {
    return 7;
  }
  return at == 1 ? gemms<double>(ta, tb, m, n, k, *(const double*)alpha, a, lda, sa, b, ldb, sb,
                       *(const double*)beta, c, ldc, sc, batch)
                 : gemms<float>(ta, tb, m, n, k, *(const float*)alpha, a, lda, sa, b, ldb, sb,
                       *(const float*)beta, c, ldc, sc, batch);
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
  *major = *minor = 0;
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
  out << "#include \"" << STANDIN_SOURCE << "/prelude.h\"\n" << program->source;
  std::regex kernel("extern \"C\" __global__ void (\\w+)\\(");
  for (std::sregex_iterator it(program->source.begin(), program->source.end(), kernel), end;
       it != end; ++it) {
    std::string name = (*it)[1];
    out << "\nextern \"C\" std::function<void()>* standin_bind_" << name
        << "(void** a) { return standinBind(" << name << ", a); }\n";
  }
  out.close();
  std::string command = "g++ -std=c++17 -O1 -ffp-contract=off -w -shared -fPIC";
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
