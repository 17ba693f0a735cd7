import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "../../graph";
import { count, duration, moment, since, time } from "../shared/format";
import { Failure, Loading } from "../shared/states";
import "./health.css";

const HealthQuery = graphql(`
  query Health {
    health {
      status
      version
      timestamp
      activeJobs
      queuedJobs
      workers { id host startedAt lastSeenAt runningJobs }
      checks { name status latencyMs message }
    }
  }
`);

type Health = ResultOf<typeof HealthQuery>["health"];
type HealthStatus = Health["status"];

const ASK_AGAIN_MS = 5_000;
const WORDS: Record<HealthStatus, string> = { HEALTHY: "Works", DEGRADED: "Works, but not as it should", UNHEALTHY: "Does not work" };
const SUMMARY: Record<HealthStatus, string> = {
  HEALTHY: "Everything works.",
  DEGRADED: "It works, but not everything is as it should be.",
  UNHEALTHY: "Something does not work.",
};

/** Whether every part works, who does the work and how much waits; asked again every few seconds. */
export default function HealthPage() {
  const { health, error, isOld, askAgain } = useHealth();
  if (!health) return error ? <Failure error={error} onRetry={askAgain} /> : <Loading what="how it is" />;
  return (
    <>
      <h1>Health</h1>
      {isOld && (
        <p role="alert" className="notice">
          The server can't be reached: this is how it was at {time(Date.parse(health.timestamp))}. The page goes on asking.
        </p>
      )}
      <div className={isOld ? "was" : undefined}>
        <p className={`overall ${health.status.toLowerCase()}`} role="status">{SUMMARY[health.status]}</p>
        <Figures health={health} />
        <Parts checks={health.checks} />
        <Workers workers={health.workers} now={Date.parse(health.timestamp)} />
        <p className="hint">Headgate {health.version}, found out at {time(Date.parse(health.timestamp))}.</p>
      </div>
    </>
  );
}

/** What was last heard stays when the server falls silent, and is old then. */
function useHealth() {
  const [{ data, error, fetching }, read] = useQuery({ query: HealthQuery, requestPolicy: "network-only" });
  const [kept, setKept] = useState<Health | null>(null);
  useEffect(() => {
    if (data && !error) setKept(data.health);
  }, [data, error]);
  useEffect(() => {
    if (fetching) return;
    const ask = () => {
      if (document.visibilityState === "visible") read({ requestPolicy: "network-only" });
    };
    const timer = setInterval(ask, ASK_AGAIN_MS);
    document.addEventListener("visibilitychange", ask);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [fetching, read]);
  return { health: kept ?? data?.health, error, isOld: error !== undefined, askAgain: () => read({ requestPolicy: "network-only" }) };
}

function Figures({ health: { activeJobs, queuedJobs, workers } }: { health: Health }) {
  return (
    <dl className="figures">
      <div><dt>Jobs that run</dt><dd>{count(activeJobs)}</dd></div>
      <div><dt>Jobs that wait</dt><dd>{count(queuedJobs)}</dd></div>
      <div><dt>Workers</dt><dd>{count(workers.length)}</dd></div>
    </dl>
  );
}

function Parts({ checks }: { checks: Health["checks"] }) {
  return (
    <>
      <h2>Parts</h2>
      <ul className="parts">
        {checks.map(({ name, status, latencyMs, message }) => (
          <li key={name} className="panel">
            <h3>{name}</h3>
            <span className={`status ${status.toLowerCase()}`}>{WORDS[status]}</span>
            {latencyMs !== null && <span className="hint">answered in {duration(latencyMs)}</span>}
            {message && <p className={status === "UNHEALTHY" ? "fault" : undefined}>{message}</p>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Workers({ workers, now }: { workers: Health["workers"]; now: number }) {
  return (
    <>
      <h2>Workers</h2>
      {workers.length === 0 && <p className="notice">None lives: jobs wait until a worker is started with <code>headgate worker</code>.</p>}
      {workers.length > 0 && (
        <div className="scroll" role="region" aria-label="Workers" tabIndex={0}>
          <table className="workers">
            <thead><tr><th>Machine</th><th className="number">Running jobs</th><th>Since</th><th>Last heard of</th><th>Name</th></tr></thead>
            <tbody>
              {workers.map(({ id, host, startedAt, lastSeenAt, runningJobs }) => (
                <tr key={id}>
                  <td>{host}</td>
                  <td className="number">{count(runningJobs)}</td>
                  <td>{moment(startedAt)}</td>
                  <td>{since(lastSeenAt, now)}</td>
                  <td className="mono">{id}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
