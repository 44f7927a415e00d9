#!/usr/bin/env python3
"""Rules that a look at the text can check: naked close, new and delete; functions that do not work
in a static binary; names of files; length of files and functions."""
import pathlib
import re
import sys

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60

# Pattern, what to say, files where it is right (with the reason beside it).
RULES = [
    (r"(?<![\w.>:])(::)?close\((?!\))", "close(): the owner of a descriptor is a UniqueFd", {
        "include/sandbox/base/raw.hpp",        # the shim itself
        "include/sandbox/base/unique_fd.hpp",  # the owner itself
    }),
    (r"\bnew\b(?=\s+[\w:])", "new: use a container or make_unique", set()),
    (r"(?<!operator )(?<!= )\bdelete\b(?=\s*[\w(\[*])", "delete: use an owner", set()),
    (r"(?<![\w.>])(std::)?(malloc|calloc|realloc|free)\(", "malloc/free: use an owner", {
        "src/image/ring.cpp",  # the deleter of aligned memory
    }),
    (r"\b(getpw\w*|getgr(nam|gid|ent|ouplist)\w*|initgroups|getaddrinfo|gethostby\w+|"
     r"getservby\w+)\s*\(", "does not work in a static binary: use base/", set()),
    (r"(?<![\w.>:])(std::)?(system|popen|tmpnam|mktemp)\(", "unsafe: see base/subprocess.hpp", set()),
]
# Opens that must outlive an exec.
INHERITED = {"src/cli/dispatch.cpp"}  # /dev/null in place of a closed 0, 1 or 2
STRING_OR_COMMENT = re.compile(
    r'R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/')
# A function's first line ends with "{" after ")"; its last is "}" at the same depth.
HEAD_END = re.compile(r"\)[^;{}=]*\{$|\) (const )?(noexcept )?(-> [\w:<>,&* ]+ )?\{$")
NOT_A_FUNCTION = re.compile(r"^\s*(if|for|while|switch|else|do|catch|namespace|struct|class|enum|"
                            r"extern|union|\}|return)\b")


def code_of(text):
    """The text with strings and comments blanked, line by line in place."""
    return STRING_OR_COMMENT.sub(lambda m: '""' + "\n" * m.group().count("\n"), text)


def long_functions(lines):
    start, depth = None, ""
    for number, line in enumerate(lines, 1):
        indent = line[:len(line) - len(line.lstrip())]
        if start is None:
            if HEAD_END.search(line) and len(indent) <= 4 and not NOT_A_FUNCTION.match(line):
                start, depth = number, indent
        elif line.startswith(depth + "}") or (line.startswith("}") and len(depth) > 0):
            if number - start + 1 > MAX_FUNCTION_LINES:
                yield start, number - start + 1
            start = None


def check(root, file):
    name = str(file.relative_to(root))
    text = file.read_text()
    code = code_of(text).splitlines()
    product = name.startswith(("src/", "include/"))
    if not re.fullmatch(r"[a-z0-9_]+\.(cpp|hpp|c)", file.name):
        yield 1, f'file name "{file.name}" is not snake_case'
    if len(code) > MAX_FILE_LINES:
        yield 1, f"{len(code)} lines, more than {MAX_FILE_LINES}: it wants two rooms"
    for number, length in long_functions(code):
        if product:
            yield number, f"a function of {length} lines, more than {MAX_FUNCTION_LINES}"
    if not product:
        return
    for number, line in enumerate(code, 1):
        for pattern, say, right in RULES:
            if name not in right and re.search(pattern, line):
                yield number, say
    for number, line in enumerate(code, 1):
        # Every open says O_CLOEXEC, within its statement.
        if re.search(r"\braw::(openat|openat2|open)\(|(?<![\w.>:])(::)?open(at)?\(", line):
            statement = " ".join(code[number - 1:number + 6]).split(";")[0]
            if re.search(r"\bO_(RDONLY|RDWR|WRONLY|PATH)\b", statement) and \
                    "O_CLOEXEC" not in statement and name not in INHERITED:
                yield number, "open without O_CLOEXEC"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = [f for top in ("src", "include", "tests") for f in (root / top).rglob("*")
             if f.suffix in (".cpp", ".hpp", ".c")]
    bad = 0
    for file in sorted(files):
        for number, say in check(root, file):
            print(f"{file.relative_to(root)}:{number}: {say}")
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
