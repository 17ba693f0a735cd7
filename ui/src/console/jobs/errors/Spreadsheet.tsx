import { useRef, useState } from "react";
import { useClient } from "urql";
import { graphql } from "../../../graph";
import { type Fault, Faults, faultsOf } from "../../shared/faults";
import { Icon } from "../../shared/Icon";
import type { ShownJob } from "../jobQuery";
import type { Corrections } from "./useCorrections";

const Links = graphql(`
  query ErrorLinks($id: ID!) {
    job(id: $id) { id errors: errorsDownloadUrl(content: ERRORS) rows: errorsDownloadUrl(content: ROWS) }
  }
`);

const Upload = graphql(`
  mutation UploadCorrections($file: Upload!) {
    upload(file: $file) { file { id status failure { message } } errors { code message path } }
  }
`);

type Content = "errors" | "rows";

/** Errors and rows to take away as CSV, and rows that were corrected elsewhere to bring back. */
export function Spreadsheet({ job, corrections }: { job: ShownJob; corrections: Corrections | null }) {
  const client = useClient();
  const [faults, setFaults] = useState<Fault[]>([]);

  async function download(content: Content) {
    // Links are good for minutes: each is asked for as it is used.
    const result = await client.query(Links, { id: job.id }, { requestPolicy: "network-only" });
    const link = result.data?.job?.[content];
    setFaults(faultsOf(result, []));
    if (link) location.assign(link);
  }

  return (
    <div className="panel spreadsheet">
      <div className="row">
        <button type="button" className="quiet" onClick={() => void download("errors")}><Icon name="download" /> Errors as CSV</button>
        <button type="button" className="quiet" onClick={() => void download("rows")}><Icon name="download" /> Rejected rows as CSV</button>
        {corrections && <CorrectedFile corrections={corrections} />}
      </div>
      {corrections && <p className="hint">Rejected rows can be corrected in a spreadsheet as well: save it as CSV, with its column headgate_row, and send it back here.</p>}
      <Faults of={faults} />
    </div>
  );
}

function CorrectedFile({ corrections }: { corrections: Corrections }) {
  const client = useClient();
  const field = useRef<HTMLInputElement>(null);
  const [isSending, setSending] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);

  async function send(file: File) {
    setSending(true);
    const result = await client.mutation(Upload, { file }, { fetchOptions: { headers: { "GraphQL-Require-Preflight": "1" } } });
    const sent = result.data?.upload;
    const refused = sent?.file?.failure ? [{ code: "REFUSED", message: sent.file.failure.message }] : [];
    setFaults([...faultsOf(result, sent?.errors), ...refused]);
    if (sent?.file?.status === "READY") await corrections.sendFile(sent.file.id);
    setSending(false);
    if (field.current) field.current.value = "";
  }

  return (
    <>
      <label className="button quiet csv-button">
        {isSending ? "Checking…" : "Send corrected rows (CSV)"}
        <input
          ref={field}
          type="file"
          accept=".csv,text/csv"
          disabled={isSending}
          onChange={({ target }) => target.files?.[0] && void send(target.files[0])}
        />
      </label>
      <Faults of={[...faults, ...(corrections.drafts.size === 0 ? corrections.faults : [])]} />
    </>
  );
}
