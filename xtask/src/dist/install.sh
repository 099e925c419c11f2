#!/bin/sh
# Installs task-bg below a folder of its user, from the archive that `cargo xtask dist` makes, and removes it again.
#
#   sh install.sh [--prefix DIR] [ARCHIVE]    checks the archive's sum and installs it; DIR is ~/.local if not said
#   sh install.sh [--prefix DIR] uninstall    removes what it installed, and nothing else
#
# Without ARCHIVE it takes the one for this machine that lies beside this script. The sum is looked up in SHA256SUMS,
# which has to lie beside the archive. No file outside DIR is touched; tasks and their store stay where they are.
set -eu

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; [ -z "${2:-}" ] || say "hint: $2"; exit 1; }

prefix=
action=install
archive=
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) [ $# -ge 2 ] || fail "\`--prefix\` has no value"; prefix=$2; shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    uninstall) action=uninstall ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) fail "there is no option \`$1\`" "run \`sh install.sh --help\`" ;;
    *) [ -z "$archive" ] || fail "one archive is installed at a time"; archive=$1 ;;
    esac
    shift
done
if [ -z "$prefix" ]; then
    [ -n "${HOME:-}" ] || fail "\`HOME\` is not set" "say where to install with \`--prefix DIR\`"
    prefix=$HOME/.local
fi
list=$prefix/share/task-bg/installed-files

if [ "$action" = uninstall ]; then
    [ -f "$list" ] || fail "nothing that this script installed is below \`$prefix\`"
    while IFS= read -r file; do
        case $file in /* | *..*) fail "\`$list\` names a file outside \`$prefix\`" ;; esac
        rm -f "$prefix/$file"
        # Folders go as far as they are empty.
        folder=$(dirname "$file")
        while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    done <"$list"
    rm -f "$list"
    folder=share/task-bg
    while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    say "removed task-bg from $prefix"
    exit 0
fi

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "$archive" ]; then
    for found in "$here"/task-bg-*-"$(uname -m)"-unknown-linux-musl.tar.gz; do
        [ -f "$found" ] || fail "no archive for this machine ($(uname -m)) lies beside this script" "name one"
        [ -z "$archive" ] || fail "several archives lie beside this script" "name one"
        archive=$found
    done
fi
[ -f "$archive" ] || fail "there is no archive \`$archive\`"
name=$(basename "$archive")
sums=$(dirname "$archive")/SHA256SUMS
[ -f "$sums" ] || fail "there is no \`$sums\` to check the archive with" "put the one it came with beside it"
wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$sums")
[ -n "$wanted" ] || fail "\`$sums\` says nothing of \`$name\`"
found=$(sha256sum <"$archive" | cut -d ' ' -f 1)
[ "$wanted" = "$found" ] || fail "the sum of \`$name\` is not the one in \`$sums\`" "fetch both once more"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$archive" -C "$work"
top=$work/${name%.tar.gz}
[ -x "$top/bin/task-bg" ] || fail "\`$name\` holds no task-bg"
"$top/bin/task-bg" --version >/dev/null || fail "task-bg does not run on this machine"

# What an older version left goes, file by file, once the new one is in place.
mkdir -p "$prefix/share/task-bg"
(cd "$top" && find bin share -type f | LC_ALL=C sort) >"$work/files"
while IFS= read -r file; do
    mkdir -p "$(dirname "$prefix/$file")"
    # Under another name first: whatever runs keeps the file that it began with.
    cp -p "$top/$file" "$prefix/$file.new"
    mv -f "$prefix/$file.new" "$prefix/$file"
done <"$work/files"
if [ -f "$list" ]; then
    while IFS= read -r file; do
        grep -qxF -- "$file" "$work/files" || rm -f "$prefix/$file"
    done <"$list"
fi
cp "$work/files" "$list"
say "installed $("$prefix/bin/task-bg" --version) below $prefix"
case :${PATH:-}: in
*:"$prefix/bin":*) ;;
*) say "hint: put $prefix/bin on your PATH" ;;
esac
