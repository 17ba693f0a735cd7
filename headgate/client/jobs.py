"""Jobs: found, watched, waited for, corrected, retried, canceled."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from time import monotonic
from typing import Any, Literal, Unpack

from headgate.client.arguments import ErrorFilter, JobFilter, Started, id_of
from headgate.client.core import Core, not_found
from headgate.client.downloads import download
from headgate.client.errors import TimedOut
from headgate.client.intake import Path, Spec
from headgate.client.models import Event, File, Job, RowError
from headgate.client.saving import saving
from headgate.client.shapes import read, selection

WATCH = f"""
subscription ($job: ID!, $after: String, $interval: Int!) {{
  jobProgress(jobId: $job, after: $after, minIntervalMs: $interval) {{ {selection(Event)} }}
}}
"""
ERRORS_LINK = """
query ($id: ID!, $content: ErrorsContent!, $filter: ErrorFilter) {
  job(id: $id) { errorsDownloadUrl(content: $content, filter: $filter) }
}
"""
POLLS_S = (0.1, 2.0)
"""The shortest and the longest time between two looks at a job that is waited for; a tenth of what has gone by."""


class Jobs(Core):
    """What is done with jobs."""

    async def job(self, job: Job | str) -> Job:
        """Read a job as it is now. Raises NotFound."""
        return await self._one(Job, "job", "id", id_of(job))

    def jobs(self, **filter: Unpack[JobFilter]) -> AsyncGenerator[Job, None]:
        """Yield jobs, the newest first; pages are asked for as they are needed."""
        return self._all(Job, "jobs", "JobFilter", filter)

    async def wait(self, job: Job | str, timeout_s: float | None = None) -> Job:
        """Wait for a job's end, whatever that is, and answer it. Raises TimedOut; the job goes on then.

        `wait(job).raise_for_failure()` raises JobFailed where it has failed or was canceled.
        """
        began = monotonic()
        while not (known := await self.job(job)).has_ended:
            waited_s = monotonic() - began
            rest_s = POLLS_S[1] if timeout_s is None else timeout_s - waited_s
            if timeout_s is not None and rest_s <= 0:
                raise TimedOut(known, timeout_s)
            await self._wire.transport.sleep(min(rest_s, max(POLLS_S[0], min(POLLS_S[1], waited_s / 10))))
        return known

    async def watch(
        self, job: Job | str, *, after: str | None = None, min_interval_ms: int = 200
    ) -> AsyncGenerator[Event, None]:
        """Yield a job's events, from its first one or behind the cursor `after`, live until its end.

        A lost connection is made again, without a gap or a repeat. PROGRESS comes once in `min_interval_ms` at most.
        Raises NotFound.
        """
        while True:
            variables = {"job": id_of(job), "after": after, "interval": min_interval_ms}
            async with aclosing(self.subscribe(WATCH, **variables)) as results:
                async for data in results:
                    event = read(Event, data["jobProgress"])
                    after = event.cursor
                    if event.type == "LAGGED":
                        break
                    yield event
                else:
                    return

    def errors(self, job: Job | str, **filter: Unpack[ErrorFilter]) -> AsyncGenerator[RowError, None]:
        """Yield the open errors of a job's rows and cells, in the order of the rows."""
        return self._all(RowError, "errors", "ErrorFilter!", {**filter, "job": id_of(job)})

    async def save_errors(
        self,
        job: Job | str,
        path: Path,
        *,
        content: Literal["ERRORS", "ROWS"] = "ERRORS",
        **filter: Unpack[ErrorFilter],
    ) -> None:
        """Write a job's errors to a CSV file: one line for each error or, with ROWS, for each rejected row.

        A file of rows is made to be edited and given to `correct`. Raises OSError and NotFound.
        """
        variables = {"id": id_of(job), "content": content, "filter": filter}
        found = (await self._wire.ask(ERRORS_LINK, variables))["job"]
        if found is None:
            raise not_found("job", id_of(job))
        with saving(path) as into:
            await download(self._wire, found["errorsDownloadUrl"], into)

    async def correct(
        self,
        job: Job | str,
        corrections: Mapping[int, Mapping[str, Any]] | None = None,
        *,
        file: File | str | None = None,
        **started: Unpack[Started],
    ) -> Job:
        """Give rejected rows other values, and ingest them under the same job; answers the job that does.

        `corrections` maps numbers of rows to new values of some of their columns; or `file` is what `save_errors` wrote
        with ROWS, edited and uploaded. Raises Refused.
        """
        rows = corrections and [{"row": row, "values": values} for row, values in corrections.items()]
        named = {"job_id": id_of(job), "corrections": rows, "file": file and id_of(file)}
        return await self._start("correctErrors", "CorrectErrorsInput", {**named, **started})

    async def retry(
        self,
        job: Job | str,
        *,
        strategy: Literal["ALL", "FAILED_ROWS"] = "ALL",
        spec: Spec | None = None,
        **started: Unpack[Started],
    ) -> Job:
        """Start an ended job again, as a whole or for its rejected rows alone; answers the new job.

        `spec` takes the place of what the job was done by. Raises Refused.
        """
        named = {"job_id": id_of(job), "strategy": strategy, "spec": spec}
        return await self._start("retry", "RetryInput", {**named, **started})

    async def cancel(self, job: Job | str, *, mode: Literal["SAFE", "FORCE"] = "SAFE") -> Job:
        """Stop a job at its next safe point or, with FORCE, at once; neither leaves data half written.

        Raises Refused for one that has ended.
        """
        return await self._job_of("cancel", "CancelInput", {"job_id": id_of(job), "mode": mode})
