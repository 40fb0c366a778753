"""Python 2: a scheduler driver that speaks libprocess, led by lines of JSON.

    driver.py MODULE MASTER FRAMEWORK_INFO

MODULE is mesos.scheduler, the native driver of Apache Mesos 1.11.0, or pymesos, which is written
in Python and speaks as drivers did before there was mesos.scheduler.Call.

Each line of stdin is a call of the driver, {"call": NAME, ARGUMENT...}; each line of stdout is
a callback, {"event": NAME, ...}. Messages are in protobuf's JSON with their fields' own names.
The end of stdin kills the process, as a crash would.
"""
import importlib
import json
import os
import sys
import threading

import mesos.interface
from google.protobuf import json_format
from mesos.interface import mesos_pb2

lock = threading.Lock()


def tell(event, **what):
    for key, value in what.items():
        if hasattr(value, "DESCRIPTOR"):
            what[key] = json_format.MessageToDict(value, preserving_proto_field_name=True)
    with lock:
        print(json.dumps(dict(what, event=event)))
        sys.stdout.flush()


def message(kind, fields):
    return json_format.ParseDict(fields, kind())


def id_of(kind, text):
    return kind(value=text)


class Scheduler(mesos.interface.Scheduler):
    def registered(self, driver, framework_id, master):
        tell("registered", framework_id=framework_id.value, master=master)

    def reregistered(self, driver, master):
        tell("reregistered", master=master)

    def disconnected(self, driver):
        tell("disconnected")

    def resourceOffers(self, driver, offers):
        for offer in offers:
            tell("offer", offer=offer)

    def offerRescinded(self, driver, offer_id):
        tell("rescinded", offer_id=offer_id.value)

    def statusUpdate(self, driver, status):
        tell("status", status=status)

    def frameworkMessage(self, driver, executor_id, agent_id, data):
        tell("message", executor_id=executor_id.value, agent_id=agent_id.value, data=data)

    def slaveLost(self, driver, agent_id):
        tell("agent_lost", agent_id=agent_id.value)

    def executorLost(self, driver, executor_id, agent_id, status):
        tell("executor_lost", executor_id=executor_id.value, agent_id=agent_id.value, status=status)

    def error(self, driver, text):
        tell("error", message=text)


def launch(driver, offer, tasks, refuse_seconds=0.0):
    driver.launchTasks(id_of(mesos_pb2.OfferID, offer),
                       [message(mesos_pb2.TaskInfo, task) for task in tasks],
                       mesos_pb2.Filters(refuse_seconds=refuse_seconds))


def decline(driver, offer, refuse_seconds):
    driver.declineOffer(id_of(mesos_pb2.OfferID, offer),
                        mesos_pb2.Filters(refuse_seconds=refuse_seconds))


def kill(driver, task):
    driver.killTask(id_of(mesos_pb2.TaskID, task))


def reconcile(driver, statuses):
    driver.reconcileTasks([message(mesos_pb2.TaskStatus, status) for status in statuses])


def send(driver, executor, agent, data):
    driver.sendFrameworkMessage(id_of(mesos_pb2.ExecutorID, executor),
                                id_of(mesos_pb2.SlaveID, agent), str(data))


CALLS = {
    "launch": launch,
    "decline": decline,
    "kill": kill,
    "reconcile": reconcile,
    "send": send,
    "suppress": lambda driver: driver.suppressOffers(),
    "revive": lambda driver: driver.reviveOffers(),
    "stop": lambda driver, failover=False: driver.stop(failover),
}

module, master, info = sys.argv[1:]
driver = importlib.import_module(module).MesosSchedulerDriver(
    Scheduler(), message(mesos_pb2.FrameworkInfo, json.loads(info)), master)
driver.start()
for line in iter(sys.stdin.readline, ""):
    arguments = json.loads(line)
    CALLS[arguments.pop("call")](driver, **arguments)
os._exit(0)
