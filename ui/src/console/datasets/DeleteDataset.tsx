import { useState } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { DeleteDataset as Delete } from "./queries";

/** Deletes a dataset with all its versions, once that was confirmed. */
export function DeleteDataset({ name }: { name: string }) {
  const [isAsking, setAsking] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [{ fetching }, remove] = useMutation(Delete);
  const [, go] = useLocation();

  async function confirm() {
    const result = await remove({ name });
    const found = faultsOf(result, result.data?.deleteDataset.errors);
    setFaults(found);
    if (found.length === 0) go("/datasets");
  }

  return (
    <>
      <button type="button" className="danger" onClick={() => setAsking(true)}>Delete</button>
      {isAsking && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          action="Delete the dataset"
          isDangerous
          isBusy={fetching}
          onConfirm={() => void confirm()}
          onClose={() => setAsking(false)}
        >
          <p>All its rows and all its versions are gone then, for everyone. This can't be undone.</p>
          <Faults of={faults} />
        </ConfirmDialog>
      )}
    </>
  );
}
