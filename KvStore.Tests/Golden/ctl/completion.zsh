#compdef kvctl
# zsh completion for kvctl, written by `kvctl completion zsh`.
# For every shell: save it as _kvctl in a directory of $fpath.
_kvctl() {
    local place= word
    local -a offers
    for word in "${(@)words[2,CURRENT-1]}"; do
        case "${place:+$place }$word" in
            'put'|'get'|'delete'|'scan'|'cluster'|'cluster init'|'cluster status'|'cluster ring'|'cluster members'|'explain'|'bench'|'version'|'schema'|'completion')
                place="${place:+$place }$word" ;;
        esac
    done
    case "${words[CURRENT-1]}" in
        --endpoints) return ;;
        --timeout) return ;;
        --consistency) compadd -- fast strong; return ;;
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
    case "$place" in
        '') offers=(
            'put:store a value'
            'get:read values'
            'delete:delete keys; deleting an absent key succeeds'
            'scan:print records in key order'
            'cluster:form the cluster and see how it is'
            'explain:show where a key lives and what its replicas know of it'
            'bench:put a load on the cluster and measure it'
            'version:show the version of this build'
            'schema:show the JSON Schema of a document that --json prints'
            'completion:print a completion script for a shell'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'put') offers=(
            '--strong:acknowledged when a majority holds it durably; linearizable'
            '--fast:acknowledged when the primary holds it durably (the default)'
            '--ttl:the record expires after this time'
            '--if-absent:only if there is no record; implies --strong'
            '--if-version:only if the record has this revision or version; implies --strong'
            '--key-base64:KEY is in base64'
            '--value-base64:VALUE, or what is read, is in base64'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'get') offers=(
            '--quorum:reflect every acknowledged strong write; linearizable'
            '--local:the nearest replica'\''s own state, with a bound on its age (the default)'
            '--at-least:reflect the write that was given this revision, whichever replica answers'
            '--raw:print the bytes of the values alone, without a line feed behind each'
            '--key-base64:every KEY is in base64'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'delete') offers=(
            '--strong:acknowledged when a majority holds it durably; linearizable'
            '--fast:acknowledged when the primary holds it durably (the default)'
            '--if-version:only if the record has this revision or version; implies --strong'
            '--key-base64:every KEY is in base64'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'scan') offers=(
            '--start:the first key that may appear'
            '--end:the first key that may not appear any more'
            '--limit:stop after N records; without it all are printed'
            '--keys-only:leave the values out'
            '--quorum:reflect every acknowledged strong write; linearizable'
            '--local:the nearest replica'\''s own state, with a bound on its age (the default)'
            '--cursor:go on where a scan with --limit and the same other options stopped'
            '--key-base64:PREFIX, --start and --end are in base64'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'cluster') offers=(
            'init:form a cluster of empty nodes'
            'status:show the health of the cluster'
            'ring:show what each node holds and leads; with --json every partition'
            'members:list the members of the cluster'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'cluster init') offers=(
            '--nodes:host\:port of each member, three or more; they are numbered in this order'
            '--partitions:parts of the key space, for ever\: a power of two (default 256)'
            '--cluster-id:resume a formation that was begun with this id'
            '--abort:give up a formation of the same nodes that was begun and not finished'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'cluster status') offers=(
            '--watch:again every second, until interrupted'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'cluster ring') offers=(
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'cluster members') offers=(
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'explain') offers=(
            '--key-base64:KEY is in base64'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'bench') offers=(
            '--clients:clients at a time (default 16)'
            '--depth:requests each client keeps under way (default 1)'
            '--ops:stop after N operations'
            '--duration:stop after this time (default 10s)'
            '--mix:which operations, by weight'
            '--keys:how many different keys (default 100000)'
            '--value-size:bytes of each value (default 256)'
            '--strong:acknowledged when a majority holds it durably; linearizable'
            '--fast:acknowledged when the primary holds it durably (the default)'
            '--quorum:reflect every acknowledged strong write; linearizable'
            '--local:the nearest replica'\''s own state, with a bound on its age (the default)'
            '--zipf:take keys after Zipf'\''s law with exponent S; 0 is all alike'
            '--no-fill:do not store all keys before a mix with gets'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'version') offers=(
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'schema') offers=(
            'kvd.bench/1'
            'kvd.error/1'
            'kvd.explain/1'
            'kvd.init/1'
            'kvd.members/1'
            'kvd.read/1'
            'kvd.ring/1'
            'kvd.scan/1'
            'kvd.status/1'
            'kvd.version/1'
            'kvd.write/1'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
        'completion') offers=(
            'bash'
            'fish'
            'zsh'
            '--help:show help'
            '--endpoints:nodes to ask, any will do (or KVCTL_ENDPOINTS; default 127.0.0.1\:7400)'
            '--json:print JSON documents, one per line (see '\''kvctl schema'\'')'
            '--timeout:deadline of each request, carried to the servers (default 5s)'
            '--consistency:fast\: fast writes and local reads; strong\: strong writes and quorum reads (or KVCTL_CONSISTENCY; default fast)'
            '--no-color:no colours on a terminal (or NO_COLOR)'
            ) ;;
    esac
    _describe 'kvctl' offers
}
if [ "$funcstack[1]" = "_kvctl" ]; then _kvctl "$@"; else compdef _kvctl kvctl; fi
