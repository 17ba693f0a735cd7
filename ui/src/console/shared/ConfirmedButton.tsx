import { type ReactNode, useState } from "react";
import { ConfirmDialog } from "./ConfirmDialog";
import { type Fault, Faults } from "./faults";

interface Props {
  /** What the button says, and what it is called where that is not enough. */
  name: string;
  label?: string;
  title: string;
  /** What the button of the dialog says that does it. */
  action: string;
  /** What will become of it, in a sentence or two. */
  children: ReactNode;
  isDangerous?: boolean;
  /** Does it, and answers what was wrong; nothing where it is done. */
  run: () => Promise<Fault[]>;
}

/** A button for what is done only once it was confirmed; the dialog stays, and says why, where it was refused. */
export function ConfirmedButton({ name, label, title, action, children, isDangerous, run }: Props) {
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);

  async function confirm() {
    setBusy(true);
    const found = await run();
    setBusy(false);
    setFaults(found);
    if (found.length === 0) setAsking(false);
  }

  return (
    <>
      <button type="button" className={isDangerous ? "danger" : "quiet"} aria-label={label} onClick={() => setAsking(true)}>{name}</button>
      {isAsking && (
        <ConfirmDialog
          title={title}
          action={action}
          isDangerous={isDangerous}
          isBusy={isBusy}
          onConfirm={() => void confirm()}
          onClose={() => setAsking(false)}
        >
          <p>{children}</p>
          <Faults of={faults} />
        </ConfirmDialog>
      )}
    </>
  );
}
