#!/bin/sh
# Stands in for ssh: `ssh [OPTIONS] [--] HOST WORD...` runs the words through a shell in the home of that machine.
root='@ROOT@'
while [ $# -gt 0 ]; do
    case "$1" in
        --) shift; break ;;
        -o | -p | -l | -i) shift 2 ;;
        -*) shift ;;
        *) break ;;
    esac
done
target=$1
shift
host=${target#*@}
printf '%s %s\n' "$target" "$*" >> "$root/calls"
if [ -t 0 ]; then echo 'a terminal is asked' >&2; exit 255; fi
if [ -e "$root/$host.down" ]; then
    echo "ssh: connect to host $host port 22: Connection refused" >&2
    exit 255
fi
if [ -e "$root/$host.hangs" ]; then exec sleep 300; fi
if [ -e "$root/$host.says" ]; then cat "$root/$host.says"; exit 0; fi
if [ -e "$root/$host.cutscopy" ]; then
    case "$*" in
        *'cat >'*)
            rm "$root/$host.cutscopy"
            cd "$root/$host" || exit 255
            head -c 100000 | env -i HOME="$root/$host" PATH=/usr/bin:/bin sh -c "$*" > /dev/null 2>&1
            echo "client_loop: send disconnect: Broken pipe" >&2
            exit 255
            ;;
    esac
fi
mkdir -p "$root/$host"
cd "$root/$host" || exit 255
call() { env -i HOME="$root/$host" PATH="$path:/usr/bin:/bin" LANG=C.UTF-8 sh -c "$*"; }
path='@BIN@'
if [ -e "$root/$host.bare" ]; then path=/nonexistent; fi
if [ -e "$root/$host.loses" ]; then
    rm "$root/$host.loses"
    call "$@" > /dev/null
    echo "Connection to $host closed by remote host." >&2
    exit 255
fi
case "$*" in
    *' wait '*)
        if [ -e "$root/$host.cuts" ]; then
            rm "$root/$host.cuts"
            echo "Timeout, server $host not responding." >&2
            exit 255
        fi
        ;;
esac
call "$@"
code=$?
if [ -e "$root/$host.reaps" ]; then
    # As a login manager does that ends the processes of a user who logs out.
    for process in /proc/[0-9]*; do
        grep -qz "^HOME=$root/$host\$" "$process/environ" 2> /dev/null && kill -KILL "${process#/proc/}"
    done
fi
exit $code
