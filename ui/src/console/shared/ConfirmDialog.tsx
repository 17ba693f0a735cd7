import { type ReactNode, useId, useLayoutEffect, useRef } from "react";

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
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // Closed before it goes, so that the focus returns to where it came from.
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
      <div className="row end">
        <button type="button" className="quiet" autoFocus onClick={onClose}>Go back</button>
        <button type="button" className={isDangerous ? "danger" : undefined} disabled={isBusy} onClick={onConfirm}>{action}</button>
      </div>
    </dialog>
  );
}
