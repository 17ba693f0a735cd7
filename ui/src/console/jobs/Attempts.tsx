import { duration, moment } from "../shared/format";
import { Status } from "../shared/Status";
import type { ShownJob } from "./jobQuery";

/** The tries of a job, each with what ended it. */
export function Attempts({ attempts }: { attempts: ShownJob["attempts"] }) {
  if (attempts.length === 0) return null;
  return (
    <section aria-labelledby="attempts-title">
      <h2 id="attempts-title">Attempts</h2>
      <div className="scroll attempts" tabIndex={0} role="group" aria-labelledby="attempts-title">
        <table aria-labelledby="attempts-title">
          <thead>
            <tr><th scope="col" className="number">No.</th><th scope="col">Status</th><th scope="col">Began</th><th scope="col">Took</th><th scope="col">Worker</th><th scope="col">Why it failed</th></tr>
          </thead>
          <tbody>
            {attempts.map(({ number, status, startedAt, finishedAt, worker, failure }) => (
              <tr key={number}>
                <td className="number">{number}</td>
                <td><Status status={status} /></td>
                <td>{moment(startedAt)}</td>
                <td>{finishedAt ? duration(Date.parse(finishedAt) - Date.parse(startedAt)) : "–"}</td>
                <td><code>{worker ?? "–"}</code></td>
                <td>{failure ? <>{failure.message} <code>{failure.code}</code></> : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
