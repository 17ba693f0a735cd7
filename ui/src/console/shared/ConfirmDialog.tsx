import type { ReactNode } from "react";
import { Modal } from "./Modal";

interface Props {
  title: string;
  /** What the button says that does it, such as "Delete the dataset". */
  action: string;
  children?: ReactNode;
  isDangerous?: boolean;
  /** While it is being done. */
  isBusy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done; Escape and "Go back" leave it. Shown for as long as it is rendered. */
export function ConfirmDialog({ title, action, children, isDangerous, isBusy, onConfirm, onClose }: Props) {
  return (
    <Modal title={title} onClose={onClose}>
      {children}
      <div className="row end">
        <button type="button" className="quiet" autoFocus onClick={onClose}>Go back</button>
        <button type="button" className={isDangerous ? "danger" : undefined} disabled={isBusy} onClick={onConfirm}>{action}</button>
      </div>
    </Modal>
  );
}
