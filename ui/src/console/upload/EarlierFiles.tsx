import { useEffect, useState } from "react";
import { useQuery } from "urql";
import { graphql, type ResultOf } from "../../graph";
import { bytes, since } from "../shared/format";
import { Failure, Loading } from "../shared/states";

const Files = graphql(`
  query UploadedFiles($name: String) {
    files(first: 20, filter: { nameContains: $name, status: [READY, RECEIVING] }) {
      totalCount
      edges { node { id name status format byteSize createdAt } }
    }
  }
`);

type EarlierFile = ResultOf<typeof Files>["files"]["edges"][number]["node"];

/** Files that the server has, read again as more have `arrived`: each can be gone on with, ingested before or not. */
export function EarlierFiles({ arrived, onChosen }: { arrived: number; onChosen: (fileId: string) => void }) {
  const [name, setName] = useState("");
  const [{ data, error }, read] = useQuery({ query: Files, variables: { name: name || null }, requestPolicy: "cache-and-network" });
  useEffect(() => {
    if (arrived > 0) read({ requestPolicy: "network-only" });
  }, [arrived, read]);
  const files = data?.files.edges.map((edge) => edge.node);
  return (
    <section aria-labelledby="earlier-files">
      <h2 id="earlier-files">Files that were uploaded</h2>
      {(name || (data?.files.totalCount ?? 0) > 5) && (
        <p><input type="search" aria-label="Find by name" placeholder="Find by name" value={name} onChange={(event) => setName(event.target.value)} /></p>
      )}
      {!files && (error ? <Failure error={error} onRetry={() => read({ requestPolicy: "network-only" })} /> : <Loading what="files" />)}
      {files?.length === 0 && <p className="hint">{name ? "No file has this in its name." : "None yet."}</p>}
      {files && files.length > 0 && <FileTable files={files} onChosen={onChosen} />}
    </section>
  );
}

function FileTable({ files, onChosen }: { files: EarlierFile[]; onChosen: (fileId: string) => void }) {
  return (
    <div className="scroll">
      <table className="files">
        <thead><tr><th>Name</th><th>Format</th><th className="number">Size</th><th>Uploaded</th><th><span className="unseen">What to do</span></th></tr></thead>
        <tbody>
          {files.map((file) => (
            <tr key={file.id}>
              <td className="name">{file.name}</td>
              <td>{file.format ?? "–"}</td>
              <td className="number">{bytes(file.byteSize)}</td>
              <td>{since(file.createdAt)}</td>
              <td>{file.status === "READY" ? <Choose file={file} onChosen={onChosen} /> : <span className="hint">Not all of it has arrived. Choose the same file again to go on.</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Choose({ file, onChosen }: { file: EarlierFile; onChosen: (fileId: string) => void }) {
  return (
    <button type="button" className="quiet" onClick={() => onChosen(file.id)}>
      Use<span className="unseen"> {file.name}</span>
    </button>
  );
}
