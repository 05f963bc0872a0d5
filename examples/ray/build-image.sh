#!/bin/sh
# Builds the image tetra-ray:2.60.0 as an OCI layout in one tar, with no registry and no daemon: Debian 12 with its Python 3.11, and
# Ray 2.60.0 with its dashboard and numpy from PyPI.
#
#   apt-get install -y debootstrap python3 python3-pip
#   examples/ray/build-image.sh [OUTPUT.tar]
#   tetra image load OUTPUT.tar
#
# What is fetched is kept in ~/.cache/tetra/ray-2.60.0 (or CACHE), so that building again takes seconds. MIRROR names another mirror.
set -eu

output=${1:-tetra-ray.tar}
cache=${CACHE:-$HOME/.cache/tetra/ray-2.60.0}
mirror=${MIRROR:-http://deb.debian.org/debian}
if [ "$(id -u)" != 0 ]; then
    echo "debootstrap makes a root file system, for which it must be root" >&2
    exit 1
fi
for tool in debootstrap python3; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed: apt-get install -y debootstrap python3 python3-pip" >&2; exit 1; }
done
case $(uname -m) in
    x86_64) architecture=amd64 platform=manylinux2014_x86_64 ;;
    aarch64) architecture=arm64 platform=manylinux2014_aarch64 ;;
    *) echo "Ray has no packages for $(uname -m)" >&2; exit 1 ;;
esac
mkdir -p "$cache"
umask 022

if [ ! -f "$cache/base.done" ]; then
    rm -rf "$cache/root"
    debootstrap --variant=minbase --include=python3,procps bookworm "$cache/root" "$mirror"
    rm -rf "$cache/root/var/cache/apt" "$cache/root/var/lib/apt/lists" "$cache/root/usr/share/doc" "$cache/root/usr/share/locale"
    touch "$cache/base.done"
fi
if [ ! -f "$cache/ray.done" ]; then
    site=$cache/root/usr/local/lib/python3.11/dist-packages
    rm -rf "$site"
    mkdir -p "$site"
    # For the Python of the image, whatever this machine's is.
    python3 -m pip install --quiet --no-input --no-compile --target "$site" \
        --python-version 3.11 --implementation cp --only-binary=:all: \
        --platform "$platform" --platform manylinux_2_17_x86_64 --platform manylinux_2_28_x86_64 \
        'ray[default]==2.60.0' 'numpy<3'
    # Its programs name the Python of this machine.
    mkdir -p "$cache/root/usr/local/bin"
    for program in "$site"/bin/*; do
        [ -f "$program" ] || continue
        name=$(basename "$program")
        sed '1s|^#!.*python.*|#!/usr/bin/python3|' "$program" >"$cache/root/usr/local/bin/$name"
        chmod 755 "$cache/root/usr/local/bin/$name"
    done
    ln -sf python3 "$cache/root/usr/bin/python"
    touch "$cache/ray.done"
fi
if [ ! -f "$cache/compiled.done" ]; then
    # Without it each node compiles what Ray imports when it starts, for seconds. By hash, for files in the image have no dates; without
    # a check, for they do not change.
    find "$cache/root" -type d -name __pycache__ -prune -exec rm -rf {} +
    chroot "$cache/root" python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        /usr/lib/python3 /usr/lib/python3.11 /usr/local/lib/python3.11
    touch "$cache/compiled.done"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { # DIRECTORY NAMES...
    directory=$1
    shift
    tar -C "$directory" --sort=name --mtime=@0 --numeric-owner -cf - "$@"
}
digest() { sha256sum "$1" | cut -d' ' -f1; }
size() { stat -c %s "$1"; }
blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
store() { # FILE: moves it among the blobs and prints its digest
    sum=$(digest "$1")
    mv "$1" "$blobs/$sum"
    echo "$sum"
}

pack "$cache/root" --exclude=./dev --exclude=./proc --exclude=./sys . >"$work/layer.tar"
diff_id=$(digest "$work/layer.tar")
gzip -n -1 "$work/layer.tar"
layer=$(store "$work/layer.tar.gz")
cat >"$work/config" <<JSON
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Cmd":["/bin/sh"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","PYTHONUNBUFFERED=1","HOME=/root"],"WorkingDir":"/root"},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]}}
JSON
config=$(store "$work/config")
cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$blobs/$config")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$blobs/$layer")}]}
JSON
manifest=$(store "$work/manifest")
cat >"$work/layout/index.json" <<JSON
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$blobs/$manifest"),"annotations":{"org.opencontainers.image.ref.name":"tetra-ray:2.60.0"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$work/layout/oci-layout"
pack "$work/layout" oci-layout index.json blobs >"$output.new"
mv "$output.new" "$output"
echo "$output: tetra-ray:2.60.0 sha256:$manifest" >&2
