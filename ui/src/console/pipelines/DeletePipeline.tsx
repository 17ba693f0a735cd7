import { useMutation } from "urql";
import { useLocation } from "wouter";
import { ConfirmedButton } from "../shared/ConfirmedButton";
import { faultsOf } from "../shared/faults";
import { DeletePipeline as Delete } from "./queries";

/** Deletes a pipeline, once that was confirmed. */
export function DeletePipeline({ name }: { name: string }) {
  const [, remove] = useMutation(Delete);
  const [, go] = useLocation();

  async function run() {
    const result = await remove({ name });
    const faults = faultsOf(result, result.data?.deletePipeline.errors);
    if (faults.length === 0) go("/pipelines");
    return faults;
  }

  return (
    <ConfirmedButton name="Delete" title={`Delete ${name}?`} action="Delete the pipeline" isDangerous run={run}>
      All its versions are gone then, and its schedule starts nothing more. Its jobs and what they wrote stay.
    </ConfirmedButton>
  );
}
