// The shells' side of completion: each script asks `sandbox __complete WORDS…`, which answers
// "word<TAB>description" lines and, when file names fit, the line ":files".
#include <string_view>

#include "cli/complete.hpp"

namespace sandbox::cli {
namespace {

// bash breaks words at ":" and "=", and replaces only what stands behind the last of them.
constexpr std::string_view kBash =
    R"bash(# bash completion of sandbox: source <(sandbox completion bash)
_sandbox_complete() {
    local line=${COMP_LINE:0:COMP_POINT} words current answer word head
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    answer=$("${words[0]}" __complete "${words[@]:1}" 2>/dev/null) || return
    head=${current%"${current##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        if [[ $word == ":files" ]]; then
            compopt -o default
        elif [[ -n $word ]]; then
            COMPREPLY+=("${word#"$head"}")
        fi
    done <<<"$answer"
}
complete -F _sandbox_complete sandbox
)bash";

constexpr std::string_view kZsh = R"zsh(#compdef sandbox
# zsh completion of sandbox: source <(sandbox completion zsh), or save as _sandbox on the fpath
_sandbox() {
    local -a answer described
    local each word text files=0
    answer=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for each in "${answer[@]}"; do
        [[ -z $each ]] && continue
        if [[ $each == ":files" ]]; then
            files=1
            continue
        fi
        word=${each%%$'\t'*}
        text=${each#*$'\t'}
        if [[ $text == $each || -z $text ]]; then
            described+=("${word//:/\\:}")
        else
            described+=("${word//:/\\:}:$text")
        fi
    done
    (( ${#described} )) && _describe sandbox described
    (( files )) && _files
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _sandbox "$@"
elif (( $+functions[compdef] )); then
    compdef _sandbox sandbox
fi
)zsh";

constexpr std::string_view kFish =
    R"fish(# fish completion of sandbox: sandbox completion fish | source
function __sandbox_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..-1] $current 2>/dev/null | string match -v ':files'
end
function __sandbox_wants_files
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..-1] $current 2>/dev/null | string match -q ':files'
end
complete -c sandbox -f -a '(__sandbox_complete)'
complete -c sandbox -n __sandbox_wants_files -F
)fish";

}  // namespace

std::string completion_script(std::string_view shell) {
    if (shell == "bash") return std::string(kBash);
    if (shell == "zsh") return std::string(kZsh);
    if (shell == "fish") return std::string(kFish);
    return {};
}

}  // namespace sandbox::cli
