#!/bin/sh
# Builds the image hello-web:latest from Debian's busybox-static, as an OCI layout in one tar, with
# no registry and no daemon. The same input gives the same bytes.
#
#   apt-get install -y busybox-static
#   examples/hello-web/build-image.sh [OUTPUT.tar]
#   tetra image load OUTPUT.tar
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
output=${1:-hello-web.tar}
busybox=${BUSYBOX:-$(command -v busybox || true)}

if [ -z "$busybox" ] || [ ! -x "$busybox" ]; then
    echo "busybox is not installed; install it: apt-get install -y busybox-static" >&2
    exit 1
fi
case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# The root file system: one program under its many names, and the page.
root=$work/root
mkdir -p "$root/bin" "$root/etc" "$root/tmp" "$root/www"
chmod 1777 "$root/tmp"
cp "$busybox" "$root/bin/busybox"
chmod 755 "$root/bin/busybox"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
cp "$here/index.html" "$root/www/index.html"
chmod 644 "$root/www/index.html"
printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"

# Archives whose bytes depend on the content only.
pack() { # DIRECTORY NAMES...
    directory=$1
    shift
    tar -C "$directory" --format=ustar --sort=name --mtime=@0 \
        --owner=0 --group=0 --numeric-owner -cf - "$@"
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

pack "$root" . >"$work/layer.tar"
diff_id=$(digest "$work/layer.tar")
gzip -n -9 "$work/layer.tar"
layer=$(store "$work/layer.tar.gz")

cat >"$work/config" <<JSON
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Entrypoint":["/bin/httpd"],"Cmd":["-f","-v","-p","80","-h","/www"],"Env":["PATH=/bin"],"WorkingDir":"/www","ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]}}
JSON
config=$(store "$work/config")

cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$blobs/$config")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$blobs/$layer")}]}
JSON
manifest=$(store "$work/manifest")

cat >"$work/layout/index.json" <<JSON
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$blobs/$manifest"),"annotations":{"org.opencontainers.image.ref.name":"hello-web:latest"}}]}
JSON
printf '{"imageLayoutVersion":"1.0.0"}\n' >"$work/layout/oci-layout"

pack "$work/layout" oci-layout index.json blobs >"$output"
echo "$output: hello-web:latest sha256:$manifest" >&2
