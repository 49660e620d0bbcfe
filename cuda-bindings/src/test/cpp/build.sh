#!/bin/sh
# Builds the stand-in driver: build.sh LIBRARY. Compiled kernels find it by its soname.
set -eu
sources=$(cd "$(dirname "$0")" && pwd)
g++ -std=c++17 -O2 -shared -fPIC -Wl,-soname,libgranula-standin.so \
  -DSTANDIN_SOURCE="\"$sources\"" -o "$1" "$sources/standin.cpp" -ldl
# The header once, compiled as the kernels will be: it is most of what a kernel takes to compile.
g++ -std=c++17 -O1 -ffp-contract=off -w -fPIC -x c++-header "$sources/prelude.h" \
  -o "$(dirname "$1")/prelude.h.gch"
