import { useState } from "react";
import { useMutation } from "urql";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { Restore } from "./queries";

interface Props {
  name: string;
  version: number;
  onRestored: (version: number | null) => void;
}

/** Brings an old version back, as a new one, once that was confirmed. */
export function RestoreVersion({ name, version, onRestored }: Props) {
  const [isAsking, setAsking] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [{ fetching }, restore] = useMutation(Restore);

  async function confirm() {
    const result = await restore({ name, version });
    const found = faultsOf(result, result.data?.restoreDataset.errors);
    setFaults(found);
    if (found.length > 0) return;
    setAsking(false);
    onRestored(result.data?.restoreDataset.dataset?.version ?? null);
  }

  return (
    <>
      <button type="button" className="quiet" aria-label={`Restore version ${version}`} onClick={() => setAsking(true)}>Restore</button>
      {isAsking && (
        <ConfirmDialog
          title={`Restore version ${version}?`}
          action={`Restore version ${version}`}
          isBusy={fetching}
          onConfirm={() => void confirm()}
          onClose={() => setAsking(false)}
        >
          <p>Its rows and columns become the newest version of {name}. All other versions stay.</p>
          <Faults of={faults} />
        </ConfirmDialog>
      )}
    </>
  );
}
