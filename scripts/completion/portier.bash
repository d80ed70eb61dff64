# SPDX-License-Identifier: BSD-3-Clause
# Bash completion for portier(1).

_portier()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] && return # EAL arguments
	done
	case $prev in
	-c | --config | --rules | --flows | --packets | --json | --svg)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--workers)
		mapfile -t COMPREPLY < <(compgen -W "1 2 3 4 8" -- "$cur")
		return
		;;
	esac
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "replay run check generate ndr --help --version" -- "$cur")
		return
	fi
	local options="-c --config --rules --help"
	[[ ${COMP_WORDS[1]} == replay ]] && options+=" --workers --flows --packets --json -q --quiet --explain"
	[[ ${COMP_WORDS[1]} == run ]] && options+=" --latency --json"
	[[ ${COMP_WORDS[1]} == check ]] && options+=" --strict"
	[[ ${COMP_WORDS[1]} == @(generate|ndr) ]] && options="-c --config --json -q --quiet --help"
	[[ ${COMP_WORDS[1]} == ndr ]] && options+=" --svg"
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --" -- "$cur")
	elif [[ ${COMP_WORDS[1]} == replay ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -F _portier portier
