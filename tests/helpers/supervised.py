"""Workers that do what a test tells them, step by step, behind a real broker and a real database.

Each message is carried out by Celery's own tracer in a thread of its own, so that all that the
runner does before and behind the work of a plugin is done. What
``tests/tasking/messages/test_machine.py`` needs of the runner's inside is named here and nowhere
else.
"""

import json
import sys
import threading
import traceback
from contextlib import suppress
from queue import Empty, Queue
from uuid import uuid4

from celery.app.trace import build_tracer
from kombu import Connection
from sqlalchemy import select, update

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    TaskUpdateSubscription,
    WebhookDelivery,
)
from qhana_plugin_runner.operations.lost_tasks import LostTasks
from qhana_plugin_runner.tasking import life_cycle, messages
from qhana_plugin_runner.tasking.broker import in_flight
from qhana_plugin_runner.tasking.cancel import cancel
from qhana_plugin_runner.tasking.in_flight import Report
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result
from qhana_plugin_runner.worker import broker_queues

QUEUE = "qhana_plugin_runner"
OWNER, TOKEN = messages.TASK_ID, messages.DELIVERY_ID
TERMINAL = {state.value for state in life_cycle.TERMINAL}
SECONDS = 60


@CELERY.task(name="machine@v1.work", attempts=2, attempt_delay=0)
def work(*_before, db_id):
    """The work of a plugin: what the test says."""
    return threading.current_thread().obey(db_id)


class Delivery(threading.Thread):
    """A message with a worker that has begun with it.

    Attributes:
        owner: the task that it works for
        token: what names the message
        name: of the Celery task
        has_begun: whether the work of a plugin was begun
    """

    def __init__(self, worker, message):
        super().__init__(daemon=True)
        self.worker, self._headers = worker, message.headers
        self.owner, self.token = message.headers[OWNER], message.headers[TOKEN]
        self.task = message.headers["task"]
        self._body = json.loads(message.body)
        self._orders, self._news = Queue(), Queue()
        self.has_begun = self.is_over = False

    def run(self):
        args, kwargs, following = self._body
        task = CELERY.tasks[self.task]
        trace = build_tracer(task.name, task, app=CELERY)
        request = {**self._headers, **following, "is_eager": False, "hostname": "machine"}
        request["delivery_info"] = {"routing_key": QUEUE, "is_eager": False}
        try:
            trace(self._headers["id"], args, kwargs, request)
        except BaseException as error:
            self._news.put(error)
        else:
            self._news.put("over")

    def obey(self, db_id):
        """Do what a plugin does, as it is told; called by the work."""
        self._news.put("begun")
        while True:
            order = self._orders.get()
            task = ProcessingTask.get_by_id(db_id)
            if order == "raise":
                raise ValueError("no")
            if order == "return":
                return "returned"
            if order == "log":
                task.add_task_log_entry("logged", commit=True)
            elif order == "end":
                task.task_status, task.finished_at = "SUCCESS", utc_now()
                task.save(commit=True)
            DB.session.remove()
            self._news.put("done")

    def begin(self):
        self.start()
        self.has_begun = self._next() == "begun"
        self.is_over = not self.has_begun

    def order(self, order):
        self._orders.put(order)
        self.is_over = self._next() == "over"

    def _next(self):
        try:
            news = self._news.get(timeout=SECONDS)
        except Empty:
            frames = sys._current_frames().get(self.ident)
            where = "".join(traceback.format_stack(frames)) if frames else "gone"
            raise AssertionError(f"{self.task} of {self.owner} hangs:\n{where}") from None
        if isinstance(news, BaseException):
            raise AssertionError(f"{self.task} of task {self.owner}: {news!r}") from news
        return news

    def abandon(self):
        """Let the thread end, when nobody looks any more."""
        if self.is_alive():
            self._orders.put("return")
            self.join(SECONDS)


class Worker:
    """A worker, as others see it.

    Attributes:
        reserved: messages that it has taken from the queue and not begun with
        at_work: messages that it has begun with
    """

    def __init__(self, known, url):
        self.id = uuid4().hex
        self._known = known
        self.connection = Connection(url)
        self.reserved, self.at_work = [], []

    def take(self):
        """Take a message from the queue; return whether there was one."""
        try:
            message = self.connection.default_channel.basic_get(QUEUE)
        except Empty:
            message = None
        if message is not None:
            self.reserved.append(message)
        return message is not None

    def begin(self, number=0):
        """Begin with a message, and return it as a delivery."""
        message = self.reserved.pop(number)
        message.ack()
        delivery = Delivery(self.id, message)
        delivery.begin()
        if delivery.has_begun:
            self.at_work.append(delivery)
        return delivery

    def beat(self):
        """Tell that it lives, and what it has."""
        held = {(each.owner, each.token) for each in self.at_work}
        names = [each.headers for each in self.reserved]
        held |= {(each[OWNER], each[TOKEN]) for each in names if each.get(TOKEN)}
        at_work = {each.owner for each in self.at_work}
        self._known.heartbeat(self.id, 3600, Report(self._known.now(), held, at_work))

    def die(self):
        """Be silent from now on, as if killed or cut off."""
        self._known.unregister_worker(self.id)


class World:
    """An app, its broker, and what is to be seen of its tasks."""

    def __init__(self, app, url, patch):
        self.app, self.url = app, url
        self.known = in_flight(app)
        self._lost_tasks = LostTasks()
        patch.setattr(broker_queues, "MARGIN", 0.0)
        patch.setattr(self.known, "uptime", lambda: 60.0)
        patch.setattr(messages, "worker_id", lambda: threading.current_thread().worker)

    def worker(self):
        return Worker(self.known, self.url)

    def submit(self, kind):
        """Save a task that somebody is subscribed to, and send its message; return its id."""
        with self.app.app_context():
            task = ProcessingTask("a-task")
            task.save(commit=True)
            TaskUpdateSubscription(task, "http://127.0.0.1:9/", "http://x/", None).save(
                commit=True
            )
            self._send(task.id, kind)
            return task.id

    def _send(self, task_id, kind):
        chain = work.s(db_id=task_id)
        if kind == "chain":
            chain |= save_task_result.s(db_id=task_id)
        elif kind == "long chain":
            chain |= work.s(db_id=task_id) | save_task_result.s(db_id=task_id)
        elif kind == "step":
            step = {"step_id": "one", "href": "step/", "ui_href": "ui/"}
            chain |= add_step.s(db_id=task_id, **step)
        if kind != "lone":
            chain.link_error(save_task_error.s(db_id=task_id))
        chain.apply_async()

    def clear_step(self, task_id, kind):
        """Clear the open step of a task and go on, as the endpoint of a step does."""
        with self.app.app_context():
            task = ProcessingTask.get_by_id(task_id)
            task.clear_previous_step(commit=True)
            self._send(task_id, kind)

    def cancel(self, task_id):
        with self.app.app_context():
            cancel(task_id)

    def look(self):
        """Look for lost tasks once."""
        with self.app.app_context():
            self._lost_tasks.run()

    def flush(self):
        self.known.client.flushall()

    def lose_message(self):
        """Remove the message that is next."""
        self.known.client.rpop(QUEUE)

    def double_message(self):
        """Queue a copy of the message that was sent last."""
        if text := self.known.client.lindex(QUEUE, 0):
            self.known.client.lpush(QUEUE, text)

    def messages(self):
        return self.known.client.llen(QUEUE)

    def restore(self):
        """Queue again what workers have taken and not begun with, as after a time-out."""
        options = {"visibility_timeout": 0}
        with Connection(self.url, transport_options=options) as connection:
            connection.default_channel.qos.restore_visible()

    def see(self, task_id):
        """Return what an observer sees of a task; deliver what its subscriber is to be told."""
        with self.app.app_context():
            task = ProcessingTask.get_with_details(task_id)
            rows = select(WebhookDelivery.event_type).filter_by(task_id=task_id)
            told = list(DB.session.execute(rows).scalars())
            seen = Seen(task, told)
            delivered = {"attempts": 1, "due_at": None, "delivered_at": utc_now()}
            statement = update(WebhookDelivery).filter_by(task_id=task_id)
            DB.session.execute(statement.values(**delivered))
            DB.session.commit()
            return seen

    def forget(self):
        """Forget all, for the next run."""
        self.flush()
        with self.app.app_context(), suppress(KeyError):
            for table in reversed(DB.metadata.sorted_tables):
                DB.session.execute(table.delete())
            DB.session.commit()


class Seen:
    """What is to be seen of a task at one time."""

    def __init__(self, task, told):
        self.state = task.state
        self.end = (task.state, task.task_status, task.finished_at)
        self.has_ended = task.finished_at is not None
        self.log = task.task_log
        self.steps = len(task.steps)
        self.has_open_step = task.has_uncleared_step
        self.told = told
