#!/usr/bin/env bash
# Installs what the tests need and does not find: the name servers that they run, tools, and a C compiler for the race
# detector. On Debian and Ubuntu, with apt-get; elsewhere it says what is missing.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin

# A program, and the package that has it.
wanted=(
	nsd:nsd
	knotd:knot
	named:bind9
	pdns_server:pdns-server
	dig:bind9-dnsutils
	kdig:knot-dnsutils
	dnsperf:dnsperf
	ldns-verify-zone:ldnsutils
	kzonecheck:knot-dnssecutils
	unbound:unbound
	gcc:gcc
)
packages=()
for pair in "${wanted[@]}"; do
	command -v "${pair%:*}" >/dev/null || packages+=("${pair#*:}")
done
compgen -G '/usr/lib/*/pdns/libbindbackend.so' >/dev/null || packages+=(pdns-backend-bind)
[ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
[ ${#packages[@]} -gt 0 ] || exit 0

fail() {
	echo "peers: $1; install by hand: ${packages[*]}" >&2
	exit 1
}
command -v apt-get >/dev/null || fail "this is not Debian or Ubuntu (no apt-get)"
as_root=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || fail "not root, and there is no sudo"
	as_root=(sudo)
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

echo "peers: installing ${packages[*]}"
"${as_root[@]}" apt-get -qq update </dev/null || fail "apt-get update failed"
"${as_root[@]}" apt-get -qq -y --no-install-recommends install "${packages[@]}" </dev/null >/dev/null || fail "apt-get install failed"

# The tests start servers of their own; the ones that a package starts would hold port 53, now and after each boot.
if [ -d /run/systemd/system ]; then
	for unit in nsd:nsd knot:knot bind9:named pdns-server:pdns unbound:unbound; do
		if [[ " ${packages[*]} " = *" ${unit%:*} "* ]]; then
			"${as_root[@]}" systemctl disable --quiet --now "${unit#*:}" || true
		fi
	done
fi
echo "peers: installed"
