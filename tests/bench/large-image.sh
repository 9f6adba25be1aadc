#!/bin/sh
# Makes the large image of the benchmarks: a real one, three layers, about 1.4 GB unpacked, as OCI layout in DIR.
#
#   large-image.sh DIR
#
# Layer 1 is a Debian made by debootstrap, layer 2 adds python3 and build-essential, layer 3 numpy, pandas, scipy and
# nodejs. Needs root (debootstrap, chroot), debootstrap and buildah; takes some minutes and the network, once: a finished
# DIR is left alone. The packages come from wherever this machine's apt and pip get theirs.
set -eu

dir=${1:?usage: large-image.sh DIR}
[ -e "$dir/complete" ] && exit 0
[ "$(id -u)" = 0 ] || { echo "large-image.sh: run it as root: debootstrap makes device nodes" >&2; exit 1; }
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
root=$dir/root
store="--root $dir/buildah --runroot $dir/buildah-run --storage-driver overlay"

[ -e "$dir/root.complete" ] || {
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  touch "$dir/root.complete"
}

# shellcheck disable=SC2086  # $store is several words on purpose
run() { buildah $store run --isolation chroot --network host "$1" -- sh -euc "$2"; }
# shellcheck disable=SC2086
commit() { buildah $store commit --quiet --rm --disable-compression=false "$1" "$2"; }

# shellcheck disable=SC2086
{
  base=$(buildah $store from scratch)
  buildah $store copy --quiet "$base" "$root" /
  buildah $store config --cmd bash "$base"
  commit "$base" base

  tools=$(buildah $store from --pull-never base)
  run "$tools" 'apt-get update -q && apt-get install -y -q --no-install-recommends python3 python3-pip build-essential && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb'
  commit "$tools" tools

  data=$(buildah $store from --pull-never tools)
  run "$data" 'apt-get update -q && apt-get install -y -q --no-install-recommends python3-numpy python3-pandas python3-scipy nodejs && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb'
  commit "$data" data

  # The layout that every run copies from: one gzip blob a layer, as a registry serves it.
  rm -rf "$dir/oci"
  buildah $store push --quiet data "oci:$dir/oci:data"
  rm -rf "$dir/buildah" "$dir/buildah-run" "$root"
}
touch "$dir/complete"
