# bash completion for kvctl, written by `kvctl completion bash`.
# For this shell: source <(kvctl completion bash)
_kvctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= words= word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${path:+$path }$word" in
            'put'|'get'|'delete'|'scan'|'cluster'|'cluster init'|'cluster status'|'cluster ring'|'cluster members'|'explain'|'bench'|'version'|'schema'|'completion')
                path="${path:+$path }$word" ;;
        esac
    done
    case "$prev" in
        --endpoints) return ;;
        --timeout) return ;;
        --consistency) COMPREPLY=($(compgen -W 'fast strong' -- "$cur")); return ;;
        --ttl) return ;;
        --if-version) return ;;
        --at-least) return ;;
        --start) return ;;
        --end) return ;;
        --limit) return ;;
        --cursor) return ;;
        --nodes) return ;;
        --partitions) return ;;
        --cluster-id) return ;;
        --clients) return ;;
        --depth) return ;;
        --ops) return ;;
        --duration) return ;;
        --mix) return ;;
        --keys) return ;;
        --value-size) return ;;
        --zipf) return ;;
    esac
    case "$path" in
        '') words='put get delete scan cluster explain bench version schema completion --help --endpoints --json --timeout --consistency --no-color' ;;
        'put') words='--strong --fast --ttl --if-absent --if-version --key-base64 --value-base64 --help --endpoints --json --timeout --consistency --no-color' ;;
        'get') words='--quorum --local --at-least --raw --key-base64 --help --endpoints --json --timeout --consistency --no-color' ;;
        'delete') words='--strong --fast --if-version --key-base64 --help --endpoints --json --timeout --consistency --no-color' ;;
        'scan') words='--start --end --limit --keys-only --quorum --local --cursor --key-base64 --help --endpoints --json --timeout --consistency --no-color' ;;
        'cluster') words='init status ring members --help --endpoints --json --timeout --consistency --no-color' ;;
        'cluster init') words='--nodes --partitions --cluster-id --abort --help --endpoints --json --timeout --consistency --no-color' ;;
        'cluster status') words='--watch --help --endpoints --json --timeout --consistency --no-color' ;;
        'cluster ring') words='--help --endpoints --json --timeout --consistency --no-color' ;;
        'cluster members') words='--help --endpoints --json --timeout --consistency --no-color' ;;
        'explain') words='--key-base64 --help --endpoints --json --timeout --consistency --no-color' ;;
        'bench') words='--clients --depth --ops --duration --mix --keys --value-size --strong --fast --quorum --local --zipf --no-fill --help --endpoints --json --timeout --consistency --no-color' ;;
        'version') words='--help --endpoints --json --timeout --consistency --no-color' ;;
        'schema') words='kvd.bench/1 kvd.error/1 kvd.explain/1 kvd.init/1 kvd.members/1 kvd.read/1 kvd.ring/1 kvd.scan/1 kvd.status/1 kvd.version/1 kvd.write/1 --help --endpoints --json --timeout --consistency --no-color' ;;
        'completion') words='bash fish zsh --help --endpoints --json --timeout --consistency --no-color' ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _kvctl kvctl
