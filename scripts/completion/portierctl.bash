# SPDX-License-Identifier: BSD-3-Clause
# Bash completion for portierctl(1). Names of handlers and ids of rules are asked of the running portier.

# The words before the cursor that are no options: _portierctl_words[0] is the command.
_portierctl_split()
{
	local i
	_portierctl_words=()
	_portierctl_socket=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket)
			_portierctl_socket=(--socket "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--at | --for) ((i++)) ;;
		-*) ;;
		*) _portierctl_words+=("${COMP_WORDS[i]}") ;;
		esac
	done
}

_portierctl_rule()
{
	local verbs="$1" protocols="tcp udp sctp dccp udplite icmp icmpv6 any"
	local words=("${_portierctl_words[@]:$2}")
	case ${#words[@]} in
	0) echo "${verbs:-$protocols}" ;;
	1) [[ -n $verbs ]] && echo "$protocols" || echo "system user dynamic ephemeral http https ssh domain ntp from to" ;;
	*) echo "from to port prohibited" ;;
	esac
}

_portierctl_names()
{
	portierctl "${_portierctl_socket[@]}" "$1" "${@:3}" 2>/dev/null | awk -v column="$2" 'NR > 1 && $column != "default" { print $column }'
}

_portierctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} offer=
	local _portierctl_words _portierctl_socket
	COMPREPLY=()
	_portierctl_split
	if [[ $prev == -s || $prev == --socket ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		offer="--socket --json --help --version"
		case ${_portierctl_words[0]} in
		stats) offer+=" --watch" ;;
		allow | deny | reject) offer+=" --last" ;;
		rules) offer+=" --at --native --for" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$cur")
		return
	fi
	case ${_portierctl_words[0]} in
	"")
		offer="status stats interfaces workers listeners handlers latency rules flows drops allow deny reject explain reload log help"
		;;
	explain)
		case ${#_portierctl_words[@]} in
		1) offer="tcp udp sctp icmp icmpv6" ;;
		2 | 3) ;;
		*)
			if [[ $prev == in ]]; then
				offer=$(_portierctl_names interfaces 1)
			else
				offer="syn syn-ack ack rst fin-ack echo-request vlan in"
			fi
			;;
		esac
		;;
	log) offer="error warning notice info debug emergency alert critical all" ;;
	allow | deny | reject) offer=$(_portierctl_rule "" 1) ;;
	flows)
		case $prev in
		state)
			offer="SYN_SENT SYN_RCVD ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSING CLOSE_WAIT LAST_ACK TIME_WAIT
				CLOSED UNREPLIED REPLIED"
			;;
		handler) offer=$(_portierctl_names handlers 1) ;;
		*) offer="tcp udp icmp icmpv6 port addr proto state handler limit" ;;
		esac
		;;
	rules)
		case ${_portierctl_words[1]} in
		"") offer="list load import try add insert replace delete" ;;
		add | insert) offer=$(_portierctl_rule "allow deny reject" 2) ;;
		delete | replace) offer=$(_portierctl_names rules 1 list) ;;
		load | import | try)
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
			;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$cur")
}

complete -F _portierctl portierctl
