#!/bin/sh
# The first process of a box becomes systemd: a root of its own with the machine's /usr to read, its own /etc and /var, devices and cgroups.
#   boot.sh groups FOLDER NAME …   puts itself into a cgroup of that name, then makes the namespaces
#   boot.sh root   FOLDER NAME …   builds the root, enters it and becomes systemd
# What follows are folders that stand inside at the same path as outside.
set -eu
stage=$1 folder=$2 name=$3
if [ "$stage" = groups ]; then
  mkdir -p "$folder/groups"
  mount -t cgroup2 cgroup2 "$folder/groups"
  mkdir -p "$folder/groups/$name"
  echo $$ > "$folder/groups/$name/cgroup.procs"
  shift
  exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child --propagation private sh "$0" root "$@"
fi
shift 3
root=$folder/root
mount --bind "$root" "$root"
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
mount --bind "$folder/local" "$root/usr/local"
mount -t proc proc "$root/proc"
# Read only: settings of the kernel are the machine's.
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
umount -l "$folder/groups"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for each in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$each"; done
chmod 1777 "$root/tmp"
for each in null zero full random urandom tty; do
  touch "$root/dev/$each"
  mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for each in fd stdin stdout stderr; do ln -s "/proc/self/fd${each#fd}" "$root/dev/$each"; done
ln -sfn /proc/self/fd/0 "$root/dev/stdin"
ln -sfn /proc/self/fd/1 "$root/dev/stdout"
ln -sfn /proc/self/fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
for each in "$@"; do
  mkdir -p "$root$each"
  mount --bind "$each" "$root$each"
done
hostname "$name"
cd "$root"
mkdir -p old
pivot_root . old
umount -l old
exec env -i container=switchyard PATH=/usr/local/bin:/usr/sbin:/usr/bin /lib/systemd/systemd --log-target=journal
