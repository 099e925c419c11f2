# Two machines in namespaces, a cable between them, and the real ssh. Exits with 77 where that cannot be had.
skip() { echo "$1"; exit 77; }
fail() { echo "FAILED: $1"; exit 1; }
program=$TASK_BG_PROGRAM
case $1 in
start)
    [ "$(id -u)" = 0 ] || skip "needs root"
    for tool in ip unshare ssh ssh-keygen ssh-keyscan apt-get dpkg; do
        command -v $tool > /dev/null || skip "needs $tool"
    done
    unshare -n -u -m -p --fork true 2> /dev/null || skip "needs namespaces"
    export LAB=$(mktemp -d)
    trap 'rm -rf "$LAB"' EXIT
    cd "$LAB" || exit 1
    apt-get download openssh-server libwrap0 > /dev/null 2>&1 || skip "needs Debian's package openssh-server"
    for package in *.deb; do dpkg -x "$package" root || skip "needs dpkg"; done
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
    : > "$S/linked"
    libs=$(find "$LAB/root" -name '*.so*' -printf '%h:' | head -c 4000)
    LD_LIBRARY_PATH=$libs exec "$LAB/root/usr/sbin/sshd" -D -e -f "$S/sshd_config"
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
until [ -e "$S/ready" ]; do kill -0 $lab || fail "the machine: $(cat "$S/log")"; sleep 0.05; done
far=$(cat /proc/$lab/task/$lab/children)
ip link add veth0 type veth peer name veth1 netns ${far%% *}
ip addr add 10.9.9.1/24 dev veth0
ip link set veth0 up
printf '%s\n' 'Host far' 'HostName 10.9.9.2' "IdentityFile $C/.ssh/id" "UserKnownHostsFile $C/known" \
    'Host gone' 'HostName 10.9.9.77' > "$C/.ssh/config"
grep -v '^root:' /etc/passwd > "$C/passwd"
echo "root:x:0:0:root:$C:/bin/bash" >> "$C/passwd"
mount --bind "$C/passwd" /etc/passwd
t() { env -i HOME="$C" PATH=/usr/bin:/bin "$program" "$@" 2> /dev/null; }
for _ in $(seq 200); do ssh-keyscan -t ed25519 10.9.9.2 > "$C/key" 2> /dev/null; [ -s "$C/key" ] && break; sleep 0.05; done
t run --on ssh:far -- true | grep -q 'Host key verification failed' || fail "an unknown host key is refused"
cp "$C/key" "$C/known"
t hosts add far --yes | grep -q '"sameVersion":true' || fail "the program is copied: $(tail -3 "$S/log")"
t run --on ssh:far --name cut -- sh -c 'sleep 4; hostname' > /dev/null || fail "a launch"
t wait --timeout 60s cut > "$C/waited" &
waiter=$!
until [ "$(grep -c Accepted "$S/log")" -ge 5 ]; do sleep 0.05; done
ip link set veth0 down
sleep 6
ip link set veth0 up
wait $waiter || fail "a wait whose cable was cut: $(cat "$C/waited")"
grep -q '"result":"far"' "$C/waited" || fail "its result: $(cat "$C/waited")"
t run --on ssh:far --key k -- true > /dev/null
t run --on ssh:far --key k -- true | grep -q '"existing":true' || fail "the same key twice is one task"
t run --on ssh:gone -- true | grep -q '`gone` does not answer' || fail "a machine that is down is said"
t list | grep -q '"running"\|"completed":' || fail "the tasks of others are listed"
echo "launch, cut cable, result, one key, a machine that is down: as they should be"
