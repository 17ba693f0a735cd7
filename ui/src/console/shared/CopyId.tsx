import { useEffect, useState } from "react";
import { Icon } from "./Icon";

const TOLD_MS = 2_000;

/** An id that can be copied; one that can only be selected where the browser doesn't let pages copy. */
export function CopyId({ id }: { id: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    const timer = isCopied ? setTimeout(() => setCopied(false), TOLD_MS) : undefined;
    return () => clearTimeout(timer);
  }, [isCopied]);
  // Over plain HTTP from another machine there is no clipboard.
  const canCopy = "clipboard" in navigator;
  return (
    <span className="copy-id">
      <code>{id}</code>
      {canCopy && (
        <button type="button" className="plain" title={`Copy ${id}`} onClick={() => void navigator.clipboard.writeText(id).then(() => setCopied(true))}>
          <Icon name={isCopied ? "done" : "copy"} />
          <span className="unseen">Copy the id</span>
        </button>
      )}
      <span className="unseen" role="status">{isCopied ? "Copied" : ""}</span>
    </span>
  );
}
