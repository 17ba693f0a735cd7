import type { Json } from "../../graph";
import { Modal } from "../shared/Modal";

/** All of one value, over the page, until it is closed. */
export function WholeValue({ column, value, onClose }: { column: string; value: Json; onClose: () => void }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return (
    <Modal title={column} className="whole-value" onClose={onClose}>
      <pre tabIndex={0} role="region" aria-label={`All of ${column}`}>{text}</pre>
      <div className="row end"><button type="button" autoFocus onClick={onClose}>Close</button></div>
    </Modal>
  );
}
