"""Python 2: an executor on the v0 driver of pymesos 0.1.7, which speaks libprocess by itself.

A task whose data is "wait" runs until it is killed; any other finishes at once. What the
framework sends is sent back in capitals.
"""
import os
import socket
import threading

from mesos.interface import Executor, mesos_pb2
from pymesos import MesosExecutorDriver


class Echo(Executor):
    def registered(self, driver, executor, framework, agent):
        driver.sendFrameworkMessage(str("registered at " + agent.id.value))

    def launchTask(self, driver, task):
        self.tell(driver, task.task_id, mesos_pb2.TASK_RUNNING)
        if task.data != "wait":
            self.tell(driver, task.task_id, mesos_pb2.TASK_FINISHED)

    def killTask(self, driver, task_id):
        self.tell(driver, task_id, mesos_pb2.TASK_KILLED)

    def frameworkMessage(self, driver, data):
        driver.sendFrameworkMessage(data.upper())

    def shutdown(self, driver):
        print("shut down")

    @staticmethod
    def tell(driver, task_id, state):
        driver.sendStatusUpdate(mesos_pb2.TaskStatus(task_id=task_id, state=state))


def end_with_agent():
    """pymesos does not notice that its agent is gone."""
    host, port = os.environ["MESOS_SLAVE_PID"].split("@")[1].split(":")
    while True:
        try:
            # Comes back when the agent closes the connection, which it may do to an idle one.
            socket.create_connection((host, int(port))).recv(1)
        except socket.error:
            os._exit(1)


watch = threading.Thread(target=end_with_agent)
watch.daemon = True
watch.start()
driver = MesosExecutorDriver(Echo())
driver.run()
