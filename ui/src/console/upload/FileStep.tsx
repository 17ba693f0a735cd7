import { type ChangeEvent, useEffect, useRef } from "react";
import { Icon } from "../shared/Icon";
import { useViewer } from "../shared/viewer";
import { EarlierFiles } from "./EarlierFiles";
import { TransferRow } from "./TransferRow";
import { send, type Transfer, useTransfers } from "./transfers";

/** The first step: choose a file of this machine, or one that was uploaded before. */
export function FileStep({ onChosen }: { onChosen: (fileId: string) => void }) {
  const { canOperate, role } = useViewer();
  const transfers = useTransfers();
  useGoOnWithTheOnlyOne(transfers, onChosen);
  return (
    <>
      {canOperate && <Picker />}
      {role === "VIEWER" && (
        <p className="notice">You may look at files and check them, but not upload any: that takes the role of an operator.</p>
      )}
      {transfers.length > 0 && (
        <ul className="transfers" aria-label="Files on their way">
          {transfers.map((transfer) => <TransferRow key={transfer.key} transfer={transfer} onChosen={onChosen} />)}
        </ul>
      )}
      <EarlierFiles arrived={transfers.filter(({ state }) => state === "done").length} onChosen={onChosen} />
    </>
  );
}

function Picker() {
  const input = useRef<HTMLInputElement>(null);
  function choose(event: ChangeEvent<HTMLInputElement>) {
    send([...(event.target.files ?? [])]);
    // The same file may be chosen again.
    event.target.value = "";
  }
  return (
    <section className="picker" aria-label="Choose files">
      <Icon name="file" />
      <p><strong>Drop files anywhere on this page</strong>, or choose them:</p>
      <button type="button" onClick={() => input.current?.click()}>Choose files</button>
      <input ref={input} type="file" multiple hidden aria-label="Files" onChange={choose} />
      <p className="hint">
        CSV, TSV, JSON, NDJSON, Parquet, Excel or Arrow, also packed with gzip or zstd. Nothing is ingested before you say so.
        An upload that breaks off goes on by itself; choose the same file again where the page was closed.
      </p>
    </section>
  );
}

/** Whoever sends one file wants to go on with it; of several, they choose. */
function useGoOnWithTheOnlyOne(transfers: readonly Transfer[], onChosen: (fileId: string) => void): void {
  const awaited = useRef(new Set<number>());
  useEffect(() => {
    const underWay = transfers.filter(({ state }) => state !== "done" && state !== "failed");
    for (const { key } of underWay) awaited.current.add(key);
    if (underWay.length > 0) return;
    const keys = awaited.current;
    awaited.current = new Set();
    const arrived = transfers.find(({ key, state }) => keys.has(key) && state === "done");
    if (keys.size === 1 && arrived?.fileId) onChosen(arrived.fileId);
  }, [transfers, onChosen]);
}
