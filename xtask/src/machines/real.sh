# Two machines in namespaces, a cable between them, and the real ssh. Exits with 77 where that cannot be had.
skip() { echo "$1"; exit 77; }
fail() { echo "$1"; tail -3 "$LAB/far/log" 2> /dev/null; exit 1; }
program=$TASK_BG_PROGRAM
case $1 in
start)
    [ "$(id -u)" = 0 ] || skip "needs root"
    for tool in ip unshare ssh ssh-keygen ssh-keyscan apt-get dpkg; do
        command -v $tool > /dev/null || skip "needs $tool"
    done
    unshare -n -u -m -p --fork true 2> /dev/null || skip "needs namespaces"
    # What was unpacked before is used again.
    if [ ! -e "$PACKAGES/unpacked" ]; then
        mkdir -p "$PACKAGES/root" && cd "$PACKAGES" || exit 1
        timeout 60 apt-get download -qq openssh-server libwrap0 > /dev/null 2>&1 \
            || skip "needs Debian's package openssh-server"
        for package in *.deb; do dpkg -x "$package" root || skip "needs dpkg"; done
        : > unpacked
    fi
    export LAB=$(mktemp -d)
    trap 'rm -rf "$LAB"' EXIT
    cd "$LAB" || exit 1
    export SCRIPT=$BASH_EXECUTION_STRING
    timeout 100 unshare -n -m --fork bash -c "$SCRIPT" real.sh client
    exit $?
    ;;
server)
    S=$LAB/far
    hostname far
    ip link set lo up
    mount -t tmpfs none /run
    mkdir -p /run/sshd
    grep -v '^root:\|^sshd:' /etc/passwd > "$S/passwd"
    echo "root:x:0:0:root:$S/home:/bin/bash" >> "$S/passwd"
    echo 'sshd:x:74:65534::/run/sshd:/usr/sbin/nologin' >> "$S/passwd"
    sed 's#^root:[^:]*:#root:x:#' /etc/shadow > "$S/shadow"
    mount --bind "$S/passwd" /etc/passwd
    mount --bind "$S/shadow" /etc/shadow
    : > "$S/ready"
    until ip link show veth1 > /dev/null 2>&1; do sleep 0.05; done
    ip addr add 10.9.9.2/24 dev veth1
    ip link set veth1 up
    libs=$(find "$PACKAGES/root" -name '*.so*' -printf '%h:' | head -c 4000)
    LD_LIBRARY_PATH=$libs exec "$PACKAGES/root/usr/sbin/sshd" -D -e -f "$S/sshd_config"
    ;;
esac
S=$LAB/far
C=$LAB/near
mkdir -p "$S/home/.ssh" "$C/.ssh"
chmod 700 "$C/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$S/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$C/.ssh/id"
cp "$C/.ssh/id.pub" "$S/home/.ssh/authorized_keys"
printf '%s\n' 'ListenAddress 10.9.9.2' "HostKey $S/hostkey" 'PidFile none' 'UsePAM no' 'StrictModes no' \
    'PermitRootLogin yes' > "$S/sshd_config"
ip link set lo up
unshare -n -u -m -p --fork --kill-child --mount-proc bash -c "$SCRIPT" real.sh server > "$S/log" 2>&1 &
lab=$!
trap 'kill -9 $lab 2> /dev/null' EXIT
until [ -e "$S/ready" ]; do kill -0 $lab || fail "the machine does not start"; sleep 0.05; done
far=$(cat /proc/$lab/task/$lab/children)
ip link add veth0 type veth peer name veth1 netns ${far%% *}
ip addr add 10.9.9.1/24 dev veth0
ip link set veth0 up
printf '%s\n' 'Host far' 'HostName 10.9.9.2' "IdentityFile $C/.ssh/id" "UserKnownHostsFile $C/known" \
    'Host locked' 'HostName 10.9.9.2' 'IdentityFile none' 'IdentityAgent none' "UserKnownHostsFile $C/known" \
    'Host gone' 'HostName 10.9.9.77' > "$C/.ssh/config"
grep -v '^root:' /etc/passwd > "$C/passwd"
echo "root:x:0:0:root:$C:/bin/bash" >> "$C/passwd"
mount --bind "$C/passwd" /etc/passwd
t() { env -i HOME="$C" PATH=/usr/bin:/bin "$program" "$@" 2> "$C/said"; }
# The processes that run such words in such a home folder.
running() {
    local folder
    for folder in /proc/[0-9]*; do
        case $(tr '\0' ' ' < "$folder/cmdline") in $2) ;; *) continue ;; esac
        grep -qz "^HOME=$1\$" "$folder/environ" && echo "${folder#/proc/}"
    done 2> /dev/null
}
for _ in $(seq 400); do ssh-keyscan -t ed25519 10.9.9.2 > "$C/key" 2> /dev/null; [ -s "$C/key" ] && break; sleep 0.05; done

t run --on ssh:far -- true | grep -q 'Host key verification failed' || fail "an unknown host key is not refused"
cp "$C/key" "$C/known"
t run --on ssh:locked -- true | grep -q 'Permission denied' || fail "a machine that wants a password is not said"
t hosts add far --yes | grep -q '"sameVersion":true' || fail "the program is not copied"

t doctor --on ssh:far > "$C/doctor"
for check in ssh 'program there' 'store there' survival clocks; do
    grep -q "\"check\":\"$check\",\"status\":\"ok\"" "$C/doctor" || fail "doctor: $check: $(tail -c 1500 "$C/doctor")"
done

hostile="it's \$(touch $S/pwned); \"a b\"  *"$'\n'"ü -- --json"
t run --on ssh:far --wait --env "WORDS=$hostile" -- sh -c 'printf "%s|%s" "$1" "$WORDS"' sh "$hostile" > "$C/words" \
    || fail "hostile words: $(cat "$C/words")"
got=$(cat "$S"/home/.factory/.omd/background-tasks/*.out)
[ "$got" = "$hostile|$hostile" ] && [ ! -e "$S/pwned" ] || fail "words are not what they were: $got"

t run -- true > /dev/null
t run --on ssh:far --name cut -- sh -c "until [ -e '$S/gate' ]; do sleep 0.05; done; hostname" > /dev/null || fail "a launch"
env -i HOME="$C" PATH=/usr/bin:/bin "$program" wait --timeout 90s cut > "$C/waited" 2> /dev/null &
waiter=$!
until [ -n "$(running "$S/home" '*task-bg wait *')" ]; do kill -0 $waiter || fail "a wait: $(cat "$C/waited")"; sleep 0.05; done
caller=$(running "$C" '*ssh *task-bg wait *')
ip link set veth0 down
: > "$S/gate"
until grep -q '"result": *"far"' "$S"/home/.factory/.omd/background-tasks/*.json; do sleep 0.05; done
t list > "$C/listed" || fail "a list while the cable is cut"
grep -q '"status":"completed".*"note":"`far` does not answer: [^`]*; try [^;]*"}$' "$C/listed" \
    || fail "a list while the cable is cut: $(tail -c 600 "$C/listed")"
while kill -0 $caller 2> /dev/null; do sleep 0.05; done
kill -0 $waiter || fail "a wait gives up when the connection is cut: $(cat "$C/waited")"
ip link set veth0 up
wait $waiter || fail "a wait whose cable was cut: $(cat "$C/waited")"
grep -q '"result":"far"' "$C/waited" || fail "the result of a wait whose cable was cut: $(cat "$C/waited")"

t run --on ssh:far --key k -- true > /dev/null
t run --on ssh:far --key k -- true | grep -q '"existing":true' || fail "the same key twice is not one task"
t run --on ssh:gone -- true | grep -q '`gone` does not answer' || fail "a machine that is down is not said"
t list | grep -q '"completed":4,' || fail "the tasks of others are not listed"
echo "an unknown key, a password, a doctor, hostile words, a cut cable, one key, a machine that is down: as they should be"
