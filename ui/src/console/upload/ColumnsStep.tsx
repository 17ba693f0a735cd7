import { useEffect } from "react";
import { useQuery } from "urql";
import { graphql, type Json } from "../../graph";
import { count } from "../shared/format";
import { Failure, Loading } from "../shared/states";
import { ColumnTable } from "./ColumnTable";
import { DialectForm } from "./DialectForm";
import type { UploadedFile } from "./FileJourney";
import type { ChangePlan, Plan } from "./plan";

const Sample = graphql(`
  query Sample($id: ID!) {
    file(id: $id) { id preview(first: 8) { columns { name type } records hasNextPage } }
  }
`);

interface Props {
  file: UploadedFile;
  plan: Plan;
  change: ChangePlan;
  onNext: () => void;
}

/** The second step: what was found in the file, and what its columns must be. */
export function ColumnsStep({ file, plan, change, onNext }: Props) {
  const [{ data, error }, read] = useQuery({ query: Sample, variables: { id: file.id }, requestPolicy: "cache-and-network" });
  const readAgain = () => read({ requestPolicy: "network-only" });
  useDetectedColumns(file, plan, change);
  const records = recordsOf(data?.file?.preview.records);
  return (
    <>
      <h2>What was found</h2>
      <Facts file={file} />
      {file.dialect && <DialectForm file={file} dialect={file.dialect} onRead={readAgain} />}
      <h2>Columns</h2>
      <ColumnTable file={file} plan={plan} change={change} records={records} />
      <h2>First records</h2>
      {!data && (error ? <Failure error={error} onRetry={readAgain} /> : <Loading what="records" />)}
      {data && <Records names={file.columns.map((column) => column.name)} records={records} hasMore={data.file?.preview.hasNextPage ?? false} />}
      <p className="row"><button type="button" onClick={onNext}>Go on to the checks</button></p>
    </>
  );
}

/** The plan begins with what was found, and again where the file was read in another way. */
function useDetectedColumns({ columns }: UploadedFile, plan: Plan, change: ChangePlan): void {
  useEffect(() => {
    const isSame = plan.columns?.map(({ name }) => name).join("\0") === columns.map(({ name }) => name).join("\0");
    if (!isSame) change({ checks: null, keys: [], columns: columns.map(({ name, type }) => ({ name, type, isRequired: false })) });
  }, [columns, plan.columns, change]);
}

function Facts({ file: { format, dialect, columns } }: { file: UploadedFile }) {
  const facts: [string, string][] = [["Format", format ?? "unknown"], ["Columns", count(columns.length)]];
  if (dialect) {
    facts.push(
      ["Encoding", dialect.encoding],
      ["Delimiter", shown(dialect.delimiter)],
      ["Header", dialect.hasHeader ? "first row" : "none"],
    );
  }
  if (dialect && dialect.skipRows > 0) facts.push(["Lines skipped", count(dialect.skipRows)]);
  return <dl className="figures">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function shown(delimiter: string | null): string {
  const names: Record<string, string> = { ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank" };
  return delimiter === null ? "none" : (names[delimiter] ?? delimiter);
}

function Records({ names, records, hasMore }: { names: string[]; records: Record<string, Json>[]; hasMore: boolean }) {
  if (records.length === 0) return <p className="hint">There are no records in it.</p>;
  return (
    <>
      <div className="scroll" role="region" aria-label="First records" tabIndex={0}>
        <table className="records">
          <thead><tr>{names.map((name) => <th key={name}>{name}</th>)}</tr></thead>
          <tbody>
            {records.map((record, index) => (
              <tr key={index}>{names.map((name) => <td key={name}><Cell value={record[name]} /></td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {hasMore && <p className="hint">More records follow.</p>}
    </>
  );
}

/** A value as it stands; nothing at all looks other than an empty text. */
export function Cell({ value }: { value: Json | undefined }) {
  if (value === null || value === undefined) return <span className="null">null</span>;
  return <>{typeof value === "object" ? JSON.stringify(value) : String(value)}</>;
}

export function recordsOf(value: Json | undefined): Record<string, Json>[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each): each is Record<string, Json> => typeof each === "object" && each !== null && !Array.isArray(each));
}
