// Part of standin.cpp: how one block of threads runs.
#pragma once

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
