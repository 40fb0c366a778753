"""Python 2: a master of Apache Mesos 1.11.0, or agents of it that join another master.

    cluster.py [MASTER]

The native scheduler driver carries the whole of libmesos. A driver whose master is "local"
starts a master and MESOS_NUM_SLAVES agents in this process; MESOS_ variables are their flags.
With MASTER (host:port) the agents of this process join that one in its place.
"""
import ctypes
import sys
import threading

import mesos.interface
import mesos.scheduler
from mesos.interface import mesos_pb2

APPOINT = "_ZN5mesos6master8detector24StandaloneMasterDetector7appointERK6OptionINS_10MasterInfoEE"
APPOINT_PID = "_ZN5mesos6master8detector24StandaloneMasterDetector7appointERKN7process4UPIDE"
PARSE_PID = "_ZN7process4UPIDC1EPKc"
READ, WRITE, EXECUTE = 1, 2, 4
PAGE = 4096


def lead_agents_to(pid):
    """Local mode appoints its master as the leader that its agents detect. This puts a jump
    at the beginning of that method, to a function that appoints `pid`."""
    with open("/proc/self/maps") as maps:
        path = next(line.split()[-1] for line in maps if line.rstrip().endswith("_scheduler.so"))
    library = ctypes.CDLL(path)
    upid = ctypes.create_string_buffer(4096)
    parse, appoint = library[PARSE_PID], library[APPOINT_PID]
    parse.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    appoint.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    parse(upid, pid)

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    def replacement(detector, _):
        appoint(detector, upid)

    def address(function):
        return ctypes.cast(function, ctypes.c_void_p).value

    jump = "\xff\x25\0\0\0\0" + buffer(ctypes.c_uint64(address(replacement)))[:]
    place = address(library[APPOINT])
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    pages = place & -PAGE, 2 * PAGE
    if protect(pages[0], pages[1], READ | WRITE | EXECUTE) != 0:
        raise SystemExit("mprotect")
    ctypes.memmove(place, jump, len(jump))
    protect(pages[0], pages[1], READ | EXECUTE)
    return replacement


class Idle(mesos.interface.Scheduler):
    """Wants nothing: its driver only holds the cluster up."""

    def registered(self, driver, framework_id, master):
        print("the master is at 127.0.0.1:%d" % master.port)
        driver.suppressOffers()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            driver.declineOffer(offer.id, mesos_pb2.Filters(refuse_seconds=31536000.0))


if len(sys.argv) > 1:
    kept = lead_agents_to("master@" + sys.argv[1])
driver = mesos.scheduler.MesosSchedulerDriver(
    Idle(), mesos_pb2.FrameworkInfo(user="root", name="idle"), "local")
driver.start()
threading.Event().wait(1e9)
