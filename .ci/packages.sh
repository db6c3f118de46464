# What the steps need besides npm, installed in one go. Fault tests need a tracer of system calls and a browser with a back/forward cache, tests of other
# browsers these and a display. The packages of docs/backends/ are named by its tests.
packages=(
  strace procps util-linux chromium firefox-esr webkit2gtk-driver xvfb
  nginx caddy systemd openssl prometheus python3 docker-compose
  redis-server redis-sentinel haproxy
)
# Debian 12 has Valkey in its backports, which belong to the same archive as the release.
knows_valkey() {
  apt-cache show valkey-server >/dev/null 2>&1
}
add_backports() {
  local sources=/etc/apt/sources.list.d
  awk 'BEGIN { RS = "" } NR == 1' "$sources/debian.sources" | sed -E 's/^Suites: (\S+).*/Suites: \1-backports/' >"$sources/backports.sources" &&
    apt-get update -qq
}
system_packages() {
  apt-get update -qq || return
  knows_valkey || add_backports
  local valkey backends
  valkey=$(knows_valkey && echo valkey-server)
  backends=$(node --import tsx test/system/backends/packages.ts) &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" $backends $valkey
}
