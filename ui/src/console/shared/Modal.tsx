import { type ReactNode, useId, useLayoutEffect, useRef } from "react";

interface Props {
  title: string;
  className?: string;
  children: ReactNode;
  onClose: () => void;
}

/** A dialog over the page, which Escape closes. Shown for as long as it is rendered. */
export function Modal({ title, className = "", children, onClose }: Props) {
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
      className={`dialog ${className}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}
