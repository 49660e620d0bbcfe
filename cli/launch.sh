# shellcheck shell=bash
# What ./granula and bench/compare share: finding a JDK, building what is out of date, the JVM's options.
# Whoever sources this sets $program, its name in messages, and $root, the repository.

readonly required_java=25

# Weights and activations live outside of the heap; the JVM's default limit for that, the size of the heap,
# would refuse a model that the machine has room for. The heap itself holds little: a small young generation
# and the serial collector keep what a step leaves behind from taking memory of its own. Objects that begin at
# cache lines let the panels of products lie on whole lines (AlignedFloats); large pages save address look-ups.
# shellcheck disable=SC2034 # for whoever sources this
readonly jvm_options=(-XX:MaxDirectMemorySize=1t -XX:+UseSerialGC -Xms48m -Xmn24m -XX:ObjectAlignmentInBytes=64 -XX:+UseTransparentHugePages)

fail() {
  printf '%s: %s\n' "$program" "$1" >&2
  exit 1
}

# Follows symbolic links without realpath, which not every system has.
resolve() {
  local path=$1 target
  while [[ -L $path ]]; do
    target=$(readlink -- "$path")
    [[ $target == /* ]] && path=$target || path=${path%/*}/$target
  done
  printf '%s\n' "$path"
}

# A JDK says its version in its release file; a bare run-time image has no javac.
is_suitable_jdk() {
  local line version=0
  [[ -x $1/bin/java && -x $1/bin/javac && -r $1/release ]] || return 1
  while read -r line; do
    [[ $line =~ ^JAVA_VERSION=\"([0-9]+) ]] && version=${BASH_REMATCH[1]}
  done <"$1/release"
  ((version >= required_java))
}

find_jdk() {
  local candidate javac
  local candidates=("${JAVA_HOME:-}")
  if javac=$(command -v javac); then
    javac=$(resolve "$javac")
    candidates+=("${javac%/bin/javac}")
  fi
  candidates+=(
    /usr/lib/jvm/*
    "${HOME:-}"/.sdkman/candidates/java/*
    "${HOME:-}"/.jdks/*
    /opt/*
    /Library/Java/JavaVirtualMachines/*/Contents/Home
  )
  for candidate in "${candidates[@]}"; do
    if [[ -n $candidate ]] && is_suitable_jdk "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

# Sets JAVA_HOME to a suitable JDK, or fails.
require_jdk() {
  JAVA_HOME=$(find_jdk) ||
    fail "no JDK $required_java or later in JAVA_HOME, on the PATH or in the usual folders; install one, for example from https://adoptium.net, or set JAVA_HOME"
  export JAVA_HOME
}

# is_up_to_date <module> <module> ...: the first one's jars are newer than the sources of all.
is_up_to_date() {
  local stamp=$root/$1/target/launcher.stamp
  [[ -e $stamp && -d $root/$1/target/lib ]] || return 1
  local sources=("$root/pom.xml") module folder
  for module; do
    sources+=("$root/$module/pom.xml")
    for folder in "$root/$module"/src/*; do
      [[ $folder == */test ]] || sources+=("$folder")
    done
  done
  [[ -z $(find "${sources[@]}" -newer "$stamp" -print | head -n 1) ]]
}

# build <module>: its jar and all that it needs, in <module>/target/lib.
build() {
  local lib=$root/$1/target/lib stamp=$root/$1/target/launcher.stamp
  command -v mvn >/dev/null ||
    fail "a build is needed and 'mvn' is not on the PATH; install Apache Maven 3.8 or later"
  printf '%s: building (the first time takes a minute or two) ...\n' "$program" >&2
  rm -rf -- "$lib" "$stamp"
  mkdir -p -- "$lib"
  # The time before the build: what is edited while it runs gets built again.
  : >"$stamp.new"
  local log
  if ! log=$(cd -- "$root" && mvn -q -B -Pfast -DskipTests package -pl "$1" -am 2>&1); then
    printf '%s\n' "$log" >&2
    rm -rf -- "$lib"
    fail "the build failed; its output stands above"
  fi
  mv -- "$stamp.new" "$stamp"
}
