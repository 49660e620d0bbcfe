// The entry points of NVRTC, the run-time compiler, that Granula calls, written from the public API documentation. Input of jextract; the
// hand-written nvrtc_h has the same names and call signatures.
#ifndef GRANULA_NVRTC_H
#define GRANULA_NVRTC_H

#include <stddef.h>

typedef struct _nvrtcProgram *nvrtcProgram;
typedef unsigned int nvrtcResult;

#define NVRTC_SUCCESS 0

nvrtcResult nvrtcVersion(int *major, int *minor);
nvrtcResult nvrtcCreateProgram(nvrtcProgram *prog, const char *src, const char *name, int numHeaders, const char *const *headers, const char *const *includeNames);
nvrtcResult nvrtcCompileProgram(nvrtcProgram prog, int numOptions, const char *const *options);
nvrtcResult nvrtcGetCUBINSize(nvrtcProgram prog, size_t *cubinSizeRet);
nvrtcResult nvrtcGetCUBIN(nvrtcProgram prog, char *cubin);
nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram prog, size_t *logSizeRet);
nvrtcResult nvrtcGetProgramLog(nvrtcProgram prog, char *log);
nvrtcResult nvrtcDestroyProgram(nvrtcProgram *prog);
const char *nvrtcGetErrorString(nvrtcResult result);
nvrtcResult nvrtcGetNumSupportedArchs(int *numArchs);
nvrtcResult nvrtcGetSupportedArchs(int *supportedArchs);

#endif
