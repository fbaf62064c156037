# bash completion for pubgrid(1): commands, options and the arguments of options.
#
# The lists come from `pubgrid help` and `pubgrid COMMAND --help`, so this file does not name the
# options and need not change with them. An option's argument is completed by the name that --help
# gives it ("file", "directory", "qos", ...).
#
# SPDX-License-Identifier: Apache-2.0

_pubgrid_commands()
{
    "$1" help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

# The options of a command, one a line.
_pubgrid_options()
{
    "$1" "$2" --help 2>/dev/null | sed -nE 's/^ +(-.*)/\1/p' |
        grep -oE '^-[A-Za-z0-9-]+(, --[a-z0-9-]+)?' | tr -d , | tr ' ' '\n'
}

# What `pubgrid hub` can do, one a line.
_pubgrid_hub_commands()
{
    "$1" hub --help 2>/dev/null | sed -nE 's/^(Usage:)? +pubgrid hub ([a-z]+) .*/\2/p' | sort -u
}

# What `pubgrid event` or `pubgrid namespace` can be about, and what it can do with that, one a line.
_pubgrid_nouns_and_verbs()
{
    "$1" "$2" --help 2>/dev/null |
        sed -nE "s/^(Usage:)? +pubgrid $2 ([a-z|-]+) ?([a-z|-]*).*/\\2 \\3/p" |
        awk -v noun="$3" '{
            if (noun == "") {
                gsub("[|]", "\n", $1)
                print $1
                next
            }
            count = split($1, nouns, "|")
            for (i = 1; i <= count; i++) {
                if (nouns[i] == noun) {
                    gsub("[|]", "\n", $2)
                    print $2
                }
            }
        }' | sort -u
}

# What --help calls the argument of an option; nothing if it takes none.
_pubgrid_argument()
{
    "$1" "$2" --help 2>/dev/null |
        sed -nE 's/^ +((-[A-Za-z0-9-]+)(, --[a-z0-9-]+)?)( [A-Za-z]+)?.*/\1\4/p' | tr -d , |
        awk -v option="$3" '$1 == option || $2 == option {
            if ($NF !~ /^-/) { print $NF }
            exit
        }'
}

_pubgrid_properties='authentication-data authentication-method content-type correlation-data
    maximum-packet-size message-expiry-interval payload-format-indicator reason-string
    receive-maximum request-problem-information request-response-information response-topic
    session-expiry-interval subscription-identifier topic-alias topic-alias-maximum user-property
    will-delay-interval'

_pubgrid_roles='webpubsub.joinLeaveGroup webpubsub.joinLeaveGroup. webpubsub.joinLeaveGroups.
    webpubsub.sendToGroup webpubsub.sendToGroup. webpubsub.sendToGroups.'

# Candidates for an argument of that name, before the current word.
_pubgrid_values()
{
    case $1 in
    file) compgen -f -- "$2" ;;
    path) compgen -f -- "$2" ;;
    directory) compgen -d -- "$2" ;;
    host) compgen -A hostname -- "$2" ;;
    qos) compgen -W '0 1 2' -- "$2" ;;
    port) compgen -W '1883 8883' -- "$2" ;;
    form) compgen -W 'pem' -- "$2" ;;
    version) compgen -W '5 311 31' -- "$2" ;;
    tls) compgen -W 'tlsv1.1 tlsv1.2 tlsv1.3' -- "$2" ;;
    which) compgen -W 'primary secondary' -- "$2" ;;
    role) compgen -W "$_pubgrid_roles" -- "$2" ;;
    command) compgen -W 'connect publish subscribe unsubscribe disconnect will' -- "$2" ;;
    esac
}

_pubgrid()
{
    local program=${COMP_WORDS[0]} command=${COMP_WORDS[1]}
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} argument=

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ] || [ "$command $COMP_CWORD" = "help 2" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_pubgrid_commands "$program")" -- "$word")
        return
    fi
    if [ "$command $COMP_CWORD" = "hub 2" ] && [[ $word != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_pubgrid_hub_commands "$program")" -- "$word")
        return
    fi
    if [[ $command =~ ^(event|namespace)$ && $COMP_CWORD -le 3 && $word != -* ]]; then
        local noun=
        [ "$COMP_CWORD" -eq 3 ] && noun=${COMP_WORDS[2]}
        mapfile -t COMPREPLY < <(compgen -W "$(_pubgrid_nouns_and_verbs "$program" "$command" "$noun")" -- "$word")
        return
    fi
    if [ "$command ${COMP_WORDS[2]} $COMP_CWORD" = "hub set 4" ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        compopt -o filenames 2>/dev/null
        return
    fi
    if [ "$COMP_CWORD" -gt 3 ] && [[ ${COMP_WORDS[COMP_CWORD - 2]} =~ ^(-D|--property)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$_pubgrid_properties" -- "$word")
        return
    fi
    if [[ $before == -* ]]; then
        argument=$(_pubgrid_argument "$program" "$command" "$before")
    fi
    if [ -n "$argument" ]; then
        mapfile -t COMPREPLY < <(_pubgrid_values "$argument" "$word")
        compopt -o filenames 2>/dev/null
    elif [[ $word == -* || -z $word ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_pubgrid_options "$program" "$command")" -- "$word")
    fi
}

complete -F _pubgrid pubgrid
