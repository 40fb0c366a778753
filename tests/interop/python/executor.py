"""Python 2: an executor on the v0 driver of pymesos 0.1.7, which speaks libprocess by itself.

A task whose data is "wait" runs until it is killed; any other finishes at once. What the
framework sends is sent back in capitals.
"""
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


driver = MesosExecutorDriver(Echo())
driver.run()
