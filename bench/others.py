"""How much CPU others used while something was measured: what the machine was busy with, less what this
process and all that it started took. Kernel threads count as others, interrupts as nobody's.
"""
import ctypes
import os
import resource
import time

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/stat's first line: user, nice, system, steal (of a virtual machine, what its host gave to another).
BUSY = (1, 2, 3, 8)


def busy_s():
    """CPU seconds of the machine so far."""
    with open("/proc/stat", encoding="ascii") as f:
        fields = f.readline().split()
    return sum(int(fields[i]) for i in BUSY) / TICKS


def times_of(pid):
    """(parent, CPU seconds of user and system, and those of its children that were waited for)."""
    with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[1]), *(int(x) / TICKS for x in fields[11:15]))


def processes():
    """{pid: (parent, CPU seconds of it and of its children that were waited for)}."""
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            parent, *seconds = times_of(pid)
        except OSError:              # it has ended
            continue
        found[pid] = (parent, sum(seconds))
    return found


def ours_s():
    """CPU seconds so far of this process and of all below it."""
    found, waited = processes(), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time() + waited.ru_utime + waited.ru_stime
    below = {os.getpid()}
    while more := {pid for pid, (parent, _) in found.items() if parent in below} - below:
        below |= more
    return own + sum(found[pid][1] for pid in below if pid in found and pid != os.getpid())


class Others:
    """From when it is made."""

    def __init__(self):
        # Servers are left behind by the script that starts them: so they stay below this process, and once
        # ended count as long as nobody waits for them.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.last = self.now()

    def now(self):
        return time.monotonic(), busy_s() - ours_s()

    def since(self):
        """(seconds, CPU seconds of others) since it was last asked."""
        before, self.last = self.last, self.now()
        return self.last[0] - before[0], max(0.0, self.last[1] - before[1])
