import { useId, useLayoutEffect, useRef } from "react";
import type { Json } from "../../graph";

/** All of one value, over the page, until it is closed. */
export function WholeValue({ column, value, onClose }: { column: string; value: Json; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Closed before it goes, so that the focus returns to where it came from.
    return () => element?.close();
  }, []);
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <dialog
      ref={dialog}
      className="dialog whole-value"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={titleId}>{column}</h2>
      <pre tabIndex={0} role="region" aria-label={`All of ${column}`}>{text}</pre>
      <div className="row end"><button type="button" autoFocus onClick={onClose}>Close</button></div>
    </dialog>
  );
}
