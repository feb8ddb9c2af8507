# Sourced by the scripts beside it: `need WHY COMMAND_OR_FILE=PACKAGE ...` installs what is missing with
# Debian's apt, or says in one sentence what to install and returns 1 where it may not.

need() {
    local why=$1 pair probe package missing=()
    shift
    for pair in "$@"; do
        probe=${pair%%=*} package=${pair#*=}
        # a pattern is looked for as a file, a bare word as a command
        if [[ $probe == */* ]]; then
            compgen -G "$probe" >/dev/null && continue
        else
            PATH="$PATH:/usr/sbin:/sbin" command -v "$probe" >/dev/null && continue
        fi
        [[ " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0

    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || { [ ${#sudo[@]} -gt 0 ] && ! sudo -n true 2>/dev/null; }; then
        echo "$why need ${missing[*]}, which may not be installed from here: sudo apt-get install ${missing[*]}" >&2
        return 1
    fi
    echo "Installing ${missing[*]} ($why need them)"
    local log
    log=$(mktemp)
    if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        echo "$why need ${missing[*]}, and apt-get could not install them (its last words are above)" >&2
        return 1
    fi
    rm -f "$log"
}
