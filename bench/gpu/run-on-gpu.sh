#!/bin/sh
# The conformance suite on a GPU machine that has no Java.
#   run-on-gpu.sh pack FOLDER   after mvn test: put classes and a small Java run-time into FOLDER
#   FOLDER/run-on-gpu.sh run    on the GPU machine: run the suite, log to FOLDER/gpu-run.log
# JAVA_HOME (25) and JUNIT_CONSOLE, the path of junit-platform-console-standalone 1.14.1, are needed
# to pack; LIBDIR, the folders of cuBLAS and NVRTC, can be set to run.
set -eu

pack() {
  folder=$1
  root=$(cd "$(dirname "$0")/../.." && pwd)
  mkdir -p "$folder/classes"
  rm -rf "$folder/jre"
  "$JAVA_HOME/bin/jlink" --output "$folder/jre" --strip-debug --no-header-files --no-man-pages \
    --compress zip-9 \
    --add-modules java.base,java.logging,java.management,java.xml,java.compiler,jdk.incubator.vector,jdk.unsupported
  cp -r "$root/tensor/target/classes/." "$root/cuda-bindings/target/classes/." \
    "$root/cuda-bindings/target/test-classes/." "$folder/classes"
  mkdir -p "$folder/classes/dev/granula/tensor"
  cp -r "$root/tensor/target/test-classes/dev/granula/tensor/conformance" \
    "$folder/classes/dev/granula/tensor"
  rm -f "$folder/classes/module-info.class"
  cp "$JUNIT_CONSOLE" "$folder/junit.jar"
  git -C "$root" rev-parse HEAD >"$folder/commit"
  cp "$0" "$folder/run-on-gpu.sh"
  du -sh "$folder"
}

run() {
  folder=$(cd "$(dirname "$0")" && pwd)
  python=$(python3 -c 'import glob, site, os; print(":".join(glob.glob(site.getsitepackages()[0] + "/nvidia/*/lib")))' 2>/dev/null || true)
  {
    echo "commit $(cat "$folder/commit")"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv || true
    "$folder/jre/bin/java" -Xmx4g --enable-native-access=ALL-UNNAMED \
      -Dgranula.cuda.libdir="${LIBDIR:-$python}" -cp "$folder/junit.jar:$folder/classes" \
      org.junit.platform.console.ConsoleLauncher execute --disable-banner --details=tree \
      --disable-ansi-colors -c dev.granula.cuda.GpuConformanceTest
  } 2>&1 | tee "$folder/gpu-run.log"
}

"$@"
