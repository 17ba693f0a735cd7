import { useState } from "react";
import { useMutation } from "urql";
import { useLocation } from "wouter";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { type Fault, Faults, faultsOf } from "../shared/faults";
import { DeletePipeline as Delete } from "./queries";

/** Deletes a pipeline, once that was confirmed. */
export function DeletePipeline({ name }: { name: string }) {
  const [isAsking, setAsking] = useState(false);
  const [faults, setFaults] = useState<Fault[]>([]);
  const [{ fetching }, remove] = useMutation(Delete);
  const [, go] = useLocation();

  async function confirm() {
    const result = await remove({ name });
    const found = faultsOf(result, result.data?.deletePipeline.errors);
    setFaults(found);
    if (found.length === 0) go("/pipelines");
  }

  return (
    <>
      <button type="button" className="danger" onClick={() => setAsking(true)}>Delete</button>
      {isAsking && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          action="Delete the pipeline"
          isDangerous
          isBusy={fetching}
          onConfirm={() => void confirm()}
          onClose={() => setAsking(false)}
        >
          <p>All its versions are gone then, and its schedule starts nothing more. Its jobs and what they wrote stay.</p>
          <Faults of={faults} />
        </ConfirmDialog>
      )}
    </>
  );
}
