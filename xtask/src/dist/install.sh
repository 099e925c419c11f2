#!/bin/sh
# Installs task-bg below a folder of its user, from the archive that `cargo xtask dist` makes, and removes it again.
#
#   sh install.sh [--prefix DIR] [ARCHIVE]    checks the archive's sum and installs it; DIR is ~/.local if not said
#   sh install.sh [--prefix DIR] uninstall    removes what it installed, unless somebody changed it
#
# Without ARCHIVE it takes the one for this machine that lies beside this script, or the unpacked one in which it lies.
# The sum is looked up in SHA256SUMS, which has to lie beside the archive; an unpacked one has none. No file outside DIR is
# touched; tasks and their store stay where they are.
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
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
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

# Whether each file that a list names lies below the prefix.
within() {
    ! cut -c 67- "$1" | grep -qE '^/|(^|/)\.\.(/|$)|^$' || fail "\`$list\` names a file outside \`$prefix\`" "remove that line"
}

# Whether a file is as this script installed it, by a list that has the sum of each.
is_ours() {
    sum=$(sha256sum <"$prefix/$1" 2>/dev/null | cut -d ' ' -f 1)
    grep -qxF -- "$sum  $1" "$2"
}

# Removes a file, and its folders as far as they are empty. What somebody changed, and what cannot be removed, is said and stays.
forget() {
    if [ ! -e "$prefix/$1" ]; then
        :
    elif is_ours "$1" "$2"; then
        rm -f "$prefix/$1" || kept=yes
    else
        say "kept $prefix/$1, which is not as it was installed"
    fi
    folder=$(dirname "$1")
    while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
}

kept=
if [ "$action" = uninstall ]; then
    [ -f "$list" ] || fail "nothing that this script installed is below \`$prefix\`"
    within "$list"
    while IFS= read -r line; do forget "${line#*  }" "$list"; done <"$list"
    [ -z "$kept" ] || fail "not all of task-bg could be removed from \`$prefix\`" "see above, and run this once more"
    rm -f "$list"
    folder=share/task-bg
    while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    say "removed task-bg from $prefix"
    exit 0
fi

here=$(cd "$(dirname "$0")" && pwd)
top=
if [ -z "$archive" ]; then
    for found in "$here"/task-bg-*-"$(uname -m)"-unknown-linux-musl.tar.gz; do
        [ -f "$found" ] || break
        [ -z "$archive" ] || fail "several archives lie beside this script" "name one"
        archive=$found
    done
    if [ -z "$archive" ]; then
        [ -f "$here/bin/task-bg" ] && [ -d "$here/share" ] ||
            fail "no archive for this machine ($(uname -m)) lies beside this script" "name one"
        top=$here
        name=$here
    fi
fi
if [ -z "$top" ]; then
    [ -f "$archive" ] || fail "there is no archive \`$archive\`"
    name=$(basename "$archive")
    sums=$(dirname "$archive")/SHA256SUMS
    [ -f "$sums" ] || fail "there is no \`$sums\` to check the archive with" "put the one it came with beside it"
    wanted=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$sums")
    [ -n "$wanted" ] || fail "\`$sums\` says nothing of \`$name\`"
    found=$(sha256sum <"$archive" | cut -d ' ' -f 1)
    [ "$wanted" = "$found" ] || fail "the sum of \`$name\` is not the one in \`$sums\`" "fetch both once more"
fi

mkdir -p "$prefix/share/task-bg"
# Below the prefix, so that each file is whole in the moment in which it has its name.
work=$(mktemp -d "$prefix/share/task-bg/installing.XXXXXX")
trap 'rm -rf "$work"; rmdir "$prefix/share/task-bg" "$prefix/share" 2>/dev/null || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ -n "$top" ]; then
    mkdir "$work/unpacked"
    cp -Rp "$top/bin" "$top/share" "$work/unpacked/" || fail "there is no room below \`$prefix\`, or it cannot be written"
    top=$work/unpacked
else
    tar -xzf "$archive" -C "$work" || fail "\`$name\` cannot be unpacked below \`$prefix\`"
    top=$work/${name%.tar.gz}
fi
[ -f "$top/bin/task-bg" ] || fail "\`$name\` holds no task-bg"
version=$("$top/bin/task-bg" --version) ||
    fail "task-bg does not run below \`$prefix\`" "it is for another kind of machine, or programs may not run there (noexec)"
(cd "$top" && find bin share -type f -exec sha256sum {} + | LC_ALL=C sort -k 2) >"$work/files"
: >"$work/old"
if [ -f "$list" ]; then
    within "$list"
    cat "$list" >"$work/old"
fi
while IFS= read -r line; do
    file=${line#*  }
    [ ! -d "$prefix/$file" ] || fail "\`$prefix/$file\` is a folder, where a file has to be" "move it away"
    if [ -e "$prefix/$file" ] && ! cut -c 67- "$work/old" | grep -qxF -- "$file" && ! is_ours "$file" "$work/files"; then
        fail "\`$prefix/$file\` is there, and this script did not install it" "move it away"
    fi
done <"$work/files"

# From now on it is known what is to go: whatever stops this script, `uninstall` removes it all.
cat "$work/files" "$work/old" | LC_ALL=C sort -u >"$work/all"
mv -f "$work/all" "$list"
while IFS= read -r line; do
    file=${line#*  }
    mkdir -p "$(dirname "$prefix/$file")"
    if [ -e "$prefix/$file" ] && ! is_ours "$file" "$list"; then
        mv -f "$prefix/$file" "$prefix/$file.old"
        say "kept your $prefix/$file as $file.old"
    fi
    # Whatever runs keeps the file that it began with.
    mv -f "$top/$file" "$prefix/$file"
done <"$work/files"
# What an older version left goes, file by file, once the new one is in place.
while IFS= read -r line; do
    file=${line#*  }
    cut -c 67- "$work/files" | grep -qxF -- "$file" || forget "$file" "$work/old"
done <"$work/old"
mv -f "$work/files" "$list"
say "installed $version below $prefix"
case :${PATH:-}: in
*:"$prefix/bin":*) ;;
*) say "hint: put $prefix/bin on your PATH" ;;
esac
case ${SHELL:-} in
*/zsh) say "hint: for Tab in zsh, write \`fpath=($prefix/share/zsh/site-functions \$fpath)\` before \`compinit\`" ;;
esac
