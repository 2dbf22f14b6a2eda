# shellcheck shell=bash
# A container engine, where none answers: Docker from Debian, started by the service manager or by hand.

DOCKERD_LOG=/var/log/dockerd.log
DOCKERD_PID=/var/run/docker.pid

start_engine() {
  # A daemon started here would not be the one that is named.
  [ -z "${DOCKER_HOST:-}${DOCKER_CONTEXT:-}" ] || die "no container engine answers at" \
    "${DOCKER_HOST:-context $DOCKER_CONTEXT}: start it, or unset DOCKER_HOST and DOCKER_CONTEXT"
  is_root_on_debian || die "no container engine answers ('docker info' fails)." \
    "Install Docker and start it, or ask for access to it; on Debian, as root, $(basename "$0") does that for you."
  install_engine
  fit_runtime
  if [ -d /run/systemd/system ]; then
    systemctl restart docker
  else
    wait_for_old_dockerd
    engine_answers || start_dockerd
  fi
  wait_for_engine
}

install_engine() {
  local command
  for command in dockerd docker containerd runc iptables /usr/bin/python3; do
    have "$command" || break
    [ "$command" != /usr/bin/python3 ] || return 0
  done
  # Since Debian 13 the command is a package of its own.
  local packages=(docker.io containerd runc iptables python3)
  [ -z "$(apt-cache show docker-cli 2>/dev/null)" ] || packages+=(docker-cli)
  install_from_debian "${packages[@]}"
}

# A privileged container asks for every capability the kernel knows, and runc refuses where this machine (a container
# itself, say) may not grant one. There, dockerd gets a runc that asks for no more than there is.
fit_runtime() {
  local granted last settings='"runtimes": {"fit": {"path": "/usr/local/sbin/runc-fit"}}, "default-runtime": "fit"'
  granted=$((16#$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)))
  last=$(cat /proc/sys/kernel/cap_last_cap)
  [ "$granted" = $(((1 << (last + 1)) - 1)) ] && return
  install -m 0755 "$HACK/airgap/runc_fit.py" /usr/local/sbin/runc-fit
  if [ ! -e /etc/docker/daemon.json ]; then
    mkdir -p /etc/docker
    echo "{$settings}" >/etc/docker/daemon.json
  elif ! grep -q '"default-runtime"' /etc/docker/daemon.json; then
    die "this machine lacks some Linux capabilities, so kind's privileged nodes need a runtime that does without." \
      "Add to /etc/docker/daemon.json: $settings"
  fi
}

# A pid file proves nothing: its process may be gone, be another program by now, or still be going down.
wait_for_old_dockerd() {
  local pid _
  pid=$(cat "$DOCKERD_PID" 2>/dev/null) || return 0
  for _ in $(seq 120); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || { rm -f "$DOCKERD_PID"; return 0; }
    engine_answers && return
    sleep 0.5
  done
  die "dockerd runs (pid $pid) and has not answered for 60 s: see its log, stop it, and run this again"
}

start_dockerd() {
  say "starting dockerd, log in $DOCKERD_LOG"
  # The system's own PATH: dockerd looks up its shim and runc there, and must not meet a node's.
  env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setsid dockerd >"$DOCKERD_LOG" 2>&1 </dev/null 9>&- & # 9: the lock of one_at_a_time
}

wait_for_engine() {
  local _
  for _ in $(seq 120); do
    engine_answers && return
    sleep 0.5
  done
  [ ! -e "$DOCKERD_LOG" ] || tail -n 20 "$DOCKERD_LOG" >&2
  die "dockerd was started and did not answer within 60 s: see its log"
}
