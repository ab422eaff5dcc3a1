"""What the checks of the sources share."""
import os
import re
import subprocess


def tracked(root, *patterns):
    """Paths of the repository's files, relative to its root; in an unpacked archive, of all files."""
    r = subprocess.run(["git", "-C", root, "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "--",
                        *patterns], capture_output=True, text=True, check=True)
    return sorted(p for p in r.stdout.splitlines() if os.path.isfile(os.path.join(root, p)))


def text_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as f:
        return f.read()


def folder_of(path):
    """The name that the table of folders has for a file, or None for tests, bench and scripts."""
    parts = path.split("/")
    if parts[0] == "stream" and len(parts) > 2:
        return parts[1]
    if parts[0] in ("operators", "include"):
        return parts[0]
    return None


def code_of(text):
    """C without comments and without the contents of strings; line numbers stay."""
    def blank(m):
        s = m.group(0)
        if s.startswith("/"):
            return "\n" * s.count("\n")
        return s[0] + s[-1]
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def functions(text):
    """(name, first line, length) of each function: name at column 0, body between braces at column 0."""
    lines = text.splitlines()
    found = []
    for start, line in enumerate(lines):
        if line != "{":
            continue
        end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("}")), None)
        if end is None or lines[end] != "}":   # a struct, a table, or a namespace
            continue
        head = start - 1
        while head > 0 and lines[head][:1] in ("\t", " "):
            head -= 1
        m = re.match(r"(?:[\w*: ]+ \*?)?(\w+)\(", lines[head])
        if m:
            found.append((m.group(1), head + 1, end - head + 1))
    return found


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0
