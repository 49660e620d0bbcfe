// Part of standin.cpp: cuBLAS and NVRTC.
#pragma once

// ---- cuBLAS -------------------------------------------------------------------------------------

extern "C" {
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
