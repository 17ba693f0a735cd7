import { useState } from "react";
import { useClient } from "urql";
import { describe } from "../shared/states";
import type { Wanted } from "./address";
import { filterOf } from "./conditions";
import { DownloadQuery, type Shown } from "./queries";

const FORMATS = {
  CSV: "CSV",
  TSV: "TSV",
  NDJSON: "NDJSON",
  PARQUET: "Parquet",
  ARROW: "Arrow",
  EXCEL: "Excel",
} as const;

type Format = keyof typeof FORMATS;
const NAMES = Object.keys(FORMATS) as Format[];

/** Downloads the rows and columns that are shown, all pages of them, as one file. */
export function Download({ dataset, wanted }: { dataset: Shown; wanted: Wanted }) {
  const client = useClient();
  const [format, setFormat] = useState<Format>("CSV");
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState("");

  async function download() {
    setBusy(true);
    setFault("");
    const variables = {
      name: dataset.name,
      version: dataset.version,
      format,
      filter: filterOf(wanted.conditions),
      columns: wanted.columns,
    };
    const { data, error } = await client.query(DownloadQuery, variables, { requestPolicy: "network-only" });
    setBusy(false);
    if (data?.dataset) save(data.dataset.downloadUrl);
    else setFault(error ? describe(error) : "This version can be read no more.");
  }

  return (
    <div className="row download">
      <label className="beside">
        <span className="unseen">Format of the download</span>
        <select value={format} onChange={(event) => setFormat(NAMES.find((name) => name === event.target.value) ?? "CSV")}>
          {NAMES.map((name) => <option key={name} value={name}>{FORMATS[name]}</option>)}
        </select>
      </label>
      <button type="button" className="quiet" disabled={isBusy} onClick={() => void download()}>Download</button>
      {fault && <p role="alert" className="fault">{fault}</p>}
    </div>
  );
}

function save(url: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
}
