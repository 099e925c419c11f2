#!/bin/bash
# A Slurm cluster on this one machine, for `cargo xtask slurm`: each node is a set of namespaces with a host name, a boot id, a
# process table and a network of its own. Debian's packages are downloaded and unpacked below LAB, and never installed.
#
#   LAB=DIR cluster.sh up N       starts a controller and N nodes, and returns when they are idle; exits with 77 and says
#                                 why where that cannot be had: no root, no namespaces, no packages
#   ... on NODE CMD...            runs CMD on a node; `login` is the one that has the controller and no jobs
#   ... off NODE | back NODE      cuts its power, and gives it back with a new boot id
#   ... cut NODE | heal NODE      pulls the cable of its network, and plugs it in again; its processes go on
#   ... controller kill | start   ends the controller at once, and starts it again
#   ... controller save           ends it properly, keeps what it knows, and starts it again
#   ... controller forget         ends it at once, and starts it with what it knew when it was saved
#   ... down                      ends everything that `up` and its like began
#
# With APART=1, each node has a FUSE mount of its own of LAB/shared: locks and signals of the file system then end at the
# node, and attributes are kept for some seconds, as on a network file system without locks.
set -euo pipefail
lab=$(mkdir -p "${LAB:?}" && cd "$LAB" && pwd -P)
root=$lab/root
arch=$(uname -m)-linux-gnu
libraries=$root/usr/lib/$arch:$root/usr/lib/$arch/slurm-wlm:$root/lib/$arch
mark=$(cksum <<< "$lab" | cut -d' ' -f1)
bridge=tbg$((mark % 100000))
net=10.$((mark % 90 + 100)).$((mark / 97 % 250))
packages="munge libmunge2 libhwloc15 liblua5.1-0 libjson-c5 libyaml-0-2 libnuma1 libdbus-1-3 slurm-wlm-basic-plugins
slurm-client slurmctld slurmd bindfs libfuse2"

skip() { echo "$*" >&2; exit 77; }
born() { cut -d' ' -f22 "/proc/$1/stat" 2> /dev/null || true; }
keep() { echo "$1 $(born "$1")" > "$lab/pids/$2"; }
# The process of this name, as long as it is the one that was started.
pid() {
  local number born_then
  read -r number born_then < "$lab/pids/$1" 2> /dev/null || return 1
  [ -n "$born_then" ] && [ "$(born "$number")" = "$born_then" ] && echo "$number"
}
finish() {
  local number
  if number=$(pid "$1"); then
    kill -KILL "$number" 2> /dev/null || true
    while pid "$1" > /dev/null; do sleep 0.02; done
  fi
  rm -f "$lab/pids/$1"
}
background() {
  local name=$1
  shift
  LD_LIBRARY_PATH=$libraries setsid "$@" >> "$lab/log/$name" 2>&1 < /dev/null &
  keep $! "$name"
}
number_of() { if [ "$1" = login ]; then echo 200; else echo "${1#node}"; fi; }

unpack() {
  [ "$(cat "$root/unpacked" 2> /dev/null)" = "$packages" ] && return
  mkdir -p "$lab/packages" "$root" "$lab/bin"
  local package program
  # shellcheck disable=SC2086  # one word a package
  (cd "$lab/packages" && timeout 300 apt-get download -qq $packages > /dev/null 2>&1) || skip "the packages of Slurm are not to be had"
  for package in $packages; do
    dpkg -x "$lab/packages/${package}"_*.deb "$root"
  done
  # These know by their own names what they are to do.
  for program in slurmctld slurmd slurmstepd; do ln -sf "$program-wlm" "$root/usr/sbin/$program"; done
  for program in sbatch squeue scancel scontrol sinfo; do
    cat > "$lab/bin/$program" << END
#!/bin/sh
LD_LIBRARY_PATH='$libraries' SLURM_CONF='$lab/slurm.conf' exec '$root/usr/bin/$program' "\$@"
END
    chmod 755 "$lab/bin/$program"
  done
  echo "$packages" > "$root/unpacked"
}

configure() {
  local i
  [ -e "$lab/munge/key" ] || head -c 1024 /dev/urandom > "$lab/munge/key"
  chmod 600 "$lab/munge/key"
  cat > "$lab/slurm.conf" << END
ClusterName=lab
SlurmctldHost=login($net.200)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$lab/munge/socket
SlurmUser=root
StateSaveLocation=$lab/state
SlurmctldPidFile=$lab/state/pid
SlurmdPidFile=$lab/spool/%n.pid
SlurmdSpoolDir=$lab/spool/%n
SlurmctldLogFile=$lab/log/controller.log
SlurmdLogFile=$lab/log/%n.log
PluginDir=$root/usr/lib/$arch/slurm-wlm
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SlurmctldTimeout=10
SlurmdTimeout=6
MessageTimeout=5
BatchStartTimeout=5
KillWait=4
MinJobAge=300
ReturnToService=2
Licenses=model-a:1
PartitionName=agents Nodes=ALL Default=YES PriorityTier=1 GraceTime=2 MaxTime=INFINITE State=UP
PartitionName=brief Nodes=ALL PriorityTier=1 DefaultTime=1 MaxTime=1 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=9 PreemptMode=OFF MaxTime=INFINITE State=UP
END
  echo "127.0.0.1 localhost" > "$lab/hosts"
  echo "$net.200 login" >> "$lab/hosts"
  for ((i = 1; i <= $1; i++)); do
    echo "NodeName=node$i NodeAddr=$net.$i CPUs=4 RealMemory=2000 State=UNKNOWN" >> "$lab/slurm.conf"
    echo "$net.$i node$i" >> "$lab/hosts"
  done
}

# What the first process of a node does: it is a machine of its own from here on.
be_node() {
  hostname "$1"
  mount --bind "$lab/nodes/$1/boot_id" /proc/sys/kernel/random/boot_id
  mount --bind "$lab/hosts" /etc/hosts
  if [ -e "$lab/apart" ]; then
    LD_LIBRARY_PATH=$libraries "$root/usr/bin/bindfs" \
      -o attr_timeout=3,entry_timeout=3,negative_timeout=0,noforget,allow_other "$lab/shared" "$lab/shared"
  fi
  ip link set lo up
  until ip -brief address show eth0 2> /dev/null | grep -q "$net"; do sleep 0.02; done
  if [ "$1" != login ]; then
    LD_LIBRARY_PATH=$libraries setsid "$root/usr/sbin/slurmd" -D -N "$1" -f "$lab/slurm.conf" \
      -d "$root/usr/sbin/slurmstepd" < /dev/null &
  fi
  touch "$lab/nodes/$1/up"
  while :; do sleep 3600 & wait $!; done
}

start_node() {
  local name=$1 outer inner="" tries
  mkdir -p "$lab/nodes/$name" "$lab/spool/$name"
  rm -f "$lab/nodes/$name/up"
  cat /proc/sys/kernel/random/uuid > "$lab/nodes/$name/boot_id"
  LAB=$lab setsid unshare --pid --fork --kill-child --mount-proc --mount --uts --ipc --net "$0" __node "$name" \
    >> "$lab/log/$name" 2>&1 < /dev/null &
  outer=$!
  for ((tries = 0; tries < 200; tries++)); do
    inner=$(tr -d ' ' 2> /dev/null < "/proc/$outer/task/$outer/children" || true)
    [ -n "$inner" ] && break
    sleep 0.02
  done
  [ -n "$inner" ] || skip "no namespaces are to be had: $(tail -n 1 "$lab/log/$name")"
  keep "$inner" "$name"
  ip link add "$bridge-$(number_of "$name")" type veth peer name eth0 netns "$inner"
  ip link set "$bridge-$(number_of "$name")" master "$bridge" up
  nsenter -t "$inner" -n sh -c "ip address add $net.$(number_of "$name")/24 dev eth0 && ip link set eth0 up"
  for ((tries = 0; tries < 250; tries++)); do
    [ -e "$lab/nodes/$name/up" ] && return
    sleep 0.02
  done
  echo "$name does not come up" >&2
  exit 1
}

start_controller() {
  background controller nsenter -t "$(pid login)" -m -u -i -n "$root/usr/sbin/slurmctld" -D -f "$lab/slurm.conf"
}

inside() {
  local first
  first=$(pid "$1") || { echo "$1 is off" >&2; exit 1; }
  shift
  exec nsenter -t "$first" -p -m -u -i -n sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
}

case ${1:?verb} in
up)
  count=${2:-2}
  [ "$(id -u)" = 0 ] || skip "root is needed"
  for program in unshare nsenter ip apt-get dpkg; do command -v $program > /dev/null || skip "$program is not here"; done
  unshare --pid --fork --mount --net true 2> /dev/null || skip "no namespaces are to be had"
  # A cluster that remembers another one takes its nodes for ready too early.
  rm -rf "$lab"/{log,state,saved,spool,shared,apart}
  mkdir -p "$lab"/{pids,log,state,spool,munge,nodes,shared}
  [ -z "${APART:-}" ] || [ -c /dev/fuse ] || skip "no FUSE is to be had"
  [ -z "${APART:-}" ] || touch "$lab/apart"
  chmod 755 "$lab/munge"
  unpack
  configure "$count"
  echo "$count" > "$lab/count"
  ip link add "$bridge" type bridge 2> /dev/null || skip "no bridge can be made"
  ip link set "$bridge" up
  background munged "$root/usr/sbin/munged" -F --force --key-file="$lab/munge/key" --socket="$lab/munge/socket" \
    --pid-file="$lab/munge/pid" --log-file="$lab/log/munged.log" --seed-file="$lab/munge/seed"
  until [ -S "$lab/munge/socket" ]; do
    pid munged > /dev/null || skip "munged does not run: $(tail -n 1 "$lab/log/munged")"
    sleep 0.02
  done
  start_node login
  start_controller
  for ((i = 1; i <= count; i++)); do start_node "node$i"; done
  for ((tries = 0; tries < 200; tries++)); do
    idle=$("$0" on login timeout 3 "$lab/bin/sinfo" -h -N -p agents -o %T 2> /dev/null | grep -c '^idle$' || true)
    [ "$idle" = "$count" ] && exit 0
    sleep 0.1
  done
  echo "not all nodes became idle" >&2
  tail -n 3 "$lab"/log/* >&2
  exit 1 ;;
on) shift; export PATH=$lab/bin:$PATH SLURM_CONF=$lab/slurm.conf; inside "$@" ;;
off) finish "${2:?node}"; ip link delete "$bridge-$(number_of "$2")" 2> /dev/null || true ;;
back) start_node "${2:?node}" ;;
cut) ip link set "$bridge-$(number_of "${2:?node}")" down ;;
heal) ip link set "$bridge-$(number_of "${2:?node}")" up ;;
controller)
  case ${2:?} in
  kill) finish controller ;;
  start) start_controller ;;
  save)
    kill -TERM "$(pid controller)"
    while pid controller > /dev/null; do sleep 0.02; done
    rm -rf "$lab/saved"
    cp -a "$lab/state" "$lab/saved"
    start_controller ;;
  forget)
    finish controller
    rm -rf "$lab/state"
    cp -a "$lab/saved" "$lab/state"
    start_controller ;;
  esac ;;
down)
  [ -d "$lab/pids" ] || exit 0
  for file in "$lab"/pids/*; do [ ! -e "$file" ] || finish "$(basename "$file")"; done
  ip link delete "$bridge" 2> /dev/null || true ;;
__node) be_node "${2:?}" ;;
*) echo "no verb is called $1" >&2; exit 2 ;;
esac
