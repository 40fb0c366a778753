"""Runs commands with the published framework library mesoshttp, unmodified, on the master
named by the first argument. Prints one line of JSON at the end: the states of each task.

The library hands a record on only when the next one begins, so this asks for offers again
and again to keep records coming.
"""
import json
import sys
import threading
import time

from mesoshttp.client import MesosClient

COMMANDS = {"good": "echo good", "bad": "exit 3"}
ENDED = {"TASK_FINISHED", "TASK_FAILED", "TASK_ERROR", "TASK_LOST", "TASK_KILLED"}
states = {name: [] for name in COMMANDS}
waiting = list(COMMANDS)
driver = None


def subscribed(found):
    global driver
    driver = found


def task(name, agent):
    amounts = (("cpus", 0.1), ("mem", 32))
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": agent,
        "command": {"value": COMMANDS[name], "shell": True},
        "resources": [
            {"name": kind, "type": "SCALAR", "scalar": {"value": value}} for kind, value in amounts
        ],
    }


def offered(offers):
    for offer in offers:
        tasks = [task(name, offer.get_offer()["agent_id"]) for name in waiting]
        waiting.clear()
        again = {"filters": {"refuse_seconds": 0.01}}
        offer.accept(tasks, again) if tasks else offer.decline(again)


def updated(update):
    status = update["status"]
    states[status["task_id"]["value"]].append(status["state"])


client = MesosClient(mesos_urls=["http://" + sys.argv[1]], frameworkName="mesoshttp", frameworkUser="root")
client.on(MesosClient.SUBSCRIBED, subscribed)
client.on(MesosClient.OFFERS, offered)
client.on(MesosClient.UPDATE, updated)
threading.Thread(target=client.register, daemon=True).start()

deadline = time.monotonic() + 45
while time.monotonic() < deadline and not all(seen and seen[-1] in ENDED for seen in states.values()):
    time.sleep(0.2)
    if driver is not None:
        driver.revive()
if driver is not None:
    driver.tearDown()
print(json.dumps({"framework": client.frameworkId, "states": states}))
