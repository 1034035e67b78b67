"""The queue that workers share: jobs of procrastinate, each the sync of one account, of which it holds the name.

    planner  due accounts -> jobs; jobs of dead workers -> gone        every 3 s, in every worker
    worker   job | lane: one account's sync | job deleted              as many at once as there are lanes

The queue only spreads work. What is due stands in `accounts.next_due_at`, and only one process syncs an account because
of its lease (R8): a job that is lost, doubled or late costs a look at a row, or time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status
from psycopg import AsyncConnection

from inventory.store.queue import SCHEMA, STALLED_SECONDS
from inventory.store.turns import Turn
from inventory.workers import planner

PLAN_SECONDS = 3.0
_PLAN_AT_MOST_SECONDS = 60.0
_POLL_SECONDS = 5.0
_HEARTBEAT_SECONDS = 5.0
# With the one that listens for new jobs, a worker has five.
_CONNECTIONS = 4

_QUEUE = "accounts"
_TASK = "inventory.sync"

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.queue")


class Queue:
    """One connection to the queue, from `run` until it is stopped or fails."""

    def __init__(
        self,
        url: sa.URL,
        *,
        lanes: Executor,
        number: int,
        sync: Callable[[str], None],
        turns: Callable[[], Mapping[str, Turn]],
        choose: Callable[[Mapping[str, Turn], Collection[str]], Collection[str]],
        planned: Callable[[], object],
    ) -> None:
        """Prepare.

        Args:
            url: Of the database.
            lanes: Where accounts are synced, and so many at once: `number`.
            number: Of lanes.
            sync: Syncs the account of this name, in a lane; raises nothing.
            turns: Reads whose turn it is; called in another thread.
            choose: Gives the accounts to queue, of those turns and of the accounts that are queued.
            planned: Called after each plan.
        """
        self._number = number
        self._turns = turns
        self._choose = choose
        self._planned = planned
        self._seen: dict[int, float] = {}
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool = _pool(url)
        self._app = App(connector=PsycopgConnector(**self._pool))
        # It logs each job, and every error that we raise or handle.
        for name in ("procrastinate", "psycopg.pool"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

        @self._app.task(name=_TASK, queue=_QUEUE)
        async def _sync(account: str) -> None:
            await asyncio.get_running_loop().run_in_executor(lanes, sync, account)

    def stop(self) -> None:
        """Take no more jobs, and end; from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._stop.set)

    async def run(self) -> None:
        """Take jobs until it is stopped.

        Raises:
            ConnectorException: The database does not answer.
            psycopg.Error: It refuses what the queue needs.
        """
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_note)
        # The pool would only say that it took too long.
        await (await AsyncConnection.connect(self._pool["conninfo"], **self._pool["kwargs"])).close()
        async with self._app.open_async():
            works = self._app.run_worker_async(
                queues=[_QUEUE],
                concurrency=self._number,
                install_signal_handlers=False,
                delete_jobs="always",
                # The sync that a job began goes on in its lane until it notices the signal, or ends.
                shutdown_graceful_timeout=0,
                fetch_job_polling_interval=_POLL_SECONDS,
                abort_job_polling_interval=_LONG_SECONDS,
                update_heartbeat_interval=_HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
            tasks = [asyncio.create_task(each) for each in (works, self._plan_on(), self._stop.wait())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
            for each in ended:
                if isinstance(each, Exception):
                    raise each
            if not self._stop.is_set():
                raise ConnectorException

    async def _plan_on(self) -> None:
        while True:
            await asyncio.wait_for(self._plan(), _PLAN_AT_MOST_SECONDS)
            self._planned()
            await asyncio.sleep(PLAN_SECONDS)

    async def _plan(self) -> None:
        """Remove jobs that nobody works on, and add those that are due."""
        manager = self._app.job_manager
        # The jobs first: one that ends meanwhile has moved its account's due time.
        jobs = [each for each in await manager.list_jobs_async(queue=_QUEUE) if each.status in _OPEN]
        turns = await asyncio.to_thread(self._turns)
        for number in planner.lost(await self._under_way(jobs), turns):
            with suppress(ConnectorException):  # another worker was quicker
                await manager.finish_job_by_id_async(number, Status.ABORTED, delete_job=True)
                _log.info("queue.reclaimed", job_id=number)
        await self._add(self._choose(turns, {str(each.lock) for each in jobs}))

    async def _under_way(self, jobs: list[Job]) -> list[planner.UnderWay]:
        doing = [each for each in jobs if each.status == Status.DOING.value]
        if not doing:
            return []
        stalled = await self._app.job_manager.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=STALLED_SECONDS)
        silent = {each.id for each in stalled}
        now = time.monotonic()
        self._seen = {each.id or 0: self._seen.get(each.id or 0, now) for each in doing}
        return [
            planner.UnderWay(number, str(each.lock), each.id in silent, now - self._seen[number])
            for each in doing
            if (number := each.id or 0)
        ]

    async def _add(self, accounts: Collection[str]) -> None:
        jobs = [
            Job(queue=_QUEUE, lock=name, queueing_lock=name, task_name=_TASK, task_kwargs={"account": name})
            for name in accounts
        ]
        if not jobs:
            return
        try:
            await self._app.job_manager.batch_defer_jobs_async(jobs)
        except AlreadyEnqueued:  # another worker plans at the same moment
            for job in jobs:
                with suppress(AlreadyEnqueued):
                    await self._app.job_manager.defer_job_async(job)


_OPEN = (Status.TODO.value, Status.DOING.value)
_LONG_SECONDS = 3600.0  # nobody asks procrastinate to abort a job


def _pool(url: sa.URL) -> dict[str, Any]:
    """Give the arguments of the pool: direct connections, because LISTEN and `search_path` belong to a session."""
    given = url.query.get("options", "")
    options = f"{given if isinstance(given, str) else ' '.join(given)} -c search_path={SCHEMA}"
    plain = url.set(drivername="postgresql").difference_update_query(["options"])
    return {
        "conninfo": plain.render_as_string(hide_password=False),
        "min_size": 1,
        "max_size": _CONNECTIONS,
        "timeout": 20.0,
        "kwargs": {
            "application_name": "inventory-queue",
            "connect_timeout": 10,
            "client_encoding": "utf8",
            "options": options.strip(),
            "tcp_user_timeout": 30_000,
        },
    }


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what ends a job's own task: that its row is gone, or could not be deleted. The planner sees to both."""
    _log.info("queue.lost", error=str(context.get("exception") or context.get("message")))
