import { Bar } from "../shared/Bar";
import { bytes, duration, percent } from "../shared/format";
import { Icon } from "../shared/Icon";
import { pause, remove, resume, type Transfer, type TransferState } from "./transfers";

const WORDS: Record<TransferState, string> = {
  waiting: "Waits for the files before it",
  sending: "Uploading",
  paused: "Paused",
  retrying: "Trying again",
  checking: "All has arrived; looking into it",
  done: "Uploaded",
  failed: "Not uploaded",
};

/** One file on its way: how far it is, and what can be done about it. */
export function TransferRow({ transfer, onChosen }: { transfer: Transfer; onChosen: (fileId: string) => void }) {
  const { name, state, reason } = transfer;
  return (
    <li className={`transfer ${state}`} aria-label={name}>
      <div className="transfer-head">
        <strong className="name">{name}</strong>
        <Actions transfer={transfer} onChosen={onChosen} />
      </div>
      {state !== "done" && state !== "failed" && <Bar fraction={fractionOf(transfer)} label={`Upload of ${name}`} />}
      <p className="transfer-state">
        <span role="status">{state === "failed" && <Icon name="warning" />} {WORDS[state]}</span>
        {state !== "failed" && <span className="hint"> {figures(transfer)}</span>}
      </p>
      {state === "failed" && <p role="alert" className="fault">{reason}</p>}
      {state === "retrying" && <p className="hint">{reason} What has arrived is kept, and the upload goes on by itself.</p>}
    </li>
  );
}

function Actions({ transfer: { key, name, state, fileId }, onChosen }: { transfer: Transfer; onChosen: (fileId: string) => void }) {
  const isOver = state === "done" || state === "failed";
  return (
    <span className="row">
      {state === "done" && fileId && (
        <button type="button" onClick={() => onChosen(fileId)}>Go on<span className="unseen"> with {name}</span></button>
      )}
      {(state === "sending" || state === "waiting") && (
        <button type="button" className="quiet" onClick={() => pause(key)}>Pause<span className="unseen"> {name}</span></button>
      )}
      {state === "paused" && (
        <button type="button" className="quiet" onClick={() => resume(key)}>Resume<span className="unseen"> {name}</span></button>
      )}
      {(state === "retrying" || state === "failed") && (
        <button type="button" className="quiet" onClick={() => resume(key)}>{state === "failed" ? "Try again" : "Try now"}<span className="unseen"> {name}</span></button>
      )}
      <button type="button" className={isOver ? "quiet" : "danger"} onClick={() => remove(key)}>
        {isOver ? "Take off the list" : "Cancel"}<span className="unseen"> {name}</span>
      </button>
    </span>
  );
}

function fractionOf({ sent, byteSize, state }: Transfer): number | null {
  return state === "checking" || byteSize === 0 ? null : sent / byteSize;
}

function figures({ sent, byteSize, state, bytesPerSecond, resumedFrom }: Transfer): string {
  if (state === "done") return bytes(byteSize);
  const parts = [`${bytes(sent)} of ${bytes(byteSize)}`];
  if (byteSize > 0) parts.push(percent(sent / byteSize));
  if (bytesPerSecond && state === "sending") {
    parts.push(`${bytes(bytesPerSecond)}/s`, `${duration(((byteSize - sent) / bytesPerSecond) * 1000)} left`);
  }
  if (resumedFrom > 0) parts.push("gone on with from an earlier try");
  return parts.join(" · ");
}
