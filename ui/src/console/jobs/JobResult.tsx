import { Link } from "wouter";
import type { Json } from "../../graph";
import { count } from "../shared/format";
import type { ShownJob } from "./jobQuery";

type Result = NonNullable<ShownJob["result"]>;

/** What the job stored at its end: the report of a validation, else what it says of itself. */
export function JobResult({ job, result }: { job: ShownJob; result: Result }) {
  return (
    <section aria-labelledby="result-title">
      <h2 id="result-title">{result.kind === "VALIDATION" ? "Report" : "Result"}</h2>
      {result.kind === "VALIDATION" && <Report data={result.data} />}
      {job.dataset && job.datasetVersion !== null && (
        <p>
          <Link href={`/datasets/${encodeURIComponent(job.dataset.name)}`} className="button quiet">See the rows in {job.dataset.name}</Link>
        </p>
      )}
      <details>
        <summary>As JSON</summary>
        <pre className="job-json">{JSON.stringify(result.data, null, 2)}</pre>
      </details>
    </section>
  );
}

interface Rule {
  code: string;
  column: string | null;
  check: string | null;
  severity: "ERROR" | "WARNING";
  count: number;
  rows: number;
}

function Report({ data }: { data: Json }) {
  const { passed, issues, rules } = data as unknown as { passed: boolean; issues: number; rules: Rule[] };
  return (
    <>
      <p className={passed ? "report-verdict good" : "report-verdict bad"}>
        {passed ? "Passed" : "Not passed"}: {issues === 1 ? "1 issue" : `${count(issues)} issues`} found. Nothing was stored.
      </p>
      {rules.length > 0 && <Rules rules={rules} />}
    </>
  );
}

function Rules({ rules }: { rules: Rule[] }) {
  return (
    <div className="scroll" tabIndex={0} role="group" aria-labelledby="result-title">
      <table aria-labelledby="result-title">
        <thead>
          <tr><th scope="col">Rule</th><th scope="col">Column</th><th scope="col">Check</th><th scope="col">Severity</th><th scope="col" className="number">Faults</th><th scope="col" className="number">Rows</th></tr>
        </thead>
        <tbody>
          {rules.map(({ code, column, check, severity, count: faults, rows }) => (
            <tr key={[code, column, check, severity].join()}>
              <th scope="row"><code>{code}</code></th>
              <td>{column ?? "–"}</td>
              <td>{check ?? "–"}</td>
              <td>{severity === "ERROR" ? "Error" : "Warning"}</td>
              <td className="number">{count(faults)}</td>
              <td className="number">{count(rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
