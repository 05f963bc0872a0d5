# Runs in fresh namespaces as their first process and root. Arguments: the new root, the work folder, the uid to become (or `same`), paths that may
# be read, `--`, the command. Everything that is not named is not there.
set -eu
refuse() { echo "tetra-sandbox: $1" >&2; exit 125; }
root=$1 work=$2 uid=$3
shift 3

flags() { # of the mount that a path is on: those that an unprivileged remount must keep
    findmnt -n -o OPTIONS --target "$1" | tr , '\n' | grep -x -e nosuid -e nodev -e noexec | tr '\n' , || true
}
show() {
    if [ -L "$1" ]; then
        mkdir -p "$root${1%/*}"
        [ -e "$root$1" ] || cp -P "$1" "$root$1" 2>/dev/null || ln -s "$(readlink "$1")" "$root$1"
        return
    fi
    if [ -d "$1" ]; then
        mkdir -p "$root$1"
    else
        mkdir -p "$root${1%/*}"
        : >"$root$1"
    fi
    mount --bind "$1" "$root$1" || refuse "$1 cannot be shown"
    mount -o "remount,bind,nosuid,$(flags "$1")$2" "$root$1" || refuse "$1 cannot be made $2"
}

mount -t tmpfs -o mode=0755,nosuid,size=16m tetra "$root" || refuse "no file system in memory"
while [ "$1" != -- ]; do
    show "$1" ro
    shift
done
shift
show "$work" rw
[ -e "$root/tmp" ] || ln -s "$work/tmp" "$root/tmp"
for device in null zero random urandom; do
    mkdir -p "$root/dev"
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device" || refuse "no /dev/$device"
done
mkdir -p "$root/proc" "$root/.old"
mount -t proc -o nosuid,nodev,noexec,ro proc "$root/proc" || refuse "no process table of its own"
cd "$root"
pivot_root . .old || refuse "the root cannot be changed"
umount -l /.old
rmdir /.old
mount -o remount,ro,nosuid,mode=0755,size=16m / || refuse "the root cannot be made ro"
cd "$work"
# Not by `exec`: the first process of a namespace ignores signals that would end any other, such as those of limits.
status=0
if [ "$uid" = same ]; then
    setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@" || status=$?
else
    setpriv --reuid="$uid" --regid="$uid" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@" || status=$?
fi
exit "$status"
